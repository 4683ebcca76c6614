"""How a property's values are spread over a tenant's customers."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import Select, and_, case, func

from webapp.extensions import db
from webapp.histogram import edges, labels
from webapp.models import Customer, Property, PropertyValue, Provider, Source
from webapp.tenancy import current_tenant_id, owned
from webapp.values import PropertyType, Value, decode, format_value

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
    bars = [
        (format_value(type_, decode(type_, *((kept, None) if type_ is PropertyType.BOOLEAN else (None, kept)))), n)
        for kept, n in top
    ]
    return Distribution(bars, total, total - sum(n for _, n in bars))


def examples(property_: Property, provider: Provider) -> list[tuple[Customer, Value]]:
    """A few customers that have a value, whichever come first."""
    columns = Customer, PropertyValue.number, PropertyValue.text
    found = db.session.execute(_values(property_, provider, *columns).limit(EXAMPLES))
    type_ = PropertyType(property_.type)
    shown = [(customer, decode(type_, number, text)) for customer, number, text in found]
    filled = [(customer, value) for customer, value in shown if value is not None]
    return sorted(filled, key=lambda pair: pair[0].title.casefold())


def filled_by_hand(provider: Provider | None) -> dict[Any, int]:
    """How many customers have a value, by property, for those that people fill."""
    if provider is None:
        return {}
    counted = (
        owned(PropertyValue, PropertyValue.property_id, func.count())
        .join(Property, and_(Property.id == PropertyValue.property_id, Property.version == PropertyValue.version))
        .join(Customer, _whose(provider))
        .where(Property.source == Source.BY_HAND, Property.tenant_id == current_tenant_id())
        .group_by(PropertyValue.property_id)
    )
    return {row[0]: row[1] for row in db.session.execute(counted)}


def _histogram(property_: Property, provider: Provider, type_: PropertyType) -> Distribution:
    number = PropertyValue.number
    fraction = func.max(case((number % WHOLE != 0, 1), else_=0))
    row = db.session.execute(
        _values(property_, provider, func.count(number), func.min(number), func.max(number), fraction)
    ).one()
    filled, low, high, fractional = row
    if not filled:
        return Distribution((), 0)
    unit = WHOLE if type_ is PropertyType.NUMBER and not fractional else 1
    borders = edges(type_, int(low), int(high), unit)
    below = [func.sum(case((number < border, 1), else_=0)) for border in borders[1:-1]]
    within = db.session.execute(_values(property_, provider, *below)).one() if below else ()
    counts = [0, *within, filled]
    names = labels(type_, borders, unit, provider.currency)
    bars = [(name, int(after) - int(before)) for name, (before, after) in zip(names, pairwise(counts), strict=True)]
    return Distribution(bars, filled)


def _items(property_: Property, provider: Provider) -> Distribution:
    texts = db.session.scalars(_values(property_, provider, PropertyValue.text).limit(LISTS_LOOKED_AT)).all()
    counts = Counter(item for text in texts for item in json.loads(text or "[]"))
    note = f"Of the first {LISTS_LOOKED_AT:,} lists." if len(texts) == LISTS_LOOKED_AT else ""
    return Distribution(counts.most_common(MOST_WORDS), len(texts), note=note)


def _values(property_: Property, provider: Provider, *columns: Any) -> Select[Any]:
    return owned(PropertyValue, *columns).join(Customer, _whose(provider)).where(*_valid(property_))


def _valid(property_: Property) -> tuple[Any, ...]:
    return PropertyValue.property_id == property_.id, PropertyValue.version == property_.version


def _whose(provider: Provider) -> Any:
    return and_(
        Customer.id == PropertyValue.customer_id,
        Customer.tenant_id == current_tenant_id(),
        Customer.provider_id == provider.id,
        Customer.gone_at.is_(None),
    )
