"""Stopping an import and letting it go on; and that many clicks start one."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chartmogul import Account, ChartMogul
from tests.e2e.holdings import connect, customers_held, held, imports_of, there
from tests.e2e.house import House
from tests.e2e.pages.imports import Imports
from tests.e2e.pages.support import Support
from tests.e2e.people import Cast

SLOW = 400  # milliseconds per answer


@pytest.fixture
def account(house: House, chartmogul: ChartMogul, cast: Cast) -> Account:
    """A big account of a slow ChartMogul, connected."""
    account = chartmogul.account(cast.acme.name, size=1500)
    connect(house, cast.acme, account)
    chartmogul.set(latency_ms=SLOW)
    return account


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_running_import_is_cancelled_and_retried(
    scripts: bool,
    signed_in: Callable[..., Page],
    house: House,
    chartmogul: ChartMogul,
    account: Account,
    cast: Cast,
) -> None:
    imports = Imports(signed_in(cast.ada, java_script_enabled=scripts), scripts)

    imports.open()
    imports.sync_now()
    imports.wait_until(1, "Running")
    imports.wait_until_read(1)
    imports.cancel(1)
    expect(imports.toast).to_contain_text("Import #1 is being cancelled")
    imports.wait_until(1, "Cancelled")
    expect(imports.row(1)).to_contain_text(f"stopped by {cast.ada.email}")
    kept = customers_held(house, cast.acme)
    assert 0 < kept < account.customers
    chartmogul.set(latency_ms=0)
    imports.retry(1)

    imports.wait_until(1, "Done")
    assert held(house, cast.acme) == there(chartmogul, account)
    [import_] = imports_of(house, cast.acme)
    assert import_.customers_read == account.customers


def test_waiting_import_is_cancelled_at_once(
    signed_in: Callable[..., Page], house: House, account: Account, cast: Cast
) -> None:
    imports = Imports(signed_in(cast.ada))
    imports.open()

    with house.busy_worker():
        imports.sync_now()
        imports.wait_until(1, "Waiting")
        imports.cancel(1)
        imports.wait_until(1, "Cancelled")

    expect(imports.row(1)).to_contain_text("No data was changed")
    assert customers_held(house, cast.acme) == 0


def test_two_tabs_start_one_import(signed_in: Callable[..., Page], house: House, account: Account, cast: Cast) -> None:
    page = signed_in(cast.ada)
    first, second = Imports(page), Imports(page.context.new_page())
    for tab in (first, second):
        tab.open()

    first.sync_now()
    second.sync_now()

    expect(first.toast).to_contain_text("Import #1 started")
    expect(second.toast).to_contain_text("An import is running already")
    expect(second.row(1)).to_be_visible()
    assert len(imports_of(house, cast.acme)) == 1


def test_import_that_support_starts_appears_by_itself(
    signed_in: Callable[..., Page], account: Account, chartmogul: ChartMogul, cast: Cast
) -> None:
    chartmogul.set(latency_ms=0)
    imports, support = Imports(signed_in(cast.ada)), Support(signed_in(cast.sam))
    imports.open()
    expect(imports.page.get_by_role("heading", name="No imports yet")).to_be_visible()

    support.open()
    support.open_tenant(cast.acme)
    support.sync_now()

    imports.wait_until(1, "Done", patience=30)
    expect(imports.row(1)).to_contain_text(f"by {cast.sam.email}")
