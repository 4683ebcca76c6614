"""Tenants, the people who sign in, their sessions, and support working in a tenant."""

import hmac
import re
import threading
import unicodedata
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.fernet import Fernet
from flask_login import UserMixin
from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.extensions import Base
from webapp.models.types import UtcDateTime, now

# OWASP's minimum for argon2id: 19 MiB, two passes.
PASSWORDS = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
IMPERSONATION_LASTS = timedelta(minutes=30)
IMPERSONATION_IDLE = timedelta(minutes=15)
# Verified when the e-mail address is unknown, so that both answers take the same time.
NOBODY = PASSWORDS.hash("nobody has this password")
# A hash takes 19 MiB and most of a core for 60 ms: more at once would starve the pages.
_HASHING = threading.BoundedSemaphore(2)
CODE_SECONDS = 30


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
    # The second factor's secret, sealed, and the last time step whose code was used: none is used twice.
    totp_sealed: Mapped[str | None] = mapped_column(String(200))
    totp_step: Mapped[int] = mapped_column(BigInteger, default=0)
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
            with _HASHING:
                return PASSWORDS.verify(user.password_hash if user else NOBODY, password) and user is not None
        except (VerificationError, InvalidHashError):
            return False

    def new_second_factor(self, seal: Fernet) -> str:
        """Give the user a new one-time-code secret; returns it, for the one time that it is shown."""
        secret = pyotp.random_base32()
        self.totp_sealed, self.totp_step = seal.encrypt(secret.encode()).decode(), 0
        return secret

    def code_fits(self, seal: Fernet, code: str, at: datetime) -> bool:
        """Check a one-time code of now or of a step beside it, once; the caller commits."""
        if self.totp_sealed is None:
            return False
        codes = pyotp.TOTP(seal.decrypt(self.totp_sealed.encode()).decode())
        now_step = int(at.timestamp()) // CODE_SECONDS
        for step in (now_step - 1, now_step, now_step + 1):
            if step > self.totp_step and hmac.compare_digest(codes.generate_otp(step).encode(), code.encode()):
                self.totp_step = step
                return True
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
