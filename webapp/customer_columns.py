"""The columns of the customers' list: a tenant's properties and each customer's values of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, Protocol

from markupsafe import Markup
from sqlalchemy import ColumnElement, Float, and_, cast
from sqlalchemy.orm import InstrumentedAttribute

from webapp.extensions import db
from webapp.health import FULL
from webapp.models import Customer, CustomerValues, Property
from webapp.models.types import caseless
from webapp.tenancy import owned
from webapp.values import WORDED, PropertyType, Value, decode_one, format_value

COLUMNS_AT_FIRST = 6
LONGEST_CELL, SHORT_CELL = 120, 24
END = Markup("</td>")
# How it begins, which ends the one before it, and what it says.
Cell = tuple[Markup, str]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the list: a property, what ChartMogul says itself as long as there are no properties, or what is
    `kept` of the health score."""

    key: str
    name: str
    type: PropertyType
    of_property: Property | None = None
    of_record: InstrumentedAttribute[Any] | None = None
    kept: Any = None

    @classmethod
    def of(cls, property_: Property) -> "Column":
        return cls(key_of(property_.codename), property_.name, PropertyType(property_.type), property_)

    @property
    def numeric(self) -> bool:
        return self.type in (PropertyType.NUMBER, PropertyType.MONEY, PropertyType.PERCENT)

    @property
    def right(self) -> bool:
        """Whether it is a column of numbers, one below the other. The score's are drawn."""
        return self.numeric and self.kept is None

    @property
    def from_chartmogul(self) -> bool:
        return self.of_property is None or self.of_property.from_chartmogul

    def cells(self, values: Sequence[Value | None], old: Sequence[bool], currency: str | None) -> list[Cell]:
        """Cells of the table; `old`: whether what ChartMogul gave is not up to date."""
        kind, may_be_old, drawn = "n " if self.numeric else "", self.from_chartmogul, []
        for value, is_old in zip(values, old, strict=True):
            words = "none" if value is None else format_value(self.type, value, currency)
            look = kind + ("nowrap " if len(words) < SHORT_CELL else "")
            look += "none" if value is None else "muted" if is_old and may_be_old else ""
            short = words if len(words) <= LONGEST_CELL else words[: LONGEST_CELL - 1] + "…"
            drawn.append((_begin(look), short))
        return drawn

    @property
    def sorted_by(self) -> ColumnElement[Any]:
        """Of a row of CustomerValues."""
        if self.kept is not None:
            kept = self.kept
        elif self.of_record is not None:
            kept = getattr(CustomerValues, self.of_record.key)
        else:
            kept = self.of_property.values if self.of_property is not None else CustomerValues.title
        return self.as_sorted(kept)

    def as_sorted(self, kept: Any) -> ColumnElement[Any]:
        return caseless(kept) if self.type in WORDED else kept


OF_THE_RECORD = (
    Column("status", "Status", PropertyType.TEXT, of_record=Customer.status),
    Column("mrr", "MRR", PropertyType.MONEY, of_record=Customer.mrr_minor),
)
BY_TITLE = Column("name", "Customer", PropertyType.TEXT)
HEALTH = Column("score", "Health", PropertyType.NUMBER, kept=CustomerValues.score)
TREND = Column("trend", "Trend", PropertyType.NUMBER, kept=CustomerValues.trend)
# What a score lacks, times MRR; a float, because the largest amounts times a thousand are no BIGINT any more.
RISK = Column(
    "risk",
    "Who needs a call first",
    PropertyType.NUMBER,
    kept=(FULL - CustomerValues.score) * cast(CustomerValues.mrr_minor, Float),
)
OF_THE_SCORE = (
    HEALTH,
    Column("grade", "Grade", PropertyType.NUMBER, kept=CustomerValues.grade),
    TREND,
    RISK,
)
KEYS_OF_THE_SCORE = frozenset(column.key for column in OF_THE_SCORE)


def key_of(codename: str) -> str:
    """What a property's column is sorted by in an address; where the score has that name already, another one."""
    return f"{codename}.value" if codename in KEYS_OF_THE_SCORE else codename


class Keyed(Protocol):
    """Whatever says which customer it is: a Customer, or a row with these of its columns."""

    @property
    def provider_id(self) -> Any: ...
    @property
    def uuid(self) -> Any: ...


def fetch_values(customers: Sequence[Keyed], properties: Sequence[Property]) -> list[list[Value | None]]:
    """The values of each property, in the order of the customers, who are of one provider. One query."""
    if not customers or not properties:
        return [[None] * len(customers) for _ in properties]
    columns = CustomerValues.uuid, *(property_.values for property_ in properties)
    these = (
        CustomerValues.provider_id == customers[0].provider_id,
        CustomerValues.uuid.in_([customer.uuid for customer in customers]),
    )
    rows = {row[0]: row for row in db.session.execute(owned(CustomerValues, *columns).where(*these))}
    nothing = [None] * len(columns)
    _, *kept = zip(*[rows.get(customer.uuid, nothing) for customer in customers], strict=True)
    return [
        [decode_one(type_, held) for held in column]
        for type_, column in zip([PropertyType(property_.type) for property_ in properties], kept, strict=True)
    ]


def cells_of(
    customers: Sequence[Customer], columns: Sequence[Column], stale: bool, currency: str | None
) -> list[Markup]:
    """The cells of the customers' rows. Made here and by the column, not by a template, because a page has a thousand
    of them."""
    old = [stale or customer.gone_at is not None for customer in customers]
    values = iter(fetch_values(customers, [column.of_property for column in columns if column.of_property]))
    drawn = []
    for column in columns:
        record = column.of_record
        held = [getattr(customer, record.key) for customer in customers] if record is not None else next(values)
        drawn.append(column.cells(held, old, currency))
    rows = zip(*drawn, strict=True) if drawn else [()] * len(customers)
    # A row's first cell has none before it to end.
    return [Markup("").join((*chain.from_iterable(row), END))[len(END) :] for row in rows]


@cache
def _begin(look: str) -> Markup:
    return END + Markup('<td class="{}">').format(look)


def is_of_customer() -> ColumnElement[bool]:
    """Whether a row of values is a customer's."""
    return and_(
        CustomerValues.tenant_id == Customer.tenant_id,
        CustomerValues.customer_id == Customer.id,
    )


def all_properties() -> list[Property]:
    """The tenant's properties, oldest first."""
    return list(db.session.scalars(owned(Property).order_by(Property.created_at, Property.codename)))


def sortable_columns(properties: Sequence[Property]) -> dict[str, Column]:
    """Every column that the list can be sorted by, also those that are not shown, by key."""
    columns = [Column.of(property_) for property_ in properties] or OF_THE_RECORD
    return {column.key: column for column in (*columns, *OF_THE_SCORE)}


def chosen_columns(properties: Sequence[Property], wanted: Sequence[str] | None) -> list[Column]:
    """The columns that a user wants to see, by codename, or at first the oldest few properties."""
    if not properties:
        return list(OF_THE_RECORD)
    if wanted is None:
        return [Column.of(property_) for property_ in properties[:COLUMNS_AT_FIRST]]
    known = {property_.codename: property_ for property_ in properties}
    return [Column.of(known[codename]) for codename in wanted if codename in known]
