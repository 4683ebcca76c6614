"""The scores of a tenant's past, rebuilt from movements, in slices: for the days before anything was recorded."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func

from webapp.extensions import db, reading
from webapp.models import Customer, Provider, ScoreDay
from webapp.models.types import now
from webapp.score_past import Past, changes_of, days_before
from webapp.scoring import TREND_DAYS, Basis, kept_points, midnight_after, tenant_zone
from webapp.tenancy import insert_rows, owned, owned_delete
from webapp.values import Moment
from worker.refresh import movements_of
from worker.score_claim import Claim
from worker.slices import customers_after

IN_A_SLICE = 250


def rebuild_past(claim: Claim, saved: Callable[[], None]) -> None:
    """Rebuild every customer's past by the newest version, after the customer at which it was left off. What was
    recorded stays; what was rebuilt before makes room."""
    zone, provider, basis = tenant_zone(), Provider.current(), Basis.published()
    today = now().astimezone(zone).date()
    past = Past(basis.config, basis.fields(provider.attributes), provider.zone) if provider and basis else None
    db.session.expunge_all()
    db.session.rollback()
    after = claim.scoring.place["past"]
    while provider and past and (customers := _customers_after(provider, after)):
        begin, after = customers[0].uuid, customers[-1].uuid
        rows = _rows(provider, past, customers, zone, today)
        claim.write(place={"past": after})
        between = ScoreDay.customer_uuid.between(begin, after), ScoreDay.rebuilt.is_(True)
        before = owned_delete(ScoreDay).where(ScoreDay.provider_id == provider.id, *between)
        db.session.execute(before.execution_options(synchronize_session=False))
        insert_rows(ScoreDay, rows)
        db.session.commit()
        saved()
    claim.write(rebuilt_at=now(), place={})
    db.session.commit()


def _customers_after(provider: Provider, after: str) -> Sequence[Any]:
    with reading():
        found: Sequence[Any] = customers_after(provider, after, IN_A_SLICE, (Customer.uuid, Customer.customer_since))
        db.session.rollback()
    return found


def _rows(
    provider: Provider, past: Past, customers: Sequence[Any], zone: ZoneInfo, today: date
) -> list[dict[str, Any]]:
    """The days of these customers' history that come before what was recorded."""
    with reading():
        movements = movements_of(provider, customers)
        db.session.rollback()
    recorded = _recorded(provider, customers)
    rows = []
    for customer in customers:
        if not (of := movements[customer.uuid]):
            continue
        until = recorded.get(customer.uuid, today)
        moved = {movement.at.astimezone(zone).date() for movement in of}
        days = [day for day in days_before(today, TREND_DAYS, moved) if day < until]
        for day, then in changes_of(days, past.of(customer, of, [_end_of(day, zone, past.zone) for day in days])):
            about = {"provider_id": provider.id, "customer_uuid": customer.uuid, "day": day}
            made = {"score": then.score, "points": kept_points(then.points), "why_none": then.why_none}
            rows.append({**about, "version": past.config.number, **made, "caps": "", "rebuilt": True})
    return rows


@lru_cache(maxsize=1_000)
def _end_of(day: date, zone: ZoneInfo, account: ZoneInfo) -> Moment:
    """The last moment of a day of `zone`, in the account's."""
    return Moment(midnight_after(day, zone) - timedelta(microseconds=1), account, 0)


def _recorded(provider: Provider, customers: Sequence[Any]) -> dict[str, date]:
    """The first day of each that was recorded, by uuid."""
    between = ScoreDay.customer_uuid.between(customers[0].uuid, customers[-1].uuid), ScoreDay.rebuilt.is_(False)
    first = owned(ScoreDay, ScoreDay.customer_uuid, func.min(ScoreDay.day)).where(ScoreDay.provider_id == provider.id)
    with reading():
        found = db.session.execute(first.where(*between).group_by(ScoreDay.customer_uuid)).all()
        db.session.rollback()
    return {uuid: day for uuid, day in found}  # noqa: C416 - dict() takes it for a mapping
