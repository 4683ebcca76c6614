"""Customers' scores made anew and kept, with their history: of a slice by a worker, of one when a person changed it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, cast, func
from sqlalchemy.orm import aliased

from webapp.extensions import db
from webapp.health import ACTIVE, NOT_ENOUGH, Facts, grade_of, scores_of
from webapp.models import Customer, CustomerValues, Movement, Provider, ScoreDay
from webapp.models.types import now
from webapp.scoring import DAYS_KEPT, TREND_DAYS, Basis, kept_points, state_of, tenant_zone
from webapp.tenancy import owned, owned_delete, update_rows, upsert_rows

DAY_KEY = ("tenant_id", "provider_id", "customer_uuid", "day")
RETURNS = ("churn", "reactivation", "new_biz")


def rescore(customer: Customer) -> None:
    """Score one customer by the newest version, in the transaction in which a value of it changed."""
    basis, provider = Basis.published(), Provider.current()
    if basis is None or provider is None or customer.provider_id != provider.id:
        return
    at = now()
    this = Scorer(provider, basis, at, at.astimezone(tenant_zone()).date(), leaving(provider, at, customer.uuid))
    this.keep(db.session.execute(this.rows().where(CustomerValues.uuid == customer.uuid)).all())


def leaving(provider: Provider, at: datetime, uuid: str | None = None) -> frozenset[str]:
    """Who has a churn scheduled, and nothing after it that brings them back; by uuid."""
    to_come = (
        Movement.that_count(provider, Movement.customer_uuid, Movement.type)
        .where(Movement.at > at, Movement.type.in_(RETURNS))
        .order_by(Movement.at, Movement.mrr_minor.desc())
    )
    if uuid is not None:
        to_come = to_come.where(Movement.customer_uuid == uuid)
    last: dict[str, str] = dict(db.session.execute(to_come).all())
    return frozenset(uuid for uuid, type_ in last.items() if type_ == "churn")


@dataclass(frozen=True, slots=True)
class Scorer:
    """Scores of a provider's customers by one configuration, as of a moment and its day. `leaving`: see above."""

    provider: Provider
    basis: Basis
    at: datetime
    day: date
    leaving: frozenset[str]

    def rows(self) -> Select[Any]:
        """What scores are made of, a row for each customer."""
        columns = [column.label(f"f{number}") for number, column in enumerate(self.basis.columns)]
        facts = CustomerValues.uuid, CustomerValues.status, CustomerValues.gone, CustomerValues.score_state
        # Twice the score of then, and one more if that was rebuilt: one look into the history for both.
        then = ScoreDay.on(self.day - timedelta(days=TREND_DAYS), 2 * ScoreDay.score + cast(ScoreDay.rebuilt, Integer))
        known = *facts, CustomerValues.trend, then.label("earlier")
        return owned(CustomerValues, *known, *columns).where(CustomerValues.provider_id == self.provider.id)

    def keep(self, rows: Sequence[Any]) -> None:
        """Write the scores that differ from what is kept, and a day of history for each that does."""
        facts = [Facts(row.status, row.uuid in self.leaving, row.gone) for row in rows]
        columns: list[Any] = list(zip(*(row[6:] for row in rows), strict=True))
        config, new, days = self.basis.config, [], []
        untold = self.basis.untold(self.provider.attributes)
        scored = scores_of(config, columns, facts, self.basis.known())
        for row, known, (score, points, caps) in zip(rows, facts, scored, strict=True):
            why_none = None if score is not None else known.why_none or NOT_ENOUGH
            state = state_of(config.number, points, caps, why_none)
            like_rebuilt = known.status == ACTIVE and not caps and all(points[place] is None for place in untold)
            trend = _trend(score, row.earlier, like_rebuilt)
            if state == row.score_state and trend == row.trend:
                continue
            grade = None if score is None else int(grade_of(score))
            of = {"provider_id": self.provider.id, "uuid": row.uuid}
            new.append({**of, "score": score, "grade": grade, "trend": trend, "score_state": state})
            if state != row.score_state:
                made = {"score": score, "points": kept_points(points), "caps": ",".join(caps), "why_none": why_none}
                days.append(self._day(row.uuid, made))
        update_rows(CustomerValues, new, key=("provider_id", "uuid"))
        upsert_rows(ScoreDay, days, key=DAY_KEY)

    def _day(self, uuid: str, made: dict[str, Any]) -> dict[str, Any]:
        of = {"provider_id": self.provider.id, "customer_uuid": uuid, "day": self.day}
        return {**of, "version": self.basis.config.number, **made, "rebuilt": False}

    def forget_old_days(self, first: str, last: str) -> None:
        """Delete these and all customers' between them history of more than DAYS_KEPT days ago, but for the row that
        holds from before."""
        oldest, later = self.day - timedelta(days=DAYS_KEPT), aliased(ScoreDay)
        holds = owned(later, func.max(later.day)).where(*_same_customer(later, ScoreDay), later.day <= oldest)
        old = ScoreDay.customer_uuid.between(first, last), ScoreDay.day < oldest
        newest = holds.correlate(ScoreDay).scalar_subquery()
        gone = owned_delete(ScoreDay).where(ScoreDay.provider_id == self.provider.id, *old, ScoreDay.day < newest)
        db.session.execute(gone.execution_options(synchronize_session=False))


def _trend(score: int | None, earlier: int | None, like_rebuilt: bool) -> int | None:
    """Against an earlier score, see `Scorer.rows`. `like_rebuilt`: whether one that was rebuilt can be compared."""
    if score is None or earlier is None:
        return None
    then, rebuilt = divmod(earlier, 2)
    return None if rebuilt and not like_rebuilt else score - then


def _same_customer(one: Any, other: Any) -> tuple[ColumnElement[bool], ...]:
    return one.provider_id == other.provider_id, one.customer_uuid == other.customer_uuid
