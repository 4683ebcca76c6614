"""Notices: what somebody should know of, one for each episode; who has read them, who wants them, and their mails."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    JSON,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base
from webapp.models.types import UtcDateTime
from webapp.tenancy import TenantOwned


class NoticeKind(StrEnum):
    SCORE_FELL = "score_fell"
    IMPORT_FAILING = "import_failing"
    DATA_STALE = "data_stale"


class MailState(StrEnum):
    WAITING = "waiting"
    # Claimed before it is sent: one that is never heard of again may have arrived, so it is not sent twice.
    SENDING = "sending"
    SENT = "sent"
    GIVEN_UP = "given_up"


class Notice(TenantOwned, Base):
    """An episode: begun when the notice was made, over when it is no longer so. The database allows one open notice
    for each thing that can happen. `customer_uuid`: empty where it is about the connection."""

    __tablename__ = "notices"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "provider_id"], ["providers.tenant_id", "providers.id"]),
        UniqueConstraint("tenant_id", "id"),
        Index("ix_notices_newest", "tenant_id", "opened_at", "id"),
        Index(
            "uq_notices_open",
            "tenant_id",
            "provider_id",
            "kind",
            "customer_uuid",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    provider_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(String(20))
    customer_uuid: Mapped[str] = mapped_column(String(80), default="")
    customer_id: Mapped[UUID | None]
    # What the customer was called; empty where it is about the connection.
    about: Mapped[str] = mapped_column(String(500), default="")
    # Of a score: the grade that it fell from, and the one that it fell to.
    grade_before: Mapped[int | None]
    grade: Mapped[int | None]
    # Why an import fails, see webapp.models.Reason.
    reason: Mapped[str | None] = mapped_column(String(30))
    # When what it tells of began; the notice itself may come later.
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class NoticeReader(TenantOwned, Base):
    """How a user gets notices, by kind (see webapp.notices), and up to when all of them are read; a user who has not
    chosen has no row."""

    __tablename__ = "notice_readers"
    __table_args__ = (PrimaryKeyConstraint("tenant_id", "user_id"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    choices: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    read_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class NoticeReading(TenantOwned, Base):
    """A user has opened a notice."""

    __tablename__ = "notice_readings"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "notice_id"], ["notices.tenant_id", "notices.id"]),
        PrimaryKeyConstraint("tenant_id", "user_id", "notice_id"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    notice_id: Mapped[UUID]


class NoticeMail(TenantOwned, Base):
    """An e-mail to one user about the notices that were made together, so that a bad night is one e-mail."""

    __tablename__ = "notice_mails"
    __table_args__ = (Index("ix_notice_mails_due", "state", "not_before"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    notice_ids: Mapped[list[str]] = mapped_column(JSON, default=list)
    state: Mapped[str] = mapped_column(String(10), default=MailState.WAITING)
    tries: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
