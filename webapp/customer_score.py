"""A customer's score for its page: what it is made of, how it differs from that of 30 days ago, and all that it was."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from webapp.charts import Line as Curve
from webapp.charts import step_line
from webapp.customer_values import ShownValue
from webapp.extensions import db
from webapp.health import ACTIVE, FULL, Factor, Grade, Line, Score, change_between, grade_of, whole
from webapp.models import Customer, CustomerValues, HealthVersion, Provider, ScoreDay, Scoring
from webapp.models.health import DRAFT
from webapp.rendering import day as day_words
from webapp.score_sentences import not_of_factors, signed, value_words
from webapp.scoring import TREND_DAYS, Basis, config_of, score_of_day, score_of_state
from webapp.tenancy import owned
from webapp.values import encode_all

MOST_CHANGES = 20


@dataclass(frozen=True, slots=True)
class FactorRow:
    """A factor that counts, and the customer's value of its property as it is now; none when that was deleted."""

    line: Line
    shown: ShownValue | None

    def value_words(self, currency: str | None) -> str | None:
        """None when there is no value."""
        if self.shown is None or self.shown.value is None:
            return None
        return value_words(self.shown.type, self.shown.value, currency)

    @property
    def gives_points_for_none(self) -> bool:
        """Whether the points are those of having no value."""
        return self.shown is not None and self.shown.value is None and not self.outdated

    @property
    def outdated(self) -> bool:
        """Whether the value has changed since it was scored, so that the points are not those of the value shown."""
        if self.shown is None or self.shown.state == "waiting" or self.shown.type != self.line.factor.type:
            return True
        (kept,) = encode_all(self.shown.type, [self.shown.value])
        return self.line.factor.points(kept) != self.line.points


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a change; points then and now, where it is a factor's."""

    name: str
    change: int
    points: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The score against an earlier one. `parts` add up to `total`; there is none unless there was a number both
    times, made alike: `alike` is False of a rebuilt one that knows less, see `Basis.untold`. `notes`: sentences that
    name the factors behind the parts that are no factor's."""

    day: date
    then: Score
    total: int | None = None
    parts: Sequence[Part] = ()
    alike: bool = True
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """From which day on a score was what; `change` against the one before, None if either had no number or they are
    not `alike`: what was rebuilt may know less than what was recorded."""

    day: date
    score: int | None
    change: int | None
    why_none: str | None
    version: HealthVersion | None
    number: int
    rebuilt: bool
    alike: bool

    @property
    def change_words(self) -> str:
        """`+12.3`, `none`, `not comparable`."""
        if self.change is not None:
            return signed(self.change)
        return "none" if self.alike or self.score is None else "not comparable"

    @property
    def grade(self) -> Grade | None:
        return None if self.score is None else grade_of(self.score)


@dataclass(frozen=True, slots=True)
class ScoreHistory:
    """`steps`: oldest first, those on which something of what is shown changed."""

    steps: Sequence[Step]
    curve: Curve | None
    zone: ZoneInfo

    @property
    def newest(self) -> Sequence[Step]:
        return list(reversed(self.steps))[:MOST_CHANGES]

    @property
    def versions(self) -> Sequence[Step]:
        """The first step of each version."""
        return [*self.steps[:1], *(now for then, now in pairwise(self.steps) if then.number != now.number)]

    @property
    def marks(self) -> list[int]:
        """Where the curve shows that another version began."""
        return [_seconds(step.day, self.zone) for step in self.versions[1:]]


@dataclass(frozen=True, slots=True)
class CustomerScore:
    """All of it. `score` is None as long as there is none of a version that is known, `version` that of the score."""

    version: HealthVersion
    score: Score | None
    why_none: str | None
    rows: Sequence[FactorRow]
    not_counted: Sequence[tuple[Factor, ShownValue | None]]
    comparison: Comparison | None
    history: ScoreHistory

    @property
    def points_for_none(self) -> bool:
        return any(row.gives_points_for_none for row in self.rows)

    @property
    def explained(self) -> Sequence[FactorRow]:
        """The rows, those that cost most first, then those that give most."""
        return sorted(self.rows, key=lambda row: (-row.line.lost, -row.line.gained))


