"""What a draft of the health score would make of a tenant's customers, beside what they have now."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import heappush, heappushpop
from typing import Any

from webapp.direction import apart
from webapp.extensions import db
from webapp.factor_values import live_of
from webapp.health import Config, Factor, Facts, Points, Score, enough, grade_of, score_of_points, scores_of
from webapp.models import Customer, CustomerValues, Provider
from webapp.rescoring import leaving
from webapp.scoring import Basis, configs_by_number, score_of_state
from webapp.tenancy import owned

MOST_MOVES, IN_A_SLICE = 10, 5_000
# A customer without a number, among grades.
NO_GRADE = 0


@dataclass(frozen=True, slots=True)
class Move:
    """A customer whose score would be another; in tenths. `why`: the factor whose change by itself
    would move it most, or the caps."""

    customer: Customer
    before: int
    after: int
    why: str


@dataclass(slots=True)
class Preview:
    """Customers by grade (NO_GRADE: not enough data), and what else is worth knowing before publishing."""

    customers: int = 0
    before: Counter[int] = field(default_factory=Counter)
    after: Counter[int] = field(default_factory=Counter)
    regraded: int = 0
    moves: Sequence[Move] = ()
    warnings: Sequence[str] = ()

    @property
    def had_scores(self) -> bool:
        return sum(self.before.values()) > self.before[NO_GRADE]


def preview(provider: Provider, basis: Basis, at: datetime) -> Preview:
    """Goes once over those who can have a score; of the others nothing changes."""
    found, largest, check = Preview(), list[tuple[int, str, Any]](), Check(basis)
    gone_soon = leaving(provider, at)
    for rows in _slices(provider, basis):
        facts = [Facts(row.status, row.uuid in gone_soon) for row in rows]
        columns: list[Any] = list(zip(*(row[5:] for row in rows), strict=True))
        check.look_at_values(columns)
        scored = scores_of(basis.config, columns, facts, basis.known())
        for row, (score, points, caps) in zip(rows, scored, strict=True):
            grade = NO_GRADE if score is None else int(grade_of(score))
            found.before[row.grade or NO_GRADE] += 1
            found.after[grade] += 1
            found.regraded += grade != (row.grade or NO_GRADE)
            check.look_at_points(points, caps, grade)
            if score is not None and row.score is not None and score != row.score:
                _keep_largest(largest, (abs(score - row.score), row.uuid, (row, score, points, caps)))
        found.customers += len(rows)
    found.moves = _moves(provider, basis.config, [kept for *_, kept in sorted(largest, reverse=True)])
    found.warnings = check.warnings(found.customers)
    return found


def _slices(provider: Provider, basis: Basis) -> Iterator[Sequence[Any]]:
    facts = CustomerValues.uuid, CustomerValues.customer_id, CustomerValues.status
    scored = CustomerValues.score, CustomerValues.grade
    columns = [column.label(f"f{number}") for number, column in enumerate(basis.columns)]
    rows = db.session.execute(live_of(provider, *facts, *scored, *columns).execution_options(yield_per=IN_A_SLICE))
    yield from rows.partitions()


def _keep_largest(largest: list[tuple[int, str, Any]], move: tuple[int, str, Any]) -> None:
    if len(largest) < MOST_MOVES:
        heappush(largest, move)
    elif move > largest[0]:
        heappushpop(largest, move)


def _moves(provider: Provider, config: Config, kept: Sequence[Any]) -> list[Move]:
    ids, uuids = [row.customer_id for row, *_ in kept], [row.uuid for row, *_ in kept]
    known = live_of(provider, CustomerValues.uuid, CustomerValues.score_state)
    states: dict[str, str | None] = dict(db.session.execute(known.where(CustomerValues.uuid.in_(uuids))).all())
    customers = {customer.id: customer for customer in db.session.scalars(owned(Customer).where(Customer.id.in_(ids)))}
    configs = configs_by_number()
    moves = []
    for row, score, points, caps in kept:
        before, after = score_of_state(states.get(row.uuid), configs), score_of_points(config, points, caps)
        why = largest_cause(before, after) if before else ""
        moves.append(Move(customers[row.customer_id], row.score, score, why))
    return moves


def largest_cause(before: Score, after: Score) -> str:
    """What would by itself have moved a score most in the direction that it went: the name of a factor that is new or
    gone, weighs otherwise or gives other points; or the caps."""
    was, now = _factors_with_points(before), _factors_with_points(after)
    scores: dict[str | None, int] = {None: _score_with(was, after)}  # what it would be with the caps alone as they are
    for key in [key for key in was | now if was.get(key) != now.get(key)]:
        alone = {**was, key: now[key]} if key in now else {each: was[each] for each in was if each != key}
        scores[key] = _score_with(alone, before)
    rises = (after.score or 0) > (before.score or 0)
    largest = (max if rises else min)(scores, key=lambda key: scores[key])
    return "Caps" if largest is None else (now if largest in now else was)[largest][0].name


def _factors_with_points(score: Score) -> dict[str, tuple[Factor, Points]]:
    points = {line.factor.key: line.points for line in score.lines}
    return {factor.key: (factor, points.get(factor.key)) for factor in score.config.factors}


def _score_with(given: Mapping[str, tuple[Factor, Points]], caps_of: Score) -> int:
    """In tenths, however few of the weights have a value."""
    config = replace(caps_of.config, factors=tuple(factor for factor, _ in given.values()))
    lines = score_of_points(config, [points for _, points in given.values()]).lines
    return min([sum(line.gained for line in lines), *(10 * caps_of.config.caps[name] for name, _ in caps_of.caps)])


class Check:
    """Looks for factors that are not worth their place, while all customers pass by."""

    def __init__(self, basis: Basis) -> None:
        self.config, self.known = basis.config, basis.known()
        factors = self.config.factors
        self.filled = [0] * len(factors)
        # The points that each factor has given, as long as they are no two; and those without which no grade changes.
        self.given: dict[int, set[Points]] = {place: set() for place in range(len(factors))}
        self.idle = set(range(len(factors)))

    def look_at_values(self, columns: Sequence[Sequence[Any]]) -> None:
        for place, column in enumerate(columns):
            self.filled[place] += len(column) - column.count(None)

    def look_at_points(self, points: Sequence[Points], caps: Sequence[str], grade: int) -> None:
        for place in [*self.given]:
            self.given[place].add(points[place])
            if len(self.given[place] - {None}) > 1:
                del self.given[place]
        if self.idle:
            self._look_for_idle(points, caps, grade)

    def _look_for_idle(self, points: Sequence[Points], caps: Sequence[str], grade: int) -> None:
        weights = [factor.weight for factor in self.config.factors]
        counted = sum(weight for weight, each in zip(weights, points, strict=True) if each is not None)
        total = sum(weight * each for weight, each in zip(weights, points, strict=True) if each is not None)
        limits = [10 * self.config.caps[name] for name in caps]
        for place in [*self.idle]:
            weight, each = weights[place], points[place]
            less, rest = (0, counted) if each is None else (weight * each, counted - weight)
            without = NO_GRADE
            if enough(rest, self.config.weight - weight):
                score = (2 * (total - less) + rest) // (2 * rest)
                without = int(grade_of(min([score, *limits])))
            if without != grade:
                self.idle.remove(place)

    def warnings(self, customers: int) -> list[str]:
        if not customers:
            return []
        said = []
        for place, factor in enumerate(self.config.factors):
            name, given = apart(factor.name), self.given.get(place, set()) - {None}
            if not self.known[place]:
                said.append(f"{name} waits to be filled: until then it is not counted for anybody.")
            elif not self.filled[place]:
                said.append(f"{name} has no values: no customer has one.")
            elif place in self.given and given:
                same = next(iter(given)) or 0
                said.append(f"{name} gives the same points to everybody: {same // 10}.")
            elif place in self.given:
                said.append(f"{name} gives points to nobody: none of the values that customers have is counted.")
            elif place in self.idle:
                said.append(f"{name} adds nothing: without it, every customer would have the same grade.")
        return said
