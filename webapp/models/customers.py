"""Customers, as ChartMogul sent them."""

import re
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from hashlib import sha1
from typing import Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_OID, UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    and_,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.chartmogul.records import CustomerRecord
from webapp.extensions import Base
from webapp.models.types import UtcDateTime
from webapp.tenancy import TenantOwned, through_its_parent

LIVE_STATUSES = ("Active", "Past Due")
# Strict, because browsers read an address with a backslash or a blank otherwise than we would.
CHARTMOGUL_PAGE = re.compile(r"https://([a-z0-9-]+\.)*chartmogul\.com(/[^\s\\]*)?", re.IGNORECASE)


class Customer(TenantOwned, Base):
    """One customer of a tenant. Keyed by (provider, ChartMogul uuid), of which its id is made: `external_id` is not
    unique. In the order of their uuids lie the rows of CustomerValues."""

    __tablename__ = "customers"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "provider_id"], ["providers.tenant_id", "providers.id"]),
        Index("ix_customers_provider", "provider_id"),
    )

    tenant_id: Mapped[UUID] = through_its_parent()
    id: Mapped[UUID] = mapped_column(primary_key=True)
    provider_id: Mapped[UUID]
    uuid: Mapped[str] = mapped_column(String(80))
    external_id: Mapped[str | None] = mapped_column(String(255))
    external_ids: Mapped[list[str]] = mapped_column(JSON, default=list)
    owner: Mapped[str | None] = mapped_column(String(500))
    name: Mapped[str | None] = mapped_column(String(500))
    email: Mapped[str | None] = mapped_column(String(500))
    company: Mapped[str | None] = mapped_column(String(500))
    status: Mapped[str | None] = mapped_column(String(100))
    mrr_minor: Mapped[int] = mapped_column(BigInteger)
    arr_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(100))
    customer_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    free_trial_started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lead_created_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    country: Mapped[str | None] = mapped_column(String(100))
    city: Mapped[str | None] = mapped_column(String(255))
    billing_system: Mapped[str | None] = mapped_column(String(100))
    chartmogul_url: Mapped[str | None] = mapped_column(String(2000))
    website_url: Mapped[str | None] = mapped_column(String(2000))
    tags: Mapped[list[str]] = mapped_column(JSON, default=list)
    custom: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # What the record's fields hash to: a record that hashes the same is not written again.
    content_hash: Mapped[bytes] = mapped_column(LargeBinary(16))
    # Since when our imports have seen the status Past Due without a break.
    past_due_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When a complete read no longer held the customer and ChartMogul answered 404 for its uuid.
    gone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    changed_import_id: Mapped[UUID]
    # What its active subscriptions come to, as of the last import that asked for them. They come from no list, so
    # they are no part of the content's hash; empty for whoever is no live subscriber.
    plans: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    billing_interval_months: Mapped[int | None]
    quantity: Mapped[int | None] = mapped_column(BigInteger)

    @classmethod
    def id_for(cls, provider_id: UUID, uuid: str) -> UUID:
        """Our id of a ChartMogul customer: computed, so a page can be saved without asking which rows exist."""
        return UUID(bytes=cls.id_bytes_for(provider_id, uuid))

    @staticmethod
    def id_bytes_for(provider_id: UUID, uuid: str) -> bytes:
        """The same as the bytes of a `uuid5`, in a quarter of its time."""
        hash_ = _hash_of_account(provider_id).copy()
        hash_.update(uuid.encode())
        digest: bytes = hash_.digest()
        return digest[:6] + bytes((digest[6] & 0x0F | 0x50, digest[7], digest[8] & 0x3F | 0x80)) + digest[9:16]

    @classmethod
    def among(cls, provider_id: UUID | None, uuids: Iterable[str]) -> ColumnElement[bool]:
        """Whether a row is one of these customers of a provider. To name the provider beside it would lead SQLite to
        look at all customers of that."""
        return cls.id.in_([cls.id_for(provider_id, uuid) for uuid in uuids] if provider_id else [])

    @staticmethod
    def columns_of(record: CustomerRecord) -> dict[str, Any]:
        """A record's fields as this table's columns."""
        columns = record._asdict()
        del columns["warnings"]
        return {**columns, "external_ids": list(record.external_ids), "tags": list(record.tags)}

    @classmethod
    def subscribes(cls) -> ColumnElement[bool]:
        """Whether a row is a live subscriber's: one who pays or should, and who is still in ChartMogul."""
        return and_(cls.status.in_(LIVE_STATUSES), cls.gone_at.is_(None))

    @property
    def title(self) -> str:
        """What people call the customer: its name, else its company, e-mail address or external id."""
        return self.name or self.company or self.email or self.external_id or self.uuid

    @property
    def chartmogul_page(self) -> str | None:
        """The customer's page in ChartMogul, if the address that was sent leads there and nowhere else."""
        address = self.chartmogul_url or ""
        return address if CHARTMOGUL_PAGE.fullmatch(address) else None

    @property
    def domain(self) -> str | None:
        try:
            host = urlsplit(self.website_url or "").hostname or ""
        except ValueError:
            return None
        return host.removeprefix("www.") or None


_GONE = Customer.gone_at.is_not(None)
Index("ix_customers_gone", Customer.provider_id, Customer.gone_at, sqlite_where=_GONE, postgresql_where=_GONE)


@lru_cache(maxsize=64)
def _hash_of_account(provider_id: UUID) -> Any:
    return sha1(NAMESPACE_OID.bytes + f"{provider_id}/".encode(), usedforsecurity=False)
