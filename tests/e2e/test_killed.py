"""Redis is killed: pages still answer, imports still end right. Of all other kills see test_kill_series.py."""

import time
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.chartmogul import ChartMogul
from tests.e2e.holdings import connect, held, imports_of, there
from tests.e2e.house import House
from tests.e2e.pages.imports import Imports
from tests.e2e.pages.login import Login
from tests.e2e.people import Cast


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
        expect(login.page.get_by_role("heading", level=1, name="Dashboard")).to_be_visible()

    imports.wait_until(1, "Done")
    assert held(house, cast.acme) == there(chartmogul, account)
    assert len(imports_of(house, cast.acme)) == 1
    assert chartmogul.state["per_path"]["/account"] == 1
