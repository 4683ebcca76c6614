"""How a property's values are spread over a tenant's customers."""

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func

from webapp.customer_columns import is_of_customer
from webapp.extensions import db
from webapp.histogram import edges, labels
from webapp.models import Customer, CustomerValues, Property, Provider
from webapp.tenancy import owned
from webapp.values import RANGED, PropertyType, Value, decode_one

MOST_WORDS = 8
LISTS_LOOKED_AT = 5_000
EXAMPLES = 5
WHOLE = 10_000


@dataclass(frozen=True, slots=True)
class Distribution:
    """Counts by range of numbers, or of the most frequent words; `others` are customers with rarer words."""

    bars: Sequence[tuple[str, int]]
    filled: int
    others: int = 0
    note: str = ""


def distribution(property_: Property, provider: Provider) -> Distribution:
    type_ = PropertyType(property_.type)
    if type_ in RANGED:
        return _histogram(property_, provider, type_)
    if type_ is PropertyType.LIST:
        return _items(property_, provider)
    key = property_.values
    counts = _values(property_, provider, key, func.count()).group_by(key)
    total = db.session.scalar(_values(property_, provider, func.count())) or 0
    top = db.session.execute(counts.order_by(func.count().desc(), key).limit(MOST_WORDS)).all()
    bars = [("Yes" if kept == 1 else "No" if kept == 0 else str(kept), customers) for kept, customers in top]
    return Distribution(bars, total, total - sum(n for _, n in bars))


def examples(property_: Property, provider: Provider) -> list[tuple[Customer, Value]]:
    """A few customers that have a value, whichever come first."""
    found = _values(property_, provider, Customer, property_.values).join(Customer, is_of_customer())
    type_ = PropertyType(property_.type)
    shown = [(customer, decode_one(type_, kept)) for customer, kept in db.session.execute(found.limit(EXAMPLES))]
    filled = [(customer, value) for customer, value in shown if value is not None]
    return sorted(filled, key=lambda pair: pair[0].title.casefold())


def filled_by_hand(properties: Iterable[Property], provider: Provider | None) -> dict[Any, int]:
    """How many customers have a value, by property, for those that people fill."""
    by_hand = [property_ for property_ in properties if not property_.from_chartmogul]
    if provider is None or not by_hand:
        return {}
    counts = owned(CustomerValues, *(func.count(property_.values) for property_ in by_hand)).where(*_present(provider))
    return {property_.id: number for property_, number in zip(by_hand, db.session.execute(counts).one(), strict=True)}


def _histogram(property_: Property, provider: Provider, type_: PropertyType) -> Distribution:
    number = property_.values
    rows = db.session.execute(_values(property_, provider, number, func.count()).group_by(number).order_by(number))
    counts = [(int(kept), int(customers)) for kept, customers in rows if kept is not None]
    if not counts:
        return Distribution((), 0)
    names = in_ranges(type_, counts, provider.currency)[1]
    return Distribution(names, sum(customers for _, customers in counts))


def in_ranges(
    type_: PropertyType, counts: Sequence[tuple[int, int]], currency: str | None
) -> tuple[list[int], list[tuple[str, int]]]:
    """Numbers as they are kept, in order, each with how often it is there, by ranges: their borders, and of each what
    it is called and how many are in it."""
    whole = type_ is PropertyType.NUMBER and all(kept % WHOLE == 0 for kept, _ in counts)
    unit = WHOLE if whole else 1
    borders = edges(type_, counts[0][0], counts[-1][0], unit)
    bars = [0] * (len(borders) - 1)
    for kept, customers in counts:
        bars[bisect_right(borders, kept) - 1] += customers
    return borders, list(zip(labels(type_, borders, unit, currency), bars, strict=True))


def _items(property_: Property, provider: Provider) -> Distribution:
    texts = db.session.scalars(_values(property_, provider, property_.values).limit(LISTS_LOOKED_AT)).all()
    counts = Counter(item for text in texts for item in json.loads(text or "[]"))
    note = f"Of the first {LISTS_LOOKED_AT:,} lists." if len(texts) == LISTS_LOOKED_AT else ""
    return Distribution(counts.most_common(MOST_WORDS), len(texts), note=note)


def _values(property_: Property, provider: Provider, *columns: Any) -> Select[Any]:
    return owned(CustomerValues, *columns).where(*_present(provider), property_.values.is_not(None))


def _present(provider: Provider) -> tuple[ColumnElement[bool], ...]:
    """Whether a row is of a customer that ChartMogul has now."""
    return CustomerValues.provider_id == provider.id, CustomerValues.gone.is_(False)
