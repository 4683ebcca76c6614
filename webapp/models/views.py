"""Views of the customers' list that a user keeps."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base
from webapp.models.types import UtcDateTime, now
from webapp.tenancy import TenantOwned

NAME_LENGTH = 60


class SavedView(TenantOwned, Base):
    """What one user looks at again and again: search, filters and order as arguments of an address, and columns."""

    __tablename__ = "saved_views"
    __table_args__ = (UniqueConstraint("tenant_id", "user_id", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    args: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # Codenames of the properties shown; None: the first few.
    columns: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    # The account's when the view was saved, in which its conditions' amounts were meant; not known of older ones.
    currency: Mapped[str | None] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    @property
    def opening(self) -> dict[str, Any]:
        """The arguments of its address."""
        return {**self.args, "view": str(self.id)}
