"""`bin/bench scores`: health scores of many customers with 20 properties, five of them factors: from nothing, again,
together with the filling of all properties, the past, and pages that look at all of them. Prints a table in Markdown.

bin/bench scores [--customers 100000] [--past 1000] [--databases sqlite,postgresql]
"""

import argparse
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from benchmarks import lists
from benchmarks.chartmogul import ChartMogul
from benchmarks.place import databases, machine, place
from tests import factories
from tests.person import Person
from webapp import create_app, scoring
from webapp.chartmogul.fields import FIELDS, Cost
from webapp.config import Settings
from webapp.extensions import db
from webapp.health import FULL, Grade
from webapp.models import (
    Customer,
    CustomerValues,
    HealthVersion,
    Import,
    ImportState,
    Movement,
    Provider,
    Role,
    ScoreDay,
    Tenant,
    User,
)
from webapp.models.types import now
from webapp.tenancy import acting_for, insert_rows, owned, owned_update
from webapp.values import Moment, PropertyType
from worker import notices, rebuild_scores, refresh, runtime, scores, sums
from worker.lease import Lease
from worker.score_claim import Claim

FACTORS = (
    ("cm_mrr_change_90d_pct", 3, -2500, 0),
    ("cm_mrr_vs_peak_pct", 2, 5000, 10_000),
    ("cm_days_since_contraction", 2, 0, 1_800_000),
    ("cm_mrr", 1, 0, 500_000),
    ("cm_tenure_days", 1, 0, 10_000_000),
)
PROPERTIES, MOVEMENTS = 20, 3
PAGES = (
    ("dashboard", "/", ""),
    ("preview of a draft", "/health-score/preview", "≤ 5 s for 100,000 customers"),
    ("back-test of a draft", "/health-score/back-test", "≤ 5 s for 100,000 customers"),
    ("customers' list by score", "/customers?sort=score", "≤ 0.15 s"),
    ("customers' list, one grade", "/customers?grade=5", "≤ 0.15 s"),
)
USABLE = [
    field for field in FIELDS.values() if field.cost is not Cost.SUBSCRIPTIONS and field.type != PropertyType.LIST
]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench scores", description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--past", type=int, default=1_000, help="customers whose past is rebuilt")
    parser.add_argument("--databases", default="sqlite,postgresql")
    options = parser.parse_args()
    print(f"{machine()}, {options.customers:,} customers, {PROPERTIES} properties, {len(FACTORS)} factors\n")
    print("| database | what | seconds | customers a second | target |\n|---|---|---|---|---|")
    for database in databases(options.databases):
        with _furnished(database, options.customers) as user_id:
            for what, count, seconds, target in _figures(options.customers, options.past, user_id):
                print(f"| {database} | {what} | {seconds:.2f} | {count / seconds:,.0f} | {target} |", flush=True)


