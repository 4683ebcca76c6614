"""A customer's health score: the points of each factor, what is lost, the caps, and the words for all of it. Pure.

Points and scores are whole tenths of a point (608 is 60.8), rounded half up at every step that is shown: so each number
on a page can be worked out by hand from the others, and the lines add up exactly.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, NamedTuple

from webapp.chartmogul.fields import PropertyType
from webapp.folding import fold

FULL = 1000
FEWEST, MOST = 2, 8
# Under this share of the weights with a value there is no number.
ENOUGH = 50
STEADY, SHARP = 30, 150
# A factor is named as what is good about a customer from here on.
STRONG = 750
MOST_DRIVERS = 3

# What a value is kept as, see webapp.values.
Kept = int | str | None
Points = int | None

CANCELLED, PAST_DUE, ACTIVE = "Cancelled", "Past Due", "Active"
SCHEDULED_CHURN, CAPPED_PAST_DUE = "scheduled_churn", "past_due"
CAPS = {SCHEDULED_CHURN: 19, CAPPED_PAST_DUE: 39}
CAP_WORDS = {SCHEDULED_CHURN: "Churn is scheduled", CAPPED_PAST_DUE: "Past due"}
NOT_ENOUGH, CHURNED, LEAD, GONE = "not_enough_data", "churned", "lead", "gone"
WHY_NONE = {NOT_ENOUGH: "Not enough data", CHURNED: "Churned", LEAD: "Lead", GONE: "No longer in ChartMogul"}


class Importance(IntEnum):
    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def word(self) -> str:
        return self.name.capitalize()


class Grade(IntEnum):
    HEALTHY = 1
    STABLE = 2
    WATCH = 3
    AT_RISK = 4
    HIGH_CHURN_RISK = 5

    @property
    def word(self) -> str:
        """Digit and word together, as they are shown."""
        return f"{self.value} {self.name.capitalize().replace('_', ' ')}"

    @property
    def tone(self) -> str:
        return ("ok", "ok", "warn", "bad", "bad")[self.value - 1]


@dataclass(frozen=True, slots=True)
class Factor:
    """One property's part in the score. `zero` and `hundred`: the kept numbers at which it gives no and all points;
    `by_text`: points (0 to 100) of each folded text instead; `empty`: points (0 to 100) of who has no value, None if
    that is not counted."""

    key: str
    name: str
    type: PropertyType
    weight: int
    zero: int = 0
    hundred: int = 0
    by_text: Mapping[str, int] | None = None
    empty: int | None = None

    def points(self, kept: Kept) -> Points:
        """What a value gives; None if it is not counted."""
        return self.reader()(kept)

    def reader(self) -> Callable[[Kept], Points]:
        """`points` for many values."""
        of_empty = None if self.empty is None else self.empty * 10
        if self.by_text is not None:
            by_text = {text: points * 10 for text, points in self.by_text.items()}
            return lambda kept: of_empty if kept is None else by_text.get(fold(str(kept)))
        zero, span = self.zero, self.hundred - self.zero
        if span == 0:
            raise ValueError("a factor gives no and all points at the same value")
        sign, twice = (1, 2 * span) if span > 0 else (-1, -2 * span)

        def linear(kept: Any) -> Points:
            if kept is None:
                return of_empty
            tenths = (2 * FULL * sign * (kept - zero) + twice // 2) // twice
            return 0 if tenths < 0 else tenths if tenths < FULL else FULL

        return linear


@dataclass(frozen=True, slots=True)
class Config:
    """What scores are made of: a version of the tenant's configuration. `caps`: highest score (0 to 100) by cap."""

    number: int
    factors: tuple[Factor, ...]
    caps: Mapping[str, int]

    @property
    def weight(self) -> int:
        return sum(factor.weight for factor in self.factors)


