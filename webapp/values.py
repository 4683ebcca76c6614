"""Property values of one customer, from its record and its movements: pure, for previews and for the worker.

How each type is held in Python, kept in a value's two columns (number BIGINT, text) and written to CSV files:

| type    | Python                                    | kept as                          | CSV            |
|---------|-------------------------------------------|----------------------------------|----------------|
| number  | int or Decimal                            | number × 10,000                  | `1234.5`       |
| money   | int, hundredths of the account's currency | number                           | `1234.50`      |
| percent | Decimal, percent points (−12 is −12 %)    | number × 100                     | `-12.00`       |
| text    | str                                       | text, cut at 2,000 characters    | as it is       |
| boolean | bool                                      | number, 0 or 1                   | `true` `false` |
| date    | date, a day of the account's time zone    | number, days since 1970-01-01    | `2026-11-14`   |
| list    | tuple of str                              | text, JSON of what has room      | joined by `; ` |

All rounding is half up, away from zero below zero. No value is None, or a missing key; it is never 0 or "".
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cached_property, lru_cache
from operator import attrgetter
from types import NoneType
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from webapp.chartmogul.fields import CUSTOM_PREFIX, Field, custom_codename
from webapp.chartmogul.fields import PropertyType as PropertyType
from webapp.chartmogul.records import looks_like_timestamp, read_time

Value = int | Decimal | str | bool | date | tuple[str, ...]
Column = list[Value | None]

# Types of which values lie between two others, and types whose values are words.
RANGED = (PropertyType.NUMBER, PropertyType.MONEY, PropertyType.PERCENT, PropertyType.DATE)
WORDED = (PropertyType.TEXT, PropertyType.LIST)
TEXT_LENGTH = 2_000
LARGEST = 2**63 - 1
NO_BREAK_SPACE = "\u00a0"


class CannotRead(Exception):
    """A value cannot be read as the wanted type, or is too large to keep."""


class TooLarge(CannotRead):
    """A number that is larger than what can be kept."""


class Movement(Protocol):
    """What is read of a movement; a MovementRecord is one, and a stored row."""

    @property
    def at(self) -> datetime: ...
    @property
    def type(self) -> str: ...
    @property
    def movement_minor(self) -> int: ...
    @property
    def mrr_minor(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where values are computed: an aware `now`, the account's time zone, Σ MRR of its customers."""

    now: datetime
    zone: ZoneInfo
    total_mrr_minor: int
    today: date = attribute(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "today", _day(self.now, self.zone))


def field_values(
    fields: Collection[str | Field], customer: Any, movements: Sequence[Movement], moment: Moment
) -> dict[str, Value]:
    """The customer's values by codename; a field without a value is missing from the answer.

    `fields`: codenames of the catalogue and `Field`s of custom attributes, read as the field's type or, where
    that fails, as they are (so are codenames of custom attributes). `customer`: anything with CustomerRecord's
    attributes and, where they are known, `past_due_since` (aware or None) and those of `Subscribed`. `movements`:
    those of this customer in any order, past and scheduled.

    Boundaries, in days of `moment.zone`:
    - a movement is past if dated at or before `now`; the MRR of a day is the sum of all past movements up to
      its end, for today up to now; days run from that of the first past movement to today, both included;
    - the last N days are today and the N − 1 days before it; "N days ago" is the end of the day today − N: so
      MRR now minus MRR 30 days ago is exactly the sum of the movements of the last 30 days;
    - days since, tenure and the like are differences of dates, 0 on the same day;
    - of several movements at one instant the newest is the one with the highest MRR after it; none is later.

    Without a past movement the MRR history is empty; with one, sums and counts of nothing are 0. A peak, a
    first or an earlier MRR that is not above 0 is no basis of comparison: the percentage is empty.

    Raises ValueError for a time without a zone and KeyError for a codename that is not in the catalogue.
    """
    codenames = [field if isinstance(field, str) else field.codename for field in fields]
    values = values_reader(fields)(customer, movements, moment)
    return {codename: value for codename, value in zip(codenames, values, strict=True) if value is not None}


def values_reader(fields: Collection[str | Field]) -> Callable[[Any, Sequence[Movement], Moment], list[Value | None]]:
    """`field_values` at many moments: the fields are looked up once, the values come in their order, None for none."""
    read = columns_reader(fields)

    def values(customer: Any, movements: Sequence[Movement], moment: Moment) -> list[Value | None]:
        return [value for (value,) in read([customer], [movements], moment)]

    return values


