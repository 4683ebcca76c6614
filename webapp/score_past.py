"""What a customer's score was on days before there were scores, as far as movements and dates tell. Pure.

A factor whose values they do not tell is not counted. Who paid is Active, who paid no more Cancelled; before anybody
paid there was no customer.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from webapp.chartmogul.fields import Field, PropertyType
from webapp.health import ACTIVE, CANCELLED, NOT_ENOUGH, Config, Facts, Kept, Points, scores_of
from webapp.rebuilt import can_be_rebuilt
from webapp.values import CannotRead, Moment, Movement, Value, convert, encode_all, values_reader

DAYS, EVERY = 365, 7
MRR = "cm_mrr"


class Day(NamedTuple):
    """A score from a day on."""

    day: date
    score: int | None
    points: tuple[Points, ...]
    why_none: str | None


def days_before(today: date, trend_days: int, moved: Collection[date]) -> list[date]:
    """The days that are looked at: one a week of a year, the one that a trend looks back to, those of movements."""
    first = today - timedelta(days=DAYS)
    weekly = {first + timedelta(days=back) for back in range(0, DAYS, EVERY)}
    return sorted(weekly | {today - timedelta(days=trend_days)} | {day for day in moved if first <= day < today})


class Past:
    """Scores of the past by one configuration. `fields`: by factor, what its property is filled from, None if that is
    not known; `zone`: of the account's days; `ends`: the moment that a day ends at."""

    def __init__(
        self, config: Config, fields: Sequence[Field | None], zone: ZoneInfo, ends: Callable[[date], datetime]
    ) -> None:
        self.config, self.zone, self.ends = config, zone, ends
        self.fields = [field if field is not None and can_be_rebuilt(field) else None for field in fields]
        self._known = [field is not None for field in self.fields]
        self._read = values_reader([field for field in self.fields if field is not None and field.codename != MRR])

    def of(self, customer: Any, movements: Sequence[Movement], days: Sequence[date]) -> list[Day]:
        """On which of these days the score was another one than on the day before. `customer`: anything with a
        `customer_since`."""
        looked_at, facts, values = list[date](), list[Facts](), list[list[Value | None]]()
        for day, mrr, row in self._values(customer, sorted(movements, key=lambda m: m.at), days):
            if mrr > 0 or looked_at:
                looked_at.append(day)
                facts.append(Facts(ACTIVE if mrr > 0 else CANCELLED))
                values.append(row)
        if not looked_at:
            return []
        columns = [self._kept(place, list(column)) for place, column in enumerate(zip(*values, strict=True))]
        found: list[Day] = []
        scored = scores_of(self.config, columns, facts, self._known)
        for day, about, (score, points, _) in zip(looked_at, facts, scored, strict=True):
            why_none = None if score is not None else about.why_none or NOT_ENOUGH
            if not found or found[-1][1:] != (score, points, why_none):
                found.append(Day(day, score, points, why_none))
        return found

    def _values(self, customer: Any, movements: Sequence[Movement], days: Sequence[date]) -> Any:
        """Each day's MRR at its end, and the value of each factor then."""
        times, sums = [movement.at for movement in movements], [0]
        for movement in movements:
            sums.append(sums[-1] + movement.movement_minor)
        for day in days:
            at = self.ends(day)
            happened = bisect_right(times, at)
            others = iter(self._read(customer, movements[:happened], Moment(at, self.zone, 0)))
            mrr = sums[happened]
            yield day, mrr, [self._value(field, mrr if happened else None, others) for field in self.fields]

    @staticmethod
    def _value(field: Field | None, mrr: int | None, others: Any) -> Value | None:
        if field is None:
            return None
        return mrr if field.codename == MRR else next(others)

    def _kept(self, place: int, column: list[Value | None]) -> list[Kept]:
        field, type_ = self.fields[place], self.config.factors[place].type
        if field is None:
            return [None] * len(column)
        try:
            return list(self._encoded(field, type_, column))
        except CannotRead:
            return [self._kept_one(field, type_, value) for value in column]

    def _encoded(self, field: Field, type_: PropertyType, column: list[Value | None]) -> Sequence[Kept]:
        if field.type is not type_:
            column = [None if value is None else convert(value, field.type, type_, self.zone) for value in column]
        return encode_all(type_, column)

    def _kept_one(self, field: Field, type_: PropertyType, value: Value | None) -> Kept:
        try:
            return self._encoded(field, type_, [value])[0]
        except CannotRead:
            return None
