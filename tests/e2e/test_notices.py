"""A notice from the clock to the person: counted, opened, and then read."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.house import House
from tests.e2e.people import Cast
from tests.e2e.scenes import rows
from webapp.models.types import now


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_stale_data_is_told_opened_and_read(
    signed_in: Callable[..., Page], house: House, cast: Cast, scripts: bool
) -> None:
    with house.rows(cast.acme.id):
        of = rows.provider(cast.acme, last_success_at=now() - timedelta(hours=60), every_hours=24)
        assert of.live
    page = signed_in(cast.ada, java_script_enabled=scripts)
    page.goto("/notices")
    for _ in range(40):  # the clock looks every half minute
        if page.get_by_text("ChartMogul's data is more than 48 hours old").count():
            break
        page.wait_for_timeout(1_000)
        page.reload()

    sidebar = page.get_by_role("navigation", name="Main").get_by_role("link", name="Notices")
    expect(sidebar).to_contain_text("1 unread")
    page.get_by_role("button", name="Open Imports overview").click()
    expect(page.get_by_role("heading", name="Imports overview")).to_be_visible()
    expect(sidebar).not_to_contain_text("unread")

    page.goto("/notices")
    page.get_by_role("link", name="Notice settings").click()
    page.get_by_label("Data is stale").select_option("none")
    page.get_by_role("button", name="Save").click()
    page.goto("/notices")
    expect(page.get_by_role("heading", name="No notices")).to_be_visible()