def columns_reader(
    fields: Collection[str | Field],
) -> Callable[[Sequence[Any], Sequence[Sequence[Movement]], Moment], list[Column]]:
    """`field_values` for many customers, with the movements of each: a column of values for each field, None for none.
    What several fields are read from is worked out once."""
    readers = [_reader(field) for field in fields]

    def columns(customers: Sequence[Any], movements: Sequence[Sequence[Movement]], moment: Moment) -> list[Column]:
        facts = _Facts(customers, movements, moment)
        return [read(facts) for read in readers]

    return columns


def mrr_by_day(movements: Sequence[Movement], moment: Moment) -> list[tuple[date, int]]:
    """MRR at the end of each day with past movements, oldest first; it holds until the next day listed."""
    return [(date.fromordinal(day), mrr) for day, mrr in _History(movements, moment).days]


def natural_type(value: Value) -> PropertyType:
    """The type a value has by itself: what is neither money nor percent nor a timestamp by its looks."""
    if isinstance(value, bool):
        return PropertyType.BOOLEAN
    if isinstance(value, int | Decimal):
        return PropertyType.NUMBER
    if isinstance(value, tuple):
        return PropertyType.LIST
    return PropertyType.TEXT if isinstance(value, str) else PropertyType.DATE


def convert(value: Value, from_type: PropertyType, to_type: PropertyType, zone: tzinfo = UTC) -> Value:
    """A value of one type read as another, or CannotRead. What is not of `from_type` is read as what it is.

    | from ↓ to → | number | money | percent | text | boolean | date | list |
    |---|---|---|---|---|---|---|---|
    | number  | same | major units | points | plain | 0, 1 | – | one text |
    | money   | major units | same | – | `12.34` | – | – | one text |
    | percent | points | – | same | `-12.00` | – | – | one text |
    | text    | plain | plain | plain, `%` allowed | same | yes or no | ISO | one text |
    | boolean | 1, 0 | – | – | Yes, No | same | – | one text |
    | date    | – | – | – | ISO | – | same | one text |
    | list    | – | – | – | joined by `; ` | – | – | same |

    A plain number has ASCII digits, a point, perhaps an exponent, no thousands separators. Yes or no:
    true/false, t/f, yes/no, y/n, 1/0 in any case. An ISO date is `2026-11-14` or one of ChartMogul's
    timestamps: its day is that of `zone`, except that midnight UTC names its own day.
    """
    if not _fits(value, from_type):
        from_type = natural_type(value)
    if from_type is to_type:
        return value
    if to_type is PropertyType.LIST:
        return (str(convert(value, from_type, PropertyType.TEXT)),)
    read = _CONVERSIONS.get((from_type, to_type))
    if read is None:
        raise CannotRead(f"A {from_type} cannot be read as a {to_type}.")
    return read(value, zone)


def encode(type_: PropertyType, value: Value | None) -> tuple[int | None, str | None]:
    """How a value is kept, see the module: (number, text); empty is (None, None).

    Raises CannotRead for a value of another type or beyond 63 bits.
    """
    (kept,) = encode_all(type_, [value])
    return (None, kept) if isinstance(kept, str) else (kept, None)


def encode_all(type_: PropertyType, values: Sequence[Value | None]) -> list[int | str | None]:
    """`encode` for many values of one type: what goes into the one of the two columns that the type uses."""
    if not set(map(type, values)) <= _HELD_AS[type_]:
        raise CannotRead(f"This is not a {type_}.")
    keep = _KEPT_AS[type_]
    kept = [None if value is None else keep(value) for value in values]
    if type_ not in WORDED:
        numbers = [number for number in kept if number is not None]
        if numbers and not -LARGEST <= min(numbers) <= max(numbers) <= LARGEST:
            raise TooLarge("The number is too large.")
    return kept


def keep_all(
    values: Sequence[Value | None], from_type: PropertyType, to_type: PropertyType, zone: tzinfo
) -> list[int | str | None]:
    """Values of one type, read and kept as another. Raises CannotRead."""
    if from_type is not to_type:
        values = [None if value is None else convert(value, from_type, to_type, zone) for value in values]
    return encode_all(to_type, values)


def keep_as(
    values: Sequence[Value | None], from_type: PropertyType, to_type: PropertyType, zone: tzinfo
) -> list[int | str | None]:
    """The same; a value that cannot be read is empty, as an import leaves it."""
    try:
        return keep_all(values, from_type, to_type, zone)
    except CannotRead:
        return [None] if len(values) == 1 else [keep_as([each], from_type, to_type, zone)[0] for each in values]


