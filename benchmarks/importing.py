"""One import, as a worker runs it, in a process of its own; prints its figures as JSON.

python -m benchmarks.importing new|again PROPERTIES
"""

import json
import resource
import sys
import threading
import time
from typing import Any

from sqlalchemy import event, func, select

from benchmarks.chartmogul import KEY
from webapp import create_app, credentials
from webapp.chartmogul.client import check_key
from webapp.chartmogul.fields import FIELDS
from webapp.config import Settings
from webapp.extensions import db
from webapp.models import Customer, Import, ImportState, Property, Provider, Source, Tenant, Trigger
from webapp.models.types import now
from webapp.tenancy import acting_for
from worker.sync import sync


def main(which: str, properties: str) -> None:
    settings = Settings()  # type: ignore[call-arg]
    app = create_app(settings)
    with app.app_context():
        tenant_id = (_connect(settings, int(properties)) if which == "new" else _tenant()).id
        with acting_for(tenant_id):
            print(json.dumps(_measure()))


def _tenant() -> Tenant:
    return db.session.scalars(select(Tenant)).one()


def _connect(settings: Settings, properties: int) -> Tenant:
    tenant = Tenant(name="Bench", slug="bench")
    db.session.add(tenant)
    db.session.commit()
    with acting_for(tenant.id):
        provider = Provider(tenant_id=tenant.id, generation=0)
        secret = credentials.store_key(tenant.id, KEY)
        provider.connect(secret, credentials.mask(KEY), "bench", now())
        provider.describe(check_key(settings.chartmogul_api_url, KEY))
        db.session.add(provider)
        provider.complete_set_up(24, None, True, now())
        for codename, field in list(FIELDS.items())[:properties]:
            definition = {"source": Source.CHARTMOGUL, "type": str(field.type), "field": codename}
            names = {"name": field.label, "codename": codename}
            db.session.add(Property(tenant_id=tenant.id, created_at=now(), updated_at=now(), **names, **definition))
        db.session.commit()
    return tenant


def _measure() -> dict[str, Any]:
    provider = Provider.current()
    assert provider is not None
    import_id = provider.start_import(Trigger.MANUAL, "bench", now()).id
    db.session.commit()
    provider = Provider.current()
    assert provider is not None
    import_ = provider.live_import()
    assert import_ is not None
    import_id = import_.id
    db.session.commit()
    written, first = [0], [0.0]

    @event.listens_for(db.engine, "after_cursor_execute")
    def _count(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.split(None, 1)[0] in ("INSERT", "UPDATE", "DELETE"):
            written[0] += max(0, cursor.rowcount)
            if not first[0] and statement.startswith("INSERT INTO customers"):
                first[0] = time.monotonic()

    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.monotonic()
    state = ""
    while state in ("", ImportState.RUNNING):
        sync(import_id, threading.Event())
        db.session.remove()
        state = db.session.scalars(
            select(Import.state).where(Import.id == import_id, Import.tenant_id == provider.tenant_id)
        ).one()
    seconds = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    import_ = db.session.scalars(
        select(Import).where(Import.tenant_id == provider.tenant_id, Import.id == import_id)
    ).one()
    customers = db.session.scalar(
        select(func.count()).select_from(Customer).where(Customer.tenant_id == provider.tenant_id)
    )
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "state": state,
        "seconds": seconds,
        "cpu": cpu,
        "peak_mb": after.ru_maxrss / 1024,
        "first_customers": first[0] - began if first[0] else None,
        "requests": import_.requests,
        "slowdowns": import_.slowdowns,
        "read": import_.customers_read + import_.movements_read,
        "written": written[0],
        "customers": customers,
        "steps": {row["name"]: row["seconds"] for row in import_.steps},
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
