"""Values of a tenant's properties, computed from what is stored, in slices; and the checks of the sums."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, case, func

from webapp.chartmogul.fields import Field, PropertyType, infer_custom_type
from webapp.extensions import db
from webapp.models import Customer, Import, Movement, Property, PropertyValue, Provider, Source
from webapp.models.types import now
from webapp.tenancy import owned, owned_delete, owned_update, upsert_rows
from webapp.values import CannotRead, Moment, Value, convert, encode, field_values
from worker.lease import Lease
from worker.save import Warnings

SLICE = 500
RECONCILED_AT_ONCE = 2_000
# A customer's MRR is a sum of rounded subscriptions; its movements round each step: a cent or two is no error.
ROUNDING_MINOR = 2
SAMPLES = 3
MOST_ATTRIBUTES = 200


def find_attributes(import_: Import, provider: Provider, lease: Lease) -> None:
    """Note which custom attributes the account's customers have, their types and a few values of each."""
    kinds: dict[str, list[object]] = defaultdict(list)
    samples: dict[str, list[str]] = defaultdict(list)
    counts: Counter[str] = Counter()
    statement = owned(Customer, Customer.custom).where(Customer.provider_id == provider.id, Customer.gone_at.is_(None))
    for custom in db.session.scalars(statement.execution_options(yield_per=2000)):
        for key, value in custom.items():
            if value is None or value in ("", []) or (key not in kinds and len(kinds) >= MOST_ATTRIBUTES):
                continue
            counts[key] += 1
            _note(kinds[key], samples[key], value)
    db.session.rollback()
    found = {}
    for key, values in kinds.items():
        type_, mixed = infer_custom_type(values)
        found[key] = {"type": str(type_), "mixed": mixed, "count": counts[key], "samples": samples[key]}
    done = {**import_.checkpoint, "attributes": True}
    lease.write(checkpoint=done)
    db.session.execute(owned_update(Provider).where(Provider.id == provider.id).values(attributes=found))
    db.session.commit()


def _note(kinds: list[object], samples: list[str], value: object) -> None:
    """Keep one value of each kind, which is what the type is inferred from, and a few to show."""
    if len(samples) < SAMPLES and (shown := str(value)[:60]) not in samples:
        samples.append(shown)
    if isinstance(value, str):
        before = {infer_custom_type([kind])[0] for kind in kinds if isinstance(kind, str)}
        if infer_custom_type([value])[0] not in before:
            kinds.append(value)
    elif not any(type(kind) is type(value) for kind in kinds):
        kinds.append(value)


def fill_properties(
    import_: Import, provider: Provider, lease: Lease, moment: Moment, may_go_on: Callable[[], None]
) -> None:
    """Compute every ChartMogul property of every customer and write the values that differ. Goes on after the
    slice it last finished."""
    properties = list(db.session.scalars(owned(Property).where(Property.source == Source.CHARTMOGUL)))
    db.session.expunge_all()
    place = import_.checkpoint.get("values", {})
    # Goes on with what it began with: one that was made or redefined since would be filled by half.
    versions = place.get("versions") or {str(property_.id): property_.version for property_ in properties}
    properties = [property_ for property_ in properties if versions.get(str(property_.id)) == property_.version]
    fields = {property_.id: property_.chartmogul_field(provider.attributes) for property_ in properties}
    after = UUID(place["after"]) if place.get("after") else None
    warnings = Warnings(import_)
    all_customers = owned(Customer, *Customer.__table__.c).where(Customer.provider_id == provider.id)
    for customers in _slices(all_customers, Customer.id, SLICE, after) if properties else ():
        movements = _movements_of(provider, customers)
        changes = _Changes(import_, properties, fields, provider, warnings)
        for customer in customers:
            changes.of(customer, movements.get(customer.uuid, ()), moment)
        changed = changes.write([customer.id for customer in customers])
        checkpoint = {**import_.checkpoint, "values": {"after": str(customers[-1].id), "versions": versions}}
        lease.write(
            checkpoint=checkpoint,
            attempt=1,
            values_changed=Import.values_changed + changed,
            warnings=Import.warnings + warnings.write(),
        )
        db.session.commit()
        may_go_on()
    _count(import_, properties, provider, lease, moment.now)


