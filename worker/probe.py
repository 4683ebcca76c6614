"""What a new key gives, for support: a few rows and how many there are, without importing anything."""

import threading
from typing import Any
from uuid import UUID

from flask import current_app

from webapp import credentials
from webapp.chartmogul.client import BadKey, ChartMogulError, Client, NoAccess
from webapp.chartmogul.records import Page, PageBroken, RecordRefused, parse_customer, parse_page
from webapp.extensions import db
from webapp.models import Provider
from webapp.models.types import now
from webapp.tenancy import owned, owned_update
from worker.limits import Budget, budget_of

ROWS = 5


def probe(provider_id: UUID) -> None:
    """Ask ChartMogul with a provider's key and keep the answer in its row, if that is still waited for and the key
    is still the one that was asked with."""
    provider = db.session.scalars(owned(Provider).where(Provider.id == provider_id)).one_or_none()
    if provider is None or provider.secret_name is None or provider.probe_wanted_at is None:
        return
    name = provider.secret_name
    db.session.rollback()
    found = _look(name)
    db.session.execute(
        owned_update(Provider)
        .where(
            Provider.id == provider_id,
            Provider.secret_name == name,
            Provider.probe_wanted_at.is_not(None),
        )
        .values(probe=found, probed_at=now(), probe_wanted_at=None)
    )
    db.session.commit()


def _look(secret_name: str) -> dict[str, Any]:
    try:
        key = credentials.load_key(secret_name)
        client, budget = Client(current_app.config["SETTINGS"].chartmogul_api_url, key, 10), budget_of(key)
        asked = ("/customers", ROWS), ("/customers", 1), ("/activities", 200)
        customers, single, movements = (_page(client, budget, *each) for each in asked)
    except (BadKey, NoAccess):
        return {"state": "refused"}
    except (ChartMogulError, PageBroken, credentials.SecretStoreDown, credentials.SecretMissing) as error:
        return {"state": "unavailable", "error": type(error).__name__}
    # With one row a page, the first page's old page counter is the number of customers.
    count = single.total_pages if single.total_pages and single.entries else len(customers.entries)
    return {
        "state": "ok",
        "customers": count,
        "customers_at_least": bool(single.has_more and not single.total_pages),
        "movements": len(movements.entries),
        "movements_at_least": movements.has_more,
        "rows": _rows(customers),
    }


def _page(client: Client, budget: Budget, path: str, rows: int) -> Page:
    with budget.turn(threading.Event()):
        return parse_page(client.get(path, per_page=rows))


def _rows(page: Page) -> list[dict[str, Any]]:
    rows = []
    for entry in page.entries[:ROWS]:
        try:
            record = parse_customer(entry)
        except RecordRefused:
            continue
        title = record.name or record.company or record.uuid
        rows.append({"name": title, "status": record.status, "mrr_minor": record.mrr_minor})
    return rows
