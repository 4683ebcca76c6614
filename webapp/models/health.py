"""What scores are made of, version by version, and how each customer's score changed."""

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    JSON,
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Select,
    String,
    UniqueConstraint,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from webapp.extensions import Base, db
from webapp.models.types import UtcDateTime, now
from webapp.models.values import CustomerValues
from webapp.tenancy import TenantOwned, owned, through_its_parent

DRAFT = 0


class HealthVersion(TenantOwned, Base):
    """A configuration of the health score. Number 0 is the draft; published ones count up from 1 and never change.

    `factors`: rows of {"property": id, "version": that of the property's definition for which the factor was made, not
    known of older ones, "codename", "name", "type", "weight": 1 to 3, "zero", "hundred": kept numbers, "by_text":
    {folded text: points} or None, "empty": points or None, "currency": the account's when amounts were chosen, not
    known of older ones}, see webapp.health.Factor. `caps`: {cap: highest score}, see webapp.health.CAPS."""

    __tablename__ = "health_versions"
    __table_args__ = (UniqueConstraint("tenant_id", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    number: Mapped[int]
    factors: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    caps: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    note: Mapped[str] = mapped_column(String(500), default="")
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Of a draft: who changed it last; of a version: who published it.
    by: Mapped[str | None] = mapped_column(String(254))
    # The version that it was made from, by restoring it.
    restored: Mapped[int | None]

    @classmethod
    def draft(cls) -> "HealthVersion | None":
        return db.session.scalars(owned(cls).where(cls.number == DRAFT)).first()

    @classmethod
    def published(cls) -> "HealthVersion | None":
        """The newest version: the one that counts."""
        return db.session.scalars(owned(cls).where(cls.number > DRAFT).order_by(cls.number.desc()).limit(1)).first()


class Scoring(TenantOwned, Base):
    """Where a tenant's scores stand, a row for each tenant that has published a configuration: what was scored last, in
    slices, so that a clock sees what is left to do whatever became of a job."""

    __tablename__ = "scorings"
    __table_args__ = (PrimaryKeyConstraint("tenant_id"), Index("ix_scorings_due_at", "due_at"))

    # The version that is to be scored, and the one that all scores are of.
    wanted: Mapped[int]
    scored: Mapped[int] = mapped_column(default=0)
    # The tenant's day that the scores are of.
    day: Mapped[date | None]
    # When they were all there.
    scored_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Of which scores notices were made last: those of this `scored_at`.
    noticed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When the past was rebuilt from movements, by the version that is wanted.
    rebuilt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # From when on there is something to do: at the tenant's next midnight, or since something changed.
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    # How far whoever makes the scores has got: {"version", "day", "at", "after"}, or {"past": uuid} while the past is
    # rebuilt.
    place: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # Who may write scores. Every claim raises `fence`, and so does everything that makes what is under way worthless;
    # a slice with an older fence changes no row.
    fence: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # How often, and when last, a worker was woken.
    sent: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    @property
    def pending(self) -> bool:
        """Whether not all scores are of the version that is wanted."""
        return self.scored < self.wanted


class ScoreDay(TenantOwned, Base):
    """A customer's score from one day on, until the next row: a day on which nothing changed has none. `points`: those
    of the version's factors in their order, tenths joined by commas, empty where a factor was not counted; `caps`:
    those that held, joined by commas; `score` in tenths, none when there was no number."""

    __tablename__ = "score_days"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "provider_id"], ["providers.tenant_id", "providers.id"]),
        PrimaryKeyConstraint("tenant_id", "provider_id", "customer_uuid", "day"),
        {"sqlite_with_rowid": False},
    )

    tenant_id: Mapped[UUID] = through_its_parent()
    provider_id: Mapped[UUID]
    customer_uuid: Mapped[str] = mapped_column(String(80))
    day: Mapped[date]
    version: Mapped[int]
    score: Mapped[int | None]
    points: Mapped[str] = mapped_column(String(60))
    caps: Mapped[str] = mapped_column(String(40), default="")
    why_none: Mapped[str | None] = mapped_column(String(20))
    # Computed from movements for a day before there were scores.
    rebuilt: Mapped[bool] = mapped_column(default=False)

    @classmethod
    def score_on(cls, day: date) -> ColumnElement[Any]:
        """The score on a day of the customer whose row of CustomerValues is selected."""
        return cls.on(day, cls.score)

    @classmethod
    def on(cls, day: date, what: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[Any]:
        """Something of the row that held on a day for the customer whose row of CustomerValues is selected."""
        of_customer = (
            cls.tenant_id == CustomerValues.tenant_id,
            cls.provider_id == CustomerValues.provider_id,
            cls.customer_uuid == CustomerValues.uuid,
        )
        newest: Select[Any] = select(what).where(*of_customer, cls.day <= day)
        return newest.order_by(cls.day.desc()).limit(1).correlate(CustomerValues).scalar_subquery()


class SecondOpinion(TenantOwned, Base):
    """A person's own grade of a customer, beside the score and never instead of it; it ends by itself."""

    __tablename__ = "second_opinions"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "provider_id"], ["providers.tenant_id", "providers.id"]),
        Index("ix_second_opinions_customer", "tenant_id", "provider_id", "customer_uuid"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    provider_id: Mapped[UUID]
    customer_uuid: Mapped[str] = mapped_column(String(80))
    grade: Mapped[int]
    reason: Mapped[str] = mapped_column(String(500))
    by: Mapped[str] = mapped_column(String(254))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_on: Mapped[date]
    # When somebody took it back, or gave another.
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
