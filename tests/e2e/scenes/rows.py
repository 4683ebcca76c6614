"""Rows that put a company into a state worth looking at. Everything here runs inside `house.rows(company.id)`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from tests import factories
from tests.e2e.people import Company, Somebody
from webapp.extensions import db
from webapp.models import (
    Customer,
    CustomerValues,
    Import,
    ImportState,
    ImportWarning,
    Movement,
    Property,
    Provider,
    ProviderState,
    SavedView,
    Source,
    Tenant,
    Trigger,
)
from webapp.models.types import now
from webapp.tenancy import insert_rows

NAMES = ("Blue Finch", "Ærlig Måling", "株式会社サンプル", "Quarterly & Sons", "O'Neill <Data>", "Zebra Freight")
STATUSES = ("Active", "Active", "Past Due", "Cancelled", "Lead", "Active")
Kinds = tuple[tuple[str, str, str | None], ...]
PROPERTIES: Kinds = (
    ("MRR", "money", "cm_mrr"),
    ("MRR change 30 days", "money", "cm_mrr_change_30d"),
    ("Status", "text", "cm_status"),
    ("Customer since", "date", "cm_customer_since"),
    ("Tags", "list", "cm_tags"),
    ("Account manager", "text", None),
)
# Of every type, and as many as a company may well have; one with a name as long as a name can be.
MORE_PROPERTIES: Kinds = (
    *PROPERTIES,
    ("ARR", "money", "cm_arr"),
    ("Tenure", "number", "cm_tenure_days"),
    ("MRR change 90 days", "percent", "cm_mrr_change_90d_pct"),
    ("MRR vs peak", "percent", "cm_mrr_vs_peak_pct"),
    ("Churned", "boolean", "cm_churned"),
    ("Churned on", "date", "cm_churned_on"),
    ("Country", "text", "cm_country"),
    ("Contractions 6 months", "number", "cm_contractions_180d"),
    ("Days since contraction", "number", "cm_days_since_contraction"),
    ("Days since expansion", "number", "cm_days_since_expansion"),
    ("Last movement on", "date", "cm_last_movement_on"),
    ("Reference customer", "boolean", None),
    (
        "Seats promised in the contract of the year before the last one, as sales wrote them down by hand",
        "number",
        None,
    ),
    ("Products", "list", None),
)
ATTRIBUTES = {
    key: {"type": type_, "mixed": mixed, "count": count, "samples": samples}
    for key, type_, mixed, count, samples in (
        ("Seats", "number", False, 1210, ["5", "25", "100"]),
        ("Region <EMEA & co>", "text", False, 980, ["Nordics", "Benelux"]),
        ("A very long name of an attribute that somebody once made up", "text", True, 3, ["yes", "7"]),
    )
}
LONG_AFTER = timedelta(hours=3)


@dataclass
class Furnished:
    provider: Provider
    properties: list[Property]
    customers: list[Customer]


def furnished(
    company: Company, state: str = ProviderState.CONNECTED, count: int = 12, kinds: Kinds = PROPERTIES
) -> Furnished:
    """A company with properties, customers and their values, read an hour ago."""
    at = now() - timedelta(hours=1)
    since = {"disconnected_at": now()} if state == ProviderState.DISCONNECTED else {}
    of = provider(company, state, last_success_at=at, last_attempt_at=at, **since)
    return Furnished(of, properties(of, kinds), customers(of, count))


def read_once(company: Company) -> Provider:
    """A connection whose first import is done, and nothing made of it yet."""
    return provider(company, last_success_at=now(), last_attempt_at=now())


def history_of(of: Property, filled_by: Import) -> None:
    """A definition that is not known, another one that was never filled, and the one that holds."""
    facts = ({"type": "text"}, {"type": "number", "name": "Revenue before tax"}, {})
    for version, changes in enumerate(facts, start=1):
        filled = {"filled_import_id": filled_by.id} if version != 2 else {}
        by = "ada.with.a.long.name@acme-analytics.example" if version > 1 else None
        factories.make_version(of, by, version=version, **changes, **filled)
    of.version = of.filled_version = len(facts)
    of.filled_import_id = filled_by.id
    db.session.commit()


def changes_of(furnished: Furnished) -> Import:
    """An import that filled the second property for the first time, changed values of two customers and found that two
    others were gone."""
    made, money, text = import_(furnished.provider, ImportState.DONE), *(furnished.properties[n] for n in (0, 2))
    first_filled = furnished.properties[1]
    for property_ in (first_filled, money):
        factories.make_version(property_, filled_at=now() - timedelta(days=20), filled_import_id=made.id)
    first_filled.filled_import_id = made.id
    made.gone = 2
    for customer in furnished.customers[2:4]:
        customer.gone_at, customer.changed_import_id = made.started_at, made.id
    db.session.commit()
    for customer in furnished.customers[:2]:
        factories.make_change(money, customer, made, 12900, 1234567890)
        factories.make_change(text, customer, made, None, "A status that nobody has ever seen <before>, and long")
    return made


def provider(company: Company, state: str = ProviderState.CONNECTED, **changes: Any) -> Provider:
    found: Provider = factories.make_provider(db.session.get_one(Tenant, company.id), state, **changes)
    return found


def set_up_pending(company: Company, **changes: Any) -> Provider:
    """A connection that waits for support, with what its key was found to give."""
    rows = [{"name": name, "status": status, "mrr_minor": 12900} for name, status in zip(NAMES, STATUSES, strict=True)]
    found = {"customers": 1284, "customers_at_least": False, "movements": 200, "movements_at_least": True}
    probed = {"probe": {"state": "ok", "rows": rows, **found}, "probed_at": now(), "probe_wanted_at": None}
    return provider(company, ProviderState.SETTING_UP, **{**probed, **changes})


def import_(of: Provider, state: str, **changes: Any) -> Import:
    """One that no clock and no worker touches, however live it is."""
    counts: dict[str, Any] = {}
    if state not in (ImportState.WAITING, ImportState.FAILED):
        counts = {"customers_read": 820, "customers_expected": 1284, "movements_read": 2400, "created": 12}
    if state in (ImportState.DONE, ImportState.PARTLY_DONE):
        counts |= {"customers_read": 1284, "updated": 31, "unchanged": 1241, "movements_added": 44, "requests": 31}
    left_alone = {"sent_at": now() + LONG_AFTER, "lease_until": now() + LONG_AFTER}
    usual = {"steps": _steps(state), **left_alone, **counts}
    made: Import = factories.make_import(of, state, **{**usual, **changes})
    return made


def _steps(state: str) -> list[dict[str, Any]]:
    reached = {"waiting": 0, "running": 2, "cancelling": 2, "failed": 2, "cancelled": 2}.get(state, 5)
    at = {"running": "running", "cancelling": "running", "failed": "failed"}.get(state, "waiting")
    names = ("check_key", "customers", "movements", "match", "properties")
    return [
        {
            "name": name,
            "state": "done" if index < reached else at if index == reached else "waiting",
            "seconds": 0.4 * index + 0.2 if index < reached else None,
            "note": None,
        }
        for index, name in enumerate(names)
    ]


def imports_in_every_ended_state(of: Provider) -> None:
    import_(of, ImportState.DONE, trigger=Trigger.FIRST)
    import_(of, ImportState.CANCELLED, cancelled_by="ada@acme.example")
    import_(of, ImportState.FAILED, reason="key_refused")
    import_(of, ImportState.FAILED, reason="unavailable", detail="status 502", trigger=Trigger.SCHEDULED)
    warnings_of(import_(of, ImportState.PARTLY_DONE, skipped=2, warnings=3))


def warnings_of(of: Import) -> None:
    kinds = (("not_money", "Blue Finch"), ("not_money", "Quarterly & Sons"), ("mrr_differs", None))
    for kind, name in kinds:
        db.session.add(
            ImportWarning(
                tenant_id=of.tenant_id,
                import_id=of.id,
                customer_uuid=f"cus_{uuid4()}",
                customer_name=name,
                kind=kind,
                detail="mrr: 12.5",
            )
        )
    db.session.commit()


def properties(of: Provider, kinds: Kinds = PROPERTIES) -> list[Property]:
    made = list[Property]()
    for name, type_, field in kinds:
        source = Source.CHARTMOGUL if field else Source.BY_HAND
        codename = name.lower().replace(" ", "_").replace(",", "")[:60]
        row = Property(tenant_id=of.tenant_id, name=name, codename=codename, type=type_, source=source, field=field)
        row.version, row.slot = 1, row.slot_for(type_, made)
        if field:
            row.filled_version, row.filled_at, row.filled_count = 1, now(), 9
        db.session.add(row)
        made.append(row)
    db.session.commit()
    return made


def customers(of: Provider, count: int, **changes: Any) -> list[Customer]:
    """Customers with movements and, of every property there is, values; some have none."""
    rows = [_customer(of, index, changes) for index in range(count)]
    db.session.add_all(rows)
    db.session.flush()
    known = db.session.query(Property).filter(Property.tenant_id == of.tenant_id).all()
    insert_rows(CustomerValues, [_values(row, index, known) for index, row in enumerate(rows)])
    db.session.add_all(_movements(rows[0], now()))
    db.session.commit()
    return rows


def _customer(of: Provider, index: int, changes: dict[str, Any]) -> Customer:
    uuid = f"cus_{uuid4()}"
    usual = {
        "external_id": f"ext-{index}",
        "name": f"{NAMES[index % len(NAMES)]} {index}",
        "email": f"hello-{index}@customer.example",
        "company": "Customer Ltd",
        "city": "Köln",
        "country": "DE",
        "status": STATUSES[index % len(STATUSES)],
        "mrr_minor": 12900 * index,
        "arr_minor": 12 * 12900 * index,
        "currency": "EUR",
        "customer_since": now() - timedelta(days=400 + index),
        "chartmogul_url": "https://app.chartmogul.com/#/customers/1",
        "website_url": "https://www.customer.example",
        "tags": ["enterprise", "2024"],
        "content_hash": b"0" * 16,
        "changed_import_id": uuid4(),
    }
    ids = {"id": Customer.id_for(of.id, uuid), "tenant_id": of.tenant_id, "provider_id": of.id, "uuid": uuid}
    return Customer(**{**usual, **ids, **changes})


def _values(customer: Customer, index: int, known: list[Property]) -> dict[str, Any]:
    kept: dict[str, int | str | None] = {
        "money": 12900 * index - 50000,
        "text": customer.status,
        "number": 10_000 * index,
        "percent": 50_000 * index,
        "boolean": index % 2,
        "date": 20000 + index,
        "list": '["enterprise", "2024"]',
    }
    shown = {row.slot: kept[row.type] if (index + len(row.name)) % 4 else None for row in known}
    columns = {name: getattr(customer, name) for name in Customer.__table__.c.keys()}  # noqa: SIM118
    return {**CustomerValues.row_of(columns), **shown}


VIEWS = ("At risk, paying", "Large", "Renewals of the next quarter, by size")


def views_of(company: Company, somebody: Somebody, names: Sequence[str] = VIEWS) -> list[SavedView]:
    made = [
        SavedView(
            tenant_id=company.id, user_id=somebody.id, name=name, args={"mrr.min": "1"}, columns=["mrr", "status"]
        )
        for name in names
    ]
    db.session.add_all(made)
    db.session.commit()
    return made


def _movements(customer: Customer, at: datetime) -> list[Movement]:
    rows, mrr = [], 0
    for index, step in enumerate((10000, 5000, -2500, 7500, -20000, 20000)):
        mrr += step
        rows.append(
            Movement(
                id=uuid4(),
                tenant_id=customer.tenant_id,
                provider_id=customer.provider_id,
                customer_uuid=customer.uuid,
                at=at - timedelta(days=60 * (5 - index) - 10),  # the last one is still to come
                type=("new_biz", "expansion", "contraction", "expansion", "churn", "reactivation")[index],
                movement_minor=step,
                mrr_minor=mrr,
                description="changed the plan",
                currency="EUR",
                read=0,
            )
        )
    return rows
