"""Of which ChartMogul fields an account sends nothing: found once an import, from all that is stored."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, String, and_, cast, func, true

from webapp.chartmogul.fields import FIELDS, Cost, Field
from webapp.extensions import db
from webapp.models import Customer, Movement, Provider
from webapp.tenancy import owned

_HAS_STATUS, _HAS_PAID = func.coalesce(Customer.status, "") != "", Customer.customer_since.is_not(None)
# What a customer has that has a value of a field, at the least. Fields that are not here always have values.
_OF_CUSTOMERS: Mapping[str, ColumnElement[bool]] = {
    "cm_status": _HAS_STATUS,
    "cm_churned": _HAS_STATUS,
    "cm_customer_since": _HAS_PAID,
    "cm_tenure_days": _HAS_PAID,
    "cm_trial_to_paid_days": and_(_HAS_PAID, Customer.free_trial_started_at.is_not(None)),
    "cm_days_past_due": Customer.past_due_since.is_not(None),
    "cm_company": func.coalesce(Customer.company, "") != "",
    "cm_email": func.coalesce(Customer.email, "") != "",
    "cm_country": func.coalesce(Customer.country, "") != "",
    "cm_city": func.coalesce(Customer.city, "") != "",
    "cm_billing_system": func.coalesce(Customer.billing_system, "") != "",
    "cm_tags": cast(Customer.tags, String) != "[]",
}
# Which movement there is at the least: its type, and whether it is still to come. Other fields of movements have
# values as soon as there is any movement.
_ANY = (None, False)
_OF_MOVEMENTS: Mapping[str, tuple[str | None, bool]] = {
    "cm_churned_on": ("churn", False),
    "cm_scheduled_churn_on": ("churn", True),
    "cm_days_since_contraction": ("contraction", False),
    "cm_days_since_expansion": ("expansion", False),
}


def fields_without_values(provider: Provider, at: datetime) -> list[str]:
    """Codenames of the fields of which no customer can have a value, in the catalogue's order. One that is not
    named may still be empty: what is looked for is what a value takes at the least."""
    if not _has(provider, true()):
        return []
    lacking = {codename for codename, has in _OF_CUSTOMERS.items() if not _has(provider, has)}
    moved = {kind: _has_moved(provider, at, *kind) for kind in {_ANY, *_OF_MOVEMENTS.values()}}
    of_movements = (codename for codename, field in FIELDS.items() if field.cost is Cost.MOVEMENTS)
    lacking |= {codename for codename in of_movements if not moved[_OF_MOVEMENTS.get(codename, _ANY)]}
    return [codename for codename in FIELDS if codename in lacking]


def _has(provider: Provider, condition: ColumnElement[bool]) -> bool:
    """Whether a present customer meets a condition: the first one ends the search."""
    present = owned(Customer, Customer.id).where(Customer.provider_id == provider.id, Customer.gone_at.is_(None))
    return db.session.scalar(present.where(condition).limit(1)) is not None


def _has_moved(provider: Provider, at: datetime, type_: str | None, to_come: bool) -> bool:
    """Whether there is a movement of a type, or any at all: the first one ends the search."""
    found = Movement.that_count(provider, Movement.id)
    if type_ is not None:
        found = found.where(Movement.type == type_, Movement.at > at if to_come else Movement.at <= at)
    return db.session.scalar(found.limit(1)) is not None


def has_no_values(field: Field, provider: Provider) -> bool:
    """Whether the last import found no customer with a value of a field."""
    if field.custom_key is not None:
        return provider.last_success_at is not None and field.custom_key not in provider.attributes
    return field.codename in provider.fields_without_values
