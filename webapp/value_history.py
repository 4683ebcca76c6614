"""How customers' values changed."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import func

from webapp.extensions import db
from webapp.models import Property, ValueChange
from webapp.models.values import Kept
from webapp.tenancy import insert_rows, owned


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