def decode(type_: PropertyType, number: int | None, text: str | None) -> Value | None:
    """The value kept as `number` and `text`; a number without decimals comes back as int."""
    if type_ in WORDED:
        if not text:
            return None
        return text if type_ is PropertyType.TEXT else tuple(json.loads(text))
    if number is None:
        return None
    if type_ is PropertyType.DATE:
        return _EPOCH + timedelta(days=number)
    if type_ is PropertyType.BOOLEAN:
        return bool(number)
    if type_ is PropertyType.PERCENT:
        return Decimal(number).scaleb(-2)
    if type_ is PropertyType.NUMBER:
        whole, rest = divmod(number, 10_000)
        return whole if rest == 0 else Decimal(number).scaleb(-4)
    return number


def decode_one(type_: PropertyType, kept: int | str | None) -> Value | None:
    """`decode` of what lies in the one column that the type uses."""
    return decode(type_, None, kept) if isinstance(kept, str) else decode(type_, kept, None)


def format_value(type_: PropertyType, value: Value | None, currency: str | None = None) -> str:
    """A value for people; "" if empty.

    `2,490.00 EUR` and `-12.00 %` (with no-break spaces), `1,234.5`, `Yes`, `14 Nov 2026`, `a, b`.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, date):
        return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, str):
        return value
    if type_ is PropertyType.MONEY:
        amount = f"{_hundredths(int(value)):,.2f}"
        return f"{amount}{NO_BREAK_SPACE}{currency}" if currency else amount
    if type_ is PropertyType.PERCENT:
        return f"{Decimal(_scaled(value, 100)).scaleb(-2):,.2f}{NO_BREAK_SPACE}%"
    return _plain(value, ",")


def csv_value(type_: PropertyType, value: Value | None) -> str:
    """A value for a CSV file, see the module; "" if empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(convert(value, type_, PropertyType.TEXT))


class _Facts:
    """Customers at one moment, and what is worked out of them for more than one field."""

    def __init__(self, customers: Sequence[Any], movements: Sequence[Sequence[Movement]], moment: Moment) -> None:
        self.customers = customers
        self.movements = movements
        self.moment = moment

    @cached_property
    def histories(self) -> list["_History"]:
        return [_History(movements, self.moment) for movements in self.movements]

    @cached_property
    def paid_on(self) -> list[date | None]:
        return self.days("customer_since")

    def days(self, name: str) -> list[date | None]:
        """The days of a time that the customers have."""
        zone = self.moment.zone
        return [None if at is None else _day(at, zone) for at in self.all(name)]

    def since(self, days: Iterable[date | None]) -> Column:
        """Days from each day to today; None before it."""
        today = self.moment.today.toordinal()
        return [None if day is None or (since := today - day.toordinal()) < 0 else since for day in days]

    def all(self, name: str) -> Iterable[Any]:
        """What all customers have by a name."""
        return map(attrgetter(name), self.customers)

    def known(self, name: str) -> Iterable[Any]:
        """The same of what need not be known of a customer."""
        return (getattr(customer, name, None) for customer in self.customers)


