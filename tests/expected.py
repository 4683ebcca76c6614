"""What the app has to hold after an import, computed from ChartMogul's answers apart from the code of the
sync: plain loops over plain dicts, and `tests.reference` for the values."""

from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from simulator import Account
from tests.reference import Reference
from webapp.chartmogul.fields import FIELDS, Cost, PropertyType
from webapp.customer_columns import all_properties
from webapp.extensions import db
from webapp.models import Customer, CustomerValues, Movement, Provider
from webapp.tenancy import across_tenants, acting_for, owned
from webapp.values import decode_one

TIMES = ("customer_since", "free_trial_started_at", "lead_created_at")


def expected_customers(account: Account) -> dict[str, dict[str, Any]]:
    """Each listed customer's fields as our columns, by uuid."""
    return {raw["uuid"]: _customer(raw) for raw in account.customers()}


def _customer(raw: dict[str, Any]) -> dict[str, Any]:
    same = ("uuid", "external_id", "external_ids", "owner", "name", "email", "company", "status", "currency")
    row: dict[str, Any] = {name: raw.get(name) or None for name in (*same, "country", "city", "website_url")}
    row["external_ids"] = list(dict.fromkeys(raw["external_ids"]))
    row["mrr_minor"], row["arr_minor"] = raw["mrr"], raw["arr"]
    row["billing_system"], row["chartmogul_url"] = raw["billing-system-type"], raw["chartmogul-url"]
    row["tags"] = list(dict.fromkeys(raw["attributes"]["tags"]))
    custom = raw["attributes"]["custom"]
    row["custom"] = {key: value for key, value in custom.items() if value is not None and value != ""}
    for name in TIMES:
        row[name] = _time(raw.get("customer-since" if name == "customer_since" else name))
    return row


def expected_movements(account: Account) -> Counter[tuple[Any, ...]]:
    """Each listed movement as a tuple, counted: two of the same content are two."""
    return Counter(
        (
            raw["customer-uuid"],
            _time(raw["date"]),
            raw["type"],
            raw["activity-mrr-movement"],
            raw["activity-mrr"],
            raw["description"],
            raw["subscription-external-id"],
            raw["plan-external-id"],
        )
        for raw in account.activities()
    )


def expected_values(account: Account, fields: list[str], at: datetime, most: int) -> dict[str, dict[str, Any]]:
    """Listed customers' values of catalogue fields, by uuid and codename: of all, or of `most` spread evenly."""
    movements: dict[str, list[Any]] = {}
    for raw in account.activities():
        movements.setdefault(raw["customer-uuid"], []).append(
            SimpleNamespace(
                at=_time(raw["date"]),
                type=raw["type"],
                movement_minor=raw["activity-mrr-movement"],
                mrr_minor=raw["activity-mrr"],
            )
        )
    total = sum(raw["mrr"] for raw in account.customers())
    found = {}
    customers = account.customers()
    for raw in customers[:: max(1, len(customers) // most)]:
        live = raw["status"] in ("Active", "Past Due")
        subscriptions = account.subscriptions(raw["uuid"]) if live else []
        customer = SimpleNamespace(**_customer(raw), past_due_since=None, subscriptions=subscriptions)
        of_customer = movements.get(raw["uuid"], [])
        values = Reference(customer, of_customer, at, ZoneInfo(account.time_zone), total).values()
        found[raw["uuid"]] = {name: values[name] for name in fields if values.get(name) is not None}
    return found


def held_customers(provider: Provider) -> dict[str, dict[str, Any]]:
    """What our table holds of the present customers, in the same shape."""
    assert_rows_of_values_agree(provider)
    with across_tenants():
        rows = db.session.scalars(
            select(Customer).where(Customer.provider_id == provider.id, Customer.gone_at.is_(None))
        ).all()
        names = _customer_names()
        return {row.uuid: {name: getattr(row, name) for name in names} for row in rows}


def assert_rows_of_values_agree(provider: Provider) -> None:
    """Each customer, also one that is gone, has the id that is made of its uuid, and one row of values that says the
    same of it: by these customers are found."""
    facts = Customer.id, Customer.uuid, Customer.status, Customer.mrr_minor, Customer.gone_at.is_not(None)
    same = CustomerValues.customer_id, CustomerValues.uuid, CustomerValues.status, CustomerValues.mrr_minor
    with across_tenants():
        held = db.session.execute(select(*facts).where(Customer.provider_id == provider.id)).all()
        of_values = select(*same, CustomerValues.gone).where(CustomerValues.provider_id == provider.id)
        assert sorted(map(tuple, held)) == sorted(map(tuple, db.session.execute(of_values)))
    assert all(id_ == Customer.id_for(provider.id, uuid) for id_, uuid, *_ in held)


def _customer_names() -> list[str]:
    plain = ("uuid", "external_id", "external_ids", "owner", "name", "email", "company", "status", "currency")
    more = ("country", "city", "website_url", "mrr_minor", "arr_minor", "billing_system", "chartmogul_url")
    return [*plain, *more, "tags", "custom", *TIMES]


def held_movements(provider: Provider) -> Counter[tuple[Any, ...]]:
    columns = (
        Movement.customer_uuid,
        Movement.at,
        Movement.type,
        Movement.movement_minor,
        Movement.mrr_minor,
        Movement.description,
        Movement.subscription_id,
        Movement.plan_id,
    )
    with across_tenants():
        read = db.session.scalar(select(Provider.movements_read).where(Provider.id == provider.id))
        statement = select(*columns).where(Movement.provider_id == provider.id, Movement.read <= read)
        return Counter(tuple(row) for row in db.session.execute(statement))


def held_values(provider: Provider) -> dict[str, dict[str, Any]]:
    """What our table holds of the present customers' values, by uuid and field."""
    found: dict[str, dict[str, Any]] = {}
    with acting_for(provider.tenant_id):
        properties = all_properties()
        rows = owned(CustomerValues, CustomerValues.uuid, *(property_.values for property_ in properties))
        present = rows.where(CustomerValues.provider_id == provider.id, CustomerValues.gone.is_(False))
        for uuid, *kept in db.session.execute(present):
            for property_, value in zip(properties, kept, strict=True):
                if value is not None:
                    found.setdefault(uuid, {})[property_.field] = decode_one(PropertyType(property_.type), value)
    return found


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC) if text else None


COSTLY_FIELDS = [name for name, field in FIELDS.items() if field.cost is Cost.SUBSCRIPTIONS]
# All that can be computed from one state of the account and that costs no requests.
ALL_FIELDS = [name for name in FIELDS if name not in ("cm_days_past_due", *COSTLY_FIELDS)]