def score_of_customer(
    customer: Customer, values: Sequence[ShownValue], zone: ZoneInfo, at: datetime
) -> CustomerScore | None:
    """None when nothing is published."""
    published = owned(HealthVersion).where(HealthVersion.number > DRAFT)
    versions = {version.number: version for version in db.session.scalars(published)}
    if not versions:
        return None
    configs = {number: config_of(version) for number, version in versions.items()}
    of_it = CustomerValues.provider_id == customer.provider_id, CustomerValues.uuid == customer.uuid
    score = score_of_state(db.session.scalar(owned(CustomerValues, CustomerValues.score_state).where(*of_it)), configs)
    days = _days(customer)
    today = db.session.scalar(owned(Scoring, Scoring.day)) or at.astimezone(zone).date()
    earlier = [day for day in days if day.day <= today - timedelta(days=TREND_DAYS)]
    then = score_of_day(earlier[-1], configs) if earlier else None
    like_rebuilt = _like_rebuilt(customer)
    alike = not earlier or not earlier[-1].rebuilt or like_rebuilt(score)
    by_key = {shown.of.id.hex: shown for shown in values}
    return CustomerScore(
        version=versions[score.config.number if score else max(versions)],
        score=score,
        why_none=score.why_none if score else None,
        rows=[FactorRow(line, by_key.get(line.factor.key)) for line in score.lines] if score else [],
        not_counted=[(factor, by_key.get(factor.key)) for factor in score.not_counted] if score else [],
        comparison=_compare(today - timedelta(days=TREND_DAYS), then, score, alike) if score and then else None,
        history=_history(days, versions, zone, at, lambda day: like_rebuilt(score_of_day(day, configs))),
    )


def score_curve(history: ScoreHistory, title: str) -> str | None:
    """The history drawn, if there was ever a number."""
    if history.curve is None:
        return None
    known = [whole(step.score) for step in history.steps if step.score is not None]
    since, now = day_words(history.steps[0].day), "none" if history.steps[-1].score is None else str(known[-1])
    label = f"Score of {title} since {since}: lowest {min(known)}, highest {max(known)}, now {now}."
    return step_line(history.curve, label, FULL, history.marks)


def _days(customer: Customer) -> Sequence[ScoreDay]:
    of_it = ScoreDay.provider_id == customer.provider_id, ScoreDay.customer_uuid == customer.uuid
    return db.session.scalars(owned(ScoreDay).where(*of_it).order_by(ScoreDay.day)).all()


def _like_rebuilt(customer: Customer) -> Callable[[Score | None], bool]:
    """Tells whether a score of the customer can be compared with one that was rebuilt."""
    basis, provider = Basis.published(), Provider.current()
    if basis is None or provider is None or customer.status != ACTIVE:
        return lambda score: False
    untold = {basis.config.factors[place].key for place in basis.untold(provider.attributes)}

    def is_alike(score: Score | None) -> bool:
        return score is not None and not score.caps and not any(line.factor.key in untold for line in score.lines)

    return is_alike


def _compare(day: date, then: Score, now: Score, alike: bool) -> Comparison:
    change = change_between(then, now)
    if change is None or not alike:
        return Comparison(day, then, alike=alike or change is None)
    before = {line.factor.key: line for line in then.lines}
    parts = [
        Part(line.factor.name, change.by_factor[key], (before[key].points, line.points))
        for line in now.lines
        if (key := line.factor.key) in change.by_factor
    ]
    if then.config.number != now.config.number:
        parts.append(Part("Configuration changed", change.by_configuration))
    others = (("Coverage changed", change.by_coverage), ("Caps", change.by_caps))
    parts += [Part(name, by) for name, by in others if by]
    return Comparison(day, then, change.total, parts, notes=list(not_of_factors(then, now)))


def _history(
    days: Sequence[ScoreDay],
    versions: Mapping[int, HealthVersion],
    zone: ZoneInfo,
    at: datetime,
    like_rebuilt: Callable[[ScoreDay], bool],
) -> ScoreHistory:
    steps = list[Step]()
    before: ScoreDay | None = None
    for day in days:
        told = (day.score, day.why_none, day.version, day.rebuilt)
        if before and told == (before.score, before.why_none, before.version, before.rebuilt):
            continue
        alike = before is None or before.score is None or before.rebuilt == day.rebuilt or like_rebuilt(day)
        was = before.score if before and alike else None
        change = None if was is None or day.score is None else day.score - was
        version = versions.get(day.version)
        steps.append(Step(day.day, day.score, change, day.why_none, version, day.version, day.rebuilt, alike))
        before = day
    drawn = [(_seconds(step.day, zone), step.score, step.rebuilt) for step in steps]
    rebuilt = [(second, score) for second, score, is_rebuilt in drawn if is_rebuilt]
    recorded = [(second, score) for second, score, is_rebuilt in drawn if not is_rebuilt]
    curve = Curve(rebuilt, recorded, int(at.timestamp())) if any(step.score is not None for step in steps) else None
    return ScoreHistory(steps, curve, zone)


def _seconds(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), zone).timestamp())