class _Changes:
    """What one slice of customers changes in the values' table."""

    def __init__(
        self,
        import_: Import,
        properties: Sequence[Property],
        fields: dict[UUID, Field | None],
        provider: Provider,
        warnings: Warnings,
    ) -> None:
        self.import_, self.provider, self.warnings = import_, provider, warnings
        self.wanted = [(property_, field) for property_ in properties if (field := fields[property_.id])]
        self.fields = [field for _, field in self.wanted]
        self.new: dict[tuple[UUID, UUID], tuple[int, int | None, str | None]] = {}

    def of(self, customer: Row[Any], movements: Sequence[Row[Any]], moment: Moment) -> None:
        if customer.gone_at is not None:
            movements = ()
        values = field_values(self.fields, customer, movements, moment) if self.fields else {}
        for property_, field in self.wanted:
            value = values.get(field.codename)
            if value is None:
                continue
            try:
                number, text = encode(PropertyType(property_.type), _read(value, field, property_, self.provider))
            except CannotRead:
                detail = f"{property_.name}: “{str(value)[:80]}” cannot be read as {property_.type}."
                self.warnings.add("value_unreadable", customer.uuid, customer.name, detail, property_.id)
                continue
            if number is not None or text is not None:
                self.new[property_.id, customer.id] = (property_.version, number, text)

    def write(self, customer_ids: list[UUID]) -> int:
        """Write what differs, remove what is empty now; answers how many values changed. Properties that
        somebody redefined or deleted since the run began are left to the next one."""
        versions = {property_.id: property_.version for property_, _ in self.wanted}
        locked = owned(Property, Property.id, Property.version).where(Property.id.in_(versions))
        rows_now = db.session.execute(locked.with_for_update(read=True))
        property_ids = [id_ for id_, version in rows_now if versions[id_] == version]
        self.new = {key: value for key, value in self.new.items() if key[0] in property_ids}
        columns = (
            PropertyValue.property_id,
            PropertyValue.customer_id,
            PropertyValue.version,
            PropertyValue.number,
            PropertyValue.text,
        )
        mine = PropertyValue.property_id.in_(property_ids), PropertyValue.customer_id.in_(customer_ids)
        old = {
            (row.property_id, row.customer_id): (row.version, row.number, row.text)
            for row in db.session.execute(owned(PropertyValue, *columns).where(*mine))
        }
        changed = {key: value for key, value in self.new.items() if old.get(key) != value}
        rows = [
            {
                "property_id": property_id,
                "customer_id": customer_id,
                "version": version,
                "number": number,
                "text": text,
                "import_id": self.import_.id,
                "set_by": None,
                "changed_at": now(),
            }
            for (property_id, customer_id), (version, number, text) in changed.items()
        ]
        upsert_rows(PropertyValue, rows, key=["property_id", "customer_id"])
        emptied = [key for key in old if key not in self.new]
        for property_id, customer_id in emptied:
            db.session.execute(
                owned_delete(PropertyValue)
                .where(PropertyValue.property_id == property_id, PropertyValue.customer_id == customer_id)
                .execution_options(synchronize_session=False)
            )
        return len(changed) + len(emptied)


def _read(value: Value, field: Field, property_: Property, provider: Provider) -> Value:
    wanted = PropertyType(property_.type)
    return value if field.type is wanted else convert(value, field.type, wanted, provider.zone)


