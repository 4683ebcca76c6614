"""A customer's values for its page: each with where it comes from and how fresh it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from webapp.customer_columns import fetch_values
from webapp.extensions import db
from webapp.freshness import property_state
from webapp.models import Customer, Import, Property, PropertyVersion, Provider
from webapp.tenancy import owned
from webapp.value_history import last_set
from webapp.values import PropertyType, Value


@dataclass(frozen=True, slots=True)
class ShownValue:
    """A property with the customer's value of it. `state` is one of webapp.freshness.property_state, or `never`: no
    import can have filled it, because the customer was gone."""

    of: Property
    value: Value | None
    state: str
    at: datetime | None = None
    by: str | None = None
    import_: Import | None = None

    @property
    def type(self) -> PropertyType:
        return PropertyType(self.of.type)

    @property
    def stale(self) -> bool:
        return self.state == "stale"


def values_of(
    customer: Customer, properties: Sequence[Property], provider: Provider, stale: datetime | None
) -> list[ShownValue]:
    """All properties of the tenant, with or without a value, in a few queries."""
    last = last_set([property_.id for property_ in properties if not property_.from_chartmogul], customer.id)
    filled_by = [property_.filled_import_id for property_ in properties if property_.filled_import_id]
    # Another account's import says nothing of this customer.
    these = Import.id.in_(filled_by), Import.provider_id == customer.provider_id
    imports = {row.id: row for row in db.session.scalars(owned(Import).where(*these))}
    never = _never_filled(customer)
    shown = []
    for property_, (value,) in zip(properties, fetch_values([customer], properties), strict=True):
        state = property_state(property_, provider, stale)
        if state == "unconnected" and stale and value is not None:
            state = "stale"  # what was filled before is still there
        if state == "by_hand":
            change = last.get(property_.id) if value is not None else None
            at, by = (change.at, change.by) if change else (None, None)
            shown.append(ShownValue(property_, value, state, at, by))
        elif customer.gone_at:  # the newest import filled it of others
            state = "never" if property_.id in never else "stale"
            shown.append(ShownValue(property_, value, state, customer.gone_at))
        elif state == "waiting":
            shown.append(ShownValue(property_, value, state))
        else:
            import_ = imports.get(property_.filled_import_id) if property_.filled_import_id else None
            shown.append(ShownValue(property_, value, state, stale or property_.filled_at, import_=import_))
    return shown


def _never_filled(customer: Customer) -> set[UUID]:
    """The properties whose definition no import had filled yet when a customer was gone."""
    if customer.gone_at is None:
        return set()
    of_it = (PropertyVersion.property_id == Property.id) & (PropertyVersion.tenant_id == Property.tenant_id)
    of_now = of_it & (PropertyVersion.version == Property.version)
    later = PropertyVersion.filled_at.is_(None) | (PropertyVersion.filled_at > customer.gone_at)
    return set(db.session.scalars(owned(Property, Property.id).join(PropertyVersion, of_now).where(later)))
