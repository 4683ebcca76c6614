"""Another ChartMogul account is connected than the one before: what that makes of the properties that it fills."""

from sqlalchemy import func

from webapp.extensions import db
from webapp.models import CustomerValues, Import, Property, PropertyVersion, Provider, Scoring, Source
from webapp.models.imports import COMPLETE
from webapp.scoring import score_from_nothing
from webapp.tenancy import owned


def change_account(provider: Provider, scoring: Scoring | None) -> None:
    """What ChartMogul fills waits for this account's next import. But if it was connected before, what its last import
    filled counts until then, as stale as that is, and is scored; not what was defined since. The row of the tenant's
    scoring is locked. The caller commits."""
    Property.await_sync()
    ended = Import.provider_id == provider.id, Import.state.in_(COMPLETE)
    last = db.session.scalars(owned(Import).where(*ended).order_by(Import.ended_at.desc()).limit(1)).first()
    properties = _filled_by(last) if last else []
    if last is None or not properties:
        return
    present = CustomerValues.provider_id == provider.id, CustomerValues.gone.is_(False)
    counted = owned(CustomerValues, *(func.count(property_.values) for property_ in properties)).where(*present)
    for property_, count in zip(properties, db.session.execute(counted).one(), strict=True):
        property_.filled_version, property_.filled_count = property_.version, count
        property_.filled_at, property_.filled_import_id = last.ended_at, last.id
    if scoring is not None:
        score_from_nothing(scoring)


def _filled_by(import_: Import) -> list[Property]:
    """The properties whose definition of now was there when an import began."""
    of_now = (
        PropertyVersion.tenant_id == Property.tenant_id,
        PropertyVersion.property_id == Property.id,
        PropertyVersion.version == Property.version,
    )
    defined = Property.source == Source.CHARTMOGUL, PropertyVersion.defined_at <= import_.started_at
    filled = owned(Property).where(*of_now, *defined).execution_options(populate_existing=True)
    return list(db.session.scalars(filled))