class _History:
    """A customer's movements in order of time: of each past one its day, type, amount and time. `days` are those that
    had any, each with the MRR at its end. All days are counted as by `date.toordinal`."""

    __slots__ = ("days", "moment", "mrr", "past", "scheduled", "today")

    def __init__(self, movements: Sequence[Movement], moment: Moment) -> None:
        self.moment = moment
        self.past: list[tuple[int, str, int, datetime]] = []
        self.scheduled: list[Movement] = []
        self.today = today = moment.today.toordinal()
        now, zone, changes = moment.now, moment.zone, dict[int, int]()
        for movement in sorted(movements, key=_IN_TIME) if len(movements) > 1 else movements:
            at = movement.at
            if at > now:
                self.scheduled.append(movement)
                continue
            # A clock set back over midnight can put a past movement on tomorrow's date.
            day, moved = at.astimezone(zone).toordinal(), movement.movement_minor
            day = day if day < today else today
            self.past.append((day, movement.type, moved, at))
            changes[day] = changes.get(day, 0) + moved
        self.days: list[tuple[int, int]] = []
        self.mrr: int = 0
        for day in sorted(changes):  # clocks that go back over midnight put a later movement on the day before
            self.mrr += changes[day]
            self.days.append((day, self.mrr))

    def change(self, days: int) -> int:
        """What the movements of the last `days` days add up to."""
        before = self.today - days
        return sum([moved for day, _, moved, _ in self.past if day > before])

    def moved(self, type_: str, days: int) -> list[int]:
        """The amounts of one type of the last `days` days."""
        before = self.today - days
        return [moved for day, its_type, moved, _ in self.past if its_type == type_ and day > before]

    def since(self, type_: str) -> int | None:
        """Days since the last movement of a type."""
        for day, its_type, _, _ in reversed(self.past):
            if its_type == type_:
                return self.today - day
        return None

    def churned_on(self) -> date | None:
        """The day of the last churn, unless a reactivation came later."""
        back = None
        for day, type_, _, at in reversed(self.past):
            if type_ == "churn":
                return None if back is not None and back > at else date.fromordinal(day)
            if type_ == "reactivation":
                back = back or at
        return None

    def scheduled_churn_on(self) -> date | None:
        """The day of the earliest scheduled churn that no scheduled reactivation follows."""
        back = max((m.at for m in self.scheduled if m.type == "reactivation"), default=self.moment.now)
        churn = next((m.at for m in self.scheduled if m.type == "churn" and m.at >= back), None)
        return None if churn is None else _day(churn, self.moment.zone)

    def change_90d(self) -> Decimal | None:
        change = self.change(90)
        return _percent(change, self.mrr - change)

    def peak(self) -> int:
        return max([mrr for _, mrr in self.days])

    def first(self) -> int:
        """MRR at the end of the first day that ended with any."""
        for _, mrr in self.days:
            if mrr > 0:
                return mrr
        return 0

    def revenue(self) -> int:
        """What a movement adds to the MRR it adds to each day from its own to today."""
        tomorrow = self.today + 1
        return _ratio(12 * sum([moved * (tomorrow - day) for day, _, moved, _ in self.past]), 365)


_IN_TIME = attrgetter("at", "mrr_minor", "movement_minor", "type")


def _day(at: datetime, zone: tzinfo) -> date:
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at.astimezone(zone).date()


def _texts(name: str) -> Callable[[_Facts], Column]:
    return lambda facts: [text or None for text in facts.all(name)]


def _lists(values: Iterable[Sequence[str] | None]) -> Column:
    return [tuple(items) if items else None for items in values]


def _trial_to_paid(facts: _Facts) -> Column:
    return [
        None if paid is None or trial is None or paid < trial else (paid - trial).days
        for paid, trial in zip(facts.paid_on, facts.days("free_trial_started_at"), strict=True)
    ]


def _days_past_due(facts: _Facts) -> Column:
    zone, since = facts.moment.zone, zip(facts.all("status"), facts.known("past_due_since"), strict=True)
    return facts.since(_day(at, zone) if at and status == "Past Due" else None for status, at in since)


def _share(facts: _Facts) -> Column:
    total = facts.moment.total_mrr_minor
    return [_percent(mrr, total) for mrr in facts.all("mrr_minor")]


def _scheduled_change(history: _History) -> int | None:
    return sum([m.movement_minor for m in history.scheduled]) if history.past or history.scheduled else None


