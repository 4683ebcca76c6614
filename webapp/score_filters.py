"""What a list of customers is narrowed to by the score: `grade=4,5`, `grade=none` (no score), `trend=decline`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from webapp.health import SHARP, STEADY, Grade, trend_word
from webapp.models import CustomerValues

LONGEST = 100
NONE = "none"
# The words of each choice, as an address has it.
GRADES = {str(int(grade)): grade.word for grade in Grade} | {NONE: "No score"}
# From which change on and under which one, in tenths.
TRENDS: dict[str, tuple[int | None, int | None]] = {
    "sharp_decline": (None, 1 - SHARP),
    "decline": (1 - SHARP, 1 - STEADY),
    "stable": (1 - STEADY, STEADY),
    "improvement": (STEADY, SHARP),
    "sharp_improvement": (SHARP, None),
}
CHOICES = {
    "grade": GRADES,
    "trend": {key: trend_word(low if low is not None else -SHARP) for key, (low, _) in TRENDS.items()},
}
NAMES = {"grade": "Health", "trend": "Trend"}


@dataclass(frozen=True, slots=True)
class ScoreFilter:
    """One condition: any of the choices. `problem`, `parameter`, `sent` and `words` as those of a property's Filter."""

    parameter: str
    chosen: tuple[str, ...]
    problem: str | None = None

    @property
    def sent(self) -> str:
        return ",".join(self.chosen)

    def words(self, currency: str | None) -> str:
        known = CHOICES[self.parameter]
        return f"{NAMES[self.parameter]} is {' or '.join(known.get(each, f'“{each}”') for each in self.chosen)}"

    def condition(self) -> ColumnElement[bool]:
        if self.parameter == "trend":
            return or_(*(_between(*TRENDS[each]) for each in self.chosen))
        grades = [int(each) for each in self.chosen if each != NONE]
        found: list[ColumnElement[bool]] = [CustomerValues.grade.in_(grades)] if grades else []
        return or_(*found, *([CustomerValues.grade.is_(None)] if NONE in self.chosen else []))


def read_score_filters(args: Mapping[str, str]) -> list[ScoreFilter]:
    """The conditions that an address names; a form sends each choice by itself, as `grade[]`."""
    found = []
    for parameter, known in CHOICES.items():
        sent = _sent(args, parameter)
        strange = [each for each in sent if each not in known]
        if strange:
            found.append(ScoreFilter(parameter, tuple(sent), "There is no such choice."))
        elif sent:
            found.append(ScoreFilter(parameter, tuple(each for each in known if each in sent)))
    return found


def _sent(args: Any, parameter: str) -> Sequence[str]:
    several = [args.get(parameter, ""), *(args.getlist(f"{parameter}[]") if hasattr(args, "getlist") else ())]
    told = ",".join(several)[:LONGEST].replace("\0", "").split(",")
    return list(dict.fromkeys(each.strip() for each in told if each.strip()))


def _between(low: int | None, high: int | None) -> ColumnElement[bool]:
    """Of whole tenths: from `low` on, under `high`."""
    trend = CustomerValues.trend
    bounds = [*([trend >= low] if low is not None else []), *([trend < high] if high is not None else [])]
    return and_(*bounds)
