"""Who did what to whom: declared actions, written in the transaction of what they record, never changed."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from flask import g, has_request_context
from flask_login import current_user
from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base, begin_writing, db
from webapp.models.types import UtcDateTime, now

# Every action, with the details that it may carry.
ACTIONS: dict[str, frozenset[str]] = {
    "authn:login": frozenset(),
    "authn:login_failed": frozenset(),
    "authn:logout": frozenset(),
    "authz:refused": frozenset({"endpoint", "method"}),
    "provider:connected": frozenset({"account", "key_mask"}),
    "provider:key_replaced": frozenset({"key_mask"}),
    "provider:disconnected": frozenset({"cancelled_import"}),
    "provider:set_up": frozenset({"every_hours", "daily_at", "leads"}),
    "provider:paused": frozenset(),
    "provider:resumed": frozenset(),
    "provider:new_key_asked": frozenset(),
    "import:started": frozenset({"number", "trigger"}),
    "import:cancelled": frozenset({"number"}),
    "import:retried": frozenset({"number"}),
    "import:changes_exported": frozenset({"number"}),
    "property:created": frozenset({"name", "source", "field"}),
    "property:updated": frozenset({"name", "source", "field"}),
    "property:deleted": frozenset({"name"}),
    "attributes:dismissed": frozenset({"keys"}),
    "health_score:published": frozenset({"version", "note"}),
    "health_score:restored": frozenset({"version"}),
    "health_score:discarded": frozenset(),
    "value:set": frozenset({"property", "customer"}),
    "opinion:given": frozenset({"customer", "grade", "expires_on"}),
    "opinion:taken_back": frozenset({"customer", "grade"}),
    "customers:exported": frozenset({"rows"}),
    "impersonation:started": frozenset({"reason"}),
    "impersonation:ended": frozenset({"by"}),
    "tenant:created": frozenset({"name"}),
    "user:second_factor": frozenset(),
    "user:created": frozenset({"email", "role"}),
}

# What a tenant's admins read of what support did; looking at the tenant has a record of its own.
WORDS = {
    "provider:connected": "ChartMogul connected",
    "provider:key_replaced": "API key replaced",
    "provider:disconnected": "ChartMogul disconnected",
    "provider:set_up": "Set-up completed",
    "provider:paused": "Imports paused",
    "provider:resumed": "Imports resumed",
    "provider:new_key_asked": "New API key asked for",
    "import:started": "Import started",
    "import:cancelled": "Import cancelled",
    "import:retried": "Import retried",
}


class AuditEntry(Base):
    """One thing that somebody did. Append-only."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_tenant_at", "tenant_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    action: Mapped[str] = mapped_column(String(40))
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    actor: Mapped[str] = mapped_column(String(254))
    tenant_id: Mapped[UUID | None] = mapped_column(ForeignKey("tenants.id"))
    impersonation_id: Mapped[UUID | None] = mapped_column(ForeignKey("impersonations.id"))
    subject_id: Mapped[UUID | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    request_id: Mapped[str | None] = mapped_column(String(40))


def record(action: str, subject: Any = None, tenant_id: UUID | None = None, **details: Any) -> None:
    """Add an entry to the running transaction; who, under which impersonation and when are filled in.

    The tenant is the subject's unless given. An undeclared action or detail is a mistake: ValueError.
    """
    undeclared = set(details) - ACTIONS.get(action, frozenset())
    if action not in ACTIONS or undeclared:
        raise ValueError(f"{action} with {sorted(details)} is not declared in audit.ACTIONS")
    person = current_user if has_request_context() and current_user and current_user.is_authenticated else None
    db.session.add(
        AuditEntry(
            action=action,
            actor_id=person.id if person else None,
            actor=person.email if person else ("unknown" if has_request_context() else "command line"),
            tenant_id=tenant_id or getattr(subject, "tenant_id", None),
            impersonation_id=getattr(g, "impersonation_id", None) if has_request_context() else None,
            subject_id=getattr(subject, "id", None),
            details=details,
            request_id=getattr(g, "request_id", None) if has_request_context() else None,
        )
    )


def record_reading(action: str, subject: Any = None, tenant_id: UUID | None = None, **details: Any) -> None:
    """Record in a GET what it is about to hand over. What it reads after that waits for no writer."""
    begin_writing()
    record(action, subject, tenant_id, **details)
    db.session.commit()
    g.writing = False
