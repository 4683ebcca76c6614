"""Support looking at a tenant as its admin sees it: read-only, with a reason, for a while, on the record."""

from datetime import datetime
from uuid import UUID

from flask import flash, g, session
from flask_login import current_user
from sqlalchemy import select, update

from webapp import audit, sessions
from webapp.audit import AuditEntry
from webapp.extensions import begin_writing, db
from webapp.models import Impersonation, Tenant, User
from webapp.models.accounts import IMPERSONATION_LASTS
from webapp.models.types import now

KEY = "impersonation"
# What a session keeps when an impersonation begins or ends: who signed in.
KEPT = ("_user_id", "_fresh", "_id")


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
    row = db.session.scalar(select(Impersonation).where(Impersonation.id == UUID(id_)))
    moment = now()
    over = _why_over(row, staff, moment)
    if row is None or over:
        if row is not None and row.ended_at is None:
            begin_writing()
            end(row.id, over or "expired", moment)
            db.session.commit()
        session.pop(KEY, None)
        flash("It ends by itself after 30 minutes, or after 15 without a click.", "Impersonation ended")
        g.impersonation_over = True
        return
    if not poll and moment - row.last_action_at > sessions.TOUCH_AFTER:
        begin_writing()
        db.session.execute(update(Impersonation).where(Impersonation.id == row.id).values(last_action_at=moment))
        db.session.commit()
        row = db.session.get_one(Impersonation, row.id)
    g.impersonation, g.impersonation_id = row, row.id


def _why_over(row: Impersonation | None, staff: User, moment: datetime) -> str | None:
    if row is None or row.staff_id != staff.id or not staff.is_staff:
        return "revoked"
    return row.over(moment)


def live_of(staff: User) -> Impersonation | None:
    """The impersonation that a staff member has begun and not ended, in this session or another."""
    live = select(Impersonation).where(Impersonation.staff_id == staff.id, Impersonation.ended_at.is_(None))
    return db.session.scalar(live)


def start(tenant: Tenant, reason: str) -> Impersonation:
    """Begin to look at a tenant; the caller commits and then calls `enter`.

    Raises AlreadyImpersonating when this staff member already looks at one.
    """
    moment = now()
    before = live_of(current_user)
    if before is not None:
        over = _why_over(before, current_user, moment)
        if over is None:
            raise AlreadyImpersonating
        end(before.id, over, moment)
        db.session.flush()
    row = Impersonation(
        staff_id=current_user.id,
        tenant_id=tenant.id,
        reason=reason,
        started_at=moment,
        last_action_at=moment,
        ends_at=moment + IMPERSONATION_LASTS,
    )
    db.session.add(row)
    db.session.flush()
    audit.record("impersonation:started", row, reason=reason)
    return row


def enter(id_: UUID) -> None:
    """Go on under a new session name, looking at the tenant of a committed impersonation."""
    sessions.renew(keep={**_login(), KEY: str(id_)})


def leave() -> None:
    """Go on under a new session name, as support again."""
    sessions.renew(keep=_login())


def _login() -> dict[str, object]:
    return {name: session[name] for name in KEPT if name in session}


def end(id_: UUID, by: str, at: datetime) -> None:
    """End an impersonation once; the caller commits."""
    row = db.session.get_one(Impersonation, id_)
    if row.ended_at is None:
        row.ended_at, row.ended_by = at, by
        audit.record("impersonation:ended", row, by=by)


def record_of(tenant_id: UUID, rows: int = 10) -> list[Impersonation]:
    """Who of support has looked at a tenant, newest first."""
    newest = select(Impersonation).where(Impersonation.tenant_id == tenant_id)
    return list(db.session.scalars(newest.order_by(Impersonation.started_at.desc()).limit(rows)))


def actions_of_support(tenant_id: UUID, rows: int = 10) -> list[AuditEntry]:
    """What support did for a tenant under its own name, newest first."""
    by_staff = select(AuditEntry).join(User, User.id == AuditEntry.actor_id).where(User.role == "staff")
    of_tenant = AuditEntry.tenant_id == tenant_id, AuditEntry.action.in_(audit.WORDS)
    return list(db.session.scalars(by_staff.where(*of_tenant).order_by(AuditEntry.at.desc()).limit(rows)))
