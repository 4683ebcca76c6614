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
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache, partial
from operator import attrgetter
from types import NoneType
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from webapp.chartmogul.fields import CUSTOM_PREFIX, Field, custom_codename
from webapp.chartmogul.fields import PropertyType as PropertyType
from webapp.chartmogul.records import looks_like_timestamp, read_time

Value = int | Decimal | str | bool | date | tuple[str, ...]

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
    """`field_values` for many customers: the fields are looked up once, each customer's values come in their
    order, None for none."""
    readers = [_reader(field) for field in fields]

    def values(customer: Any, movements: Sequence[Movement], moment: Moment) -> list[Value | None]:
        facts = _Facts(customer, movements, moment)
        begun = bool(facts.history.past)
        return [(read(facts.history) if begun else None) if past else read(facts) for past, read in readers]

    return values


def mrr_by_day(movements: Sequence[Movement], moment: Moment) -> list[tuple[date, int]]:
    """MRR at the end of each day with past movements, oldest first; it holds until the next day listed."""
    return _History(movements, moment).days


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
    if type_ not in (PropertyType.TEXT, PropertyType.LIST):
        numbers = [number for number in kept if number is not None]
        if numbers and not -LARGEST <= min(numbers) <= max(numbers) <= LARGEST:
            raise TooLarge("The number is too large.")
    return kept


def keep_as(
    values: Sequence[Value | None], from_type: PropertyType, to_type: PropertyType, zone: tzinfo
) -> list[int | str | None]:
    """Values of one type, read and kept as another; one that cannot be is empty, as an import leaves it."""
    try:
        read = values
        if from_type is not to_type:
            read = [None if value is None else convert(value, from_type, to_type, zone) for value in values]
        return encode_all(to_type, read)
    except CannotRead:
        return [None] if len(values) == 1 else [keep_as([each], from_type, to_type, zone)[0] for each in values]


def decode(type_: PropertyType, number: int | None, text: str | None) -> Value | None:
    """The value kept as `number` and `text`; a number without decimals comes back as int."""
    if type_ in (PropertyType.TEXT, PropertyType.LIST):
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
    """One customer at one moment."""

    __slots__ = ("customer", "history", "moment", "movements")

    def __init__(self, customer: Any, movements: Sequence[Movement], moment: Moment) -> None:
        self.customer = customer
        self.movements = movements
        self.moment = moment
        self.history = _History(movements, moment)

    def day(self, at: datetime | None) -> date | None:
        return None if at is None else _day(at, self.moment.zone)

    def since(self, day: date | None) -> int | None:
        """Days from a day to today; None before it."""
        return None if day is None or day > self.moment.today else (self.moment.today - day).days


class _History:
    """A customer's movements in order of time, the past ones with their days; `days` are those that had any, each
    with the MRR at its end."""

    __slots__ = ("days", "moment", "mrr", "past", "scheduled")

    def __init__(self, movements: Sequence[Movement], moment: Moment) -> None:
        self.moment = moment
        self.past: list[tuple[date, Movement]] = []
        self.scheduled: list[Movement] = []
        now, zone, today = moment.now, moment.zone, moment.today
        for movement in sorted(movements, key=_IN_TIME) if len(movements) > 1 else movements:
            if movement.at > now:
                self.scheduled.append(movement)
            else:  # a clock set back over midnight can put a past movement on tomorrow's date
                self.past.append((min(_day(movement.at, zone), today), movement))
        changes: dict[date, int] = {}
        for day, movement in self.past:
            changes[day] = changes.get(day, 0) + movement.movement_minor
        self.days: list[tuple[date, int]] = []
        self.mrr: int = 0
        for day in sorted(changes):  # clocks that go back over midnight put a later movement on the day before
            self.mrr += changes[day]
            self.days.append((day, self.mrr))

    def moved(self, type_: str | None = None, days: int | None = None) -> list[int]:
        """The amounts of the past movements, of one type, of the last `days` days."""
        before = date.min if days is None else self.moment.today - timedelta(days)
        return [m.movement_minor for day, m in self.past if day > before and (type_ is None or m.type == type_)]

    def last(self, type_: str) -> date | None:
        return next((day for day, movement in reversed(self.past) if movement.type == type_), None)

    def churned_on(self) -> date | None:
        """The day of the last churn, unless a reactivation came later."""
        ends = [(day, movement) for day, movement in self.past if movement.type in ("churn", "reactivation")]
        churn = next(((day, m.at) for day, m in reversed(ends) if m.type == "churn"), None)
        return None if churn is None or ends[-1][1].at > churn[1] else churn[0]

    def scheduled_churn_on(self) -> date | None:
        """The day of the earliest scheduled churn that no scheduled reactivation follows."""
        back = max((m.at for m in self.scheduled if m.type == "reactivation"), default=self.moment.now)
        churn = next((m.at for m in self.scheduled if m.type == "churn" and m.at >= back), None)
        return None if churn is None else _day(churn, self.moment.zone)

    def change_90d(self) -> Decimal | None:
        change = sum(self.moved(days=90))
        return _percent(change, self.mrr - change)

    def peak(self) -> int:
        return max(mrr for _, mrr in self.days)

    def first(self) -> int:
        """MRR at the end of the first day that ended with any."""
        return next((mrr for _, mrr in self.days if mrr > 0), 0)

    def revenue(self) -> int:
        ends = [day for day, _ in self.days[1:]] + [self.moment.today + timedelta(1)]
        total = sum(mrr * (end - day).days for (day, mrr), end in zip(self.days, ends, strict=True))
        return _ratio(total * 12, 365)


