"""The house, once per test process; and for each test a cast of its own and a watched browser."""

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e import people
from tests.e2e.chartmogul import ChartMogul
from tests.e2e.house import House
from tests.e2e.people import Cast, Somebody
from tests.e2e.watch import Watch

PATIENCE = 10_000  # milliseconds
EVERY_BROWSER: dict[str, Any] = {"locale": "en-US", "timezone_id": "UTC", "reduced_motion": "reduce"}
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The Chromium that bin/test found, which reaches this machine only."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    here = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    own = {"executable_path": chromium} if chromium else {}
    return {**browser_type_launch_args, **own, "args": [*browser_type_launch_args.get("args", []), here]}


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """All processes. PostgreSQL if E2E_DATABASE=postgresql and TEST_POSTGRES_URL names a server."""
    house = House(tmp_path_factory.mktemp("house"), os.environ.get("E2E_DATABASE", "sqlite"))
    try:
        house.open()
        yield house
    finally:
        house.close()


@pytest.fixture
def chartmogul(house: House) -> ChartMogul:
    """The simulated ChartMogul without accounts, and with nothing wrong."""
    house.chartmogul.reset()
    return house.chartmogul


@pytest.fixture
def cast(house: House, chartmogul: ChartMogul) -> Iterator[Cast]:
    """Companies and people of this test alone, so that tests need no order and no clean database."""
    cast = people.make_cast(house)
    yield cast
    people.retire(house, cast)


@pytest.fixture
def watch(house: House) -> Iterator[Watch]:
    """Whatever the browser complains of fails the test, unless the test said that it will."""
    watch = Watch(house.address)
    yield watch
    assert not watch.notes, "\n".join(watch.notes)


@pytest.fixture
def browse(house: House, watch: Watch, browser: Browser) -> Iterator[Callable[..., Page]]:
    """A browser of its own for a stranger: `browse()`, `browse(java_script_enabled=False)`."""
    opened: list[BrowserContext] = []

    def open_browser(**options: Any) -> Page:
        context = browser.new_context(base_url=house.address, **EVERY_BROWSER, **options)
        opened.append(context)
        context.set_default_timeout(PATIENCE)
        watch.over(context)
        return context.new_page()

    yield open_browser
    for context in opened:
        context.close()


@pytest.fixture
def signed_in(house: House, browse: Callable[..., Page]) -> Callable[..., Page]:
    """A browser of somebody who has signed in: `signed_in(cast.ada)`."""

    def open_browser(somebody: Somebody, **options: Any) -> Page:
        page = browse(**options)
        token = people.session_of(house, somebody)
        page.context.add_cookies([{"name": "sid", "value": token, "url": house.address}])
        return page

    return open_browser


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what the processes wrote."""
    report = yield
    house = getattr(item, "funcargs", {}).get("house")
    if report.failed and isinstance(house, House):
        report.sections.append(("processes", house.processes.words()))
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits longest begins first, so that nothing waits for it at the end."""
    items.sort(key=lambda item: item.path.name != "test_kill_series.py")
