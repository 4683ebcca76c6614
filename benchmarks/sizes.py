"""`bin/bench sizes`: what an account takes in PostgreSQL and Redis, and what the clock's questions cost with many
tenants. Prints two tables and a list in Markdown.

bin/bench sizes [--customers 20000] [--tenants 100000]
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psycopg
from redis import Redis
from sqlalchemy import event, text

from benchmarks.chartmogul import serving
from benchmarks.place import machine, place
from tests import postgresql
from webapp import create_app, queue
from webapp.extensions import db
from webapp.models import Import, ImportState
from webapp.tenancy import across_tenants
from worker import schedule
from worker.steps import STEPS
from worker.sync import COUNTS

PROPERTIES = 20
IMPORTS_EACH = 10
TABLES = ("customers", "movements", "customer_values", "value_changes", "import_pages", "import_warnings", "imports")
SIZES = "SELECT pg_table_size(oid), pg_indexes_size(oid) FROM pg_class WHERE relname = :name"
MANY_TENANTS = """
    SELECT set_config('app.across_tenants', 'on', false);
    INSERT INTO tenants (id, name, slug, time_zone, created_at)
    SELECT gen_random_uuid(), 'Tenant ' || n, 'tenant-' || n, 'UTC', now() FROM generate_series(1, {tenants}) n;
    INSERT INTO providers (id, tenant_id, kind, state, generation, import_leads, failures, attributes, movements_read,
                           set_up_at, every_hours, next_import_at, secret_name)
    SELECT gen_random_uuid(), id, 'chartmogul', 'connected', 1, true, 0, '{{}}', 0,
           now(), 24, now() + interval '1 hour' + random() * interval '1 day', 'bench/' || id
    FROM tenants;
    INSERT INTO imports (id, tenant_id, provider_id, generation, number, trigger, state, created_at, waiting_since,
                         attempt, sent, sent_at, fence, checkpoint, steps, {zeros})
    SELECT gen_random_uuid(), tenant_id, id, 1, number, 'scheduled', 'done', now(), now(),
           1, 0, now(), 1, '{{}}', '{steps}', {noughts}
    FROM providers, generate_series(1, {imports}) number;
    ANALYZE;
"""
ALL_ARE_DUE = "UPDATE providers SET next_import_at = now() WHERE id IN (SELECT id FROM providers LIMIT {due})"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench sizes", description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--tenants", type=int, default=100_000)
    options = parser.parse_args()
    if not postgresql.SERVER:
        raise SystemExit("PostgreSQL could not be started here.")
    print(f"{machine()}\n")
    with serving(options.customers) as chartmogul:
        chartmogul.behave(latency_ms=0, rate_limit=0, parallel_limit=0)
        with place(chartmogul, "postgresql", per_second=1000) as env:
            command = [sys.executable, "-m", "benchmarks.importing", "new", str(PROPERTIES)]
            subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
            os.environ.update(env)
            with create_app().app_context(), across_tenants():
                _print_tables(options.customers)
                _print_redis(queue.redis())
                db.engine.dispose()
        with place(chartmogul, "postgresql", per_second=1000) as env:
            os.environ.update(env)
            _fill(env["FLOOR_URL"], MANY_TENANTS, options.tenants)
            with create_app().app_context():
                _print_clock(env["FLOOR_URL"], options.tenants)
                db.engine.dispose()


def _print_tables(customers: int) -> None:
    print(f"| table, after an import of {customers:,} customers | rows | data | indexes | bytes a row | a customer |")
    print("|---|---|---|---|---|---|")
    total = 0
    for name in TABLES:
        rows = db.session.scalar(text(f"SELECT count(*) FROM {name}"))
        data, indexes = db.session.execute(text(SIZES), {"name": name}).one()
        each = (data + indexes) / rows if rows else 0
        total += data + indexes
        sizes = f"{data / 1e6:.1f} MB | {indexes / 1e6:.1f} MB | {each:,.0f} | {(data + indexes) / customers:,.0f}"
        print(f"| {name} | {rows:,} | {sizes} |")
    print(f"| all | | {total / 1e6:.1f} MB together | | | {total / customers:,.0f} |\n")
    db.session.rollback()


def _print_redis(redis: Redis) -> None:
    """The import that is done left its key's budget; one is queued anew to see what it takes."""
    import_ = db.session.scalars(_newest()).one()
    import_.state = ImportState.WAITING
    queue.enqueue_import(import_)
    db.session.rollback()
    for what, pattern in (("a waiting import", "rq:job:*"), ("a key's budget", "budget:*")):
        keys = list(redis.scan_iter(pattern))
        size = sum(redis.memory_usage(key) or 0 for key in keys)
        print(f"- Redis, {what}: {size / len(keys):,.0f} bytes" if keys else f"- Redis, {what}: gone by now")
    print()


def _newest() -> Any:
    return db.select(Import).order_by(Import.number.desc()).limit(1)


def _print_clock(owner: str, tenants: int) -> None:
    """Each task of the clock when nothing is to be done; then with many imports due, and with these waiting."""
    print(f"| clock, {tenants:,} tenants, {tenants * IMPORTS_EACH:,} imports | takes | reads by |")
    print("|---|---|---|")
    tasks = [task for _, task in schedule.TASKS + schedule.ASIDE if task is not schedule.delete_orphaned_keys]
    for task in tasks:
        task()  # so that what is measured is not its statements' first compilation
        _print_task(task.__name__, task)
    with across_tenants():
        ended = db.session.scalar(text("SELECT pg_total_relation_size('imports')")) or 0
        db.session.rollback()
    print(f"| an import that has ended | {ended / tenants / IMPORTS_EACH:,.0f} bytes | |")
    _fill(owner, "SELECT set_config('app.across_tenants', 'on', false);" + ALL_ARE_DUE, tenants)
    _print_task(f"queue_due_imports, {schedule.DUE_AT_ONCE} due", schedule.queue_due_imports)
    _fill(
        owner,
        "SELECT set_config('app.across_tenants', 'on', false); UPDATE imports SET sent_at = now() - "
        "interval '1 minute' WHERE state = 'waiting'",
        tenants,
    )
    _print_task(f"resume_stalled, {schedule.DUE_AT_ONCE} in the queue", schedule.resume_stalled)


def _print_task(name: str, task: Callable[[], None]) -> None:
    scans: dict[str, None] = {}

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if len(scans) < 4 and statement.startswith(("SELECT", "UPDATE", "DELETE")) and "set_config" not in statement:
            plan = connection.connection.cursor().execute(f"EXPLAIN {statement}", parameters)
            for line in plan.fetchall():
                if "Scan" in line[0]:
                    scans[line[0].strip("-> ").partition("  (")[0]] = None

    began = time.monotonic()
    task()
    seconds = time.monotonic() - began
    event.listen(db.engine, "before_cursor_execute", explain)
    task()
    event.remove(db.engine, "before_cursor_execute", explain)
    print(f"| {name} | {1000 * seconds:.0f} ms | {'; '.join(scans)} |", flush=True)
    db.session.remove()


def _fill(owner: str, statements: str, tenants: int) -> None:
    steps = json.dumps([{"name": name, "state": "done", "seconds": 1.25} for name in STEPS])
    zeros = {"steps": steps, "zeros": ", ".join(COUNTS), "noughts": ", ".join("0" for _ in COUNTS)}
    filled = statements.format(tenants=tenants, imports=IMPORTS_EACH, due=schedule.DUE_AT_ONCE, **zeros)
    with psycopg.connect(owner.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(filled.encode())


if __name__ == "__main__":
    main()
