"""Whether a configuration would have warned of the customers who churned: their grades in the past, computed from
movements, beside those of customers who stayed. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from webapp.chartmogul.fields import Field
from webapp.health import ACTIVE, Config, Factor, Facts, Grade, Kept, grade_of, score_of
from webapp.rebuilt import can_be_rebuilt
from webapp.values import CannotRead, Moment, Movement, PropertyType, Value, convert, encode, values_reader

DAYS_BEFORE = (30, 60, 90)
# From this grade on a customer counts as warned of.
WARNED = Grade.AT_RISK
STATUS, MRR = "cm_status", "cm_mrr"


class Past(NamedTuple):
    """What is known of a customer's past beside its movements."""

    customer_since: datetime | None


@dataclass(slots=True)
class Tally:
    """Of some customers, by days before: how many had a score, and of how many it warned."""

    scored: Counter[int] = field(default_factory=Counter)
    warned: Counter[int] = field(default_factory=Counter)
    customers: int = 0
    # Who had not been a customer for long enough before to be looked at.
    too_new: int = 0


def has_history(field_: Field | None) -> bool:
    """Whether a factor made of this field can be told for a day of the past."""
    return field_ is not None and (field_.codename == STATUS or can_be_rebuilt(field_))


class BackTest:
    """The factors of a configuration whose past is known, and how they are read of a customer's movements."""

    def __init__(self, config: Config, fields: Sequence[Field | None], zone: ZoneInfo) -> None:
        pairs = [(factor, of) for factor, of in zip(config.factors, fields, strict=True) if of and has_history(of)]
        self.factors, self.fields = [factor for factor, _ in pairs], [of for _, of in pairs]
        self.left_out = [factor for factor, of in zip(config.factors, fields, strict=True) if not has_history(of)]
        # What was scheduled or past due on a day of the past is not known, so no cap holds.
        self.config, self.zone = replace(config, factors=tuple(self.factors), caps={}), zone
        read = [of for of in self.fields if of.codename not in (STATUS, MRR)]
        self.places = {of.codename: place for place, of in enumerate(read)}
        self.read = values_reader(read)

    def add(self, tally: Tally, customer: Past, movements: Sequence[Movement], end: datetime) -> None:
        """Count a customer who churned at `end`, or is held against those who did."""
        before = {days: end - timedelta(days) for days in DAYS_BEFORE}
        begins = min((movement.at for movement in movements), default=None)
        if begins is None or begins > before[min(DAYS_BEFORE)]:
            tally.too_new += 1
            return
        tally.customers += 1
        for days, at in before.items():
            grade = self.grade_at(customer, movements, at)
            if grade is not None:
                tally.scored[days] += 1
                tally.warned[days] += grade >= WARNED

    def grade_at(self, customer: Past, movements: Sequence[Movement], at: datetime) -> Grade | None:
        """None for who was no customer then, or had no number."""
        values = self.values_at(customer, movements, at)
        if values is None:
            return None
        kept = [
            self._kept(factor, of, value) for factor, of, value in zip(self.factors, self.fields, values, strict=True)
        ]
        score = score_of(self.config, kept, Facts(ACTIVE)).score
        return None if score is None else grade_of(score)

    def values_at(self, customer: Past, movements: Sequence[Movement], at: datetime) -> list[Value | None] | None:
        """The values of the factors' fields; None for who paid nothing then."""
        known, moment = [movement for movement in movements if movement.at <= at], Moment(at, self.zone, 0)
        mrr = sum(movement.movement_minor for movement in known)
        if mrr <= 0:
            return None
        paid: dict[str, Value] = {STATUS: ACTIVE, MRR: mrr}
        read = self.read(customer, known, moment)
        return [paid.get(of.codename) or read[self.places[of.codename]] for of in self.fields]

    def _kept(self, factor: Factor, of: Field, value: Value | None) -> Kept:
        """As an import would have kept it."""
        try:
            read = None if value is None else convert(value, of.type, factor.type, self.zone)
            number, text = encode(factor.type, read)
        except CannotRead:
            return None
        return text if factor.type is PropertyType.TEXT else number
