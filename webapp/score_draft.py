"""The draft of the health score: begun, changed by one person at a time, checked and published."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import func

from webapp import audit
from webapp.extensions import db
from webapp.health import FEWEST, MOST
from webapp.models import HealthVersion, Property
from webapp.models.health import DRAFT
from webapp.rendering import count
from webapp.scoring import want_scores
from webapp.tenancy import current_tenant_id, owned

LONGEST_NOTE = 500
Row = dict[str, Any]


class DraftGone(Exception):
    """There is no draft any more: it was published or discarded meanwhile."""


class DraftChanged(Exception):
    """The draft is not what the page showed: somebody else changed it meanwhile."""


def stamp_of(draft: HealthVersion) -> str:
    """What a form carries, so that it is seen when the draft has changed since."""
    return blake2b(json.dumps([draft.factors, draft.caps], sort_keys=True).encode(), digest_size=8).hexdigest()


def locked_draft() -> HealthVersion:
    """The draft as it is now; nobody else changes it before this transaction ends."""
    this = owned(HealthVersion).where(HealthVersion.number == DRAFT).with_for_update()
    draft: HealthVersion | None = db.session.scalars(this.execution_options(populate_existing=True)).first()
    if draft is None:
        raise DraftGone
    return draft


def begin(
    factors: Sequence[Row], caps: Mapping[str, int], by: str, at: datetime, restored: int | None = None
) -> HealthVersion:
    """Make the draft; the caller commits. Raises IntegrityError if there is one."""
    draft = HealthVersion(tenant_id=current_tenant_id(), number=DRAFT, restored=restored)
    draft.factors, draft.caps, draft.by, draft.changed_at = list(factors), dict(caps), by, at
    db.session.add(draft)
    db.session.flush()
    return draft


def change(draft: HealthVersion, seen: str, factors: list[Row], caps: dict[str, int], by: str, at: datetime) -> None:
    """Make the locked draft so; the same a second time is no harm. `seen`: the stamp of what the person saw."""
    if (factors, caps) == (draft.factors, draft.caps):
        return
    if seen != stamp_of(draft):
        raise DraftChanged
    draft.factors, draft.caps, draft.by, draft.changed_at = factors, caps, by, at


def is_as_restored(draft: HealthVersion) -> bool:
    """Whether the draft says what the version says that it was made from."""
    if not draft.restored:
        return False
    restored = db.session.scalars(owned(HealthVersion).where(HealthVersion.number == draft.restored)).one()
    same: bool = (draft.factors, draft.caps) == (restored.factors, restored.caps)
    return same


def with_factor(factors: Sequence[Row], row: Row) -> list[Row]:
    """The factors with this one in its place, or at the end."""
    if any(each["property"] == row["property"] for each in factors):
        return [row if each["property"] == row["property"] else each for each in factors]
    return [*factors, row]


def moved(factors: Sequence[Row], row: Row, place: int) -> list[Row]:
    """The factors with this one at a place, counted from 0."""
    others = [each for each in factors if each is not row]
    return [*others[:place], row, *others[place:]]


def problem_of(row: Row, properties: Mapping[str, Property]) -> str | None:
    """Why a factor cannot be scored as it stands. `properties`: the tenant's, by the hex of their ids."""
    property_ = properties.get(row["property"])
    if property_ is None:
        return f"The property {row['name']} was deleted. Remove this factor."
    if property_.type != row["type"]:
        return (
            f"{property_.name} is of type {property_.type} now, and this factor was made for type {row['type']}. "
            "Edit the factor, or remove it."
        )
    return None


def problems_of(draft: HealthVersion, properties: Mapping[str, Property]) -> list[str]:
    """Why the draft cannot be previewed and published as it stands."""
    found = [problem for row in draft.factors if (problem := problem_of(row, properties))]
    if len(draft.factors) < FEWEST:
        has = f"this draft has {count(len(draft.factors), 'factor')}" if draft.factors else "this draft has none"
        found.insert(0, f"A score has at least {FEWEST} factors, and {has}. Add {FEWEST - len(draft.factors)} more.")
    if len(draft.factors) > MOST:
        found.insert(0, f"A score has at most {MOST} factors. Remove {len(draft.factors) - MOST}.")
    return found


def next_number() -> int:
    return (db.session.scalar(owned(HealthVersion, func.max(HealthVersion.number))) or 0) + 1


def publish(
    draft: HealthVersion, seen: str, note: str, properties: Mapping[str, Property], by: str, at: datetime
) -> None:
    """Make the locked draft the version that counts, with its properties called as they are now; the caller commits and
    then wakes a worker. Raises IntegrityError if another version got its number."""
    if seen != stamp_of(draft):
        raise DraftChanged
    names = {key: {"name": row.name, "codename": row.codename} for key, row in properties.items()}
    draft.factors = [{**row, **names[row["property"]]} for row in draft.factors]
    draft.number, draft.note, draft.by, draft.changed_at = next_number(), note, by, at
    audit.record("health_score:published", draft, version=draft.number, note=note)
    want_scores(draft.number)
    db.session.flush()
