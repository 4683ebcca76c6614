"""A tenant's configuration of the health score as it is stored: read, made ready for webapp.health, and kept."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, null, select

from webapp.chartmogul.fields import Field
from webapp.extensions import db
from webapp.health import Config, Factor, Points, Score, score_of_points
from webapp.models import HealthVersion, Property, ScoreDay, Scoring, Tenant
from webapp.models.types import now
from webapp.score_past import has_history
from webapp.tenancy import current_tenant_id, owned, owned_update
from webapp.values import PropertyType

# How many days of history are kept, and against which earlier day a score is held.
DAYS_KEPT, TREND_DAYS = 400, 30


@dataclass(frozen=True, slots=True)
class Basis:
    """A configuration and, in the order of its factors, the property of each; None for one that was deleted, or is of
    another type than the factor was made for: it is not counted."""

    config: Config
    properties: tuple[Property | None, ...]

    @classmethod
    def of(cls, version: HealthVersion, properties: Sequence[Property]) -> "Basis":
        by_id = {property_.id.hex: property_ for property_ in properties}
        found = [by_id.get(row["property"]) for row in version.factors]
        usable = [
            property_ if property_ is not None and property_.type == row["type"] else None
            for property_, row in zip(found, version.factors, strict=True)
        ]
        return cls(config_of(version), tuple(usable))

    @classmethod
    def published(cls) -> "Basis | None":
        """By the version that counts; None when there is none."""
        version = HealthVersion.published()
        return cls.of(version, list(db.session.scalars(owned(Property)))) if version else None

    def fields(self, attributes: dict[str, Any]) -> list[Field | None]:
        """What each factor's property is filled from; None for one that ChartMogul does not fill. `attributes`: the
        provider's."""
        filled = [each if each is not None and each.from_chartmogul else None for each in self.properties]
        return [each.chartmogul_field(attributes) if each else None for each in filled]

    @property
    def columns(self) -> list[ColumnElement[Any]]:
        """The columns of CustomerValues that hold the factors' values. A property that still waits to be filled has
        none: what is not known is not counted, whatever an empty value counts as."""
        return [null() if each is None or each.waiting else each.values for each in self.properties]

    def known(self) -> list[bool]:
        """Which factors have values at all; of the others not even an empty value counts."""
        return [each is not None and not each.waiting for each in self.properties]

    def untold(self, attributes: dict[str, Any]) -> list[int]:
        """The places of the factors that count now, but not in scores that were rebuilt. A score is compared with one
        of those only if none of these counts, and only that of a customer who is Active and under no cap: nobody knows
        since when one is Past Due or leaving, so it would look like a fall of these days. Scores that were recorded are
        always compared."""
        fields = zip(self.fields(attributes), self.known(), strict=True)
        return [place for place, (field, known) in enumerate(fields) if known and not has_history(field)]


def config_of(version: HealthVersion) -> Config:
    return Config(version.number, tuple(map(_factor, version.factors)), version.caps)


def _factor(row: Mapping[str, Any]) -> Factor:
    return Factor(
        key=row["property"],
        name=row["name"],
        type=PropertyType(row["type"]),
        weight=row["weight"],
        zero=row["zero"],
        hundred=row["hundred"],
        by_text=row["by_text"],
        empty=row["empty"],
    )


def row_of(
    property_: Property,
    weight: int,
    zero: int = 0,
    hundred: int = 0,
    by_text: Mapping[str, int] | None = None,
    empty: int | None = None,
    currency: str | None = None,
) -> dict[str, Any]:
    """A factor as a version keeps it. `currency`: the account's, of which amounts are taken to be."""
    return {
        "property": property_.id.hex,
        "version": property_.version,
        "codename": property_.codename,
        "name": property_.name,
        "type": property_.type,
        "weight": weight,
        "zero": zero,
        "hundred": hundred,
        "by_text": dict(by_text) if by_text is not None else None,
        "empty": empty,
        "currency": currency if property_.type == PropertyType.MONEY else None,
    }


