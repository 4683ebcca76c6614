"""`bin/bench scale`: many tenants and several workers, on PostgreSQL. Prints two tables in Markdown.

bin/bench scale [--workers 1,2,4] [--tenants 40] [--customers 400] [--large 100000] [--samples 10]
                [--only throughput|fairness]

Throughput: every tenant's first import at once, each with an account and a key of its own.
Fairness: one import of a small tenant, again and again, alone and while a large tenant's import and 20 others that
have had their first turn wait or run; with one worker and with two.
"""

import argparse
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median_low as median
from uuid import UUID

from flask import Flask
from sqlalchemy import ColumnElement, func, select, text

from benchmarks.chartmogul import KEY, ChartMogul, serving
from benchmarks.importing import connect
from benchmarks.place import machine, place
from benchmarks.processes import cpu_of, parent_of, running
from tests import postgresql
from webapp import create_app, queue
from webapp.extensions import db
from webapp.models import LIVE_IMPORT_STATES, Import, ImportState, Provider, Trigger
from webapp.models.types import now
from webapp.tenancy import across_tenants, acting_for

LATENCY_MS, LIMIT, BUDGET = 100, 40, 36
OTHERS, SMALL = 20, 50
MOST = "≤ 3"
CONNECTIONS = "SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = current_database()"
Times = list[tuple[float, float]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench scale", description=__doc__)
    parser.add_argument("--workers", default="1,2,4", help="how many workers, run after run")
    parser.add_argument("--tenants", type=int, default=40)
    parser.add_argument("--customers", type=int, default=400, help="of each of these tenants")
    parser.add_argument("--large", type=int, default=100_000, help="customers of the large account")
    parser.add_argument("--samples", type=int, default=10, help="imports of the small tenant beside the large ones")
    parser.add_argument("--only", choices=("throughput", "fairness"))
    options = parser.parse_args()
    if not postgresql.SERVER:
        raise SystemExit("PostgreSQL could not be started here.")
    print(f"{machine()}, {LATENCY_MS} ms latency, {BUDGET} requests a second and key\n")
    if options.only != "fairness":
        _print_throughput([int(workers) for workers in options.workers.split(",")], options.tenants, options.customers)
    if options.only != "throughput":
        _print_fairness(options.large, options.samples)


def _print_throughput(workers: list[int], tenants: int, customers: int) -> None:
    names = [f"tenant-{number}" for number in range(tenants)]
    with serving(1) as chartmogul:
        keys = {
            name: chartmogul.control("accounts", name=name, seed=seed, size=customers)["key"]
            for seed, name in enumerate(names, start=2)
        }
        _throughput(chartmogul, keys, 4)  # not counted: the simulator spells its answers once
        print("| workers | wall | rows/s | × one worker | CPU: workers | PostgreSQL | simulator | Valkey ", end="")
        print("| of all cores | connections |\n|---|---|---|---|---|---|---|---|---|---|")
        first = None
        for count in workers:
            rows, seconds, cpu, connections = _throughput(chartmogul, keys, count)
            first = first or seconds
            shares = " | ".join(f"{cpu[name]:.1f} s" for name in ("workers", "postgresql", "simulator", "valkey"))
            busy = sum(cpu.values()) / seconds / (os.cpu_count() or 1)
            speed = f"{rows / seconds:,.0f} | {first / seconds:.2f}"
            print(f"| {count} | {seconds:.1f} s | {speed} | {shares} | {busy:.0%} | {connections} |", flush=True)
        print(f"\n{tenants} tenants, {rows:,} rows, all imports exactly once.\n")


def _throughput(chartmogul: ChartMogul, keys: dict[str, str], workers: int) -> tuple[int, float, dict[str, float], int]:
    """One first import of each tenant: rows read, seconds, the CPU seconds of each kind of process, and the
    connections to the database that workers and clock held together."""
    with _house(chartmogul, keys) as (env, tenants), running(env, workers) as pids:
        who = {"workers": pids, "simulator": [chartmogul.pid], **_servers()}
        before = {name: sum(map(cpu_of, of)) for name, of in who.items()}
        began = time.monotonic()
        for tenant in tenants.values():
            _start(tenant)
        connections = db.session.scalar(text(CONNECTIONS)) or 0
        _wait_while(Import.state.in_(LIVE_IMPORT_STATES))
        seconds = time.monotonic() - began
        time.sleep(0.5)  # the last child is gone, so its time is its parent's
        cpu = {name: sum(map(cpu_of, of)) - before[name] for name, of in who.items()}
        with across_tenants():
            done = db.session.scalars(select(Import)).all()
        assert [import_.state for import_ in done] == [ImportState.DONE] * len(keys), [i.reason for i in done]
        return sum(import_.customers_read + import_.movements_read for import_ in done), seconds, cpu, connections


def _print_fairness(large: int, samples: int) -> None:
    with serving(large) as chartmogul:
        account = chartmogul.control("accounts")[0]["name"]
        keys = {"large": KEY, **{f"other-{number}": f"{number:032x}" for number in range(1, OTHERS + 1)}}
        for key in keys.values():
            chartmogul.control("keys", key=key, account=account)
        small = chartmogul.control("accounts", name="small", seed=2, size=SMALL)["key"]
        print(
            "| workers | import of the small tenant | median | longest | of that until a worker took it "
            "| × alone, median | × alone, longest | target |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for workers in (1, 2):
            alone, beside, rows = _fairness(chartmogul, {**keys, "small": small}, workers, samples)
            once = median(alone)[0]
            for what, times, target in (("alone", alone, ""), (f"beside {len(keys)} large ones", beside, MOST)):
                usual, (longest, waited) = median(times)[0], max(times)
                print(f"| {workers} | {what} | {usual:.2f} s | {longest:.2f} s | {waited:.2f} s ", end="")
                print(f"| {usual / once:.1f} | {longest / once:.1f} | {target} |", flush=True)
            print(f"| {workers} | the large ones meanwhile | {rows:,.0f} rows/s | | | | | |", flush=True)
        print(f"\nLarge: {large:,} customers each, the first of them held already; small: {SMALL} customers.")


def _fairness(chartmogul: ChartMogul, keys: dict[str, str], workers: int, samples: int) -> tuple[Times, Times, float]:
    """Times of the small tenant's imports alone, and beside the large ones; rows a second of those meanwhile."""
    chance = random.Random(1)
    with _house(chartmogul, keys) as (env, tenants), running(env, workers):
        small, large = tenants.pop("small"), tenants["large"]
        _times_of(_start(small))
        alone = [_times_of(_start(small)) for _ in range(5)]
        _times_of(_start(large))
        for tenant in tenants.values():
            _start(tenant)
        _wait_while(Import.state == ImportState.WAITING)
        rows, began, beside = _rows_of(tenants), time.monotonic(), []
        for _ in range(samples):
            time.sleep(chance.uniform(2, 15))
            beside.append(_times_of(_start(small)))
        return alone, beside, (_rows_of(tenants) - rows) / (time.monotonic() - began)


@contextmanager
def _house(chartmogul: ChartMogul, keys: dict[str, str]) -> Iterator[tuple[dict[str, str], dict[str, UUID]]]:
    """A place with a tenant for each key, and this process as its web side."""
    chartmogul.behave(latency_ms=0, rate_limit=0, parallel_limit=0)
    with place(chartmogul, "postgresql", per_second=BUDGET) as env:
        os.environ.update(env)
        app: Flask = create_app()
        with app.app_context():
            tenants = {name: connect(app.config["SETTINGS"], name, key) for name, key in keys.items()}
            chartmogul.behave(latency_ms=LATENCY_MS, rate_limit=LIMIT, parallel_limit=20)
            yield env, tenants
            db.session.remove()
            db.engine.dispose()


def _servers() -> dict[str, list[int]]:
    """The processes of PostgreSQL and Valkey, each with all its children."""
    backend = db.session.scalar(text("SELECT pg_backend_pid()"))
    db.session.rollback()
    return {"postgresql": [parent_of(backend)], "valkey": [queue.redis().info()["process_id"]]}


def _start(tenant: UUID) -> UUID:
    """What "Sync now" does."""
    with acting_for(tenant):
        provider = Provider.current()
        assert provider is not None
        import_ = provider.start_import(Trigger.MANUAL, "bench", now())
        queue.commit_and_wake(import_)
        return import_.id


def _times_of(import_id: UUID) -> tuple[float, float]:
    """How many seconds an import took from the click to its end, and of these until a worker took it."""
    _wait_while((Import.id == import_id) & Import.state.in_(LIVE_IMPORT_STATES))
    with across_tenants():
        import_ = db.session.scalars(select(Import).where(Import.id == import_id)).one()
        db.session.expunge(import_)
        db.session.rollback()
    assert import_.state == ImportState.DONE, import_.reason
    assert import_.started_at is not None
    assert import_.ended_at is not None
    waited = import_.started_at - import_.created_at
    return (import_.ended_at - import_.created_at).total_seconds(), waited.total_seconds()


def _wait_while(condition: ColumnElement[bool]) -> None:
    """Until no import is so."""
    with across_tenants():
        while db.session.scalar(select(func.count()).select_from(Import).where(condition)):
            db.session.rollback()
            time.sleep(0.1)
        db.session.rollback()


def _rows_of(tenants: dict[str, UUID]) -> int:
    """How many rows the imports of these tenants have read that are not done."""
    with across_tenants():
        read = select(func.sum(Import.customers_read + Import.movements_read)).where(
            Import.tenant_id.in_(tenants.values()), Import.state.in_(LIVE_IMPORT_STATES)
        )
        found = db.session.scalar(read)
        db.session.rollback()
    return int(found or 0)


if __name__ == "__main__":
    main()
