"""How customers' values changed: keeping what a person changed, and reading changes as values."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func

from webapp.extensions import db
from webapp.models import Property, PropertyVersion, ValueChange
from webapp.models.values import Kept
from webapp.tenancy import insert_rows, owned
from webapp.values import PropertyType, Value, decode


@dataclass(frozen=True, slots=True)
class Told:
    """A change of a value, read by the definition that both values are of: it may have another type since."""

    of: Property
    customer_id: UUID
    at: datetime
    version: int
    type: PropertyType
    before: Value | None
    after: Value | None
    import_id: UUID | None
    by: str | None

    @property
    def ended(self) -> bool:
        """Whether it is of a definition that the property has no more."""
        return self.version != self.of.version


def keep(property_: Property, customer_id: UUID, before: Kept, after: Kept, by: str, at: datetime) -> None:
    """Add a change that a person made; the caller commits."""
    of = {"property_id": property_.id, "customer_id": customer_id, "version": property_.version}
    said = {"at": at, "by": by, "import_id": None}
    insert_rows(ValueChange, [{**of, **said, **ValueChange.told(property_.slot, before, after)}])


def last_set(property_ids: Collection[UUID], customer_id: UUID) -> dict[UUID, ValueChange]:
    """The newest change of each of these properties of a customer."""
    if not property_ids:
        return {}
    of = ValueChange.property_id.in_(property_ids), ValueChange.customer_id == customer_id
    newest = owned(ValueChange, ValueChange.property_id, func.max(ValueChange.at).label("at"))
    newest_of_each = newest.where(*of).group_by(ValueChange.property_id).subquery()
    rows = owned(ValueChange).join(
        newest_of_each,
        (ValueChange.property_id == newest_of_each.c.property_id) & (ValueChange.at == newest_of_each.c.at),
    )
    return {row.property_id: row for row in db.session.scalars(rows.where(*of))}


def told(changes: Sequence[ValueChange]) -> list[Told]:
    """Changes as values, in their order: two queries, however many there are."""
    if not changes:
        return []
    ids = {change.property_id for change in changes}
    properties = {row.id: row for row in db.session.scalars(owned(Property).where(Property.id.in_(ids)))}
    columns = PropertyVersion.property_id, PropertyVersion.version, PropertyVersion.type
    versions = db.session.execute(owned(PropertyVersion, *columns).where(PropertyVersion.property_id.in_(ids)))
    types = {(row.property_id, row.version): row.type for row in versions}
    return [_read(change, properties[change.property_id], types) for change in changes]


def _read(change: ValueChange, of: Property, types: dict[tuple[UUID, int], str]) -> Told:
    type_ = PropertyType(types.get((change.property_id, change.version), of.type))
    before = decode(type_, change.number_before, change.text_before)
    after = decode(type_, change.number, change.text)
    return Told(of, change.customer_id, change.at, change.version, type_, before, after, change.import_id, change.by)
