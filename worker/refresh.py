"""Values of a tenant's properties, computed from what is stored, in slices; and the check of the customers' sums."""

import marshal
from collections import Counter, defaultdict, namedtuple
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import Any
from uuid import UUID

from sqlalchemy import null

from webapp.chartmogul.fields import Cost, Field, PropertyType, infer_custom_type
from webapp.evidence import fields_without_values
from webapp.extensions import db, reading
from webapp.models import (
    Customer,
    CustomerValues,
    Import,
    Movement,
    Property,
    PropertyVersion,
    Provider,
    Source,
    ValueChange,
)
from webapp.models.values import Kept, slot_columns
from webapp.property_draft import AS_WORDS
from webapp.rendering import money
from webapp.tenancy import insert_rows, owned, owned_update, read_rows, update_rows
from webapp.values import CannotRead, Moment, Value, columns_reader, custom_as_text, keep_all
from worker import sums
from worker.ids import as_uuid, raw_id
from worker.in_advance import in_advance
from worker.lease import Lease
from worker.save import Warnings
from worker.slices import customers_after

# Customers at a time: fewer where there are many properties, so that what is written with them stays a moment's work.
MOST_IN_A_SLICE, VALUES_IN_A_SLICE = 1_000, 20_000
# marshal's version 2 writes what is equal alike; later ones write also what else holds an object.
MARSHALLED_ALIKE = 2
SAMPLES = 3
MOST_ATTRIBUTES = 200


def find_attributes(import_: Import, provider: Provider, lease: Lease, may_go_on: Callable[[], None]) -> None:
    """Note which custom attributes the account's customers have, their types and a few values of each; and which
    statuses. Of more than MOST_ATTRIBUTES those are kept that were known before or are what a property is made of. Asks
    `may_go_on` meanwhile; nothing is saved before the end."""
    kinds: dict[str, dict[object, object]] = defaultdict(dict)
    samples: dict[str, list[str]] = defaultdict(list)
    counts: Counter[str] = Counter()
    statuses: set[str | None] = set()
    others = list[str]()
    present = Customer.provider_id == provider.id, Customer.gone_at.is_(None)
    statement = owned(Customer, Customer.status, Customer.custom).where(*present)
    with reading():
        wanted = {*provider.attributes, *_custom_keys()}
        for customers in db.session.execute(statement.execution_options(yield_per=2000)).partitions():
            statuses |= {status for status, _ in customers}
            for key, value in (item for _, custom in customers for item in custom.items()):
                if value is None or value in ("", []):
                    continue
                if key not in kinds and key not in wanted:
                    if len(others) == MOST_ATTRIBUTES:
                        continue
                    others.append(key)
                counts[key] += 1
                _note(kinds[key], samples[key], value)
            may_go_on()
        db.session.rollback()
    room = max(0, MOST_ATTRIBUTES - len(wanted & kinds.keys()))
    for key in others[room:]:
        del kinds[key]
    found = {}
    for key, values in kinds.items():
        type_, mixed = infer_custom_type(values.values())
        found[key] = {"type": str(type_), "mixed": mixed, "count": counts[key], "samples": samples[key]}
    done = {**import_.checkpoint, "attributes": True}
    lease.write(attempt=1, checkpoint=done)
    facts = {"attributes": found, "statuses": sorted(filter(None, statuses))}
    db.session.execute(owned_update(Provider).where(Provider.id == provider.id).values(**facts))
    db.session.commit()


def _custom_keys() -> Iterable[str]:
    """The custom attributes that properties are made of."""
    return filter(None, db.session.scalars(owned(Property, Property.custom_key)))


def _note(kinds: dict[object, object], samples: list[str], value: object) -> None:
    """Keep one value of each kind, which is what the type is inferred from, and a few to show."""
    if len(samples) < SAMPLES and (shown := custom_as_text(value)[:60]) not in ("", *samples):
        samples.append(shown)
    kind = infer_custom_type([value])[0] if isinstance(value, str) else type(value)
    kinds.setdefault(kind, value)


