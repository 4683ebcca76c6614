"""Scores of all of a connection's customers, in slices: after each import, each publishing and each midnight."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, select

from webapp.extensions import db, reading
from webapp.health import Facts, grade_of, scores_of
from webapp.models import CustomerValues, HealthVersion, Movement, Property, Provider, ScoreDay, Scoring
from webapp.scoring import TREND_DAYS, Basis, kept_points, state_of, tenant_zone
from webapp.tenancy import owned, update_rows, upsert_rows

IN_A_SLICE = 2_000


def score_customers(provider: Provider, at: datetime, after: str, saved: Callable[[str], None]) -> Scoring | None:
    """Score who comes after a uuid, by the newest version that was published. `saved(uuid)` is called in the
    transaction of each slice and commits it. Answers what has been scored; None when nothing is published. The caller
    notes it, when all are done, with `note_scored`."""
    version = HealthVersion.published()
    if version is None:
        db.session.rollback()
        return None
    basis = Basis.of(version, list(db.session.scalars(owned(Property))))
    day = at.astimezone(tenant_zone()).date()
    leaving = _leaving(provider, at)
    db.session.expunge_all()
    db.session.rollback()
    while rows := _rows_after(provider, basis, day, after):
        after = rows[-1].uuid
        _save(provider, basis, day, rows, leaving)
        saved(after)
    return Scoring(wanted=version.number, scored=version.number, day=day, scored_at=at)


def note_scored(done: Scoring | None) -> None:
    """All customers are scored; the caller commits. What was published meanwhile is still wanted."""
    scoring = db.session.scalars(owned(Scoring).with_for_update()).first()
    if done is not None and scoring is not None:
        scoring.scored, scoring.day, scoring.scored_at = done.scored, done.day, done.scored_at


def _leaving(provider: Provider, at: datetime) -> frozenset[str]:
    """Who has a churn scheduled, and nothing after it that brings them back; by uuid."""
    to_come = (
        owned(Movement, Movement.customer_uuid, Movement.type)
        .where(Movement.provider_id == provider.id, Movement.at > at, Movement.read <= provider.movements_read)
        .where(Movement.type.in_(("churn", "reactivation", "new_biz")))
        .order_by(Movement.at, Movement.mrr_minor.desc())
    )
    last: dict[str, str] = dict(db.session.execute(to_come).all())
    return frozenset(uuid for uuid, type_ in last.items() if type_ == "churn")


def _rows_after(provider: Provider, basis: Basis, day: date, after: str) -> Sequence[Any]:
    columns = [column.label(f"f{number}") for number, column in enumerate(basis.columns)]
    facts = CustomerValues.uuid, CustomerValues.status, CustomerValues.gone, CustomerValues.score_state
    known = *facts, CustomerValues.trend, _earlier(day - timedelta(days=TREND_DAYS)).label("earlier")
    some = owned(CustomerValues, *known, *columns).where(CustomerValues.provider_id == provider.id)
    with reading():
        rows = db.session.execute(
            some.where(CustomerValues.uuid > after).order_by(CustomerValues.uuid).limit(IN_A_SLICE)
        ).all()
        db.session.rollback()
    return rows


def _earlier(day: date) -> Any:
    """A customer's score on a day of the past."""
    of_customer = (
        ScoreDay.tenant_id == CustomerValues.tenant_id,
        ScoreDay.provider_id == CustomerValues.provider_id,
        ScoreDay.customer_uuid == CustomerValues.uuid,
    )
    newest: Select[Any] = select(ScoreDay.score).where(*of_customer, ScoreDay.day <= day)
    return newest.order_by(ScoreDay.day.desc()).limit(1).correlate(CustomerValues).scalar_subquery()


def _save(provider: Provider, basis: Basis, day: date, rows: Sequence[Any], leaving: frozenset[str]) -> None:
    """Write the scores that differ from what is kept, and a day of history for each that does."""
    facts = [Facts(row.status, row.uuid in leaving, row.gone) for row in rows]
    columns: list[Any] = list(zip(*(row[6:] for row in rows), strict=True))
    scored = scores_of(basis.config, columns, facts, basis.known())
    new, days = [], []
    for row, known, (score, points, caps) in zip(rows, facts, scored, strict=True):
        why_none = None if score is not None else known.why_none or "not_enough_data"
        state = state_of(basis.config.number, points, caps, why_none)
        trend = None if score is None or row.earlier is None else score - row.earlier
        if state == row.score_state and trend == row.trend:
            continue
        grade = None if score is None else int(grade_of(score))
        of = {"provider_id": provider.id, "uuid": row.uuid}
        new.append({**of, "score": score, "grade": grade, "trend": trend, "score_state": state})
        if state != row.score_state:
            days.append(
                {
                    "provider_id": provider.id,
                    "customer_uuid": row.uuid,
                    "day": day,
                    "version": basis.config.number,
                    "score": score,
                    "points": kept_points(points),
                    "caps": ",".join(caps),
                    "why_none": why_none,
                    "rebuilt": False,
                }
            )
    update_rows(CustomerValues, new, key=("provider_id", "uuid"))
    upsert_rows(ScoreDay, days, key=("tenant_id", "provider_id", "customer_uuid", "day"))
