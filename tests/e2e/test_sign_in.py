"""Signing in and out, and what happens when the session is over."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.chartmogul import ChartMogul
from tests.e2e.holdings import connect
from tests.e2e.house import House
from tests.e2e.pages.imports import Imports
from tests.e2e.pages.login import Login
from tests.e2e.people import Cast, end_sessions
from tests.e2e.watch import Watch


def test_admin_signs_in_and_out(browse: Callable[..., Page], cast: Cast) -> None:
    page = browse()
    login = Login(page)

    login.open()
    login.log_in(cast.ada)
    expect(page.get_by_role("heading", level=1, name="Dashboard")).to_be_visible()
    login.log_out()

    expect(page.get_by_role("heading", level=1, name="Log in")).to_be_visible()


def test_wrong_password_is_refused_and_the_address_stays(browse: Callable[..., Page], cast: Cast) -> None:
    page = browse()
    login = Login(page)

    login.open()
    login.log_in(cast.ada, "not the password")

    expect(page.get_by_role("alert")).to_have_text("Email or password is wrong.")
    expect(login.email).to_have_value(cast.ada.email)
    expect(login.password).to_have_value("")
    expect(login.password).to_be_focused()


def test_stranger_comes_back_to_the_page_that_was_asked_for(browse: Callable[..., Page], cast: Cast) -> None:
    page = browse()

    page.goto("/imports")
    expect(page.get_by_text("Log in to go on.", exact=True)).to_be_visible()
    Login(page).log_in(cast.ada)

    expect(page.get_by_role("heading", level=1, name="Imports overview")).to_be_visible()


def test_live_page_of_an_ended_session_leads_to_the_log_in_page(
    signed_in: Callable[..., Page], watch: Watch, house: House, chartmogul: ChartMogul, cast: Cast
) -> None:
    watch.expect(401)
    connect(house, cast.acme, chartmogul.account(cast.acme.name, size=900))
    chartmogul.set(latency_ms=600)
    imports = Imports(signed_in(cast.ada))
    imports.open()
    imports.sync_now()
    imports.wait_until(1, "Running")

    end_sessions(house, cast.ada)

    expect(imports.page.get_by_text("You were logged out. Log in to go on.")).to_be_visible()
    Login(imports.page).log_in(cast.ada)
    expect(imports.page.get_by_role("heading", level=1, name="Imports overview")).to_be_visible()


def test_back_after_log_out_shows_nothing(signed_in: Callable[..., Page], cast: Cast) -> None:
    page = signed_in(cast.ada)
    page.goto("/settings/providers")
    expect(page.get_by_role("heading", level=1, name="Providers")).to_be_visible()

    Login(page).log_out()
    expect(page.get_by_role("heading", level=1, name="Log in")).to_be_visible()
    page.go_back()

    expect(page.get_by_role("heading", level=1, name="Log in")).to_be_visible()