_IN_TIME = attrgetter("at", "mrr_minor", "movement_minor", "type")


def _day(at: datetime, zone: tzinfo) -> date:
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at.astimezone(zone).date()


def _text(value: str | None) -> str | None:
    return value or None


def _trial_to_paid(facts: _Facts) -> int | None:
    paid, trial = facts.day(facts.customer.customer_since), facts.day(facts.customer.free_trial_started_at)
    if paid is None or trial is None or paid < trial:
        return None
    return (paid - trial).days


def _days_past_due(facts: _Facts) -> int | None:
    if facts.customer.status != "Past Due":
        return None
    return facts.since(facts.day(getattr(facts.customer, "past_due_since", None)))


def _scheduled_change(facts: _Facts) -> int | None:
    return sum(m.movement_minor for m in facts.history.scheduled) if facts.movements else None


# Fields of the MRR history, which are empty unless it has begun, and all others.
_OF_HISTORY: Mapping[str, Callable[[_History], Value | None]] = {
    "cm_churned_on": _History.churned_on,
    "cm_reactivations": lambda h: len(h.moved("reactivation")),
    "cm_recurring_revenue": _History.revenue,
    "cm_mrr_change_30d": lambda h: sum(h.moved(days=30)),
    "cm_mrr_change_90d_pct": _History.change_90d,
    "cm_mrr_vs_peak_pct": lambda h: _percent(h.mrr, h.peak()),
    "cm_mrr_vs_first_pct": lambda h: _percent(h.mrr, h.first()),
    "cm_contraction_12m": lambda h: -sum(h.moved("contraction", 365)),
    "cm_expansion_12m": lambda h: sum(h.moved("expansion", 365)),
    "cm_contractions_180d": lambda h: len(h.moved("contraction", 180)),
    "cm_last_movement": lambda h: str(h.past[-1][1].type),
    "cm_last_movement_on": lambda h: h.past[-1][0],
}
_OF_FACTS: Mapping[str, Callable[[_Facts], Value | None]] = {
    "cm_status": lambda f: _text(f.customer.status),
    "cm_churned": lambda f: f.customer.status == "Cancelled" if f.customer.status else None,
    "cm_scheduled_churn_on": lambda f: f.history.scheduled_churn_on(),
    "cm_customer_since": lambda f: f.day(f.customer.customer_since),
    "cm_tenure_days": lambda f: f.since(f.day(f.customer.customer_since)),
    "cm_trial_to_paid_days": _trial_to_paid,
    "cm_days_past_due": _days_past_due,
    "cm_plans": lambda f: tuple(getattr(f.customer, "plans", None) or ()) or None,
    "cm_billing_interval_months": lambda f: getattr(f.customer, "billing_interval_months", None),
    "cm_quantity": lambda f: getattr(f.customer, "quantity", None),
    "cm_mrr": lambda f: f.customer.mrr_minor,
    "cm_arr": lambda f: f.customer.arr_minor,
    "cm_mrr_share": lambda f: _percent(f.customer.mrr_minor, f.moment.total_mrr_minor),
    "cm_days_since_contraction": lambda f: f.since(f.history.last("contraction")),
    "cm_days_since_expansion": lambda f: f.since(f.history.last("expansion")),
    "cm_scheduled_mrr_change": _scheduled_change,
    "cm_company": lambda f: _text(f.customer.company),
    "cm_email": lambda f: _text(f.customer.email),
    "cm_country": lambda f: _text(f.customer.country),
    "cm_city": lambda f: _text(f.customer.city),
    "cm_billing_system": lambda f: _text(f.customer.billing_system),
    "cm_tags": lambda f: tuple(f.customer.tags or ()) or None,
}


def _reader(field: str | Field) -> tuple[bool, Callable[[Any], Value | None]]:
    """Whether a field is of the history, and how it is read of that or of all facts."""
    codename = field if isinstance(field, str) else field.codename
    if codename in _OF_HISTORY:
        return True, _OF_HISTORY[codename]
    if codename in _OF_FACTS:
        return False, _OF_FACTS[codename]
    if not codename.startswith(CUSTOM_PREFIX):
        raise KeyError(codename)
    return False, partial(_custom_value, field)


def _custom_value(field: str | Field, facts: _Facts) -> Value | None:
    attributes = facts.customer.custom or {}
    if isinstance(field, str):
        return next((_custom(attributes[key]) for key in attributes if custom_codename(key) == field), None)
    value = _custom(attributes.get(field.custom_key))
    try:
        return None if value is None else convert(value, natural_type(value), field.type, facts.moment.zone)
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
        return tuple(str(convert(item, natural_type(item), PropertyType.TEXT)) for item in items) or None
    return None


def _percent(part: int, whole: int) -> Decimal | None:
    """part ÷ whole in percent points, two decimals; None without a positive whole."""
    return _hundredths(_ratio(part * 10_000, whole)) if whole > 0 else None


def _ratio(part: int, whole: int) -> int:
    """part ÷ whole, rounded half up, away from zero below zero; `whole` is positive."""
    rounded = (2 * abs(part) + whole) // (2 * whole)
    return -rounded if part < 0 else rounded


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
    PropertyType.PERCENT: lambda v: _scaled(v, 100),
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