def state_of(version: int, points: Sequence[Points], caps: Sequence[str], why_none: str | None) -> str:
    """What a score is made of, as it is kept beside it: `3|1000,520,,640|past_due|`."""
    return f"{version}|{kept_points(points)}|{','.join(caps)}|{why_none or ''}"


def kept_points(points: Sequence[Points]) -> str:
    return ",".join(["" if each is None else str(each) for each in points])


def read_points(kept: str) -> list[Points]:
    return [int(each) if each else None for each in kept.split(",")]


def score_of_state(state: str | None, configs: Mapping[int, Config]) -> Score | None:
    """The score that was kept; None when there is none yet, or its version is not known."""
    if not state:
        return None
    version, points, caps, why_none = state.split("|")
    return _score(configs.get(int(version)), points, caps, why_none or None)


def score_of_day(day: ScoreDay, configs: Mapping[int, Config]) -> Score | None:
    return _score(configs.get(day.version), day.points, day.caps, day.why_none)


def _score(config: Config | None, points: str, caps: str, why_none: str | None) -> Score | None:
    if config is None:
        return None
    return score_of_points(config, read_points(points), _caps(caps), why_none)


def _caps(kept: str) -> Collection[str]:
    return kept.split(",") if kept else ()


def configs_by_number() -> dict[int, Config]:
    """Every published configuration, by its number."""
    return {
        version.number: config_of(version) for version in db.session.scalars(owned(HealthVersion)) if version.number
    }


def tenant_zone() -> ZoneInfo:
    """The zone of the tenant's days: scores are of a day, and are made anew at its midnight."""
    return ZoneInfo(db.session.scalar(select(Tenant.time_zone).where(Tenant.id == current_tenant_id())) or "UTC")


def midnight_after(day: date, zone: ZoneInfo) -> datetime:
    """When a day is over, in UTC: also where clocks are set at midnight."""
    return datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)


def want_scores(number: int) -> None:
    """All customers are to be scored by this version, and what was rebuilt of the past by it too. The caller commits
    and then wakes a worker; nobody else's locks may be held yet."""
    scoring = db.session.scalars(owned(Scoring).with_for_update()).first()
    if scoring is None:
        scoring = Scoring(tenant_id=current_tenant_id(), wanted=number, fence=0, sent=0)
        db.session.add(scoring)
    scoring.wanted, scoring.rebuilt_at = number, None
    scoring.sent, scoring.sent_at = scoring.sent + 1, now()
    _make_old(scoring)


def want_scores_anew() -> "Scoring | None":
    """What the scores are made of changes: as soon as the caller has committed, they are old. To be called before the
    change takes locks of its own: whoever writes scores holds this row first."""
    scoring = locked_scoring()
    if scoring is not None:
        _make_old(scoring)
    return scoring


def locked_scoring() -> "Scoring | None":
    found: Scoring | None = db.session.scalars(owned(Scoring).with_for_update()).first()
    return found


def score_from_nothing(scoring: Scoring) -> None:
    """Scores that there are say nothing of what is scored from now on, and neither does the past."""
    _make_old(scoring)
    scoring.scored, scoring.rebuilt_at = 0, None


def redefining(property_: Property) -> None:
    """A property becomes another one, or none: if it is a factor, all scores are wanted anew. See want_scores_anew."""
    version = HealthVersion.published()
    if version is not None and property_.id.hex in {row["property"] for row in version.factors}:
        scoring = want_scores_anew()
        if scoring is not None:
            scoring.scored = 0
            db.session.flush()


def _make_old(scoring: Scoring) -> None:
    """Whoever is at the scores stops at the next slice; the next one begins from the beginning."""
    scoring.due_at, scoring.place, scoring.lease_until = now(), {}, None
    scoring.fence += 1


def hold_scores() -> None:
    """Before a customer's value is changed by hand, in the same transaction: a slice that was read with the value of
    before is not written any more, but made again."""
    interrupted = owned_update(Scoring).values(fence=Scoring.fence + 1, lease_until=None)
    db.session.execute(interrupted.execution_options(synchronize_session=False))