class Facts(NamedTuple):
    """What is known of a customer beside its values. `status` as ChartMogul says it."""

    status: str | None
    churn_scheduled: bool = False
    gone: bool = False

    @property
    def why_none(self) -> str | None:
        """Why there is no score whatever the values are."""
        if self.gone:
            return GONE
        if self.status == CANCELLED:
            return CHURNED
        return None if self.status in (ACTIVE, PAST_DUE) else LEAD

    def caps(self, config: Config) -> list[str]:
        if not self.churn_scheduled and self.status != PAST_DUE:
            return []
        found = {SCHEDULED_CHURN: self.churn_scheduled, CAPPED_PAST_DUE: self.status == PAST_DUE}
        return [name for name in CAPS if found[name] and name in config.caps]


@dataclass(frozen=True, slots=True)
class Line:
    """A factor's row. `lost` and `gained`: of the 100 points of a score, in tenths; all that is lost adds up to what
    the score lacks, all that is gained to the score, before caps."""

    factor: Factor
    points: int
    lost: int
    gained: int


@dataclass(frozen=True, slots=True)
class Score:
    """A score with its reasons. `score` is None when there is none: `why_none` says why."""

    config: Config
    lines: tuple[Line, ...]
    not_counted: tuple[Factor, ...]
    uncapped: int | None
    score: int | None
    # What each cap that holds takes away, the strictest first; one that takes nothing is among them.
    caps: tuple[tuple[str, int], ...] = ()
    why_none: str | None = None

    @property
    def covered(self) -> int:
        return sum(line.factor.weight for line in self.lines)

    @property
    def coverage(self) -> int:
        """Percent of the weights that have a value, rounded half up."""
        return _rounded(100 * self.covered, self.config.weight) if self.config.weight else 0

    @property
    def shown(self) -> int | None:
        return None if self.score is None else whole(self.score)

    @property
    def grade(self) -> Grade | None:
        return None if self.score is None else grade_of(self.score)

    @property
    def risk_drivers(self) -> list[Line]:
        return sorted((line for line in self.lines if line.lost), key=lambda line: -line.lost)[:MOST_DRIVERS]

    @property
    def health_drivers(self) -> list[Line]:
        strong = (line for line in self.lines if line.points >= STRONG)
        return sorted(strong, key=lambda line: -line.gained)[:MOST_DRIVERS]


def whole(tenths: int) -> int:
    """As a score is shown."""
    return _rounded(tenths, 10)


