"""What a customer's score was at moments gone by, as far as movements and dates tell: for the history of before scores
were recorded, and for the back-test. Pure.

Who had MRR counts as Active, who had none any more as Cancelled; before anybody paid there was no customer. Active is
right of nearly everybody who pays, and without the status every score of the past would be made of other factors than
those of now. Who was past due, or had a churn scheduled, no movement tells: no cap holds, and where that could matter
a score is not compared with one of the past, see `webapp.scoring.Basis.untold`. Any other factor whose values are
not told is not counted, and without half of the weights there is no number, as today.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from webapp.chartmogul.fields import Field
from webapp.health import ACTIVE, CANCELLED, NOT_ENOUGH, Config, Facts, Points, scores_of
from webapp.rebuilt import Changes, can_be_rebuilt, grows_daily
from webapp.values import Moment, Movement, Value, keep_as, values_reader

DAYS, EVERY = 365, 7
STATUS, MRR = "cm_status", "cm_mrr"


class Then(NamedTuple):
    """A score at a moment."""

    score: int | None
    points: tuple[Points, ...]
    why_none: str | None


class _Seen(NamedTuple):
    """What is known of a customer at a moment: its facts, and the value of each factor."""

    facts: Facts
    values: list[Any]

    def after(self, days: int, growing: Sequence[int]) -> "_Seen":
        """So many days later, when nothing has changed but what grows daily."""
        values = list(self.values)
        for place in growing:
            values[place] += days
        return _Seen(self.facts, values)


def has_history(field: Field | None) -> bool:
    """Whether a factor made of this field can be told for a day of the past."""
    return field is not None and (field.codename == STATUS or can_be_rebuilt(field))


def days_before(today: date, trend_days: int, moved: Collection[date]) -> list[date]:
    """The days that are looked at: one a week of a year, the one that a trend looks back to, those of movements."""
    first = today - timedelta(days=DAYS)
    weekly = {first + timedelta(days=back) for back in range(0, DAYS, EVERY)}
    return sorted(weekly | {today - timedelta(days=trend_days)} | {day for day in moved if first <= day < today})


def changes_of(days: Iterable[date], scores: Iterable[Then | None]) -> Iterator[tuple[date, Then]]:
    """Those of the days on which the score was another one than on the day before."""
    before = None
    for day, then in zip(days, scores, strict=True):
        if then is not None and then != before:
            yield day, then
        before = then


class Past:
    """Scores of the past by one configuration. `fields`: by factor, what its property is filled from, None if that is
    not known; `zone`: of the account's days."""

    def __init__(self, config: Config, fields: Sequence[Field | None], zone: ZoneInfo) -> None:
        self.config, self.zone = config, zone
        self.fields = [field if has_history(field) else None for field in fields]
        self._known = [field is not None for field in self.fields]
        read = [field for field in self.fields if field is not None and field.codename not in (STATUS, MRR)]
        self._read, self._changes = values_reader(read), Changes(read)
        self._growing = [place for place, field in enumerate(self.fields) if field is not None and grows_daily(field)]

    def of(self, customer: Any, movements: Sequence[Movement], moments: Sequence[Moment]) -> list[Then | None]:
        """At each of these moments, oldest first; None before there was a customer. `customer`: anything with a
        `customer_since`."""
        seen: list[_Seen] = []
        places: list[int | None] = []
        mark: object = None
        for happened, mrr, new_mark, at in self._marked(customer, movements, moments):
            if mrr <= 0 and not seen:
                places.append(None)
                continue
            if new_mark != mark:
                mark, read_on = new_mark, at.today
                seen.append(read := self._seen(customer, happened, mrr, at))
                growing = [place for place in self._growing if read.values[place] is not None]
            elif growing and (days := (at.today - read_on).days):
                seen.append(read.after(days, growing))
            places.append(len(seen) - 1)
        scored = self._scored(seen)
        return [None if place is None else scored[place] for place in places]

    def _marked(
        self, customer: Any, movements: Sequence[Movement], moments: Sequence[Moment]
    ) -> Iterator[tuple[Sequence[Movement], int, object, Moment]]:
        """By moment: the movements that had happened, the MRR, and what stays the same as long as no value changes."""
        movements = sorted(movements, key=lambda movement: movement.at)
        times, sums = [movement.at for movement in movements], [0]
        for movement in movements:
            sums.append(sums[-1] + movement.movement_minor)
        mark_at = self._changes.marks(customer, movements, self.zone)
        for moment in moments:
            happened = bisect_right(times, moment.now)
            yield movements[:happened], sums[happened], mark_at(happened, moment.today), moment

    def _seen(self, customer: Any, happened: Sequence[Movement], mrr: int, moment: Moment) -> _Seen:
        status = ACTIVE if mrr > 0 else CANCELLED
        told: dict[str, Value] = {STATUS: status, MRR: mrr}
        others = iter(self._read(customer, happened, moment))
        values = [
            None if field is None else told[field.codename] if field.codename in told else next(others)
            for field in self.fields
        ]
        return _Seen(Facts(status), values)

    def _scored(self, seen: Sequence[_Seen]) -> list[Then]:
        if not seen:
            return []
        facts, values = [each.facts for each in seen], zip(*(each.values for each in seen), strict=True)
        columns = [
            [None] * len(seen) if field is None else keep_as(column, field.type, factor.type, self.zone)
            for field, factor, column in zip(self.fields, self.config.factors, values, strict=True)
        ]
        scores = scores_of(self.config, columns, facts, self._known)
        return [
            Then(score, points, None if score is not None else about.why_none or NOT_ENOUGH)
            for about, (score, points, _) in zip(facts, scores, strict=True)
        ]
