"""Properties by hand, the columns of the table, and names that would like to be markup."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.house import House
from tests.e2e.pages.customers import Customers
from tests.e2e.pages.properties import Properties
from tests.e2e.people import Cast
from tests.e2e.scenes import rows
from webapp.models import Provider

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}\" hx-get=/logout '"


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def scripts(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def page(scripts: bool, signed_in: Callable[..., Page], house: House, cast: Cast) -> Page:
    """Ada of Acme, which has customers and properties."""
    with house.rows(cast.acme.id):
        rows.furnished(cast.acme)
    return signed_in(cast.ada, java_script_enabled=scripts)


def test_value_by_hand_is_set_shown_and_exported(page: Page, scripts: bool) -> None:
    properties, customers = Properties(page, scripts), Customers(page)

    properties.open()
    properties.begin()
    properties.describe("Seats promised", source="By hand")
    properties.type.select_option("Number")
    properties.save()
    expect(properties.row("Seats promised")).to_contain_text("By hand")
    customers.open()
    customers.show("Blue Finch 0")
    customers.set_value("Seats promised", "many")
    expect(customers.value("Seats promised")).to_contain_text("Enter a plain number")
    customers.set_value("Seats promised", "1234.5")

    expect(page.locator("#toasts")).to_contain_text("Seats promised saved")
    customers.open()
    [exported] = [row for row in customers.download() if row["name"] == "Blue Finch 0"]
    assert exported["seats_promised"] == "1234.5"


def test_columns_are_chosen_and_forgotten(page: Page) -> None:
    customers = Customers(page)
    customers.open()
    usual = customers.headers()

    customers.choose_columns("MRR", "Tags")
    expect(customers.table.get_by_role("columnheader")).to_have_count(4)
    assert [header.strip() for header in customers.headers()] == ["Customer", "MRR", "Tags", "Last import"]
    customers.reset_columns()

    expect(customers.table.get_by_role("columnheader")).to_have_count(len(usual))


def test_property_is_edited_after_seeing_what_it_changes(page: Page, scripts: bool) -> None:
    properties, customers = Properties(page, scripts), Customers(page)

    properties.open()
    properties.show("MRR")
    properties.edit("Number")
    expect(properties.changes).to_contain_text("0 cannot be read as a number")
    expect(properties.changes.get_by_role("row").filter(has_text="Blue Finch 0")).to_contain_text("-500.00")
    properties.save()

    expect(properties.toast).to_contain_text("MRR saved. Filled on the next sync.")
    expect(properties.row("MRR")).to_contain_text("Filled on the next sync")
    properties.show("MRR")
    expect(properties.history.get_by_role("row").nth(1)).to_contain_text("number")
    customers.open()
    expect(customers.table.get_by_role("columnheader", name="MRR Next sync")).to_be_visible()


def test_property_is_deleted_with_its_values(page: Page) -> None:
    properties, customers = Properties(page), Customers(page)

    properties.open()
    properties.show("Tags")
    properties.delete()

    expect(properties.toast).to_contain_text("Tags deleted")
    expect(properties.row("Tags")).to_have_count(0)
    customers.open()
    assert "Tags" not in customers.headers()


def test_hostile_names_are_words_and_nothing_else(page: Page, house: House, cast: Cast) -> None:
    with house.rows(cast.acme.id):
        of = Provider.current()
        assert of
        rows.customers(of, 1, name=HOSTILE, email=HOSTILE, city=HOSTILE, tags=[HOSTILE])
    properties, customers = Properties(page), Customers(page)

    customers.open()
    customers.search("onerror")
    expect(customers.row(HOSTILE)).to_be_visible()
    customers.show(HOSTILE)
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    properties.open()
    properties.begin()
    properties.describe(HOSTILE[:100], source="By hand")
    properties.save()

    expect(properties.row(HOSTILE[:100])).to_be_visible()
    assert page.locator("script").count() == 2
