"""The customers' list as people use it: filtered, sorted, kept as a view, exported; and what a value has been."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.e2e.house import House
from tests.e2e.pages.customers import Customers
from tests.e2e.people import Cast
from tests.e2e.scenes import rows
from webapp.models.types import now
from webapp.models.values import NUMBER_SLOTS, TEXT_SLOTS

SCREEN, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@pytest.fixture(params=[(True, SCREEN), (False, PHONE)], ids=["scripts", "no scripts, on a phone"])
def page(request: pytest.FixtureRequest, signed_in: Callable[..., Page], house: House, cast: Cast) -> Page:
    """Ada of Acme, which has 60 customers and properties."""
    with house.rows(cast.acme.id):
        rows.furnished(cast.acme, count=60)
    scripts, viewport = request.param
    return signed_in(cast.ada, java_script_enabled=scripts, viewport=viewport)


def test_list_is_filtered_sorted_kept_as_a_view_and_exported(page: Page) -> None:
    customers = Customers(page)
    customers.open()
    expect(customers.count).to_have_text("60 customers")

    customers.filter({"MRR": {"From": "1000", "To": "3000.50"}, "Status": {"Contains": "active"}})
    expect(customers.conditions).to_contain_text("MRR from 1,000.00")
    customers.sort("MRR")
    expect(customers.header("MRR")).to_have_attribute("aria-sort", "ascending")
    shown, words = customers.names(), customers.count.inner_text()
    assert 3 < len(shown) < 50
    assert words == f"{len(shown)} of 60 customers match"
    customers.save_view("Middle")
    expect(page.locator("#toasts")).to_contain_text("View Middle saved")

    customers.open()
    expect(customers.count).to_have_text("60 customers")
    customers.open_view("Middle")
    expect(customers.count).to_have_text(words)
    expect(customers.views.get_by_role("link", name="Middle")).to_have_attribute("aria-current", "page")
    assert customers.names() == shown
    exported = customers.download()
    assert [row["name"] for row in exported] == shown
    amounts = [float(row["mrr"]) for row in exported]
    assert amounts == sorted(amounts)
    assert all(1000 <= amount <= 3000.50 for amount in amounts)

    customers.remove_condition("Status contains “active”")
    expect(customers.count).not_to_have_text(words)
    assert set(shown) < set(customers.names())


def test_mistake_in_a_condition_is_told_and_mended(page: Page) -> None:
    customers = Customers(page)
    customers.open()

    customers.filter({"MRR": {"From": "a lot"}, "Tags": {"Is": "not empty"}})
    expect(customers.conditions).to_contain_text("MRR from “a lot”: Enter a plain amount, for example 1234.50.")
    page.get_by_role("link", name="Filter").click()
    expect(customers.condition("MRR").get_by_label("From")).to_have_value("a lot")
    expect(customers.condition("MRR").get_by_label("From")).to_be_focused()
    customers.condition("MRR").get_by_label("From").fill("1000")
    page.get_by_role("button", name="Show customers").click()

    expect(customers.conditions).not_to_contain_text("narrows nothing")
    expect(customers.conditions.get_by_role("listitem")).to_have_count(3)


@pytest.mark.parametrize(("scripts", "length"), [(True, 60), (False, 25)], ids=["scripts", "no scripts"])
def test_as_many_properties_as_there_can_be_are_no_more_than_an_address_holds(
    signed_in: Callable[..., Page], house: House, cast: Cast, scripts: bool, length: int
) -> None:
    """The form has three fields of each. With scripts it leaves out the empty ones; without, shorter names fit."""
    kinds = {"number": NUMBER_SLOTS, "text": TEXT_SLOTS}
    names = [(f"{type_} {slot} ".ljust(length, "x"), type_, None) for type_, slots in kinds.items() for slot in slots]
    with house.rows(cast.acme.id):
        rows.furnished(cast.acme, kinds=tuple(names))
    page = signed_in(cast.ada, java_script_enabled=scripts, viewport=SCREEN)
    customers, name = Customers(page), names[0][0]
    customers.open()

    page.get_by_role("link", name="Filter").click()
    page.locator("summary").get_by_text(name).click()
    customers.condition(name).get_by_label("From").fill("2")
    page.get_by_role("button", name="Show customers").click()

    expect(customers.conditions).to_contain_text(f"{name} from 2")


def test_pages_lead_on_and_the_browser_leads_back(page: Page) -> None:
    customers = Customers(page)
    customers.open()
    first = customers.names()

    customers.next_page.click()
    expect(page.get_by_text("Customers 51 to 60 of 60")).to_be_visible()
    assert not set(customers.names()) & set(first)
    page.go_back()

    expect(page.get_by_text("Customers 1 to 50 of 60")).to_be_visible()
    assert customers.names() == first


@pytest.mark.parametrize("name", ["\u202eBlue Finch", "\u2067Blue Finch"])
def test_name_reorders_nothing_beside_it(signed_in: Callable[..., Page], house: House, cast: Cast, name: str) -> None:
    with house.rows(cast.acme.id):
        factories.make_customer(rows.read_once(cast.acme), name, gone_at=now())
    page = signed_in(cast.ada, viewport=SCREEN)
    Customers(page).open()

    row = page.get_by_role("rowheader")
    name_box, badge_box = row.get_by_role("link").bounding_box(), row.get_by_text("No longer").bounding_box()

    assert name_box
    assert badge_box
    assert name_box["x"] + name_box["width"] <= badge_box["x"]


def test_value_says_what_it_has_been(page: Page) -> None:
    customers = Customers(page)
    customers.open()
    customers.show("Blue Finch 0")

    for value in ("Petra", "Kim"):
        customers.set_value("Account manager", value)
        expect(page.get_by_label("Account manager", exact=True)).to_have_value(value)
        expect(page.locator("#toasts")).to_contain_text("Account manager saved")
    customers.history("Account manager")

    expect(page.get_by_role("row").filter(has_text="Kim").first).to_contain_text("Petra")
    expect(page.get_by_role("row").filter(has_text="Kim").first).to_contain_text("ada")
