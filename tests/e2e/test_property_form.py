"""The property form in quick hands: what somebody sets while an answer is under way is what is saved."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.house import House
from tests.e2e.pages.properties import Properties
from tests.e2e.people import Cast
from tests.e2e.scenes import rows


class Late:
    """Answers that are held back until they are let come."""

    def __init__(self, page: Page, path: str) -> None:
        self._held: list[Route] | None = []
        page.route(f"**{path}?*", self._hold)

    def come(self) -> None:
        held, self._held = self._held or [], None
        for route in reversed(held):  # the older an answer, the later it comes
            route.continue_()

    def _hold(self, route: Route) -> None:
        route.continue_() if self._held is None else self._held.append(route)


@pytest.fixture
def properties(signed_in: Callable[..., Page], house: House, cast: Cast) -> Properties:
    """Ada of Acme with the form open, on which MRR is filled in."""
    with house.rows(cast.acme.id):
        rows.furnished(cast.acme, kinds=rows.PROPERTIES[1:])
    page = signed_in(cast.ada)
    page.goto("/properties/new?name=MRR&source=chartmogul")
    return Properties(page)


def rename(properties: Properties, name: str) -> None:
    properties.name.fill(name)
    with properties.page.expect_request("**/properties/fields?*"):
        properties.name.press("Tab")


def test_type_stays_as_it_was_chosen_while_another_name_was_looked_up(properties: Properties) -> None:
    answer = Late(properties.page, "/properties/fields")
    rename(properties, "Monthly recurring revenue")

    properties.type.select_option("Number")
    answer.come()

    expect(properties.codename).to_have_value("monthly_recurring_revenue")
    expect(properties.type).to_have_value("number")
    expect(properties.page.locator("#preview")).to_contain_text("cannot be read as a number")
    properties.save()
    expect(properties.row("Monthly recurring revenue")).to_contain_text("Number")


def test_codename_stays_as_it_was_typed_while_another_name_was_looked_up(properties: Properties) -> None:
    answer = Late(properties.page, "/properties/fields")
    rename(properties, "Monthly recurring revenue")

    properties.codename.fill("revenue")
    with properties.page.expect_response("**/properties/fields?*"):
        answer.come()

    expect(properties.page.locator("[name=suggested]")).to_have_value("monthly_recurring_revenue")
    expect(properties.codename).to_have_value("revenue")


def test_type_stays_as_it_was_chosen_while_another_field_was_looked_up(properties: Properties) -> None:
    answer = Late(properties.page, "/properties/types")
    with properties.page.expect_request("**/properties/types?*"):
        properties.field.select_option("cm_arr")

    properties.type.select_option("Number")
    answer.come()

    expect(properties.page.locator("#definition")).to_contain_text("Annual")
    expect(properties.type).to_have_value("number")
    expect(properties.page.locator("#preview")).to_contain_text("cannot be read as a number")


def test_field_chosen_while_another_name_was_looked_up_is_the_one_that_is_saved(properties: Properties) -> None:
    Late(properties.page, "/properties/fields")
    rename(properties, "Country")

    properties.field.select_option("cm_arr")

    expect(properties.page.locator("#definition")).to_contain_text("Annual")
    expect(properties.codename).to_have_value("country")
    expect(properties.field).to_have_value("cm_arr")
    properties.save()
    expect(properties.row("Country")).to_contain_text("Money")


def test_of_a_name_and_a_source_that_are_looked_up_at_once_the_later_counts(properties: Properties) -> None:
    answer = Late(properties.page, "/properties/fields")
    rename(properties, "Owner")

    with properties.page.expect_request("**/properties/fields?*source=by_hand*"):
        properties.source.select_option("By hand")
    answer.come()

    expect(properties.field).to_have_count(0)
    expect(properties.page.locator("#preview")).to_contain_text("You set its values by hand")
    properties.type.select_option("Date")
    properties.save()
    expect(properties.row("Owner")).to_contain_text("Date")
