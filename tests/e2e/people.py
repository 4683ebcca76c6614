"""Who takes part: two companies of a test's own, their people, and support. Plain values, no rows."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, update

from tests import factories
from tests.e2e.house import House
from webapp import impersonation
from webapp.extensions import db
from webapp.models import (
    LIVE_IMPORT_STATES,
    Impersonation,
    Import,
    ImportState,
    Provider,
    ProviderState,
    Role,
    Tenant,
    UserSession,
)
from webapp.models.accounts import IMPERSONATION_LASTS
from webapp.models.types import now
from webapp.pages.auth import WAITING, WAITING_SINCE
from webapp.sessions import _hash, end_sessions_of


@dataclass(frozen=True)
class Company:
    id: UUID
    name: str


@dataclass(frozen=True)
class Somebody:
    id: UUID
    email: str
    password: str = factories.PASSWORD


@dataclass(frozen=True)
class Cast:
    """Acme (admin Ada, member Max), Globex (admin Gil), support (Sam)."""

    acme: Company
    ada: Somebody
    max: Somebody
    globex: Company
    gil: Somebody
    sam: Somebody


def make_cast(house: House) -> Cast:
    mark = uuid4().hex[:6]
    with house.rows():
        acme, globex = factories.make_tenant(f"Acme {mark}"), factories.make_tenant(f"Globex {mark}")
        return Cast(
            acme=Company(acme.id, acme.name),
            ada=_somebody(f"ada-{mark}@acme.example", Role.ADMIN, acme),
            max=_somebody(f"max-{mark}@acme.example", Role.MEMBER, acme),
            globex=Company(globex.id, globex.name),
            gil=_somebody(f"gil-{mark}@globex.example", Role.ADMIN, globex),
            sam=_somebody(f"sam-{mark}@customerscore.example", Role.STAFF, None),
        )


def _somebody(email: str, role: Role, tenant: Tenant | None) -> Somebody:
    return Somebody(factories.make_user(email, role, tenant).id, email)


def retire(house: House, cast: Cast) -> None:
    """Leave nothing of a test's companies that a process would go on with."""
    ours = (cast.acme.id, cast.globex.id)
    at = now()
    with house.rows():
        live = Import.tenant_id.in_(ours), Import.state.in_(LIVE_IMPORT_STATES)
        db.session.execute(update(Import).where(*live).values(state=ImportState.CANCELLED, ended_at=at))
        for provider in db.session.scalars(select(Provider).where(Provider.tenant_id.in_(ours))):
            if provider.state != ProviderState.DISCONNECTED:
                provider.disconnect(at)
        db.session.commit()


def end_sessions(house: House, somebody: Somebody) -> None:
    with house.rows():
        end_sessions_of(somebody.id)
        db.session.commit()


def looking_at(house: House, staff: Somebody, company: Company, reason: str) -> dict[str, str]:
    """An impersonation that has begun, as a session remembers it."""
    at = now()
    with house.rows():
        times = {"started_at": at, "last_action_at": at, "ends_at": at + IMPERSONATION_LASTS}
        row = Impersonation(staff_id=staff.id, tenant_id=company.id, reason=reason, **times)
        db.session.add(row)
        db.session.commit()
        return {impersonation.KEY: str(row.id)}


def session_of(house: House, somebody: Somebody, **content: str) -> str:
    """The cookie of somebody who has signed in."""
    return _session(house, somebody.id, {"_user_id": str(somebody.id), "_fresh": True, **content})


def waiting_for_code(house: House, staff: Somebody) -> str:
    """The cookie of somebody whose password was right and whose second factor is waited for."""
    return _session(house, None, {WAITING: str(staff.id), WAITING_SINCE: now().isoformat()})


def _session(house: House, user_id: UUID | None, content: dict[str, Any]) -> str:
    token, moment = secrets.token_urlsafe(32), now()
    with house.rows():
        row = UserSession(
            token_hash=_hash(token),
            user_id=user_id,
            content=content,
            last_seen_at=moment,
            ends_at=moment + timedelta(hours=8),
        )
        db.session.add(row)
        db.session.commit()
    return token
