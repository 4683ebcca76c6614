"""Whether a customer's score fell and stayed down, by the days of its history. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from webapp.health import Grade, grade_of

# How long a fall lasts before it is told, and how far back the grade may lie that it is a fall from.
STAYS, LOOKS_BACK = timedelta(days=2), timedelta(days=30)
FALL = 2


class Day(Protocol):
    """A row of the history: holds until the next one."""

    day: date
    version: int
    score: int | None
    rebuilt: bool


@dataclass(frozen=True, slots=True)
class Fall:
    before: Grade
    grade: Grade
    since: date


def fell(before: Grade, grade: Grade) -> bool:
    """By two grades, or into the last one."""
    return grade - before >= FALL or (grade == Grade.HIGH_CHURN_RISK and before < grade)


def fall_of(days: Sequence[Day], today: date) -> Fall | None:
    """The fall that a customer's days (oldest first) end with. Days of another configuration, and those that were
    rebuilt, are not compared: a customer does not fall because a score is made of something else."""
    if not days:
        return None
    alike = [each for each in days if each.version == days[-1].version and not each.rebuilt]
    settled = next((at for at in range(len(alike) - 1, -1, -1) if alike[at].day <= today - STAYS), None)
    if settled is None or any(each.score is None for each in alike[settled:]):
        return None
    stayed = grade_of(max(each.score or 0 for each in alike[settled:]))
    looked = [
        each
        for at, each in enumerate(alike[:settled])
        if each.score is not None and alike[at + 1].day > today - LOOKS_BACK
    ]
    before = min((grade_of(each.score or 0) for each in looked), default=stayed)
    if not fell(before, stayed):
        return None
    begun = settled
    while begun and (score := alike[begun - 1].score) is not None and grade_of(score) >= stayed:
        begun -= 1
    return Fall(before, grade_of(alike[-1].score or 0), alike[begun].day)
