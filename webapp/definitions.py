"""Defining properties: a new one, or one that exists otherwise; each definition is kept as a version. And deleting."""

from collections.abc import Iterable

from sqlalchemy import func

from webapp import audit
from webapp.extensions import db
from webapp.models import Import, Property, PropertyVersion
from webapp.models.types import now
from webapp.property_draft import Draft
from webapp.property_uses import follow
from webapp.scoring import redefining
from webapp.tenancy import current_tenant_id, owned, owned_delete


def define(edited: Property | None, draft: Draft, others: Iterable[Property], by: str) -> Property:
    """Make a property, or an existing one, what a draft says; a definition that changes ends the values there are.
    `others`: all other properties. Raises IntegrityError if its codename or slot is taken meanwhile, Deleted if the
    property was deleted meanwhile."""
    if edited is not None:
        if edited.definition != draft.definition:
            redefining(edited)
        edited.lock()
        if edited.codename != draft.codename:
            follow(edited.codename, draft.codename)
    property_ = edited or Property(tenant_id=current_tenant_id(), version=1, created_at=now())
    property_.name, property_.codename, property_.updated_at = draft.name, draft.codename, now()
    if edited is None:
        property_.source, property_.type, property_.field, property_.custom_key = draft.definition
    is_new_version = edited is None or property_.redefine(*draft.definition, by=by, at=now())
    property_.slot = property_.slot_for(draft.type, others)
    db.session.add(property_)
    db.session.flush()
    if is_new_version:
        db.session.add(PropertyVersion.of(property_, by, now()))
    action = "property:updated" if edited else "property:created"
    audit.record(action, property_, name=property_.name, source=property_.source, field=property_.field)
    return property_


def delete(property_: Property) -> None:
    """Delete a property with its values and its history."""
    redefining(property_)
    property_.forget_values()
    db.session.execute(owned_delete(PropertyVersion).where(PropertyVersion.property_id == property_.id))
    audit.record("property:deleted", property_, name=property_.name)
    db.session.delete(property_)


def versions_of(property_: Property) -> list[tuple[PropertyVersion, Import | None]]:
    """A property's definitions, newest first, each with the import that filled it first."""
    with_imports = owned(PropertyVersion, PropertyVersion, Import).outerjoin(
        Import, (Import.id == PropertyVersion.filled_import_id) & (Import.tenant_id == current_tenant_id())
    )
    found = with_imports.where(PropertyVersion.property_id == property_.id).order_by(PropertyVersion.version.desc())
    return [(version, import_) for version, import_ in db.session.execute(found)]


def count_versions(property_: Property) -> int:
    found = owned(PropertyVersion, func.count()).where(PropertyVersion.property_id == property_.id)
    return db.session.scalar(found) or 0