# What the values of a customer are read from. Named tuples, because a row's attributes take ten times as long.
Facts = namedtuple(
    "Facts",
    "id uuid name status mrr_minor arr_minor customer_since free_trial_started_at past_due_since "
    "company email country city billing_system tags custom plans billing_interval_months quantity",
)
# Those of them that are read only if a property is made of them.
ASKED_FOR = {"company", "email", "country", "city", "billing_system", "tags", "custom", "plans"}
Moved = namedtuple("Moved", "customer_uuid at type movement_minor mrr_minor")


def fill_properties(
    import_: Import, provider: Provider, lease: Lease, moment: Moment, may_go_on: Callable[[], None]
) -> None:
    """Compute every ChartMogul property of every present customer and write the values that differ; of whoever is
    gone stays what was known last. Goes on after the slice it last finished."""
    place = import_.checkpoint.get("filled", {})
    properties = _properties(provider, place.get("versions"))
    if not import_.has_done("subscriptions"):  # one that was made since waits for the next import
        properties = [property_ for property_ in properties if property_.field.cost is not Cost.SUBSCRIPTIONS]
    db.session.rollback()
    versions = {str(property_.id): property_.version for property_ in properties}
    counts = Counter[str](place.get("counts", {}))
    columns_of = columns_reader([property_.field for property_ in properties])
    warnings = Warnings(import_)
    read, begin = partial(_slice_after, provider, properties), place.get("after", "")
    slices = in_advance(read, begin, lambda slice_: slice_[0][-1].uuid) if properties else ()
    for customers, movements, known in slices:
        values = columns_of(customers, [movements.get(customer.uuid, ()) for customer in customers], moment)
        columns = [_kept(*of, customers, warnings) for of in zip(properties, values, strict=True)]
        for id_, column in zip(versions, columns, strict=True):
            counts[id_] += len(column) - column.count(None)
        new = list(zip(*columns, strict=True))
        differing = _that_differ(properties, customers, new, known)
        changed = _write_values(import_, properties, differing, moment.now)
        filled = {"after": customers[-1].uuid, "versions": versions, "counts": counts}
        so_far = {**import_.checkpoint, "filled": filled}
        added = {"values_changed": changed, "warnings": warnings.write()}
        lease.write(added, attempt=1, checkpoint=so_far)
        db.session.commit()
        may_go_on()
    db.session.rollback()
    _note_filled(import_, properties, counts, lease, moment.now)


# Some customers, their movements by uuid, and what their values last hashed to.
Slice = tuple[list[Facts], dict[str, list[Moved]], dict[str, bytes]]


