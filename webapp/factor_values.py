"""What a tenant's customers have of a property, seen as a factor of their health score."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func

from webapp.charts import histogram
from webapp.distributions import in_ranges
from webapp.extensions import db
from webapp.folding import fold
from webapp.models import CustomerValues, Property, Provider
from webapp.score_sentences import value_words
from webapp.tenancy import owned
from webapp.values import RANGED, PropertyType, decode_one, format_value

MOST_VALUES = 12


@dataclass(frozen=True, slots=True)
class Spread:
    """How the values of those customers who can have a score lie, with both anchors. `drawing`: None for what is
    not counted in ranges. `at_zero`, `between`, `at_hundred`: how many get no, some, all points; None without both."""

    drawing: Any
    bars: Sequence[tuple[str, int]]
    filled: int
    without: int
    at_zero: int | None = None
    between: int | None = None
    at_hundred: int | None = None


@dataclass(frozen=True, slots=True)
class Frequent:
    """A value that many customers have: as it is kept in `by_text`, as people read it, and of how many."""

    key: str
    words: str
    customers: int


def live_of(provider: Provider, *columns: Any) -> Select[Any]:
    """Of the customers who can have a score: live subscribers who are in ChartMogul."""
    return owned(CustomerValues, *columns).where(CustomerValues.provider_id == provider.id, CustomerValues.subscribes())


def spread_of(property_: Property, provider: Provider, zero: int | None, hundred: int | None) -> Spread:
    """`zero`, `hundred`: the anchors as they are kept, each None as long as there is none."""
    kept, type_ = property_.values, PropertyType(property_.type)
    rows = db.session.execute(live_of(provider, kept, func.count()).group_by(kept)).all()
    counts = sorted((int(value), number) for value, number in rows if value is not None)
    without, filled = sum(number for value, number in rows if value is None), sum(number for _, number in counts)
    drawing, bars = None, list[tuple[str, int]]()
    if counts and type_ in RANGED:
        borders, bars = in_ranges(type_, counts, provider.currency)
        anchors = {"anchor-zero": zero, "anchor-hundred": hundred}
        marks = [(kind, _place(borders, at)) for kind, at in anchors.items() if at is not None]
        drawing = histogram(bars, marks, _marked(type_, zero, hundred, provider.currency))
    if zero is None or hundred is None or zero == hundred:
        return Spread(drawing, bars, filled, without)
    way = 1 if hundred > zero else -1
    at_zero = sum(number for value, number in counts if way * (value - zero) <= 0)
    at_hundred = sum(number for value, number in counts if way * (value - hundred) >= 0)
    return Spread(drawing, bars, filled, without, at_zero, filled - at_zero - at_hundred, at_hundred)


def frequent(property_: Property, provider: Provider | None) -> list[Frequent]:
    """The most frequent values, each once however it is spelled; numbers in their order."""
    if provider is None:
        return []
    kept, type_ = property_.values, PropertyType(property_.type)
    filled = live_of(provider, kept, func.count()).where(kept.is_not(None)).group_by(kept)
    rows = db.session.execute(filled.order_by(func.count().desc(), kept).limit(5 * MOST_VALUES)).all()
    words, customers = dict[str, str](), Counter[str]()
    for value, number in rows:
        key = fold(str(value))
        words.setdefault(key, format_value(type_, decode_one(type_, value)))
        customers[key] += number
    found = [Frequent(key, words[key], number) for key, number in customers.most_common(MOST_VALUES)]
    return found if type_ is PropertyType.TEXT else sorted(found, key=lambda each: int(each.key))


def spellings(property_: Property | None, provider: Provider | None) -> dict[str, str]:
    """How customers have the values of a text, by their keys."""
    if property_ is None or property_.type != PropertyType.TEXT:
        return {}
    return {each.key: each.words for each in frequent(property_, provider)}


def _place(borders: Sequence[int], at: int) -> float:
    """Where a value lies among the ranges, of which each is as wide as the others: from 0 to 1."""
    if at <= borders[0]:
        return 0.0
    if at >= borders[-1]:
        return 1.0
    number = bisect_right(borders, at) - 1
    return (number + (at - borders[number]) / (borders[number + 1] - borders[number])) / (len(borders) - 1)


def _marked(type_: PropertyType, zero: int | None, hundred: int | None, currency: str | None) -> str:
    anchors = (("0 points", zero), ("100 points", hundred))
    return "".join(
        f" {words} at {value_words(type_, decode_one(type_, at), currency)}." for words, at in anchors if at is not None
    )
