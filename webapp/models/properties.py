"""Properties that a tenant defines, and each customer's values of them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.chartmogul.fields import FIELDS, Field, PropertyType, custom_field
from webapp.extensions import Base, db
from webapp.models.types import UtcDateTime, now
from webapp.tenancy import TenantOwned, owned_update

# Source, type, ChartMogul field and, for a custom attribute, its key.
Definition = tuple[str, str, str | None, str | None]


class Source(StrEnum):
    CHARTMOGUL = "chartmogul"
    BY_HAND = "by_hand"

    @property
    def word(self) -> str:
        return {"chartmogul": "ChartMogul", "by_hand": "By hand"}[self.value]


class Property(TenantOwned, Base):
    """What a tenant wants to know of each customer, and where it comes from."""

    __tablename__ = "properties"
    __table_args__ = (
        UniqueConstraint("tenant_id", "codename"),
        UniqueConstraint("tenant_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(120))
    codename: Mapped[str] = mapped_column(String(60))
    type: Mapped[str] = mapped_column(String(10))
    source: Mapped[str] = mapped_column(String(20))
    # Codename in the catalogue of ChartMogul fields; for a custom attribute its key as well, untouched.
    field: Mapped[str | None] = mapped_column(String(80))
    custom_key: Mapped[str | None] = mapped_column(String(255))
    # Counts up with each change of source, field or type: values of an older version are not shown.
    version: Mapped[int] = mapped_column(default=1)
    filled_version: Mapped[int] = mapped_column(default=0)
    filled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    filled_import_id: Mapped[UUID | None] = mapped_column(ForeignKey("imports.id"))
    filled_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    @property
    def source_word(self) -> str:
        return Source(self.source).word

    @property
    def from_chartmogul(self) -> bool:
        return self.source == Source.CHARTMOGUL

    @property
    def waiting(self) -> bool:
        """Whether its values are still to come, on the next sync."""
        return self.from_chartmogul and self.filled_version != self.version

    @property
    def definition(self) -> Definition:
        """Where its values come from and what they are: with another one the values there are become void."""
        return self.source, self.type, self.field, self.custom_key

    @classmethod
    def await_sync(cls, same_account: bool) -> None:
        """A connection begins: what ChartMogul filled waits for its first import. Another account's counts
        and imports say nothing of this one. The caller commits."""
        waiting: dict[str, Any] = {"filled_version": 0}
        if not same_account:
            waiting |= {"filled_count": 0, "filled_at": None, "filled_import_id": None}
        statement = owned_update(cls).where(cls.source == Source.CHARTMOGUL).values(**waiting)
        db.session.execute(statement.execution_options(synchronize_session=False))

    def chartmogul_field(self, attributes: dict[str, Any]) -> Field | None:
        """The ChartMogul field behind it, for a custom attribute with the type that its values had last."""
        if self.custom_key is not None:
            known = attributes.get(self.custom_key, {})
            return custom_field(self.custom_key, PropertyType(known.get("type", PropertyType.TEXT)))
        return FIELDS.get(self.field or "")

    def redefine(self, source: str, type_: str, field: str | None, custom_key: str | None) -> bool:
        """Set where the values come from and what they are; True when that makes the old values void."""
        before = self.definition
        self.source, self.type, self.field, self.custom_key = source, type_, field, custom_key
        changed = before != (source, type_, field, custom_key)
        if changed:
            self.version += 1
            self.filled_count = 0
        return changed


class PropertyValue(TenantOwned, Base):
    """One customer's value of one property, in the two columns that webapp.values.encode describes."""

    __tablename__ = "property_values"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "property_id"], ["properties.tenant_id", "properties.id"]),
        ForeignKeyConstraint(["customer_id"], ["customers.id"]),
        Index("ix_property_values_property", "property_id", "number"),
    )

    # Customers first: the values of one, which are written and read together, lie together in the index.
    customer_id: Mapped[UUID] = mapped_column(primary_key=True)
    property_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    number: Mapped[int | None] = mapped_column(BigInteger)
    text: Mapped[str | None] = mapped_column(String(2000))
    # The import that gave it this value, or none when a person set it.
    import_id: Mapped[UUID | None]
    set_by: Mapped[str | None] = mapped_column(String(254))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class FilledCustomer(TenantOwned, Base):
    """What all the values that ChartMogul gives a customer came to when they were last written: as long as they
    hash to the same, nothing is compared or written."""

    __tablename__ = "filled_customers"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "provider_id"], ["providers.tenant_id", "providers.id"]),)

    # By uuid, as customers and movements are read to be filled: each of the three is one stretch of an index.
    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_uuid: Mapped[str] = mapped_column(String(80), primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary(16))
