"""Everything with the keys alone: focus goes where a person expects it, and never gets lost."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.chartmogul import ChartMogul
from tests.e2e.holdings import connect
from tests.e2e.house import House
from tests.e2e.pages.imports import Imports
from tests.e2e.pages.providers import Providers
from tests.e2e.people import Cast


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
