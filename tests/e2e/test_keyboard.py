"""Everything with the keys alone: focus goes where a person expects it, and never gets lost."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.e2e.chartmogul import ChartMogul
from tests.e2e.holdings import connect
from tests.e2e.house import House
from tests.e2e.pages.customers import Customers
from tests.e2e.pages.imports import Imports
from tests.e2e.pages.providers import Providers
from tests.e2e.people import Cast
from tests.e2e.scenes import rows


def test_first_tab_leads_past_the_navigation(signed_in: Callable[..., Page], cast: Cast) -> None:
    page = signed_in(cast.ada)
    page.goto("/properties")

    page.keyboard.press("Tab")

    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()


def test_dialog_takes_the_focus_and_gives_it_back(
    signed_in: Callable[..., Page], chartmogul: ChartMogul, cast: Cast
) -> None:
    providers = Providers(signed_in(cast.ada))
    providers.open()
    keys = providers.page.keyboard

    providers.connect_opener.focus()
    keys.press("Enter")
    expect(providers.key).to_be_focused()
    keys.type("0123456789abcdef0123456789abcdef")
    keys.press("Enter")
    expect(providers.alert).to_contain_text("Upload failed / invalid token")
    expect(providers.key).to_be_focused()
    keys.press("Escape")

    expect(providers.key).to_have_count(0)
    expect(providers.connect_opener).to_be_focused()


def test_confirmation_is_an_alert_that_begins_with_the_harmless_button(
    signed_in: Callable[..., Page], house: House, chartmogul: ChartMogul, cast: Cast
) -> None:
    connect(house, cast.acme, chartmogul.account(cast.acme.name, size=5))
    providers = Providers(signed_in(cast.ada))
    providers.open()

    providers.ask_to_disconnect()
    expect(providers.page.get_by_role("alertdialog", name="Disconnect from ChartMogul?")).to_be_visible()
    expect(providers.keep_button).to_be_focused()
    providers.page.keyboard.press("Enter")

    expect(providers.confirmation).to_have_count(0)
    expect(providers.card).to_contain_text("Connected")


def test_focus_stays_in_the_row_whose_button_went_away(
    signed_in: Callable[..., Page], house: House, chartmogul: ChartMogul, cast: Cast
) -> None:
    connect(house, cast.acme, chartmogul.account(cast.acme.name, size=900))
    chartmogul.set(latency_ms=400)
    imports = Imports(signed_in(cast.ada))
    imports.open()
    imports.sync_now()
    imports.wait_until(1, "Running")

    imports.cancel_button(1).focus()
    imports.page.keyboard.press("Enter")
    imports.wait_until(1, "Cancelled")

    expect(imports.row(1).locator(":focus")).to_have_count(1)


def test_list_is_filtered_sorted_and_kept_as_a_view(signed_in: Callable[..., Page], house: House, cast: Cast) -> None:
    with house.rows(cast.acme.id):
        rows.furnished(cast.acme, kinds=rows.MORE_PROPERTIES)
    customers = Customers(signed_in(cast.ada))
    page, keys = customers.page, customers.page.keyboard
    customers.open()

    reach(page.get_by_role("link", name="Filter"))
    keys.press("Enter")
    reach(page.get_by_text("MRR", exact=True).and_(page.locator("summary")))
    keys.press("Space")
    reach(customers.condition("MRR").get_by_label("From"))
    keys.type("100")
    reach(page.get_by_text("Churned", exact=True).and_(page.locator("summary")))
    keys.press("Space")
    reach(customers.condition("Churned").get_by_label("Is"))
    keys.type("no")
    reach(page.get_by_role("button", name="Show customers"))
    keys.press("Enter")
    expect(customers.conditions).to_contain_text("MRR from 100.00")
    expect(customers.conditions).to_contain_text("Churned is no")

    reach(customers.sort_link("MRR"))
    for order in ("ascending", "descending"):
        keys.press("Enter")
        expect(customers.header("MRR")).to_have_attribute("aria-sort", order)
        expect(customers.sort_link("MRR")).to_be_focused()
    reach(customers.conditions.get_by_role("link", name="Remove: Churned is no"), "Shift+Tab")
    keys.press("Enter")
    expect(customers.conditions).not_to_contain_text("Churned")
    expect(page.get_by_role("region", name="Customers table")).to_be_focused()

    reach(page.get_by_role("link", name="Save view"), "Shift+Tab")
    keys.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    keys.type("Paying")
    keys.press("Enter")
    expect(customers.views.get_by_role("link", name="Paying")).to_have_attribute("aria-current", "page")
    reach(customers.views.get_by_role("link", name="All customers"))
    keys.press("Enter")
    expect(customers.count).to_have_text("12 customers")


def test_key_pressed_in_the_moment_of_a_swap_counts(signed_in: Callable[..., Page], house: House, cast: Cast) -> None:
    with house.rows(cast.acme.id):
        rows.furnished(cast.acme)
    customers = Customers(signed_in(cast.ada))
    page, link = customers.page, customers.sort_link("MRR")
    customers.open()
    again = "() => setTimeout(() => document.getElementById(id).click())"
    page.evaluate(f"id => document.addEventListener('htmx:afterSwap', {again}, {{once: true}})", "sort-mrr")

    link.focus()
    page.keyboard.press("Enter")

    expect(customers.header("MRR")).to_have_attribute("aria-sort", "descending")
    expect(link).to_be_focused()


def test_columns_are_put_in_order(signed_in: Callable[..., Page], house: House, cast: Cast) -> None:
    with house.rows(cast.acme.id):
        rows.furnished(cast.acme)
    customers = Customers(signed_in(cast.ada))
    page, keys = customers.page, customers.page.keyboard
    customers.open()

    opener = page.get_by_role("link", name="Columns")
    reach(opener)
    keys.press("Enter")
    reach(page.get_by_role("checkbox", name="Tags"))
    keys.press("Space")
    reach(page.get_by_role("button", name="Move Status up"))
    for place, focused in (1, "Move Status up"), (0, "Move Status down"):  # as the first it cannot go further up
        keys.press("Enter")
        expect(
            page.get_by_role("group", name="Properties to show").get_by_role("checkbox").nth(place)
        ).to_have_accessible_name("Status")
        expect(page.get_by_role("button", name=focused)).to_be_focused()
    expect(page.get_by_role("checkbox", name="Tags")).not_to_be_checked()
    reach(page.get_by_role("button", name="Save"))
    keys.press("Enter")

    expect(page.locator("#toasts")).to_contain_text("5 properties shown.")
    expect(customers.table.get_by_role("columnheader").nth(1)).to_have_text("Status")
    expect(opener).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Columns")).to_be_visible()
    keys.press("Escape")
    expect(opener).to_be_focused()


def reach(wanted: Locator, key: str = "Tab") -> None:
    """Press a key until the focus is there."""
    wanted.wait_for()
    for _ in range(80):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        wanted.page.keyboard.press(key)
    raise AssertionError(f"{key} does not lead to {wanted}")
