"""Support looking at a tenant as its admin sees it: read-only, with a reason, for a while, on the record."""

from datetime import datetime, timedelta
from uuid import UUID

from flask import g, session
from flask_login import current_user
from sqlalchemy import select, update

from webapp import audit, sessions
from webapp.extensions import begin_writing, db
from webapp.models import Impersonation, Tenant, User
from webapp.models.types import now

LASTS = timedelta(minutes=30)
IDLE = timedelta(minutes=15)
KEY = "impersonation"


class AlreadyImpersonating(Exception):
    """A staff member looks at one tenant at a time."""


def current() -> Impersonation | None:
    """The impersonation of this request, or None; found once by the gate and kept in `g`."""
    return getattr(g, "impersonation", None)


def load(staff: User, poll: bool) -> None:
    """Find the session's impersonation; end it when its time or its right is over. The gate calls this."""
    g.impersonation = g.impersonation_id = None
    id_ = session.get(KEY)
    if not id_:
        return
    row = db.session.get(Impersonation, UUID(id_))
    moment = now()
    over = _why_over(row, staff, moment)
    if row is None or over:
        if row is not None and row.ended_at is None:
            begin_writing()
            end(row.id, over or "expired", moment)
            db.session.commit()
        session.pop(KEY, None)
        g.impersonation_over = True
        return
    if not poll and moment - row.last_action_at > sessions.TOUCH_AFTER:
        begin_writing()
        db.session.execute(
            update(Impersonation).where(Impersonation.id == row.id).values(last_action_at=moment)
        )
        db.session.commit()
        row = db.session.get_one(Impersonation, row.id)
    g.impersonation, g.impersonation_id = row, row.id


def _why_over(row: Impersonation | None, staff: User, moment: datetime) -> str | None:
    if row is None or row.staff_id != staff.id or not staff.is_staff:
        return "revoked"
    if row.ended_at is not None or moment >= row.ends_at:
        return "expired"
    return "idle" if moment - row.last_action_at >= IDLE else None


def start(tenant: Tenant, reason: str) -> Impersonation:
    """Begin to look at a tenant, under a new session name; the caller commits.

    Raises AlreadyImpersonating when this staff member already looks at one.
    """
    moment = now()
    live = select(Impersonation).where(
        Impersonation.staff_id == current_user.id, Impersonation.ended_at.is_(None)
    )
    for row in db.session.scalars(live):
        if current() is not None or not _why_over(row, current_user, moment):
            raise AlreadyImpersonating
        end(row.id, "expired", moment)
    row = Impersonation(
        staff_id=current_user.id,
        tenant_id=tenant.id,
        reason=reason,
        started_at=moment,
        last_action_at=moment,
        ends_at=moment + LASTS,
    )
    db.session.add(row)
    db.session.flush()
    audit.record("impersonation:started", row, reason=reason)
    return row


def end(id_: UUID, by: str, at: datetime) -> None:
    """End an impersonation once; the caller commits."""
    row = db.session.get_one(Impersonation, id_)
    if row.ended_at is None:
        row.ended_at, row.ended_by = at, by
        audit.record("impersonation:ended", row, by=by)
