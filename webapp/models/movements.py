"""MRR movements, as ChartMogul sent them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, Select, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base
from webapp.models.providers import Provider
from webapp.models.types import UtcDateTime
from webapp.tenancy import TenantOwned, owned, through_its_parent

# So many movements of one account are taken to be a good part of those in a SQLite file. If it holds millions of
# others, these are looked at, too, at 0.75 µs each.
MOST_OF_A_FILE = 50_000


class Movement(TenantOwned, Base):
    """One MRR movement (a ChartMogul activity). Its id is computed from what it says, because ChartMogul's
    activity ids are not stable. `read` numbers the read that found it: a movement counts once the provider's
    `movements_read` has reached that number, so a reader never sees half of a read."""

    __tablename__ = "movements"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "provider_id"], ["providers.tenant_id", "providers.id"]),
        Index("ix_movements_customer", "provider_id", "customer_uuid", "at"),
    )

    tenant_id: Mapped[UUID] = through_its_parent()
    id: Mapped[UUID] = mapped_column(primary_key=True)
    provider_id: Mapped[UUID]
    customer_uuid: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    type: Mapped[str] = mapped_column(String(20))
    movement_minor: Mapped[int] = mapped_column(BigInteger)
    mrr_minor: Mapped[int] = mapped_column(BigInteger)
    description: Mapped[str | None] = mapped_column(String(1000))
    subscription_id: Mapped[str | None] = mapped_column(String(255))
    plan_id: Mapped[str | None] = mapped_column(String(255))
    currency: Mapped[str | None] = mapped_column(String(100))
    read: Mapped[int]

    @staticmethod
    def as_they_lie(statement: Select[Any], how_many: int | None) -> Select[Any]:
        """A statement that looks at all of an account's movements, of which there are about so many. SQLite looks for
        each of them by an index, in four times the time, which pays only if most of the file is not theirs."""
        large = (how_many or 0) >= MOST_OF_A_FILE
        return statement.with_hint(Movement, "NOT INDEXED", "sqlite") if large else statement

    @classmethod
    def that_count(cls, provider: Provider, *columns: Any, reads: int | None = None) -> Select[Any]:
        """A select of the provider's movements, without what a read that is still going on has found; or of those that
        came with the first so many reads."""
        up_to = provider.movements_read if reads is None else reads
        return owned(cls, *columns).where(cls.provider_id == provider.id, cls.read <= up_to)
