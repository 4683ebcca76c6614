"""`bin/bench lists`: the customers' list with many customers and 20 properties; what a page takes on the server. Prints
a table in Markdown.

bin/bench lists [--customers 100000] [--databases sqlite,postgresql] [--times 20]
"""

import argparse
import gc
import os
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from statistics import median, quantiles
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import create_engine, text

from benchmarks.chartmogul import ChartMogul
from benchmarks.place import databases, machine, place
from tests import factories
from tests.person import Person
from webapp import create_app
from webapp.config import Settings
from webapp.extensions import db
from webapp.models import Customer, CustomerValues, Property, Provider, Tenant
from webapp.models.types import now
from webapp.tenancy import acting_for, insert_rows

TYPES = ("number", "money", "percent", "date", "text", "list", "boolean")
PROPERTIES = 20
LOT = 5_000
FIRST, LAST = ("Blue", "Nordic", "Évora", "Castor", "Delta"), ("Finch", "Freight", "Labs", "Data", "Systems")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench lists", description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--times", type=int, default=20, help="how often each page is asked for")
    options = parser.parse_args()
    print(f"{machine()}, {options.customers:,} customers, {PROPERTIES} properties\n")
    print("| database | what | median | p95 | target |\n|---|---|---|---|---|")
    for database in databases(options.databases):
        with _furnished(database, options.customers) as (person, places):
            for what, address in _addresses(places):
                times = [_seconds(person, address) for _ in range(options.times)][1:]
                p95 = quantiles(times, n=20)[-1]
                measured = f"{1000 * median(times):.0f} ms | {1000 * p95:.0f} ms"
                print(f"| {database} | {what} | {measured} | ≤ 150 ms |", flush=True)
            began, size = time.monotonic(), len(person.get("/customers.csv").get_data())
            seconds = time.monotonic() - began
            print(
                f"| {database} | CSV of all, to its last line | {seconds:.1f} s, {size / 1e6:.0f} MB | | |", flush=True
            )


def _addresses(places: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield "first page", "/customers"
    yield "page in the middle", f"/customers?after={places[len(places) // 2]}"
    yield "search: one customer", "/customers?q=finch+4711"
    yield "search: a fifth of all, two words", "/customers?q=nordic+customer"
    yield "search: nobody", "/customers?q=nobody+is+called+that"
    for number, type_ in enumerate(TYPES[:4]):
        yield f"filter: {type_} in a range", f"/customers?p{number}.{_range(type_)}"
    yield "filter: text contains", "/customers?p4.has=gold"
    yield "filter: list has", "/customers?p5.has=vip"
    yield "filter: yes", "/customers?p6.is=yes"
    yield "filter: is empty", "/customers?p7.is=empty"
    yield "three filters, search, sorted", "/customers?q=finch&p0.min=100&p4.has=gold&p7.is=filled&sort=-p1"
    for number, type_ in enumerate(TYPES):
        yield f"sort: {type_}", f"/customers?sort=-p{number}"
    yield "sort: name, backwards", "/customers?sort=-name"
    yield "sorted, page in the middle", f"/customers?sort=p1&after={places[len(places) // 3]}"
    yield "CSV of all, its first line", "/customers.csv"
    yield "CSV, filtered and sorted, its first line", "/customers.csv?p0.min=100&sort=-p1"


def _range(type_: str) -> str:
    return {"date": "min=2024-01-01"}.get(type_, "min=100")


def _seconds(person: Person, address: str) -> float:
    began = time.monotonic()
    answer = person.get(address)
    seconds = time.monotonic() - began
    assert answer.status_code == 200, answer.status
    return seconds


@contextmanager
def _furnished(database: str, customers: int) -> Iterator[tuple[Person, list[str]]]:
    """A person who has all columns before him, and the uuids of the customers."""
    nobody = ChartMogul("http://127.0.0.1:9/v1", 0)
    with tempfile.TemporaryDirectory(), place(nobody, database, per_second=1000) as env:
        os.environ.update(env)
        app = create_app(Settings())  # type: ignore[call-arg]
        with app.app_context():
            cast = factories.make_cast()
            held: dict[str, Any] = {"last_success_at": now(), "currency": "EUR", "customers_held": customers}
            provider = factories.make_provider(cast.acme, **held)
            with acting_for(cast.acme.id):
                properties = _properties(cast.acme)
                uuids = _fill(provider, properties, customers)
                cast.ada.columns = [property_.codename for property_ in properties]
                db.session.commit()
            if database == "postgresql":
                _analyze(env["FLOOR_URL"])
            gc.collect()
            gc.freeze()  # what was made here is not a web process's to look through
            yield Person(app, cast.ada), uuids
            db.session.remove()
            db.engine.dispose()


def _properties(tenant: Tenant) -> list[Property]:
    made = []
    for number in range(PROPERTIES):
        type_ = TYPES[number % len(TYPES)]
        made.append(factories.make_property(tenant, f"p{number}", type=type_, filled_version=1, filled_at=now()))
    return made


def _fill(provider: Provider, properties: Sequence[Property], customers: int) -> list[str]:
    chance, uuids = random.Random(1), []
    for begin in range(0, customers, LOT):
        rows = [_customer(provider, number, chance) for number in range(begin, min(begin + LOT, customers))]
        insert_rows(Customer, rows)
        values = [{**CustomerValues.row_of(row), **_values(properties, chance)} for row in rows]
        insert_rows(CustomerValues, values)
        db.session.commit()
        uuids += [row["uuid"] for row in rows]
    return uuids


def _customer(provider: Provider, number: int, chance: random.Random) -> dict[str, Any]:
    name = f"{chance.choice(FIRST)} {chance.choice(LAST)} {number}"
    uuid = f"cus_{uuid5(UUID(int=0), str(number))}"
    return {
        "id": Customer.id_for(provider.id, uuid),
        "provider_id": provider.id,
        "uuid": uuid,
        "external_id": f"customer-{number}",
        "external_ids": [f"customer-{number}"],
        "name": name,
        "email": f"contact-{number}@example-{number % 5000}.example",
        "company": f"{name} Ltd",
        "status": chance.choice(("Active", "Active", "Active", "Past Due", "Cancelled")),
        "mrr_minor": chance.randrange(500_000),
        "arr_minor": 0,
        "currency": "EUR",
        "customer_since": now() - timedelta(days=chance.randrange(2000)),
        "country": "DE",
        "city": "Berlin",
        "billing_system": "Stripe",
        "website_url": f"https://www.example-{number % 5000}.example",
        "tags": ["enterprise"],
        "custom": {"seats": 12, "plan": "gold"},
        "content_hash": b"0" * 16,
        "changed_import_id": UUID(int=0),
        "gone_at": None,
    }


def _values(properties: Sequence[Property], chance: random.Random) -> dict[str, Any]:
    made: dict[str, Any] = {
        "number": lambda: chance.randrange(1000) * 10_000,
        "money": lambda: chance.randrange(500_000),
        "percent": lambda: chance.randrange(20_000),
        "date": lambda: 18_000 + chance.randrange(2_500),
        "text": lambda: f"{chance.choice(('Gold', 'Silver', 'Bronze'))} {chance.randrange(50)}",
        "list": lambda: chance.choice(('["vip", "eu"]', '["us"]', '["eu", "partner"]')),
        "boolean": lambda: chance.randrange(2),
    }
    return {row.slot: made[row.type]() if chance.random() < 0.8 else None for row in properties}


def _analyze(owner: str) -> None:
    """As PostgreSQL does by itself within a minute."""
    engine = create_engine(owner, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


if __name__ == "__main__":
    main()
