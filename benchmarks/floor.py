"""The floor: what the same work costs at the least. Reads the same pages one after another with bare GETs, and
inserts the same rows in bulk into bare tables. Run as a process of its own; prints its figures as JSON.

    python -m benchmarks.floor URL DATABASE_URL read|all
"""

import json
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

import requests
from sqlalchemy import BigInteger, Column, MetaData, String, Table, create_engine, insert

from benchmarks.chartmogul import KEY

TABLES = MetaData()
CUSTOMERS = Table(
    "floor_customers",
    TABLES,
    Column("uuid", String, primary_key=True),
    *(Column(name, String) for name in ("external_id", "name", "email", "company", "status", "customer-since")),
    *(Column(name, String) for name in ("free_trial_started_at", "country", "city", "billing-system-type")),
    *(Column(name, String) for name in ("currency", "chartmogul-url", "tags", "custom")),
    Column("mrr", BigInteger),
    Column("arr", BigInteger),
)
MOVEMENTS = Table(
    "floor_movements",
    TABLES,
    Column("uuid", String, primary_key=True),
    *(Column(name, String) for name in ("customer-uuid", "date", "type", "description", "currency")),
    *(Column(name, String) for name in ("subscription-external-id", "plan-external-id")),
    Column("activity-mrr", BigInteger),
    Column("activity-mrr-movement", BigInteger),
)


def pages(url: str, path: str, parameter: str) -> Iterator[list[dict[str, Any]]]:
    session = requests.Session()
    place: dict[str, str] = {}
    session.auth = (KEY, "")
    while True:
        page = session.get(url + path, params={"per_page": "200", **place}, timeout=60).json()
        yield page["entries"]
        if not page["has_more"]:
            return
        place = {parameter: page["cursor"] if parameter == "cursor" else page["entries"][-1]["uuid"]}


def rows_of(table: Table, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    made = []
    for entry in entries:
        row = {column.name: entry.get(column.name) for column in table.columns}
        if table is CUSTOMERS:
            attributes = entry.get("attributes") or {}
            row["tags"], row["custom"] = json.dumps(attributes.get("tags")), json.dumps(attributes.get("custom"))
        made.append(row)
    return made


def cpu() -> float:
    """Seconds of CPU that this process has taken."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(url: str, database: str, what: str) -> None:
    began, started_with, requests_made, rows = time.monotonic(), cpu(), 0, 0
    engine = create_engine(database)
    if what == "all":
        TABLES.create_all(engine)
    for table, path, parameter in (
        (CUSTOMERS, "/customers", "cursor"),
        (MOVEMENTS, "/activities", "start-after"),
    ):
        for entries in pages(url, path, parameter):
            requests_made, rows = requests_made + 1, rows + len(entries)
            if what == "all" and entries:
                with engine.begin() as connection:
                    connection.execute(insert(table), rows_of(table, entries))
    figures = {"seconds": time.monotonic() - began, "cpu": cpu() - started_with}
    if what == "all":
        TABLES.drop_all(engine)
    print(json.dumps({**figures, "requests": requests_made, "rows": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