# Fields of one customer's movements. The first ones are empty unless the history has begun.
_OF_PAST: Mapping[str, Callable[[_History], Value | None]] = {
    "cm_churned_on": _History.churned_on,
    "cm_reactivations": lambda h: len(h.moved("reactivation", h.today)),
    "cm_recurring_revenue": _History.revenue,
    "cm_mrr_change_30d": lambda h: h.change(30),
    "cm_mrr_change_90d_pct": _History.change_90d,
    "cm_mrr_vs_peak_pct": lambda h: _percent(h.mrr, h.peak()),
    "cm_mrr_vs_first_pct": lambda h: _percent(h.mrr, h.first()),
    "cm_contraction_12m": lambda h: -sum(h.moved("contraction", 365)),
    "cm_expansion_12m": lambda h: sum(h.moved("expansion", 365)),
    "cm_contractions_180d": lambda h: len(h.moved("contraction", 180)),
    "cm_days_since_contraction": lambda h: h.since("contraction"),
    "cm_days_since_expansion": lambda h: h.since("expansion"),
    "cm_last_movement": lambda h: str(h.past[-1][1]),
    "cm_last_movement_on": lambda h: date.fromordinal(h.past[-1][0]),
}
_OF_SCHEDULED: Mapping[str, Callable[[_History], Value | None]] = {
    "cm_scheduled_churn_on": lambda h: h.scheduled_churn_on() if h.scheduled else None,
    "cm_scheduled_mrr_change": _scheduled_change,
}
_OF_FACTS: Mapping[str, Callable[[_Facts], Column]] = {
    "cm_status": _texts("status"),
    "cm_churned": lambda f: [status == "Cancelled" if status else None for status in f.all("status")],
    "cm_customer_since": lambda f: list(f.paid_on),
    "cm_tenure_days": lambda f: f.since(f.paid_on),
    "cm_trial_to_paid_days": _trial_to_paid,
    "cm_days_past_due": _days_past_due,
    "cm_plans": lambda f: _lists(f.known("plans")),
    "cm_billing_interval_months": lambda f: list(f.known("billing_interval_months")),
    "cm_quantity": lambda f: list(f.known("quantity")),
    "cm_mrr": lambda f: list(f.all("mrr_minor")),
    "cm_arr": lambda f: list(f.all("arr_minor")),
    "cm_mrr_share": _share,
    "cm_company": _texts("company"),
    "cm_email": _texts("email"),
    "cm_country": _texts("country"),
    "cm_city": _texts("city"),
    "cm_billing_system": _texts("billing_system"),
    "cm_tags": lambda f: _lists(f.all("tags")),
}


def _reader(field: str | Field) -> Callable[[_Facts], Column]:
    codename = field if isinstance(field, str) else field.codename
    if codename in _OF_FACTS:
        return _OF_FACTS[codename]
    if codename in _OF_PAST:
        of_past = _OF_PAST[codename]
        return lambda facts: [of_past(history) if history.past else None for history in facts.histories]
    if codename in _OF_SCHEDULED:
        of_scheduled = _OF_SCHEDULED[codename]
        return lambda facts: list(map(of_scheduled, facts.histories))
    if not codename.startswith(CUSTOM_PREFIX):
        raise KeyError(codename)
    return lambda facts: [_custom_value(field, custom or {}, facts.moment.zone) for custom in facts.all("custom")]


def _custom_value(field: str | Field, attributes: dict[Any, Any], zone: tzinfo) -> Value | None:
    if isinstance(field, str):
        return next((_custom(attributes[key]) for key in attributes if custom_codename(key) == field), None)
    value = _custom(attributes.get(field.custom_key))
    try:
        return None if value is None else convert(value, natural_type(value), field.type, zone)
    except CannotRead:
        return value


def _custom(value: object) -> Value | None:
    """A custom attribute's JSON value as the property value it is by itself."""
    if value is None or value == "":
        return None
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, list | tuple):
        items = [item for item in map(_custom, value) if item is not None]
        return tuple(map(_in_words, items)) or None
    return None


def custom_as_text(value: object) -> str:
    """A custom attribute's JSON value as the text that it would be; empty without a value."""
    read = _custom(value)
    return "" if read is None else _in_words(read)


def _in_words(value: Value) -> str:
    return str(convert(value, natural_type(value), PropertyType.TEXT))


def _percent(part: int, whole: int) -> Decimal | None:
    """part ÷ whole in percent points, two decimals; None without a positive whole."""
    return _hundredths(_ratio(part * 10_000, whole)) if whole > 0 else None


