"""Processes that are killed: imports still end right, pages still answer."""

import os
import signal
import time
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.chartmogul import ChartMogul
from tests.e2e.holdings import connect, held, imports_of, there
from tests.e2e.house import House
from tests.e2e.pages.imports import Imports
from tests.e2e.pages.login import Login
from tests.e2e.people import Cast
from tests.e2e.processes import alive

# Seconds from the kill to the finished import: the lease is over after 45, the rest is for a busy machine.
BACK_WITHIN = 75.0
SLOW = 400  # milliseconds per answer


def test_killed_worker_and_killed_child_of_it_lose_nothing(
    signed_in: Callable[..., Page], house: House, chartmogul: ChartMogul, cast: Cast
) -> None:
    acme = chartmogul.account(cast.acme.name, size=700, seed=3)
    globex = chartmogul.account(cast.globex.name, size=700, seed=4)
    connect(house, cast.acme, acme)
    connect(house, cast.globex, globex)
    chartmogul.set(latency_ms=SLOW)
    ada, gil = Imports(signed_in(cast.ada)), Imports(signed_in(cast.gil))
    worker = house.worker

    ada.open()
    ada.sync_now()
    ada.wait_until_read(1)
    child = house.horse
    assert child
    os.kill(child, signal.SIGKILL)
    child_killed_at = time.monotonic()
    gil.open()
    gil.sync_now()
    gil.wait_until_read(1)
    child = house.horse
    assert child
    os.kill(worker, signal.SIGKILL)
    worker_killed_at = time.monotonic()
    chartmogul.set(latency_ms=0)

    ada.wait_until(1, "Done", patience=child_killed_at + BACK_WITHIN - time.monotonic())
    gil.wait_until(1, "Done", patience=worker_killed_at + BACK_WITHIN - time.monotonic())
    assert not alive(child)
    assert house.worker != worker
    for company, account in ((cast.acme, acme), (cast.globex, globex)):
        assert held(house, company) == there(chartmogul, account)
        [import_] = imports_of(house, company)
        assert import_.customers_read == account.customers
    assert chartmogul.state["non_get_requests"] == 0


def test_redis_killed_and_started_again_loses_nothing(
    signed_in: Callable[..., Page],
    browse: Callable[..., Page],
    house: House,
    chartmogul: ChartMogul,
    cast: Cast,
) -> None:
    account = chartmogul.account(cast.acme.name, size=30)
    connect(house, cast.acme, account)
    page = signed_in(cast.ada)
    imports = Imports(page)

    with house.without_valkey():
        for path in ("/customers", "/properties", "/settings/providers", "/imports"):
            began = time.monotonic()
            answer = page.goto(path)
            assert answer
            assert answer.ok, path
            assert time.monotonic() - began < 2, path
        began = time.monotonic()
        imports.sync_now()
        expect(imports.toast).to_contain_text("Import #1 started", timeout=2000)
        assert time.monotonic() - began < 2
        expect(imports.state(1, "Waiting")).to_be_visible()
        login = Login(browse())
        login.open()
        login.log_in(cast.max)
        expect(login.page.get_by_role("heading", level=1, name="Customers")).to_be_visible()

    imports.wait_until(1, "Done")
    assert held(house, cast.acme) == there(chartmogul, account)
    assert len(imports_of(house, cast.acme)) == 1
    assert chartmogul.state["per_path"]["/account"] == 1
