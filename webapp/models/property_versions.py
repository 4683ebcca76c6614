"""The history of a property's definition: a row for each that it has had."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, ForeignKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.chartmogul.fields import FIELDS
from webapp.extensions import Base
from webapp.models.properties import Property, Source
from webapp.models.types import UtcDateTime
from webapp.tenancy import TenantOwned


class PropertyVersion(TenantOwned, Base):
    """What a property was from one redefinition to the next, and which import filled that first."""

    __tablename__ = "property_versions"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "property_id"], ["properties.tenant_id", "properties.id"]),
        UniqueConstraint("tenant_id", "property_id", "version"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    property_id: Mapped[UUID]
    version: Mapped[int]
    name: Mapped[str] = mapped_column(String(120))
    source: Mapped[str] = mapped_column(String(20))
    type: Mapped[str] = mapped_column(String(10))
    field: Mapped[str | None] = mapped_column(String(80))
    custom_key: Mapped[str | None] = mapped_column(String(255))
    # Who defined it is not known of what was defined before this history was kept.
    defined_at: Mapped[datetime] = mapped_column(UtcDateTime)
    defined_by: Mapped[str | None] = mapped_column(String(254))
    filled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    filled_import_id: Mapped[UUID | None] = mapped_column(ForeignKey("imports.id"))

    @classmethod
    def of(cls, property_: Property, by: str | None, at: datetime) -> "PropertyVersion":
        """A property's definition as it is now."""
        source, type_, field, custom_key = property_.definition
        return cls(
            tenant_id=property_.tenant_id,
            property_id=property_.id,
            version=property_.version,
            name=property_.name,
            source=source,
            type=type_,
            field=field,
            custom_key=custom_key,
            defined_at=at,
            defined_by=by,
        )

    @property
    def from_chartmogul(self) -> bool:
        return self.source == Source.CHARTMOGUL

    @property
    def field_label(self) -> str:
        """What the form calls the ChartMogul field."""
        known = FIELDS.get(self.field or "")
        return self.custom_key or (known.label if known else self.field or "")
