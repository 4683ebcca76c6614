"""Pages of records into the database: one page, one transaction, and only what changed."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import blake2b
from itertools import repeat
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, case, except_, func

from webapp.chartmogul.records import (
    CustomerRecord,
    MovementRecord,
    RecordRefused,
    RecordWarning,
    content_hash,
    is_lead,
    movement_day,
    movement_id,
    parse_customer,
    parse_movement,
)
from webapp.extensions import db, reading
from webapp.models import Customer, CustomerValues, Import, ImportPage, ImportState, ImportWarning, Movement, Provider
from webapp.models.types import now
from webapp.tenancy import insert_columns, insert_rows, owned, owned_delete, owned_update, rows_in_parts, upsert_rows
from worker.ids import Ids, ids_bytes, in_parts, raw_id
from worker.lease import Lease
from worker.plan import FetchedPage, Plan, equal_parts

Item = TypeVar("Item")
PAST_DUE = "Past Due"
# Warnings kept per import; beyond this only their number grows.
MOST_WARNINGS = 5_000
# Those which say that the whole does not add up have room of their own: no other warning can crowd them out.
MOST_OF_SUMS = 1_000
OF_SUMS = frozenset({"customers_missing", "mrr_differs", "account_mrr_differs"})
IN_ONE_STATEMENT, LOADED_AT_ONCE = 400, 5_000
# Marks of ids: we hold it, this run has read it; of a customer also: it is past due, it is gone.
HELD, READ, DUE, GONE = 1, 2, 4, 8
# A row of `import_pages` is written anew for each of so many pages.
PAGES_A_ROW = 4
# What `import_pages` keeps besides pages: rows that were counted before a list began again, refused records.
COUNTED, REFUSED = "counted", "refused"


class Seen:
    """What a run's pages have held so far, so that a row that comes twice counts once, and what we held before:
    movements by their ids, customers also by what they hash to. Rebuilt from the saved pages when a run is taken
    up again. `counted` holds, by their ids, the rows of a list that had to begin again, and by a hash the records
    that were refused: this run has counted them already."""

    def __init__(self, import_id: UUID, provider: Provider, may_go_on: Callable[[], None]) -> None:
        """Loading takes a quarter of a second for each 100,000 rows; `may_go_on` is asked meanwhile, many times."""
        self.counted, self.customers, self.movements, self.activities = Ids(), Ids(), Ids(), Ids()
        self.stored = Ids(notes=True)
        # The row that keeps what the last pages of a list held: its number, how many pages, what they held.
        self._rows: dict[str, tuple[int, int, bytes]] = {}
        db.session.rollback()
        with reading():
            self._load(import_id, provider, may_go_on)
            db.session.rollback()

    def _load(self, import_id: UUID, provider: Provider, may_go_on: Callable[[], None]) -> None:
        marks = HELD + case((Customer.past_due_since.is_not(None), DUE), else_=0)
        marks += case((Customer.gone_at.is_not(None), GONE), else_=0)
        stored = _of(provider, Customer, raw_id(Customer.id), marks, Customer.content_hash)
        with rows_in_parts(stored, LOADED_AT_ONCE) as parts:
            for ids, *facts in (zip(*customers, strict=True) for customers in parts):
                self.stored.add_new(ids_bytes(ids), *facts)
                may_go_on()
        held = _of(provider, Movement, raw_id(Movement.id))
        held = Movement.as_they_lie(held, movements_last_read(provider))
        with rows_in_parts(held, LOADED_AT_ONCE) as parts:
            for movements in parts:
                self.movements.add_new(ids_bytes([id_ for (id_,) in movements]), repeat(HELD))
                may_go_on()
        pages = owned(ImportPage, ImportPage.stream, ImportPage.seen).where(ImportPage.import_id == import_id)
        for some in db.session.execute(pages.execution_options(yield_per=50)).partitions():
            for stream, seen in some:
                self._load_page(stream, seen)
            may_go_on()

    def _load_page(self, stream: str, seen: bytes) -> None:
        hashes = in_parts(seen)
        if stream in (COUNTED, REFUSED):
            for id_ in hashes:
                self.counted.add(id_)
        elif stream == "movements":
            for id_, activity in zip(hashes[::2], hashes[1::2], strict=True):
                self.movements.add(id_, READ)
                self.activities.add(activity)
        else:
            for id_ in hashes:
                self.customers.add(id_)

    def keep_page(self, import_id: UUID, stream: str, number: int, held: bytes) -> None:
        """Keep what a page held, a few pages to a row, so that few have to be deleted. The caller commits; whatever
        fails ends this run, and the next one begins a row of its own."""
        first, pages, before = self._rows.get(stream, (number, 0, b""))
        if pages == PAGES_A_ROW:
            first, pages, before = number, 0, b""
        self._rows[stream] = first, pages + 1, before + held
        _keep_seen(import_id, stream, first, before + held)

    def forget(self, import_id: UUID, stream: str) -> None:
        """Read a list from its beginning: nothing of it has been seen; the caller commits."""
        self._rows.pop(stream, None)
        read = self.customers if stream == "customers" else self.movements
        counted = [id_ for id_, marks in read if stream == "customers" or marks & READ]
        _keep_seen(import_id, COUNTED, len(self.counted), b"".join(counted))
        for id_ in counted:
            self.counted.add(id_)
        if stream == "movements":
            for id_ in counted:
                self.movements.add(id_, HELD)  # those that were new are stored by now
            self.movements.unmark(READ)
            self.activities = Ids()
        else:
            self.customers = Ids()
        db.session.execute(
            owned_delete(ImportPage).where(ImportPage.import_id == import_id, ImportPage.stream == stream)
        )


def forget_all(import_id: UUID) -> None:
    """Drop what earlier tries of an import noted; the caller commits."""
    db.session.execute(owned_delete(ImportPage).where(ImportPage.import_id == import_id))
    db.session.execute(owned_delete(ImportWarning).where(ImportWarning.import_id == import_id))


def forget_pages_up_to(import_: Import) -> None:
    """Drop what the pages of an import held that is done, and of those before it, which would begin afresh if they
    were retried; the caller commits."""
    up_to = Import.provider_id == import_.provider_id, Import.number <= import_.number
    ids = owned(Import, Import.id).where(*up_to)
    db.session.execute(
        owned_delete(ImportPage).where(ImportPage.import_id.in_(ids)).execution_options(synchronize_session=False)
    )


def movements_last_read(provider: Provider) -> int | None:
    """How many movements the last complete read held: about as many as the next one will find."""
    complete = Import.provider_id == provider.id, Import.state.in_((ImportState.DONE, ImportState.PARTLY_DONE))
    last = owned(Import, Import.movements_read).where(*complete).order_by(Import.number.desc()).limit(1)
    return db.session.scalar(last) or None


def customers_held(provider: Provider) -> int:
    """How many customers there are, also of those no longer in ChartMogul."""
    return db.session.scalar(_of(provider, Customer, func.count())) or 0


class Warnings:
    """Warnings of one transaction, to be written with it; and the hashes of the records that it refused."""

    def __init__(self, import_: Import) -> None:
        self.import_id, self.room = import_.id, max(0, MOST_WARNINGS - import_.warnings)
        self.rows: list[dict[str, Any]] = []
        self.count = 0
        self.refused = b""

    def add(
        self, kind: str, uuid: str | None, name: str | None, detail: str | None, property_id: UUID | None = None
    ) -> None:
        of = {"customer_uuid": uuid, "customer_name": name, "property_id": property_id, "import_id": self.import_id}
        self.count += 1
        if len(self.rows) < self.room + (MOST_OF_SUMS if kind in OF_SUMS else 0):
            self.rows.append({**of, "kind": kind, "detail": detail and detail[:500]})

    def of_record(self, warnings: tuple[RecordWarning, ...], uuid: str, name: str | None) -> None:
        for warning in warnings:
            self.add(str(warning.reason), uuid, name, warning.sentence)

    def write(self) -> int:
        """Add the rows to the running transaction; answers how many warnings there were since the last."""
        insert_rows(ImportWarning, self.rows)
        count, self.count, self.room, self.rows = self.count, 0, self.room - len(self.rows), []
        return count


def save_customers(
    import_: Import, provider: Provider, lease: Lease, page: FetchedPage, plan: Plan, seen: Seen
) -> None:
    """Save a page of the customer list and move the checkpoint past it, or raise and change nothing."""
    counts, warnings = Counter[str](), Warnings(import_)
    new = _write_page_of_customers(import_, provider, page.entries, seen, counts, warnings)
    expected = {}
    if page.total_pages and not page.chain.status and not page.last:
        expected["customers_expected"] = page.total_pages * len(page.entries)
    _keep_refused(import_, seen, warnings)
    rows = len(page.entries), len(new)
    _finish_page(import_, lease, page, plan, seen, rows, b"".join(new), counts, warnings, **expected)
    for id_ in new:
        seen.customers.add(id_)


def save_customer(import_: Import, provider: Provider, lease: Lease, raw: object, seen: Seen) -> None:
    """Save one customer that the list did not hold but that was found by its uuid."""
    counts, warnings = Counter[str](), Warnings(import_)
    new = _write_page_of_customers(import_, provider, [raw], seen, counts, warnings)
    lease.write(_added(counts, warnings), attempt=1)
    _keep_seen(import_.id, "found", len(seen.customers), b"".join(new))
    _keep_refused(import_, seen, warnings)
    db.session.commit()
    import_.warnings += counts["warnings"]
    for id_ in new:
        seen.customers.add(id_)


def _write_page_of_customers(
    import_: Import,
    provider: Provider,
    entries: list[object],
    seen: Seen,
    counts: Counter[str],
    warnings: Warnings,
) -> list[bytes]:
    """Write what changed; answers the ids that were not seen before."""
    records: dict[bytes, CustomerRecord] = {}
    held: dict[bytes, None] = {}
    for entry in entries:
        try:
            record = parse_customer(entry)
        except RecordRefused as refused:
            _refuse(refused, entry, seen, counts, warnings)
            if refused.uuid:
                held[Customer.id_bytes_for(provider.id, refused.uuid)] = None
            continue
        id_ = Customer.id_bytes_for(provider.id, record.uuid)
        records[id_], held[id_] = record, None
    new = [id_ for id_ in held if id_ not in seen.customers]
    counts["customers_read"] = len(new)
    changed: dict[bytes, bytes] = {}
    for id_, record in records.items():
        marks, hash_ = seen.stored[id_], content_hash(record)
        if not marks and is_lead(record.status) and not provider.import_leads:
            continue
        unchanged = marks != 0 and not marks & GONE and seen.stored.note(id_) == hash_
        first = id_ not in seen.customers and id_ not in seen.counted
        if first or not unchanged:  # what comes again and says something else is what is kept
            warnings.of_record(record.warnings, record.uuid, record.name)
        if first:
            counts["unchanged" if unchanged else "updated" if marks else "created"] += 1
        if not unchanged:
            changed[id_] = hash_
    since = _due_since([id_ for id_ in changed if seen.stored[id_] & DUE])
    rows = [
        {
            **Customer.columns_of(records[id_]),
            "id": id_.hex(),
            "provider_id": provider.id,
            "content_hash": hash_,
            "past_due_since": since.get(id_, import_.started_at) if records[id_].status == PAST_DUE else None,
            "gone_at": None,
            "changed_import_id": import_.id,
        }
        # By uuid, as whoever else writes them does: two that write at once would else wait for each other.
        for id_, hash_ in sorted(changed.items(), key=lambda item: records[item[0]].uuid)
    ]
    upsert_rows(Customer, rows, key=["id"])
    listed = [CustomerValues.row_of(row) for row in rows]
    upsert_rows(CustomerValues, listed, key=["tenant_id", "provider_id", "uuid"])
    for id_, hash_ in changed.items():
        seen.stored.add(id_, HELD, hash_)
    return new


def _due_since(ids: list[bytes]) -> dict[bytes, datetime]:
    """Since when the customers among these that are past due have been so."""
    if not ids:
        return {}
    statement = owned(Customer, Customer.id, Customer.past_due_since).where(
        Customer.id.in_([UUID(bytes=id_) for id_ in ids]), Customer.past_due_since.is_not(None)
    )
    return {id_.bytes: since for id_, since in db.session.execute(statement)}


def save_movements(
    import_: Import, provider: Provider, lease: Lease, page: FetchedPage, plan: Plan, seen: Seen
) -> None:
    """Save a page of the movement list: rows that are new are kept aside until the whole list is read."""
    counts, warnings = Counter[str](), Warnings(import_)
    new: dict[bytes, MovementRecord] = {}
    found: dict[bytes, bytes] = {}
    activities: set[bytes] = set()
    own = 0
    for entry in page.entries:
        try:
            record = parse_movement(entry)
        except RecordRefused as refused:
            _refuse(refused, entry, seen, counts, warnings)
            continue
        if not page.owns(record.at):
            continue
        own += 1
        activity = _activity_hash(record.activity_uuid, len(seen.activities) + len(activities))
        if activity in activities or activity in seen.activities:
            continue
        ordinal = 0
        while True:
            id_ = movement_id(provider.id, record, ordinal)
            marks = seen.movements[id_]
            if not marks & READ and id_ not in found:
                break
            ordinal += 1
        activities.add(activity)
        found[id_] = activity
        if not marks:
            new[id_] = record
        if record.warnings and id_ not in seen.counted:
            warnings.of_record(record.warnings, record.customer_uuid, None)
    counts["movements_read"], counts["movements_added"] = len(found), len(new)
    _insert_movements(new, provider)
    _keep_refused(import_, seen, warnings)
    held = b"".join(part for pair in found.items() for part in pair)
    _finish_page(import_, lease, page, plan, seen, (own, len(found)), held, counts, warnings)
    for id_, activity in found.items():
        seen.movements.add(id_, READ)
        seen.activities.add(activity)


def swap_movements(import_: Import, provider: Provider, lease: Lease, seen: Seen) -> None:
    """Let the read that is complete count: its new rows appear and the rows that it did not hold go, both
    in one transaction, which also notes that it was done."""
    moved = Counter(movement_day(id_) for id_, marks in seen.movements if marks & READ)
    borders = [day.isoformat() for day in equal_parts(moved)]
    lease.write(attempt=1, checkpoint={**import_.checkpoint, "swapped": True})
    lease.write(movements_removed=remove_unread(seen))
    now_read = {
        "movements_read": Provider.movements_read + 1,
        "movements_read_at": now(),
        "movement_borders": borders,
    }
    db.session.execute(owned_update(Provider).where(Provider.id == provider.id).values(**now_read))
    db.session.commit()


def remove_unread(seen: Seen) -> int:
    """Delete the movements that the read did not hold; answers how many there were, the caller commits."""
    gone = unread(seen)
    for some in in_lots(gone):
        these = owned_delete(Movement).where(Movement.id.in_(some))
        db.session.execute(these.execution_options(synchronize_session=False))
    return len(gone)


def unread(seen: Seen) -> list[UUID]:
    """The movements that we hold and that the read did not."""
    return [UUID(bytes=id_) for id_, marks in seen.movements if not marks & READ]


def in_lots(many: list[Item]) -> Iterator[list[Item]]:
    """As many at a time as one statement names."""
    for at in range(0, len(many), IN_ONE_STATEMENT):
        yield many[at : at + IN_ONE_STATEMENT]


def missing_customers(provider: Provider, seen: Seen) -> list[str]:
    """The uuids of customers that we hold as present but that a complete read of the list did not."""
    ids = [UUID(bytes=id_) for id_, _ in seen.stored if id_ not in seen.customers]
    missing: list[str] = []
    for some in in_lots(ids):
        these = Customer.id.in_(some), Customer.gone_at.is_(None)
        missing += db.session.scalars(owned(Customer, Customer.uuid).where(*these))
    db.session.rollback()
    return missing


def customers_moved(provider: Provider, read: int, seen: Seen) -> list[str]:
    """The uuids of whom the movements that were new in a read tell, and neither its list of customers nor we know."""
    moved = owned(Movement, Movement.customer_uuid).where(Movement.provider_id == provider.id, Movement.read == read)
    moved = Movement.as_they_lie(moved, len(seen.movements))
    known = owned(CustomerValues, CustomerValues.uuid).where(CustomerValues.provider_id == provider.id)
    with reading():
        uuids = db.session.scalars(except_(moved, known)).all()
        db.session.rollback()
    return [uuid for uuid in uuids if Customer.id_bytes_for(provider.id, uuid) not in seen.customers]


def mark_gone(import_: Import, lease: Lease, uuid: str, at: datetime) -> None:
    """ChartMogul answered 404 for this customer: keep it, marked."""
    lease.write(attempt=1, gone=Import.gone + 1)
    customer = Customer.id == Customer.id_for(import_.provider_id, uuid)
    values = CustomerValues.provider_id == import_.provider_id, CustomerValues.uuid == uuid
    for gone in (
        owned_update(Customer).where(customer).values(gone_at=at, changed_import_id=import_.id),
        owned_update(CustomerValues).where(*values).values(gone=True),
    ):
        db.session.execute(gone.execution_options(synchronize_session=False))
    db.session.commit()


def _refuse(refused: RecordRefused, entry: object, seen: Seen, counts: Counter[str], warnings: Warnings) -> None:
    mark = _record_hash(entry)
    if mark in seen.counted:
        return
    seen.counted.add(mark)
    warnings.refused += mark
    counts["skipped"] += 1
    warnings.add(str(refused.reason), refused.uuid, _name_of(entry), refused.sentence)


def _finish_page(
    import_: Import,
    lease: Lease,
    page: FetchedPage,
    plan: Plan,
    seen: Seen,
    rows: tuple[int, int],
    held: bytes,
    counts: Counter[str],
    warnings: Warnings,
    **changes: Any,
) -> None:
    """Checkpoint, counts and what the page held, in the page's own transaction; then commit. `rows`: how many of its
    chain's rows there were, and how many of them for the first time."""
    before = import_.checkpoint.get(page.stream, {})
    checkpoint = {**import_.checkpoint, page.stream: plan.place(page, before, *rows)}
    lease.write(_added(counts, warnings), attempt=1, checkpoint=checkpoint, **changes)
    seen.keep_page(import_.id, page.stream, before.get("number", 0), held)
    db.session.commit()
    import_.checkpoint = checkpoint
    import_.warnings += counts["warnings"]