def _slice_after(provider: Provider, properties: Sequence["_Property"], after: str) -> Slice | None:
    """The next customers with all that their values are made of; None after the last."""
    size = max(1, min(MOST_IN_A_SLICE, VALUES_IN_A_SLICE // len(properties)))
    customers = _customers_after(provider, after, size, _unread(properties))
    if not customers:
        return None
    movements = movements_of(provider, customers) if _need_movements(properties) else {}
    return customers, movements, _hashes_of(provider, customers)


@dataclass(frozen=True)
class _Property:
    """A property that is being filled: where its values come from and how each is kept."""

    id: UUID
    version: int
    name: str
    type: PropertyType
    field: Field
    slot: str
    # Whether changes of its values are kept: not when a definition is filled for the first time.
    tells_changes: bool
    # Raises CannotRead if one of the values cannot be of this property's type.
    keep: Callable[[Sequence[Value | None]], list[Kept]]

    def change(self, before: Kept, after: Kept) -> dict[str, Any]:
        return {"property_id": self.id, "version": self.version, **ValueChange.told(self.slot, before, after)}


def _properties(provider: Provider, versions: dict[str, int] | None) -> list[_Property]:
    """The tenant's ChartMogul properties; of a run that is taken up again those that it began with: one that was
    made or redefined since would be filled by half."""
    rows = db.session.scalars(owned(Property).where(Property.source == Source.CHARTMOGUL).order_by(Property.id))
    found = []
    for row in rows:
        field = row.chartmogul_field(provider.attributes)
        if field is None or (versions is not None and versions.get(str(row.id)) != row.version):
            continue
        type_ = PropertyType(row.type)
        told = not row.waiting and not field.drifts
        keep = partial(keep_all, from_type=field.type, to_type=type_, zone=provider.zone)
        found.append(_Property(row.id, row.version, row.name, type_, field, row.slot, told, keep))
    return found


def _unread(properties: Sequence[_Property]) -> set[str]:
    """Columns that none of the properties is made of: reading one takes as long as computing a value."""
    fields = [property_.field for property_ in properties]
    return ASKED_FOR - {"custom" if each.custom_key is not None else each.codename[3:] for each in fields}


def _need_movements(properties: Sequence[_Property]) -> bool:
    return any(property_.field.cost is Cost.MOVEMENTS for property_ in properties)


def _kept(
    property_: _Property, values: Sequence[Value | None], customers: Sequence[Facts], warnings: Warnings
) -> list[Kept]:
    """How a property's values of some customers are kept; one that cannot be is empty, and warned of."""
    try:
        return property_.keep(values)
    except CannotRead:
        return [_kept_one(property_, *pair, warnings) for pair in zip(values, customers, strict=True)]


def _kept_one(property_: _Property, value: Value | None, customer: Facts, warnings: Warnings) -> Kept:
    try:
        return property_.keep([value])[0]
    except CannotRead:
        detail = f"{property_.name}: “{str(value)[:80]}” cannot be read as {AS_WORDS[property_.type]}."
        warnings.add("value_unreadable", customer.uuid, customer.name, detail, property_.id)
        return None


Differing = tuple[Facts, bytes, tuple[Kept, ...]]


def _that_differ(
    properties: Sequence[_Property],
    customers: Sequence[Facts],
    new: Sequence[tuple[Kept, ...]],
    known: dict[str, bytes],
) -> list[Differing]:
    """The customers whose values are not what they were when they were last written, with what they hash to now."""
    which = blake2b(repr([(property_.id.hex, property_.version) for property_ in properties]).encode(), digest_size=16)
    differing: list[Differing] = []
    for customer, kept in zip(customers, new, strict=True):
        hash_ = which.copy()
        hash_.update(marshal.dumps(kept, MARSHALLED_ALIKE))
        if known.get(customer.uuid) != hash_.digest():
            differing.append((customer, hash_.digest(), kept))
    return differing


def _write_values(
    import_: Import, properties: Sequence[_Property], differing: Sequence[Differing], at: datetime
) -> int:
    """Write what differs, and what changed with it; answers how many values changed. Properties that somebody
    redefined or deleted since the run began are left to the next one."""
    if not differing:
        return 0
    unchanged = _still_valid(properties)
    valid = [(place, property_) for place, property_ in enumerate(properties) if property_.id in unchanged]
    slots = [property_.slot for _, property_ in valid]
    old = _old_values(import_.provider_id, differing, slots)
    rows: list[dict[str, Any]] = []
    changes: list[dict[str, Any]] = []
    changed = 0
    for customer, hash_, kept in differing:
        new, before = tuple([kept[place] for place, _ in valid]), old[customer.uuid]
        of = {"provider_id": import_.provider_id, "uuid": customer.uuid}
        rows.append({**of, "hash": hash_, **dict(zip(slots, new, strict=True))})
        if new != before:
            which = [n for n, (was, is_) in enumerate(zip(before, new, strict=True)) if was != is_]
            changed += len(which)
            told = [(valid[n][1], before[n], new[n]) for n in which if valid[n][1].tells_changes]
            said = {"customer_id": as_uuid(customer.id), "at": at, "import_id": import_.id, "by": None}
            changes += [{**said, **property_.change(*values)} for property_, *values in told]
    update_rows(CustomerValues, rows, key=["provider_id", "uuid"])
    insert_rows(ValueChange, changes)
    return changed


def _still_valid(properties: Sequence[_Property]) -> set[UUID]:
    """The properties that are what they were when the run began; they stay so until this transaction ends."""
    versions = {property_.id: property_.version for property_ in properties}
    rows = db.session.execute(
        owned(Property, Property.id, Property.version).where(Property.id.in_(versions)).with_for_update(read=True)
    )
    return {id_ for id_, version in rows if versions[id_] == version}


def _old_values(provider_id: UUID, differing: Sequence[Differing], slots: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """What is held in the slots, by uuid, for these customers and those between them."""
    between = CustomerValues.uuid.between(differing[0][0].uuid, differing[-1][0].uuid)
    columns = CustomerValues.uuid, *slot_columns(slots)
    rows = owned(CustomerValues, *columns).where(CustomerValues.provider_id == provider_id, between)
    return {uuid: tuple(held) for uuid, *held in db.session.execute(rows)}


# What belongs to customers, by uuid: each a stretch of an index of that order, whatever the database believes of
# tables that it has not counted yet.


def _customers_after(provider: Provider, uuid: str, size: int, unread: set[str]) -> list[Facts]:
    table = Customer.__table__
    columns = raw_id(Customer.id), *(null() if name in unread else table.c[name] for name in Facts._fields[1:])
    return list(map(Facts._make, customers_after(provider, uuid, size, columns)))


def movements_of(provider: Provider, customers: Sequence[Any]) -> dict[str, list[Moved]]:
    """The movements that count, by customer uuid; nobody else's lie between these customers' but those of customers
    that we do not hold, or that are gone."""
    theirs = Movement.customer_uuid.between(customers[0].uuid, customers[-1].uuid)
    statement = Movement.that_count(provider, *Movement.__table__.c[Moved._fields]).where(theirs)
    found: dict[str, list[Moved]] = defaultdict(list)
    for moved in map(Moved._make, read_rows(statement)):
        found[moved.customer_uuid].append(moved)
    return found


def _hashes_of(provider: Provider, customers: Sequence[Facts]) -> dict[str, bytes]:
    between = CustomerValues.uuid.between(customers[0].uuid, customers[-1].uuid)
    columns = CustomerValues.uuid, CustomerValues.hash
    found = owned(CustomerValues, *columns).where(CustomerValues.provider_id == provider.id, between)
    return {uuid: hash_ for uuid, hash_ in read_rows(found)}  # noqa: C416 - dict() takes it for a mapping


def reconcile_customers(import_: Import, provider: Provider, lease: Lease, moment: Moment) -> None:
    """Σ past movements = MRR for each customer, or a warning that says by how much not."""
    differ = sums.that_differ(import_, provider, provider.movements_read, moment.now)
    warnings, currency = Warnings(import_), provider.currency
    with reading():
        for row in db.session.execute(differ.execution_options(yield_per=1000)):
            mrr, moved = (money(int(minor), currency) for minor in (row.mrr, row.moved))
            detail = f"MRR is {mrr}, its movements add up to {moved}."
            warnings.add("mrr_differs", row.uuid, row.name, detail)
        db.session.rollback()
    done = {**import_.checkpoint, "reconciled": True}
    lease.write(attempt=1, checkpoint=done, warnings=Import.warnings + warnings.write())
    db.session.commit()


def _note_filled(
    import_: Import, properties: Sequence[_Property], counts: Counter[str], lease: Lease, at: datetime
) -> None:
    """Note per property that this import filled it, and how many of the present customers have a value; whether it
    was the first to fill this definition; and of which fields nobody has a value."""
    with reading():
        provider = db.session.scalars(owned(Provider).where(Provider.id == import_.provider_id)).one()
        empty = fields_without_values(provider, at)
        db.session.rollback()
    lease.write()
    of_provider = owned_update(Provider).where(Provider.id == import_.provider_id).values(fields_without_values=empty)
    db.session.execute(of_provider.execution_options(synchronize_session=False))
    for property_ in properties:
        filled = db.session.execute(
            owned_update(Property)
            .where(Property.id == property_.id, Property.version == property_.version)
            .values(
                filled_version=property_.version,
                filled_at=at,
                filled_import_id=import_.id,
                filled_count=counts[str(property_.id)],
            )
            .execution_options(synchronize_session=False)
        )
        this = PropertyVersion.property_id == property_.id, PropertyVersion.version == property_.version
        first = owned_update(PropertyVersion).where(*this, PropertyVersion.filled_at.is_(None))
        if filled.rowcount:  # type: ignore[attr-defined]
            first = first.values(filled_at=at, filled_import_id=import_.id)
            db.session.execute(first.execution_options(synchronize_session=False))
    db.session.commit()
