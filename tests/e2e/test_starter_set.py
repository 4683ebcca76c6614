"""From the first import to filled properties in one click, and what an edit would change, before it is saved."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import holdings
from tests.e2e.chartmogul import ChartMogul
from tests.e2e.house import House
from tests.e2e.pages.customers import Customers
from tests.e2e.pages.imports import Imports
from tests.e2e.pages.properties import Properties
from tests.e2e.people import Cast


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_starter_set_after_the_first_import(
    scripts: bool, signed_in: Callable[..., Page], house: House, chartmogul: ChartMogul, cast: Cast
) -> None:
    holdings.connect(house, cast.acme, chartmogul.account(f"{cast.acme.name} Analytics", size=40))
    page = signed_in(cast.ada, java_script_enabled=scripts)
    properties, imports, customers = Properties(page, scripts), Imports(page, scripts), Customers(page)
    imports.open()
    imports.sync_now()
    imports.wait_until(1, "Done")

    properties.open()
    expect(properties.starter_set).to_contain_text("Start with 8 properties from ChartMogul")
    properties.start()

    expect(properties.toast).to_contain_text("8 properties created. Filled on the next sync.")
    expect(properties.starter_set).to_have_count(0)
    expect(properties.row("Days since contraction")).to_contain_text("Filled on the next sync")
    imports.sync_now()
    imports.wait_until(2, "Done")
    properties.open()
    expect(properties.row("MRR")).to_contain_text("100 %")
    expect(properties.row("MRR")).to_contain_text("import #2")
    expect(properties.row("MRR")).to_contain_text("Up to date")
    customers.open()
    expect(customers.table.get_by_role("columnheader", name="Subscription status")).to_be_visible()

    properties.open()
    properties.show("MRR")
    expect(properties.history).to_contain_text(
        f"ChartMogul: MRR, money {cast.ada.email} import #2", use_inner_text=True
    )
    page.get_by_role("link", name="Edit").click()
    expect(properties.changes).to_contain_text("Nothing changes.")
    properties.type.select_option("Number")
    if not scripts:
        page.get_by_role("button", name="Show fields").click()
    expect(properties.changes).to_contain_text("40 change · 0 become empty · 0 cannot be read as a number")
    page.get_by_role("link", name="Cancel").click()
    expect(properties.history.get_by_role("row")).to_have_count(2)
