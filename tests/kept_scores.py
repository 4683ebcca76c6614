"""Scores as a worker would have kept them: for tests of what shows them."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from webapp import scoring
from webapp.extensions import db
from webapp.health import Points, Score, score_of_points
from webapp.models import Customer, CustomerValues, HealthVersion, ScoreDay, Scoring
from webapp.models.types import now
from webapp.tenancy import acting_for, update_rows, upsert_rows

TODAY = now().date()  # tests do not cross midnight, and the cast's day is that of UTC


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def keep_day(
    customer: Customer,
    version: HealthVersion,
    points: Sequence[Points],
    day: date = TODAY,
    caps: Sequence[str] = (),
    why_none: str | None = None,
    rebuilt: bool = False,
) -> Score:
    """A score of these points (in tenths) from a day on."""
    score = score_of_points(scoring.config_of(version), points, caps, why_none)
    row = {
        "provider_id": customer.provider_id,
        "customer_uuid": customer.uuid,
        "day": day,
        "version": version.number,
        "score": score.score,
        "points": scoring.kept_points(points),
        "caps": ",".join(caps),
        "why_none": score.why_none,
        "rebuilt": rebuilt,
    }
    with acting_for(customer.tenant_id):
        upsert_rows(ScoreDay, [row], key=("tenant_id", "provider_id", "customer_uuid", "day"))
        db.session.commit()
    return score


def keep_now(
    customer: Customer,
    version: HealthVersion,
    points: Sequence[Points],
    caps: Sequence[str] = (),
    why_none: str | None = None,
    trend: int | None = None,
) -> Score:
    """A score as the one of now and of today."""
    score = keep_day(customer, version, points, TODAY, caps, why_none)
    state = scoring.state_of(version.number, points, caps, score.why_none)
    kept: dict[str, Any] = {"score": score.score, "grade": score.grade and int(score.grade), "trend": trend}
    of = {"provider_id": customer.provider_id, "uuid": customer.uuid}
    with acting_for(customer.tenant_id):
        update_rows(CustomerValues, [{**of, **kept, "score_state": state}], key=("provider_id", "uuid"))
        db.session.commit()
    return score


def note_scored(version: HealthVersion) -> None:
    with acting_for(version.tenant_id):
        scored = {"wanted": version.number, "scored": version.number, "day": TODAY, "scored_at": now()}
        db.session.merge(Scoring(tenant_id=version.tenant_id, **scored))
        db.session.commit()
