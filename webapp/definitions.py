"""Defining properties: a new one, or one that exists otherwise; each definition is kept as a version. And deleting."""

from sqlalchemy import func

from webapp import audit
from webapp.extensions import db
from webapp.models import Import, Property, PropertyValue, PropertyVersion
from webapp.models.types import now
from webapp.property_draft import Draft
from webapp.tenancy import current_tenant_id, owned, owned_delete


def define(edited: Property | None, draft: Draft, by: str) -> Property:
    """Make a property, or an existing one, what a draft says; raises IntegrityError if its codename is taken."""
    property_ = edited or Property(tenant_id=current_tenant_id(), version=1, created_at=now())
    property_.name, property_.codename, property_.updated_at = draft.name, draft.codename, now()
    if edited is None:
        property_.source, property_.type, property_.field, property_.custom_key = draft.definition
        db.session.add(property_)
    is_new_version = property_.redefine(*draft.definition) or edited is None
    db.session.flush()
    if is_new_version:
        db.session.add(PropertyVersion.of(property_, by, now()))
    action = "property:updated" if edited else "property:created"
    audit.record(action, property_, name=property_.name, source=property_.source, field=property_.field)
    return property_


def delete(property_: Property) -> None:
    """Delete a property with its values and its history."""
    # An import that writes its values waits for this row, or this waits for it.
    db.session.execute(owned(Property, Property.id).where(Property.id == property_.id).with_for_update())
    for model in (PropertyValue, PropertyVersion):
        db.session.execute(owned_delete(model).where(model.property_id == property_.id))
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