def grade_of(tenths: int) -> Grade:
    """The grade of what is shown."""
    return Grade(5 - min(whole(tenths) // 20, 4))


def score_of(config: Config, kept: Sequence[Kept], facts: Facts) -> Score:
    """A customer's score; `kept`: its values in the factors' order."""
    points = [factor.points(value) for factor, value in zip(config.factors, kept, strict=True)]
    return score_of_points(config, points, facts.caps(config), facts.why_none)


def score_of_points(
    config: Config, points: Sequence[Points], caps: Collection[str] = (), why_none: str | None = None
) -> Score:
    """The score that points come to; `caps`: those that hold."""
    counted = [(factor, each) for factor, each in zip(config.factors, points, strict=True) if each is not None]
    absent = tuple(factor for factor, each in zip(config.factors, points, strict=True) if each is None)
    weight = sum(factor.weight for factor, _ in counted)
    if why_none is None and not enough(weight, config.weight):
        why_none = NOT_ENOUGH
    if not weight:
        return Score(config, (), absent, None, None, (), why_none)
    uncapped = _rounded(sum(factor.weight * each for factor, each in counted), weight)
    lost = _shared(FULL - uncapped, [factor.weight * (FULL - each) for factor, each in counted], weight)
    gained = _shared(uncapped, [factor.weight * each for factor, each in counted], weight)
    lines = tuple(
        Line(factor, each, less, more)
        for (factor, each), less, more in zip(counted, lost, gained, strict=True)
    )  # fmt: skip
    if why_none is not None:
        return Score(config, lines, absent, None, None, (), why_none)
    score, taken = uncapped, []
    for name in sorted(caps, key=lambda name: config.caps[name]):
        limit = 10 * config.caps[name]
        taken.append((name, max(0, score - limit)))
        score = min(score, limit)
    return Score(config, lines, absent, uncapped, score, tuple(taken))


def scores_of(
    config: Config, columns: Sequence[Sequence[Kept]], facts: Sequence[Facts], known: Sequence[bool] | None = None
) -> Iterator[tuple[int | None, tuple[Points, ...], list[str]]]:
    """Score, points and caps of many customers; `columns`: values by factor. The same as `score_of`, but a column at
    a time. A factor that is not `known` has no values to speak of: not even an empty one counts."""
    weights, whole_weight = [factor.weight for factor in config.factors], config.weight
    readers = [factor.reader() for factor in config.factors]
    if known is not None:
        readers = [reader if is_known else _not_counted for reader, is_known in zip(readers, known, strict=True)]
    points = [list(map(reader, column)) for reader, column in zip(readers, columns, strict=True)]
    for each, about in zip(zip(*points, strict=True), facts, strict=True):
        total = weight = 0
        for factor_weight, value in zip(weights, each, strict=True):
            if value is not None:
                total += factor_weight * value
                weight += factor_weight
        caps = about.caps(config)
        if about.why_none is not None or not enough(weight, whole_weight):
            yield None, each, caps
            continue
        score = _rounded(total, weight)
        yield min(score, *(10 * config.caps[name] for name in caps)) if caps else score, each, caps


def _not_counted(_kept: Kept) -> Points:
    return None


def enough(covered: int, weight: int) -> bool:
    """Whether so much of the weights has a value that there is a number."""
    return weight > 0 and 100 * covered >= ENOUGH * weight


@dataclass(frozen=True, slots=True)
class Change:
    """How a score differs from an earlier one, in tenths; the parts add up to `total`. `by_factor`: of the factors that
    counted both times and give points in the same way, by their keys. `by_configuration`: how far today's configuration
    would have led from the score then, caps apart; what the value of a factor did that now gives points in another way,
    or is new, is part of it."""

    total: int
    by_factor: Mapping[str, int]
    by_caps: int
    by_coverage: int
    by_configuration: int


def change_between(then: Score, now: Score) -> Change | None:
    """None unless there was a number both times."""
    if then.score is None or now.score is None or then.uncapped is None or now.uncapped is None:
        return None
    total, by_caps = now.score - then.score, (now.score - now.uncapped) - (then.score - then.uncapped)
    points_then, points_now = ({line.factor.key: line.points for line in score.lines} for score in (then, now))
    others = given_otherwise(then.config, now.config)
    # A factor that is new, or gives points in another way, is taken to have given what it gives today.
    points = [(points_now if factor.key in others else points_then).get(factor.key) for factor in now.config.factors]
    middle = score_of_points(now.config, points)
    before = {line.factor.key: line.lost for line in middle.lines if line.factor.key not in others}
    by_factor = {key: before[key] - line.lost for line in now.lines if (key := line.factor.key) in before}
    by_configuration = sum(line.gained for line in middle.lines) - then.uncapped if middle.lines else 0
    rest = total - by_caps - by_configuration - sum(by_factor.values())
    if [line.factor.key for line in middle.lines] == [line.factor.key for line in now.lines]:
        return Change(total, by_factor, by_caps, 0, by_configuration + rest)  # of rounding
    return Change(total, by_factor, by_caps, rest, by_configuration)


def given_otherwise(then: Config, now: Config) -> set[str]:
    """The keys of the factors that now give other points for the same value, or are new."""
    before = {factor.key: replace(factor, name="", weight=0) for factor in then.factors}
    return {factor.key for factor in now.factors if before.get(factor.key) != replace(factor, name="", weight=0)}


def trend_word(change: int | None) -> str:
    """The word for a change in tenths against 30 days ago."""
    if change is None:
        return ""
    if abs(change) < STEADY:
        return "Stable"
    word = "improvement" if change > 0 else "decline"
    return f"Sharp {word}" if abs(change) >= SHARP else word.capitalize()


def _rounded(number: int, by: int) -> int:
    """Half up; neither is negative."""
    return (2 * number + by) // (2 * by)


def _shared(total: int, parts: Sequence[int], by: int) -> list[int]:
    """Shares of a total in proportion to the parts, each `part / by` before rounding, by largest remainder."""
    shares = [part // by for part in parts]
    left = total - sum(shares)
    for place in sorted(range(len(parts)), key=lambda place: -(parts[place] % by))[:left]:
        shares[place] += 1
    return shares
