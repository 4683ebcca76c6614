"""What uses a tenant's properties, and which import filled each last: for all of them at once."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from webapp.customer_columns import chosen_columns
from webapp.extensions import db
from webapp.models import HealthVersion, Import, Property, User
from webapp.score_words import importance, share_of
from webapp.tenancy import current_tenant_id, owned


def shown_to(properties: Sequence[Property]) -> Counter[str]:
    """How many users have each property as a column of their customers' table, by codename. `properties`: all of the
    tenant's, because whoever has chosen no columns sees the first few."""
    choices = select(User.columns).where(User.tenant_id == current_tenant_id(), User.active)
    if not properties:
        return Counter()
    return Counter(
        column.key for columns in db.session.scalars(choices) for column in chosen_columns(properties, columns)
    )


def in_score() -> dict[str, str]:
    """How each property that is a factor is used in the health score, by the hex of its id; a factor of the draft alone
    is said to be."""
    published, draft = HealthVersion.published(), HealthVersion.draft()
    words = {row["property"]: "in the draft" for row in draft.factors} if draft else {}
    rows = published.factors if published else []
    for row in rows:
        words[row["property"]] = f"{importance(row)}, {share_of(row, rows)}"
    return words


def last_imports(properties: Sequence[Property]) -> dict[UUID, Import]:
    """The imports that filled properties last, by their ids."""
    ids = {property_.filled_import_id for property_ in properties} - {None}
    found = db.session.scalars(owned(Import).where(Import.id.in_(ids))) if ids else ()
    return {import_.id: import_ for import_ in found}
