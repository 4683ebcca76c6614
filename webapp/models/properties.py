"""Properties that a tenant defines."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.chartmogul.fields import FIELDS, Field, PropertyType, custom_field
from webapp.extensions import Base, db
from webapp.models.types import UtcDateTime, now
from webapp.models.values import CustomerValues, ValueChange, slot_columns, slots_of
from webapp.tenancy import TenantOwned, owned, owned_delete, owned_update

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
        Index("uq_properties_slot", "tenant_id", "slot", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(120))
    codename: Mapped[str] = mapped_column(String(60))
    type: Mapped[str] = mapped_column(String(10))
    # The column of CustomerValues that holds its values.
    slot: Mapped[str] = mapped_column(String(3))
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
    def await_sync(cls) -> None:
        """Another account is connected: what ChartMogul filled waits for its next import, and the counts and imports of
        the one before say nothing of it. The caller commits."""
        waiting: dict[str, Any] = {"filled_version": 0, "filled_count": 0, "filled_at": None, "filled_import_id": None}
        statement = owned_update(cls).where(cls.source == Source.CHARTMOGUL).values(**waiting)
        db.session.execute(statement.execution_options(synchronize_session=False))

    def chartmogul_field(self, attributes: dict[str, Any]) -> Field | None:
        """The ChartMogul field behind it, for a custom attribute with the type that its values had last."""
        if self.custom_key is not None:
            known = attributes.get(self.custom_key, {})
            return custom_field(self.custom_key, PropertyType(known.get("type", PropertyType.TEXT)))
        return FIELDS.get(self.field or "")

    @property
    def values(self) -> ColumnElement[Any]:
        """The column that holds its values."""
        return slot_columns([self.slot])[0]

    def slot_for(self, type_: str, others: Iterable["Property"]) -> str:
        """Its slot, if that holds the type, else one that none of the other properties has. NoRoom when all are."""
        slots = slots_of(type_)
        if self.slot in slots:
            return self.slot
        free = [slot for slot in slots if slot not in {property_.slot for property_ in others}]
        if not free:
            raise NoRoom
        return free[0]

    def redefine(
        self, source: str, type_: str, field: str | None, custom_key: str | None, by: str, at: datetime
    ) -> bool:
        """Set where the values come from and what they are; True when that ended the values there were. Give it a slot
        for its type afterwards, and lock it before."""
        definition = (source, type_, field, custom_key)
        if definition == self.definition:
            return False
        ValueChange.close(self.id, self.version, self.slot, by, at)
        self.source, self.type, self.field, self.custom_key = definition
        self.version += 1
        self.filled_count = 0
        return True

    def forget_values(self) -> None:
        """Remove its values and how they changed."""
        self.lock()
        CustomerValues.empty(self.slot)
        changes = owned_delete(ValueChange).where(ValueChange.property_id == self.id)
        db.session.execute(changes.execution_options(synchronize_session=False))

    def lock(self) -> None:
        """An import that writes its values, or somebody else who changes it, waits for this transaction, or this waits
        for it and sees what was made of it. Deleted when nothing was left."""
        row = owned(Property).where(Property.id == self.id).with_for_update()
        if db.session.scalars(row.execution_options(populate_existing=True)).first() is None:
            raise Deleted


class Deleted(Exception):
    """Somebody deleted the property meanwhile."""


class NoRoom(Exception):
    """There are as many properties of this kind as there can be."""