def _added(counts: Counter[str], warnings: Warnings) -> dict[str, int]:
    counts["warnings"] += warnings.write()
    return {name: count for name, count in counts.items() if count}


def _keep_refused(import_: Import, seen: Seen, warnings: Warnings) -> None:
    """Keep which records were refused; each lot makes `counted` larger, so that its number is its own."""
    if warnings.refused:
        _keep_seen(import_.id, REFUSED, len(seen.counted), warnings.refused)


def _keep_seen(import_id: UUID, stream: str, number: int, seen: bytes) -> None:
    row = {"import_id": import_id, "stream": stream, "number": number, "seen": seen}
    upsert_rows(ImportPage, [row], key=["import_id", "stream", "number"])


def _of(provider: Provider, model: type[Customer] | type[Movement], *columns: Any) -> Select[Any]:
    return owned(model, *columns).where(model.provider_id == provider.id)


def _insert_movements(records: dict[bytes, MovementRecord], provider: Provider) -> None:
    columns: dict[str, Any] = dict(zip(MovementRecord._fields, zip(*records.values(), strict=True), strict=False))
    if columns:
        del columns["activity_uuid"], columns["warnings"]
        columns |= {"id": [id_.hex() for id_ in records], "type": [type_.value for type_ in columns["type"]]}
        insert_columns(Movement, columns, provider_id=provider.id, read=provider.movements_read + 1)


def _activity_hash(uuid: str | None, position: int) -> bytes:
    """16 bytes for an activity's id; a row without one cannot be told from its repetition, so it counts."""
    if not uuid:
        return position.to_bytes(16, "big")
    try:
        plain = bytes.fromhex(uuid.replace("-", ""))
    except ValueError:
        plain = b""
    return plain if len(plain) == 16 else blake2b(uuid.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _record_hash(entry: object) -> bytes:
    """16 bytes for a record by the id it claims to have, or by all it says."""
    uuid = entry.get("uuid") if isinstance(entry, dict) else None
    return blake2b((repr(uuid) if uuid else repr(entry)).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _name_of(entry: object) -> str | None:
    name = entry.get("name") or entry.get("customer-name") if isinstance(entry, dict) else None
    if not isinstance(name, str):
        return None
    return name.replace("\x00", "").encode("utf-8", "replace").decode()[:255] or None
