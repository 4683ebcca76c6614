"""One import, as a worker runs it, in a process of its own; prints its figures as JSON. Or only its reading: the same
pages, in the same chains and within the same budget, of which nothing is kept.

python -m benchmarks.importing new|again|read PROPERTIES
"""

import json
import resource
import sys
import threading
import time
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import event, select

from benchmarks.chartmogul import KEY
from benchmarks.floor import cpu
from webapp import create_app, credentials
from webapp.chartmogul.client import check_key
from webapp.chartmogul.fields import FIELDS, Cost
from webapp.config import Settings
from webapp.definitions import define
from webapp.extensions import db
from webapp.models import Import, ImportState, Property, Provider, Source, Tenant, Trigger
from webapp.models.types import now
from webapp.property_draft import Draft
from webapp.tenancy import acting_for, owned
from worker import fetch, runtime
from worker.limits import budget_of
from worker.plan import Plan
from worker.sync import sync


def main(which: str, properties: str) -> None:
    runtime.prepare()
    settings = Settings()  # type: ignore[call-arg]
    app = create_app(settings, for_jobs=True)
    with app.app_context():
        if which == "new":
            connect(settings, "bench", KEY, int(properties))
        with acting_for(db.session.scalars(select(Tenant)).one().id):
            print(json.dumps(_read(settings) if which == "read" else _measure(_start())))


def connect(settings: Settings, name: str, key: str, properties: int = 0) -> UUID:
    """A tenant with a connection that is set up, and with the catalogue's first properties that cost no requests;
    answers its id."""
    tenant = Tenant(name=name, slug=name)
    db.session.add(tenant)
    db.session.commit()
    with acting_for(tenant.id):
        provider = Provider(tenant_id=tenant.id, generation=0)
        secret = credentials.store_key(tenant.id, key)
        provider.connect(secret, credentials.mask(key), "bench", now())
        provider.describe(check_key(settings.chartmogul_api_url, key))
        provider.complete_set_up(24, None, True, now())
        db.session.add(provider)
        free = [item for item in FIELDS.items() if item[1].cost is not Cost.SUBSCRIPTIONS]
        made: list[Property] = []
        for codename, field in free[:properties]:
            draft = Draft(field.label, codename, "", Source.CHARTMOGUL, field, "", field.type)
            made.append(define(None, draft, made, "bench"))
        db.session.commit()
        return tenant.id


def _start() -> UUID:
    provider = Provider.current()
    assert provider is not None
    import_ = provider.start_import(Trigger.MANUAL, "bench", now())
    db.session.flush()
    import_id = import_.id
    db.session.commit()
    return import_id


def _read(settings: Settings) -> dict[str, Any]:
    provider = Provider.current()
    assert provider is not None
    borders = list(map(date.fromisoformat, provider.movement_borders))
    db.session.rollback()
    reader, plan = fetch.Reader(settings.chartmogul_api_url, KEY, budget_of(KEY)), Plan({}, borders)
    began = time.monotonic()
    for _ in fetch.side_by_side(reader, [partial(fetch.pages, reader, plan)] * reader.budget.parallel):
        pass
    return {"seconds": time.monotonic() - began, "requests": reader.requests}


def _measure(import_id: UUID) -> dict[str, Any]:
    written, first, waits = [0], [0.0], [False]

    @event.listens_for(db.engine, "after_cursor_execute")
    def _count(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.split(None, 1)[0] in ("INSERT", "UPDATE", "DELETE"):
            written[0] += max(0, cursor.rowcount)
            waits[0] = waits[0] or statement.startswith("INSERT INTO customers")

    @event.listens_for(db.engine, "commit")
    def _there(_connection: Any) -> None:
        if waits[0]:
            first[0] = first[0] or time.monotonic()

    before, began, state = cpu(), time.monotonic(), ""
    while state in ("", ImportState.RUNNING):
        sync(import_id, threading.Event())
        db.session.remove()
        state = db.session.scalars(owned(Import, Import.state).where(Import.id == import_id)).one()
    seconds, used = time.monotonic() - began, cpu() - before
    import_ = db.session.scalars(owned(Import).where(Import.id == import_id)).one()
    assert import_.state == ImportState.DONE, import_.reason
    return {
        "seconds": seconds,
        "cpu": used,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "first_customers": first[0] - began if first[0] else None,
        "requests": import_.requests,
        "slowdowns": import_.slowdowns,
        "read": import_.customers_read + import_.movements_read,
        "written": written[0],
        "steps": {row["name"]: row["seconds"] for row in import_.steps},
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
