"""How a property's values are spread over a tenant's customers."""

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from webapp.extensions import db
from webapp.histogram import edges, labels
from webapp.models import Customer, Property, PropertyValue, Provider
from webapp.tenancy import current_tenant_id, owned
from webapp.values import PropertyType, Value, decode

MOST_WORDS = 8
LISTS_LOOKED_AT = 5_000
EXAMPLES = 5
WHOLE = 10_000
COUNTED = (PropertyType.NUMBER, PropertyType.MONEY, PropertyType.PERCENT, PropertyType.DATE)


@dataclass(frozen=True, slots=True)
class Distribution:
    """Counts by range of numbers, or of the most frequent words; `others` are customers with rarer words."""

    bars: Sequence[tuple[str, int]]
    filled: int
    others: int = 0
    note: str = ""


def distribution(property_: Property, provider: Provider) -> Distribution:
    type_ = PropertyType(property_.type)
    if type_ in COUNTED:
        return _histogram(property_, provider, type_)
    if type_ is PropertyType.LIST:
        return _items(property_, provider)
    key = PropertyValue.number if type_ is PropertyType.BOOLEAN else PropertyValue.text
    counts = _values(property_, provider, key, func.count()).group_by(key)
    total = db.session.scalar(_values(property_, provider, func.count())) or 0
    top = db.session.execute(counts.order_by(func.count().desc(), key).limit(MOST_WORDS)).all()
    bars = [("Yes" if kept == 1 else "No" if kept == 0 else str(kept), customers) for kept, customers in top]
    return Distribution(bars, total, total - sum(n for _, n in bars))


def examples(property_: Property, provider: Provider) -> list[tuple[Customer, Value]]:
    """A few customers that have a value, whichever come first."""
    columns = Customer, PropertyValue.number, PropertyValue.text
    found = owned(PropertyValue, *columns).join(Customer, _whose(provider)).where(*_valid(property_))
    type_ = PropertyType(property_.type)
    rows = db.session.execute(found.limit(EXAMPLES))
    shown = [(customer, decode(type_, number, text)) for customer, number, text in rows]
    filled = [(customer, value) for customer, value in shown if value is not None]
    return sorted(filled, key=lambda pair: pair[0].title.casefold())


def filled_by_hand(properties: Iterable[Property], provider: Provider | None) -> dict[Any, int]:
    """How many customers have a value, by property, for those that people fill."""
    by_hand = [property_ for property_ in properties if not property_.from_chartmogul]
    if provider is None or not by_hand:
        return {}
    valid = or_(*(and_(*_valid(property_)) for property_ in by_hand))
    counted = owned(PropertyValue, PropertyValue.property_id, func.count()).where(valid, _present(provider))
    rows = db.session.execute(counted.group_by(PropertyValue.property_id))
    return {property_id: int(number) for property_id, number in rows}


def _histogram(property_: Property, provider: Provider, type_: PropertyType) -> Distribution:
    number = PropertyValue.number
    rows = db.session.execute(_values(property_, provider, number, func.count()).group_by(number).order_by(number))
    counts = [(int(kept), int(customers)) for kept, customers in rows if kept is not None]
    if not counts:
        return Distribution((), 0)
    whole = type_ is PropertyType.NUMBER and all(kept % WHOLE == 0 for kept, _ in counts)
    unit = WHOLE if whole else 1
    borders = edges(type_, counts[0][0], counts[-1][0], unit)
    bars = [0] * (len(borders) - 1)
    for kept, customers in counts:
        bars[bisect_right(borders, kept) - 1] += customers
    names = labels(type_, borders, unit, provider.currency)
    return Distribution(list(zip(names, bars, strict=True)), sum(bars))


def _items(property_: Property, provider: Provider) -> Distribution:
    texts = db.session.scalars(_values(property_, provider, PropertyValue.text).limit(LISTS_LOOKED_AT)).all()
    counts = Counter(item for text in texts for item in json.loads(text or "[]"))
    note = f"Of the first {LISTS_LOOKED_AT:,} lists." if len(texts) == LISTS_LOOKED_AT else ""
    return Distribution(counts.most_common(MOST_WORDS), len(texts), note=note)


def _values(property_: Property, provider: Provider, *columns: Any) -> Select[Any]:
    return owned(PropertyValue, *columns).where(*_valid(property_), _present(provider))


def _valid(property_: Property) -> tuple[ColumnElement[bool], ...]:
    return PropertyValue.property_id == property_.id, PropertyValue.version == property_.version


def _present(provider: Provider) -> ColumnElement[bool]:
    """Whether the value is of a customer that ChartMogul has now. Asked value by value: a join would tempt
    a database to begin with all customers."""
    return select(Customer.id).where(_whose(provider)).exists()


def _whose(provider: Provider) -> ColumnElement[bool]:
    return and_(
        Customer.id == PropertyValue.customer_id,
        Customer.tenant_id == current_tenant_id(),
        Customer.provider_id == provider.id,
        Customer.gone_at.is_(None),
    )