def _ratio(part: int, whole: int) -> int:
    """part ÷ whole, rounded half up, away from zero below zero; `whole` is positive."""
    if part < 0:
        return -((whole - 2 * part) // (2 * whole))
    return (2 * part + whole) // (2 * whole)


_EPOCH = date(1970, 1, 1)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HELD_AS: Mapping[PropertyType, set[type]] = {
    PropertyType.NUMBER: {int, Decimal, NoneType},
    PropertyType.MONEY: {int, NoneType},
    PropertyType.PERCENT: {int, Decimal, NoneType},
    PropertyType.TEXT: {str, NoneType},
    PropertyType.BOOLEAN: {bool, NoneType},
    PropertyType.DATE: {date, NoneType},
    PropertyType.LIST: {tuple, NoneType},
}
_KEPT_AS: Mapping[PropertyType, Callable[[Any], Any]] = {
    PropertyType.NUMBER: lambda v: _scaled(v, 10_000),
    PropertyType.MONEY: lambda v: v,
    PropertyType.PERCENT: lru_cache(maxsize=20_000)(lambda v: _scaled(v, 100)),
    PropertyType.TEXT: lambda v: v[:TEXT_LENGTH] or None,
    PropertyType.BOOLEAN: int,
    PropertyType.DATE: lambda v: v.toordinal() - _EPOCH.toordinal(),
    PropertyType.LIST: lambda v: _list_text(v) if v else None,
}
_PLAIN_NUMBER = re.compile(r"[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_YES = frozenset(("true", "t", "yes", "y", "1"))
_NO = frozenset(("false", "f", "no", "n", "0"))


def _fits(value: Value, type_: PropertyType) -> bool:
    return type(value) in _HELD_AS[type_]


def _list_text(items: tuple[str, ...]) -> str:
    """JSON of as many items as have room; a first item too long for all of it is cut."""
    parts: list[str] = []
    room = TEXT_LENGTH - len("[]")
    for item in items:
        part = json.dumps(item, ensure_ascii=False)
        while not parts and len(part) > room:
            item = item[: len(item) * 3 // 4]
            part = json.dumps(item, ensure_ascii=False)
        room -= len(part) + 1
        if room < -1:
            break
        parts.append(part)
    return f"[{','.join(parts)}]"


def _scaled(value: int | Decimal, scale: int) -> int:
    """value × scale as a rounded int. Raises CannotRead for what is not a number or absurdly large."""
    if isinstance(value, int):
        return value * scale
    if not value or value.adjusted() < -10:
        return 0
    if not value.is_finite() or value.adjusted() > 20:
        raise TooLarge("The number is too large.")
    product = value * scale
    if product == int(product):
        return int(product)
    numerator, denominator = value.as_integer_ratio()
    return _ratio(numerator * scale, denominator)


@lru_cache(maxsize=20_000)  # most percentages are between 0 and 100
def _hundredths(minor: int) -> Decimal:
    return Decimal(minor).scaleb(-2)


def _plain(value: int | Decimal, separator: str = "") -> str:
    """A number without exponent or needless zeros."""
    text = f"{value:{separator}f}" if isinstance(value, Decimal) else f"{value:{separator}d}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _read_number(text: str) -> Decimal:
    if _PLAIN_NUMBER.fullmatch(text.strip()) is None:
        raise CannotRead("This text is not a plain number.")
    number = Decimal(text.strip())
    encode(PropertyType.NUMBER, number)  # refuse what could not be kept
    return number


def _read_boolean(text: str) -> bool:
    word = text.strip().lower()
    if word in _YES or word in _NO:
        return word in _YES
    raise CannotRead("This text is neither yes nor no.")


def _read_day(text: str, zone: tzinfo) -> date:
    text = text.strip()
    try:
        if _ISO_DAY.fullmatch(text):
            return date.fromisoformat(text)
        if looks_like_timestamp(text):
            at = read_time(text)
            return at.date() if (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0) else _day(at, zone)
    except ValueError:
        pass
    raise CannotRead("This text is not an ISO date.")


def _zero_or_one(number: int | Decimal) -> bool:
    if number not in (0, 1):
        raise CannotRead("Only 0 and 1 can be read as yes or no.")
    return number == 1


def _points(number: int | Decimal) -> Decimal:
    return Decimal(_scaled(number, 100)).scaleb(-2)


_N, _M, _P, _T, _B, _D, _L = PropertyType
_CONVERSIONS: Mapping[tuple[PropertyType, PropertyType], Callable[[Any, tzinfo], Value]] = {
    (_N, _M): lambda v, _: _scaled(v, 100),
    (_N, _P): lambda v, _: _points(v),
    (_N, _T): lambda v, _: _plain(v),
    (_N, _B): lambda v, _: _zero_or_one(v),
    (_M, _N): lambda v, _: _hundredths(v),
    (_M, _T): lambda v, _: f"{_hundredths(v):.2f}",
    (_P, _N): lambda v, _: v,
    (_P, _T): lambda v, _: f"{_points(v):.2f}",
    (_T, _N): lambda v, _: _read_number(v),
    (_T, _M): lambda v, _: _scaled(_read_number(v), 100),
    (_T, _P): lambda v, _: _points(_read_number(v.strip().removesuffix("%"))),
    (_T, _B): lambda v, _: _read_boolean(v),
    (_T, _D): _read_day,
    (_B, _N): lambda v, _: int(v),
    (_B, _T): lambda v, _: "Yes" if v else "No",
    (_D, _T): lambda v, _: v.isoformat(),
    (_L, _T): lambda v, _: "; ".join(v),
}
