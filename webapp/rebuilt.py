"""What a customer's values were in the past, computed from the movements and dates that are known now. Pure."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from webapp.chartmogul.fields import Cost, Field, PropertyType
from webapp.values import Moment, Movement, Value, decode_one, keep_as, mrr_by_day, values_reader

# A value from a moment on, until the next.
Step = tuple[datetime, Value | None]

# What was scheduled at a moment of the past is not known: a movement says when it happens, not since when it is known.
_SCHEDULED = frozenset({"cm_scheduled_churn_on", "cm_scheduled_mrr_change"})
_OF_DATES = frozenset({"cm_customer_since", "cm_tenure_days"})
# What else than a movement changes a value: that one leaves the last so many days; or a day that passes, by one.
_WINDOWS = {
    "cm_mrr_change_30d": 30,
    "cm_mrr_change_90d_pct": 90,
    "cm_contractions_180d": 180,
    "cm_contraction_12m": 365,
    "cm_expansion_12m": 365,
}
_AGES = frozenset({"cm_days_since_contraction", "cm_days_since_expansion", "cm_tenure_days"})
_REVENUE = "cm_recurring_revenue"
# A history of more days than this with movements is looked at by month.
MOST_DAYS = 300


def can_be_rebuilt(field: Field) -> bool:
    """Whether a field's past follows from movements and dates."""
    of_movements = field.cost is Cost.MOVEMENTS and field.codename not in _SCHEDULED
    return of_movements or field.codename == "cm_mrr" or field.codename in _OF_DATES


def rebuild(
    field: Field, type_: PropertyType, customer: Any, movements: Sequence[Movement], zone: ZoneInfo, until: datetime
) -> list[Step]:
    """The values of a field, read as a type, at the beginning of each month and after each day's last movement before
    `until`, oldest first; a value that stays the same is said once. Movements after a moment are left out of it."""
    begins = customer.customer_since if field.codename in _OF_DATES else min((m.at for m in movements), default=None)
    steps: list[Step] = []
    for at in _moments(begins, movements, zone, until) if begins else ():
        value = value_at(field, customer, movements, Moment(at, zone, 0))
        read = decode_one(type_, keep_as([value], field.type, type_, zone)[0])
        if not steps or steps[-1][1] != read:
            steps.append((at, read))
    return steps


def value_at(field: Field, customer: Any, movements: Sequence[Movement], moment: Moment) -> Value | None:
    """A field's value at a moment of the past, with what had happened by then."""
    known = [movement for movement in movements if movement.at <= moment.now]
    if field.codename == "cm_mrr":
        days = mrr_by_day(known, moment)
        return days[-1][1] if days else None
    return values_reader([field])(customer, known, moment)[0]


def grows_daily(field: Field) -> bool:
    """Whether a value is one more on each day on which nothing else changes it."""
    return field.codename in _AGES


class Changes:
    """On which days any of some fields can have another value than before, but for those that grow daily."""

    def __init__(self, fields: Iterable[Field]) -> None:
        codenames = {field.codename for field in fields}
        # The window of no days is for clocks set back over midnight, when a movement counts as one of the day before.
        self._windows = [timedelta(0), *(timedelta(_WINDOWS[each]) for each in codenames & set(_WINDOWS))]
        self._each_day = _REVENUE in codenames

    def marks(self, customer: Any, movements: Sequence[Movement], zone: tzinfo) -> Callable[[int, date], object]:
        """What is the same as long as no value changes, of the number of movements that have happened and the day."""
        times = [movement.at for movement in movements]
        if customer.customer_since is not None:
            times.append(customer.customer_since)
        days, windows = sorted(at.astimezone(zone).date() for at in times), self._windows

        def mark(happened: int, day: date) -> object:
            return happened, [bisect_right(days, day - window) for window in windows], self._each_day and day

        return mark


def _moments(begins: datetime, movements: Sequence[Movement], zone: tzinfo, until: datetime) -> list[datetime]:
    last_of_day = {m.at.astimezone(zone).date(): m.at for m in sorted(movements, key=lambda m: m.at)}
    moved = list(last_of_day.values()) if len(last_of_day) <= MOST_DAYS else []
    months = _months(begins.astimezone(zone).date(), until.astimezone(zone).date(), zone)
    return sorted({at for at in (begins, *moved, *months) if begins <= at < until})


def _months(first: date, last: date, zone: tzinfo) -> Iterator[datetime]:
    """The beginning of each month after a day, up to another."""
    year, month = first.year, first.month
    while (year, month) < (last.year, last.month):
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        yield datetime(year, month, 1, tzinfo=zone)
