"""How a customer's value of a property changed: what imports and people left, and before that what movements tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func

from webapp import mrr_history
from webapp.chartmogul.fields import PropertyType
from webapp.charts import Line
from webapp.extensions import db
from webapp.models import Customer, Import, Movement, Property, PropertyVersion, Provider, ValueChange
from webapp.models.imports import COMPLETE
from webapp.rebuilt import Step, can_be_rebuilt, rebuild
from webapp.tenancy import owned
from webapp.value_history import Told, told
from webapp.values import Value, encode

MOST_CHANGES = 500
NUMBERS = (PropertyType.NUMBER, PropertyType.MONEY, PropertyType.PERCENT)


@dataclass(frozen=True, slots=True)
class History:
    """A customer's value over time. `changes`: the newest, of all definitions; `recorded`: what the definition of now
    had, as changes tell; `rebuilt`: what it would have been before that."""

    type: PropertyType
    changes: Sequence[Told]
    total: int
    imports: dict[UUID, Import]
    recorded: Sequence[Step]
    rebuilt: Sequence[Step]
    # Whether changes are kept at all, and whether the past could be rebuilt if there was any.
    keeps_changes: bool
    rebuildable: bool
    since: datetime | None
    first_import: Import | None
    until: datetime

    @property
    def line(self) -> Line | None:
        """The numbers to draw, if they are any."""
        if self.type not in NUMBERS:
            return None
        rebuilt, recorded = self._kept(self.rebuilt), self._kept(self.recorded)
        known = any(number is not None for _, number in (*rebuilt, *recorded))
        return Line(rebuilt, recorded, int(self.until.timestamp())) if known else None

    def _kept(self, steps: Sequence[Step]) -> list[tuple[int, int | None]]:
        return [(int(at.timestamp()), encode(self.type, value)[0]) for at, value in steps]


def history_of(
    customer: Customer, property_: Property, provider: Provider, value: Value | None, until: datetime
) -> History:
    """`value`: what it is now; `until`: how long that is known."""
    of = ValueChange.property_id == property_.id, ValueChange.customer_id == customer.id
    newest = owned(ValueChange).where(*of).order_by(ValueChange.at.desc()).limit(MOST_CHANGES)
    changes = told(db.session.scalars(newest).all())
    total = len(changes)
    if total == MOST_CHANGES:
        total = db.session.scalar(owned(ValueChange, func.count()).where(*of)) or 0
    since, first = _first_filling(property_, provider)
    gone_at = customer.gone_at if property_.from_chartmogul else None
    if gone_at and since and since > gone_at:
        since = first = None  # of others
    ids = {change.import_id for change in changes if change.import_id}
    imports = {row.id: row for row in db.session.scalars(owned(Import).where(Import.id.in_(ids)))}
    field = property_.chartmogul_field(provider.attributes) if property_.from_chartmogul else None
    keeps, rebuildable = not (field and field.drifts), bool(field and can_be_rebuilt(field))
    type_, recorded = PropertyType(property_.type), list[Step]()
    if keeps:
        of_now = [change for change in reversed(changes) if not change.ended]
        recorded = _recorded(of_now, value, since, whole=total == len(changes) or len(of_now) < len(changes))
    until = max([until, *(at for at, _ in recorded)])  # a connection that began anew may have filled since
    rebuilt = list[Step]()
    if field and rebuildable:
        before = recorded[0][0] if recorded else until
        rebuilt = rebuild(field, type_, customer, _movements(customer, provider), provider.zone, before)
        rebuildable = bool(rebuilt) or gone_at is None  # the movements of who is gone are, too
    return History(
        type_, changes, total, imports, recorded, rebuilt, keeps, rebuildable,
        since, first, until,
    )  # fmt: skip


def _version(property_: Property) -> PropertyVersion | None:
    of_now = PropertyVersion.property_id == property_.id, PropertyVersion.version == property_.version
    return db.session.scalars(owned(PropertyVersion).where(*of_now)).first()


def _first_filling(property_: Property, provider: Provider) -> tuple[datetime | None, Import | None]:
    """Since when the values of this definition are kept, and by which import first. It may have been one of another
    account: then this account's own followed later."""
    version = _version(property_)
    if not property_.from_chartmogul:
        return version.defined_at if version else property_.created_at, None
    filled = version or property_
    if filled.filled_at is None:
        return None, None
    first = db.session.scalars(owned(Import).where(Import.id == filled.filled_import_id)).first()
    if first is None or first.provider_id == provider.id:
        return filled.filled_at, first
    ended = Import.provider_id == provider.id, Import.state.in_(COMPLETE)
    later = owned(Import).where(*ended, Import.ended_at >= filled.filled_at).order_by(Import.number).limit(1)
    own = db.session.scalars(later).first()
    return (own.ended_at, own) if own else (None, None)


def _recorded(changes: Sequence[Told], value: Value | None, since: datetime | None, whole: bool) -> list[Step]:
    """What the value was from the first filling on; `changes` of one definition, oldest first. What it was before them
    is not known unless they are the `whole` of them."""
    if not changes:
        return [(since, value)] if since else []
    steps: list[Step] = [(change.at, change.after) for change in changes]
    if since and since < changes[0].at:
        steps.insert(0, (since, changes[0].before if whole else None))
    elif since and changes[-1].at < since and changes[-1].after != value:
        steps.append((since, value))
    return steps


def _movements(customer: Customer, provider: Provider) -> list[Movement]:
    columns = Movement.at, Movement.type, Movement.movement_minor, Movement.mrr_minor
    return list(db.session.execute(mrr_history.movements_of(customer, provider, *columns)).all())  # type: ignore[arg-type]
