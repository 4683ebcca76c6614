"""Whether a configuration would have warned of the customers who churned: their grades in the past, computed from
movements, beside those of customers who stayed; and what each factor said of either. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from webapp.health import Grade, grade_of
from webapp.score_past import Past, Then
from webapp.values import Moment, Movement

DAYS_BEFORE = (30, 60, 90)
# From this grade on a customer counts as warned of.
WARNED = Grade.AT_RISK


@dataclass(slots=True)
class Tally:
    """Of some customers, by days before: how many had a score, and of how many it warned."""

    scored: Counter[int] = field(default_factory=Counter)
    warned: Counter[int] = field(default_factory=Counter)
    customers: int = 0
    # Who had not been a customer for long enough before to be looked at.
    too_new: int = 0
    # By a factor's place: its points, and how often it was counted, the fewest days before.
    points: Counter[int] = field(default_factory=Counter)
    counted: Counter[int] = field(default_factory=Counter)

    def add(self, past: Past, customer: Any, movements: Sequence[Movement], end: datetime) -> None:
        """Count a customer who churned at `end`, or is held against those who did."""
        begins, latest = min((movement.at for movement in movements), default=None), end - timedelta(min(DAYS_BEFORE))
        if begins is None or begins > latest:
            self.too_new += 1
            return
        self.customers += 1
        before = sorted(DAYS_BEFORE, reverse=True)
        scores = past.of(customer, movements, [Moment(end - timedelta(days), past.zone, 0) for days in before])
        for days, then in zip(before, scores, strict=True):
            if then is not None and then.score is not None:
                self.scored[days] += 1
                self.warned[days] += grade_of(then.score) >= WARNED
                if days == min(DAYS_BEFORE):
                    self._add_points(then)

    def _add_points(self, then: Then) -> None:
        for place, points in enumerate(then.points):
            if points is not None:
                self.points[place] += points
                self.counted[place] += 1

    def mean_points(self, place: int) -> int | None:
        """What a factor gave on average, in tenths."""
        counted = self.counted[place]
        return round(self.points[place] / counted) if counted else None