def _figures(customers: int, past: int, user_id: UUID) -> Iterator[tuple[str, int, float, str]]:
    _seconds(lambda: _fill())
    yield "scores from nothing", customers, _seconds(_score), ""
    yield "scores again, unchanged", customers, _seconds(_score), ""
    _let_fall(customers // 100)
    yield "notices, one in 100 fell", customers, _seconds(notices.watch), ""
    together = _seconds(lambda: _fill()) + _seconds(_score)
    yield "20 values and scores again", customers, together, "≤ 10 s for 100,000 customers"
    some = min(past, customers)
    yield f"the past of {some:,} customers", some, _seconds(lambda: _rebuild(some)), ""
    db.session.remove()
    web = create_app(Settings())  # type: ignore[call-arg]
    with web.app_context():
        user = db.session.get_one(User, user_id)
        person = Person(web, user)
        for what, address, target in PAGES:
            lists._seconds(person, address)  # compiles what the page is made with
            yield what, customers, lists._seconds(person, address), target


def _seconds(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _score() -> None:
    scoring.want_scores(1)
    db.session.commit()
    claim = Claim.take()
    assert claim is not None
    scores.score_customers(claim, lambda: None)
    claim.write(lease_until=None)
    db.session.commit()


def _let_fall(some: int) -> None:
    """Everybody's score is four days old, and some with the last grade had the best one before."""
    today = now().date()
    of_day = owned_update(ScoreDay).values(day=today - timedelta(days=4))
    db.session.execute(of_day.execution_options(synchronize_session=False))
    version = HealthVersion.published()
    assert version is not None
    low = owned(CustomerValues, CustomerValues.provider_id, CustomerValues.uuid)
    low = low.where(CustomerValues.grade == Grade.HIGH_CHURN_RISK).limit(some)
    before = {"day": today - timedelta(days=9), "version": version.number, "score": FULL, "points": "", "caps": ""}
    before |= {"why_none": None, "rebuilt": False}
    insert_rows(
        ScoreDay, [{"provider_id": id_, "customer_uuid": uuid, **before} for id_, uuid in db.session.execute(low)]
    )
    db.session.commit()


class _Enough(Exception):
    """As many customers as were wanted."""


def _rebuild(customers: int) -> None:
    claim, left = Claim.take(), [customers]
    assert claim is not None
    claim.scoring.place = {"past": ""}

    def saved() -> None:
        left[0] -= rebuild_scores.IN_A_SLICE
        if left[0] <= 0:
            raise _Enough

    try:
        rebuild_scores.rebuild_past(claim, saved)
    except _Enough:
        return


def _fill() -> None:
    """All properties of all customers, as the step of an import does it."""
    provider = db.session.scalars(owned(Provider)).one()
    import_ = factories.make_import(provider, ImportState.WAITING)
    import_id: UUID = import_.id
    db.session.commit()
    lease = Lease.claim(import_id)
    assert lease is not None
    import_ = db.session.scalars(owned(Import).where(Import.id == import_id)).one()
    held = db.session.scalars(owned(Provider)).one()
    db.session.expunge_all()
    db.session.rollback()
    moment = Moment(now(), held.zone, sums.total_mrr(held))
    refresh.fill_properties(import_, held, lease, moment, lambda: None)
    lease.write(state=ImportState.DONE, ended_at=now(), lease_until=None)
    db.session.commit()


@contextmanager
def _furnished(database: str, customers: int) -> Iterator[UUID]:
    """The id of an admin of the tenant that is acted for."""
    nobody = ChartMogul("http://127.0.0.1:9/v1", 0)
    with place(nobody, database, per_second=1000) as env:
        os.environ.update(env)
        app = create_app(Settings(), for_jobs=True)  # type: ignore[call-arg]
        with app.app_context():
            tenant = factories.make_tenant("Acme")
            user_id: UUID = factories.make_user("ada@acme.example", Role.ADMIN, tenant).id
            provider = factories.make_provider(tenant, last_success_at=now(), customers_held=customers)
            with acting_for(tenant.id):
                _define(tenant)
                _add_customers(provider, customers)
                if database == "postgresql":
                    lists._analyze(env["FLOOR_URL"])
                runtime.prepare()
                yield user_id
            db.session.remove()
            db.engine.dispose()


def _define(tenant: Tenant) -> None:
    codenames = [codename for codename, *_ in FACTORS]
    others = [field.codename for field in USABLE if field.codename not in codenames]
    made = {}
    for codename in [*codenames, *others][:PROPERTIES]:
        type_ = str(FIELDS[codename].type)
        made[codename] = factories.make_property(tenant, codename[3:], type=type_, field=codename)
    rows = [scoring.row_of(made[codename], weight, zero, hundred) for codename, weight, zero, hundred in FACTORS]
    factories.make_health_version(tenant, *rows)
    factories.make_health_version(tenant, *rows[1:], number=0)


def _add_customers(provider: Provider, customers: int) -> None:
    chance = random.Random(1)
    for begin in range(0, customers, lists.LOT):
        rows = [lists._customer(provider, n, chance) for n in range(begin, min(begin + lists.LOT, customers))]
        insert_rows(Customer, rows)
        insert_rows(CustomerValues, [CustomerValues.row_of(row) for row in rows])
        insert_rows(Movement, [moved for row in rows for moved in _movements(provider, row["uuid"], chance)])
        db.session.commit()


def _movements(provider: Provider, uuid: str, chance: random.Random) -> Iterator[dict[str, Any]]:
    mrr, ago = 0, chance.randrange(200, 1500)
    for number in range(MOVEMENTS):
        moved = chance.randrange(1, 100_000) if number == 0 else chance.randrange(-mrr // 2, 50_000)
        mrr += moved
        type_ = "new_biz" if number == 0 else "contraction" if moved < 0 else "expansion"
        at = now() - timedelta(days=ago * (MOVEMENTS - number) // MOVEMENTS)
        about = {"id": uuid4(), "provider_id": provider.id, "customer_uuid": uuid, "at": at, "type": type_, "read": 0}
        yield {**about, "movement_minor": moved, "mrr_minor": mrr, "currency": "EUR", "description": None}


if __name__ == "__main__":
    main()