def _slices(statement: Select[Any], key: Any, size: int, after: Any = None) -> Iterator[Sequence[Row[Any]]]:
    """What a statement finds, so many rows at a time, in the database's own order of a unique column."""
    while True:
        rest = statement if after is None else statement.where(key > after)
        rows = db.session.execute(rest.order_by(key).limit(size)).all()
        if not rows:
            db.session.rollback()
            return
        yield rows
        db.session.rollback()
        after = getattr(rows[-1], key.key)


def _movements_of(provider: Provider, customers: Sequence[Row[Any]]) -> dict[str, list[Row[Any]]]:
    """The movements that count, by customer uuid."""
    columns = (
        Movement.customer_uuid,
        Movement.at,
        Movement.type,
        Movement.movement_minor,
        Movement.mrr_minor,
    )
    statement = owned(Movement, *columns).where(
        Movement.provider_id == provider.id,
        Movement.customer_uuid.in_([customer.uuid for customer in customers]),
        Movement.read <= provider.movements_read,
    )
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in db.session.execute(statement):
        found[row.customer_uuid].append(row)
    return found


def reconcile_customers(import_: Import, provider: Provider, lease: Lease, moment: Moment) -> None:
    """Σ past movements = MRR for each customer, or a warning that says by how much not."""
    warnings = Warnings(import_)
    present = owned(Customer, Customer.uuid, Customer.name, Customer.mrr_minor).where(
        Customer.provider_id == provider.id, Customer.gone_at.is_(None)
    )
    for customers in _slices(present, Customer.uuid, RECONCILED_AT_ONCE):
        sums = _sums_of_movements(provider, customers[0].uuid, customers[-1].uuid, moment)
        for customer in customers:
            total = sums.get(customer.uuid, 0)
            if abs(customer.mrr_minor - total) > ROUNDING_MINOR:
                detail = f"MRR is {customer.mrr_minor / 100:,.2f}, its movements add up to {total / 100:,.2f}."
                warnings.add("mrr_differs", customer.uuid, customer.name, detail)
    lease.write(checkpoint={**import_.checkpoint, "reconciled": True}, warnings=Import.warnings + warnings.write())
    db.session.commit()


def _sums_of_movements(provider: Provider, first: str, last: str, moment: Moment) -> dict[str, int]:
    """What the past movements of each customer from one uuid to another add up to."""
    statement = owned(Movement, Movement.customer_uuid, func.sum(Movement.movement_minor)).where(
        Movement.provider_id == provider.id,
        Movement.customer_uuid.between(first, last),
        Movement.read <= provider.movements_read,
        Movement.at <= moment.now,
    )
    return {row[0]: int(row[1]) for row in db.session.execute(statement.group_by(Movement.customer_uuid))}


def _count(import_: Import, properties: Sequence[Property], provider: Provider, lease: Lease, at: datetime) -> None:
    """Note per property how many customers have a value, and that this import filled it."""
    present = func.sum(case((Customer.gone_at.is_(None), 1), else_=0))
    counted = (
        owned(PropertyValue, PropertyValue.property_id, present)
        .join(Customer, Customer.id == PropertyValue.customer_id)
        .where(Customer.provider_id == provider.id)
        .group_by(PropertyValue.property_id)
    )
    counts: dict[UUID, int] = {row[0]: row[1] for row in db.session.execute(counted)}
    lease.write()
    for property_ in properties:
        db.session.execute(
            owned_update(Property)
            .where(Property.id == property_.id, Property.version == property_.version)
            .values(
                filled_version=property_.version,
                filled_at=at,
                filled_import_id=import_.id,
                filled_count=counts.get(property_.id, 0),
            )
            .execution_options(synchronize_session=False)
        )
    db.session.commit()


def total_mrr(provider: Provider) -> int:
    """Σ MRR of the account's present customers, in minor units."""
    statement = owned(Customer, func.coalesce(func.sum(Customer.mrr_minor), 0)).where(
        Customer.provider_id == provider.id, Customer.gone_at.is_(None)
    )
    return int(db.session.scalar(statement) or 0)
