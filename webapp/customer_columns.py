"""The columns of the customers' list: a tenant's properties and each customer's values of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func
from sqlalchemy.orm import InstrumentedAttribute

from webapp.extensions import db
from webapp.models import Customer, CustomerValues, Property
from webapp.tenancy import owned
from webapp.values import PropertyType, Value, decode_one, format_value

COLUMNS_AT_FIRST = 6
LONGEST_CELL, SHORT_CELL = 120, 24


class Cell(NamedTuple):
    """What stands in a cell, and what its look depends on."""

    words: str
    look: str
    empty: bool
    from_chartmogul: bool


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the list: a property, or what ChartMogul says itself as long as there are no properties."""

    key: str
    name: str
    type: PropertyType
    of_property: Property | None = None
    of_record: InstrumentedAttribute[Any] | None = None

    @classmethod
    def of(cls, property_: Property) -> "Column":
        return cls(property_.codename, property_.name, PropertyType(property_.type), property_)

    @property
    def numeric(self) -> bool:
        return self.type in (PropertyType.NUMBER, PropertyType.MONEY, PropertyType.PERCENT)

    @property
    def from_chartmogul(self) -> bool:
        return self.of_property is None or self.of_property.from_chartmogul

    def value(self, customer: Customer, values: Mapping[tuple[UUID, UUID], Value]) -> Value | None:
        """A customer's cell, given the values of all cells."""
        if self.of_property is not None:
            return values.get((customer.id, self.of_property.id))
        assert self.of_record is not None
        found: Value | None = getattr(customer, self.of_record.key)
        return found

    def cell(self, customer: Customer, values: Mapping[tuple[UUID, UUID], Value], currency: str | None) -> "Cell":
        """A customer's cell as the table shows it."""
        value = self.value(customer, values)
        words = "none" if value is None else format_value(self.type, value, currency)
        short = words if len(words) <= LONGEST_CELL else words[: LONGEST_CELL - 1] + "…"
        look = ("n " if self.numeric else "") + ("nowrap " if len(words) < SHORT_CELL else "")
        return Cell(short, look, value is None, self.from_chartmogul)

    @property
    def sorted_by(self) -> ColumnElement[Any]:
        """Of a row of CustomerValues."""
        if self.of_record is not None:
            kept: Any = getattr(CustomerValues, self.of_record.key)
        else:
            kept = self.of_property.values if self.of_property is not None else CustomerValues.title
        return func.lower(kept) if self.type in (PropertyType.TEXT, PropertyType.LIST) else kept


OF_THE_RECORD = (
    Column("status", "Status", PropertyType.TEXT, of_record=Customer.status),
    Column("mrr", "MRR", PropertyType.MONEY, of_record=Customer.mrr_minor),
)
BY_TITLE = Column("name", "Customer", PropertyType.TEXT)


def fetch_values(customer_ids: Sequence[UUID], properties: Sequence[Property]) -> dict[tuple[UUID, UUID], Value]:
    """Values by (customer, property), in two queries."""
    if not customer_ids or not properties:
        return {}
    of = owned(Customer, Customer.provider_id, Customer.uuid).where(Customer.id.in_(customer_ids))
    keys = db.session.execute(of).all()
    columns = [property_.values for property_ in properties]
    rows = db.session.execute(
        owned(CustomerValues, CustomerValues.customer_id, *columns).where(
            CustomerValues.provider_id.in_({key.provider_id for key in keys}),
            CustomerValues.uuid.in_([key.uuid for key in keys]),
            CustomerValues.customer_id.in_(customer_ids),
        )
    )
    values = {}
    for customer_id, *kept in rows:
        for property_, held in zip(properties, kept, strict=True):
            value = decode_one(PropertyType(property_.type), held)
            if value is not None:
                values[customer_id, property_.id] = value
    return values


def is_of_customer() -> ColumnElement[bool]:
    """Whether a row of values is a customer's."""
    return and_(
        CustomerValues.tenant_id == Customer.tenant_id,
        CustomerValues.provider_id == Customer.provider_id,
        CustomerValues.uuid == Customer.uuid,
    )


def all_properties() -> list[Property]:
    """The tenant's properties, oldest first."""
    return list(db.session.scalars(owned(Property).order_by(Property.created_at, Property.codename)))


def chosen_columns(properties: Sequence[Property], wanted: Sequence[str] | None) -> list[Column]:
    """The columns that a user wants to see, by codename, or at first the oldest few properties."""
    if not properties:
        return list(OF_THE_RECORD)
    if wanted is None:
        return [Column.of(property_) for property_ in properties[:COLUMNS_AT_FIRST]]
    known = {property_.codename: property_ for property_ in properties}
    return [Column.of(known[codename]) for codename in wanted if codename in known]
