"""Workers that are asked to stop, clocks that are killed again and again, a queue that loses its files: whatever was
to be done is done by others, soon and once. Of kills in mid import see test_kill_series.py."""

import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests import factories, postgresql
from tests.e2e.chartmogul import Account
from tests.e2e.holdings import connect, customers_held, held, imports_of, there
from tests.e2e.house import House
from tests.e2e.people import Cast, Company
from tests.e2e.processes import Process, children
from webapp import queue
from webapp.extensions import db
from webapp.models import Import, Provider, Trigger
from webapp.models.types import now
from worker.schedule import SENT_SECONDS

DATABASES = ["sqlite", "postgresql"] if postgresql.SERVER else ["sqlite"]


@pytest.fixture(scope="module", params=DATABASES)
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two workers and a clock, without pages."""
    house = House(tmp_path_factory.mktemp("stopped"), request.param, ["worker", "worker", "clock"])
    try:
        house.open()
        yield house
    finally:
        house.close()


WHO_IS_ASKED = {
    "once": lambda worker, child: [worker],
    "twice": lambda worker, child: [worker, worker],
    "the whole group": lambda worker, child: [child, worker],
}


@pytest.mark.parametrize("asked", WHO_IS_ASKED)
def test_import_of_a_worker_that_is_asked_to_stop_goes_on_at_once(house: House, cast: Cast, asked: str) -> None:
    account = opened(house, cast.acme, size=600)
    house.chartmogul.set(latency_ms=2000)
    start(house, cast.acme)
    wait_until(lambda: customers_held(house, cast.acme) > 0)
    ((worker, child),) = [(pid, child) for pid in house.running("worker") for child, _ in children(pid)]
    began = time.monotonic()

    for pid in WHO_IS_ASKED[asked](worker, child):
        os.kill(pid, signal.SIGTERM)

    wait_until(lambda: worker not in house.running("worker"))
    house.chartmogul.set(latency_ms=0, rate_limit=0)
    wait_until(lambda: states(house, cast.acme) == ["done"])
    assert time.monotonic() - began < 30  # and not the 35 s after which a worker is thought dead
    assert held(house, cast.acme) == there(house.chartmogul, account)


def test_queue_killed_with_imports_waiting_and_its_files_deleted_loses_and_doubles_none(house: House) -> None:
    companies = some_companies(house, 8)
    accounts = {company: opened(house, company, size=20) for company in companies}
    workers = house.running("worker")
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    for company in companies:
        start(house, company)
    with house.rows():  # they have waited for a while
        db.session.execute(update(Import).values(sent_at=now() - timedelta(seconds=SENT_SECONDS)))
        db.session.commit()

    house.valkey.stop(signal.SIGKILL)
    shutil.rmtree(house.folder / "appendonlydir")
    house.start_valkey()
    for pid in workers:
        os.kill(pid, signal.SIGCONT)

    wait_until(lambda: all(states(house, company) == ["done"] for company in companies))
    for company, account in accounts.items():
        assert held(house, company) == there(house.chartmogul, account)


def test_each_slot_is_fired_once_by_clocks_that_are_killed_again_and_again(house: House, tmp_path: Path) -> None:
    """Two more clocks than the one there is, one of them killed every second; slots become due all the time."""
    companies = some_companies(house, 40)
    with ExitStack() as stack:
        clocks = [Process([sys.executable, "-m", "worker.schedule"], house.env(), tmp_path / "log") for _ in range(2)]
        for clock in clocks:
            stack.callback(clock.stop, signal.SIGKILL)
            clock.start()
        for number, company in enumerate(companies):
            opened(house, company, size=1, next_import_at=now() + timedelta(seconds=number // 4), every_hours=24)
        for number in range(10):
            time.sleep(1.2)  # so each lives long enough to fire a slot
            clocks[number % 2].stop(signal.SIGKILL)
            clocks[number % 2].start()
        wait_until(lambda: len(fired(house, companies)) == len(companies))

    assert set(fired(house, companies).values()) == {1}


def some_companies(house: House, count: int) -> list[Company]:
    house.chartmogul.reset()
    with house.rows():
        names = [f"Company {number}" for number in range(count)]
        return [Company(factories.make_tenant(name).id, name) for name in names]


def opened(house: House, company: Company, size: int, **changes: object) -> Account:
    account = house.chartmogul.account(company.name, size)
    connect(house, company, account, **changes)
    return account


def start(house: House, company: Company) -> None:
    """What "Sync now" does."""
    with house.rows(company.id):
        provider = Provider.current()
        assert provider
        queue.commit_and_wake(provider.start_import(Trigger.MANUAL, "a test", now()))


def states(house: House, company: Company) -> list[str]:
    return [row.state for row in imports_of(house, company)]


def fired(house: House, companies: list[Company]) -> Counter[object]:
    """How many imports each company had."""
    with house.rows():
        ours = Import.tenant_id.in_([company.id for company in companies])
        return Counter(db.session.scalars(select(Import.tenant_id).where(ours)))


def wait_until(holds: Callable[[], bool], seconds: float = 90) -> None:
    give_up_at = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up_at
        time.sleep(0.1)
