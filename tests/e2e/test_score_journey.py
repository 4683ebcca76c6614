"""From the table sorted by score to a customer, why it has that score, a second opinion, and back."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.house import House
from tests.e2e.pages.customers import Customers
from tests.e2e.people import Cast
from tests.e2e.scenes import rows, scores

SCREEN, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@pytest.fixture(params=[(True, SCREEN), (False, PHONE)], ids=["scripts", "no scripts, on a phone"])
def page(request: pytest.FixtureRequest, signed_in: Callable[..., Page], house: House, cast: Cast) -> Page:
    """Ada of Acme, whose customers have scores."""
    with house.rows(cast.acme.id):
        scores.scored(cast.acme, rows.furnished(cast.acme))
    scripts, viewport = request.param
    return signed_in(cast.ada, java_script_enabled=scripts, viewport=viewport)


def test_worst_score_is_found_understood_and_answered(page: Page) -> None:
    customers = Customers(page)
    customers.open()

    customers.sort("Health")
    expect(customers.header("Health")).to_have_attribute("aria-sort", "ascending")
    worst = customers.names()[0]
    expect(customers.score(worst)).to_contain_text("5 High churn risk")
    customers.show(worst)

    expect(customers.section("Health score")).to_contain_text("lost =")
    expect(customers.section("Why this score")).to_contain_text("of 100 points, which costs")
    expect(customers.section("Change since")).to_contain_text("Change of the score")
    customers.give_opinion("3 Watch", "They have just renewed by phone.")
    expect(page.locator("#toasts")).to_contain_text("Second opinion kept")
    expect(customers.section("Second opinion")).to_contain_text("They have just renewed by phone.")
    expect(customers.section("Health score")).to_contain_text("5 High churn risk")

    page.goto("/customers?sort=score")
    expect(customers.score(worst)).to_contain_text("Second opinion: 3")
    customers.show(worst)
    customers.take_opinion_back()
    expect(customers.section("Second opinion")).to_contain_text("Nobody says otherwise than the score.")
    page.goto("/customers?sort=score")
    expect(customers.score(worst)).not_to_contain_text("Second opinion")


def test_who_needs_a_call_is_found_by_grade_and_by_what_is_at_stake(page: Page) -> None:
    customers = Customers(page)
    customers.open()

    page.get_by_role("link", name="Filter").click()
    page.get_by_label("4 At risk").check()
    page.get_by_label("5 High churn risk").check()
    page.get_by_role("button", name="Show customers").click()
    expect(customers.conditions).to_contain_text("Health is 4 At risk or 5 High churn risk")
    shown = customers.names()
    assert shown

    page.get_by_role("link", name="Who needs a call first").click()
    expect(page.get_by_text("Sorted by who needs a call first")).to_be_visible()
    assert len(customers.names()) > len(shown)
