"""Tenants, the people who sign in, their sessions, and support working in a tenant."""

import re
import unicodedata
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask_login import UserMixin
from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.extensions import Base
from webapp.models.types import UtcDateTime, now

# OWASP's minimum for argon2id: 19 MiB, two passes.
PASSWORDS = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
IMPERSONATION_LASTS = timedelta(minutes=30)
IMPERSONATION_IDLE = timedelta(minutes=15)
# Verified when the e-mail address is unknown, so that both answers take the same time.
NOBODY = PASSWORDS.hash("nobody has this password")


class Role(StrEnum):
    ADMIN = "admin"
    MEMBER = "member"
    STAFF = "staff"


class Tenant(Base):
    """A company that uses Customerscore."""

    __tablename__ = "tenants"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(120))
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    @staticmethod
    def slug_for(name: str) -> str:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60] or "tenant"


class User(Base, UserMixin):  # type: ignore[misc]
    """A person who signs in: admin or member of one tenant, or staff of Customerscore and of no tenant."""

    __tablename__ = "users"
    __table_args__ = (CheckConstraint("(role = 'staff') = (tenant_id IS NULL)", name="staff_have_no_tenant"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    tenant_id: Mapped[UUID | None] = mapped_column(ForeignKey("tenants.id"), index=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(10))
    active: Mapped[bool] = mapped_column(default=True)
    # Codenames of the properties shown as columns of the customers' table; None: the first few.
    columns: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    tenant: Mapped[Tenant | None] = relationship(lazy="joined")

    @property
    def is_active(self) -> bool:
        return self.active

    @property
    def is_staff(self) -> bool:
        return self.role == Role.STAFF

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN

    @property
    def role_word(self) -> str:
        return "Support" if self.is_staff else self.role.capitalize()

    def set_password(self, password: str) -> None:
        """Keep a password of 8 to 128 characters as its argon2id hash; ValueError says what is wrong."""
        if not 8 <= len(password) <= 128:
            raise ValueError("A password has 8 to 128 characters.")
        self.password_hash = PASSWORDS.hash(password)

    @staticmethod
    def password_fits(user: "User | None", password: str) -> bool:
        """Check a password; takes as long for an unknown user as for a known one."""
        if len(password) > 128:
            return False
        try:
            return PASSWORDS.verify(user.password_hash if user else NOBODY, password) and user is not None
        except (VerificationError, InvalidHashError):
            return False


class UserSession(Base):
    """A browser's session: the cookie's value is kept only as a hash, and deleting the row ends it at once."""

    __tablename__ = "user_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Impersonation(Base):
    """Support looking at a tenant: who, why, since when, and how it ended."""

    __tablename__ = "impersonations"
    __table_args__ = (
        Index(
            "uq_impersonations_live_staff",
            "staff_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), index=True)
    reason: Mapped[str] = mapped_column(String(300))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_action_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(String(20))

    staff: Mapped[User] = relationship(lazy="joined")
    tenant: Mapped[Tenant] = relationship(lazy="joined")

    @property
    def minutes_left(self) -> int:
        """Begun minutes until it ends by itself."""
        return max(0, -(-int((self.ends_at - now()).total_seconds()) // 60))

    def over(self, at: datetime) -> str | None:
        """How it ended, also if nobody has written that down yet; None while it lasts."""
        if self.ended_at is not None:
            return self.ended_by
        if at >= self.ends_at:
            return "expired"
        return "idle" if at - self.last_action_at >= IMPERSONATION_IDLE else None
