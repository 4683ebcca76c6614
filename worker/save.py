"""Pages of records into the database: one page, one transaction, and only what changed."""

from collections import Counter
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

from sqlalchemy import func

from webapp.chartmogul.records import (
    CustomerRecord,
    RecordRefused,
    RecordWarning,
    content_hash,
    is_lead,
    movement_key,
    parse_customer,
    parse_movement,
)
from webapp.extensions import db
from webapp.models import Customer, Import, ImportPage, ImportWarning, Movement, Provider
from webapp.tenancy import insert_rows, owned, owned_delete, owned_update, upsert_rows
from worker.fetch import FetchedPage
from worker.lease import Lease

PAST_DUE = "Past Due"
# Warnings kept per import; beyond this only their number grows.
MOST_WARNINGS = 5_000
IN_ONE_STATEMENT = 400


class Seen:
    """What a run's pages have held so far, so that a row that comes twice counts once. Rebuilt from the
    saved pages when a run is taken up again. `counted` holds, by their ids, the rows of a stream that had to
    begin again, and by a hash the records that were refused: this run has counted them already."""

    def __init__(self, import_id: UUID) -> None:
        self.counted: set[bytes] = set()
        self.customers: set[bytes] = set()
        self.movements: set[bytes] = set()
        self.activities: set[bytes] = set()
        rows = db.session.execute(
            owned(ImportPage, ImportPage.stream, ImportPage.seen).where(ImportPage.import_id == import_id)
        )
        for stream, seen in rows:
            hashes = [seen[at : at + 16] for at in range(0, len(seen), 16)]
            if stream == "movements":
                self.movements.update(hashes[::2])
                self.activities.update(hashes[1::2])
            else:
                self.customers.update(hashes)
        db.session.rollback()

    def forget(self, import_id: UUID, stream: str) -> None:
        """Read a stream from its beginning: nothing of it has been seen; the caller commits."""
        if stream == "movements":
            self.counted |= self.movements
            self.movements.clear()
            self.activities.clear()
        else:
            self.counted |= self.customers
            self.customers.clear()
        db.session.execute(
            owned_delete(ImportPage).where(ImportPage.import_id == import_id, ImportPage.stream == stream)
        )


def forget_all(import_id: UUID) -> None:
    """Drop what earlier tries of an import noted; the caller commits."""
    db.session.execute(owned_delete(ImportPage).where(ImportPage.import_id == import_id))
    db.session.execute(owned_delete(ImportWarning).where(ImportWarning.import_id == import_id))


def count_movements(provider: Provider) -> int:
    """How many movements count now: about as many as the next read will find."""
    counting = Movement.provider_id == provider.id, Movement.read <= provider.movements_read
    return db.session.scalar(owned(Movement, func.count()).where(*counting)) or 0


class Warnings:
    """Warnings of one transaction, to be written with it."""

    def __init__(self, import_: Import) -> None:
        self.import_id, self.room = import_.id, MOST_WARNINGS - import_.warnings
        self.rows: list[dict[str, Any]] = []

    def add(
        self, kind: str, uuid: str | None, name: str | None, detail: str | None, property_id: UUID | None = None
    ) -> None:
        of = {"customer_uuid": uuid, "customer_name": name, "property_id": property_id}
        self.rows.append({**of, "kind": kind, "detail": detail and detail[:500]})

    def of_record(self, warnings: tuple[RecordWarning, ...], uuid: str, name: str | None) -> None:
        for warning in warnings:
            self.add(str(warning.reason), uuid, name, warning.sentence)

    def write(self) -> int:
        """Add the rows to the running transaction; answers how many warnings there were since the last."""
        count, kept = len(self.rows), self.rows[: max(0, self.room)]
        self.rows, self.room = [], self.room - len(kept)
        insert_rows(ImportWarning, [{**row, "import_id": self.import_id} for row in kept])
        return count


def save_customers(import_: Import, provider: Provider, lease: Lease, page: FetchedPage, seen: Seen) -> None:
    """Save a page of the customer list and move the checkpoint past it, or raise and change nothing."""
    counts, warnings = Counter[str](), Warnings(import_)
    records: dict[bytes, CustomerRecord] = {}
    held: dict[bytes, None] = {}
    for entry in page.entries:
        try:
            record = parse_customer(entry)
        except RecordRefused as refused:
            _refuse(refused, entry, seen, counts, warnings)
            if refused.uuid:
                held[Customer.id_for(provider.id, refused.uuid).bytes] = None
            continue
        id_ = Customer.id_for(provider.id, record.uuid).bytes
        records[id_], held[id_] = record, None
    new = [id_ for id_ in held if id_ not in seen.customers]
    counts["customers_read"] = len(new)
    _write_customers(import_, provider, records, seen, counts, warnings)
    expected = _expected(import_, page, len(new))
    _finish_page(import_, lease, page, b"".join(new), counts, warnings, customers_expected=expected)
    seen.customers.update(new)


def save_customer(import_: Import, provider: Provider, lease: Lease, raw: object, seen: Seen) -> None:
    """Save one customer that the list did not hold but that was found by its uuid."""
    page = FetchedPage("found", len(seen.customers), [raw], None, False, None)
    save_customers(import_, provider, lease, page, seen)


def _write_customers(
    import_: Import,
    provider: Provider,
    records: dict[bytes, CustomerRecord],
    seen: Seen,
    counts: Counter[str],
    warnings: Warnings,
) -> None:
    columns = (Customer.id, Customer.content_hash, Customer.past_due_since, Customer.gone_at)
    ids = [UUID(bytes=id_) for id_ in records]
    known = {row.id.bytes: row for row in db.session.execute(owned(Customer, *columns).where(Customer.id.in_(ids)))}
    rows = []
    for id_, record in records.items():
        row, hash_ = known.get(id_), content_hash(record)
        if row is None and is_lead(record.status) and not provider.import_leads:
            continue
        unchanged = row is not None and row.content_hash == hash_ and row.gone_at is None
        if id_ not in seen.customers and id_ not in seen.counted:
            warnings.of_record(record.warnings, record.uuid, record.name)
            counts["unchanged" if unchanged else "updated" if row else "created"] += 1
        if unchanged:
            continue
        since = (row.past_due_since if row else None) or import_.started_at if record.status == PAST_DUE else None
        rows.append(
            {
                **Customer.columns_of(record),
                "id": UUID(bytes=id_),
                "provider_id": provider.id,
                "content_hash": hash_,
                "past_due_since": since,
                "gone_at": None,
                "changed_import_id": import_.id,
            }
        )
    upsert_rows(Customer, rows, key=["id"])


def save_movements(import_: Import, provider: Provider, lease: Lease, page: FetchedPage, seen: Seen) -> None:
    """Save a page of the movement list: rows that are new are kept aside until the whole list is read."""
    counts, warnings = Counter[str](), Warnings(import_)
    rows: dict[bytes, dict[str, Any]] = {}
    activities: list[bytes] = []
    for entry in page.entries:
        try:
            record = parse_movement(entry)
        except RecordRefused as refused:
            _refuse(refused, entry, seen, counts, warnings)
            continue
        activity = _activity_hash(record.activity_uuid, len(seen.activities) + len(activities))
        if activity in seen.activities or activity in activities:
            continue
        ordinal = 0
        while (
            id_ := Movement.id_for(provider.id, movement_key(record, ordinal)).bytes
        ) in seen.movements or id_ in rows:
            ordinal += 1
        activities.append(activity)
        counts["movements_read"] += 1
        rows[id_] = _movement_row(record, id_, provider)
        if id_ not in seen.counted:
            warnings.of_record(record.warnings, record.customer_uuid, None)
    ids = [UUID(bytes=id_) for id_ in rows]
    known = {id_.bytes for id_ in db.session.scalars(owned(Movement, Movement.id).where(Movement.id.in_(ids)))}
    new = [row for id_, row in rows.items() if id_ not in known]
    counts["movements_added"] = len(new)
    insert_rows(Movement, new)
    blob = b"".join(part for pair in zip(rows, activities, strict=True) for part in pair)
    _finish_page(import_, lease, page, blob, counts, warnings)
    seen.movements.update(rows)
    seen.activities.update(activities)


def swap_movements(import_: Import, provider: Provider, lease: Lease, seen: Seen) -> None:
    """Let the read that is complete count: its new rows appear and the rows that it did not hold go, both
    in one transaction, which also notes that it was done."""
    ids = owned(Movement, Movement.id).where(Movement.provider_id == provider.id)
    gone = [id_ for id_ in db.session.scalars(ids.execution_options(yield_per=5000)) if id_.bytes not in seen.movements]
    db.session.rollback()
    lease.write(movements_removed=len(gone), checkpoint={**import_.checkpoint, "swapped": True})
    for at in range(0, len(gone), IN_ONE_STATEMENT):
        db.session.execute(
            owned_delete(Movement)
            .where(Movement.id.in_(gone[at : at + IN_ONE_STATEMENT]))
            .execution_options(synchronize_session=False)
        )
    db.session.execute(
        owned_update(Provider).where(Provider.id == provider.id).values(movements_read=Provider.movements_read + 1)
    )
    db.session.commit()


def missing_customers(provider: Provider, seen: Seen) -> list[tuple[UUID, str]]:
    """Customers that we hold as present but that a complete read of the list did not."""
    present = owned(Customer, Customer.id, Customer.uuid).where(
        Customer.provider_id == provider.id, Customer.gone_at.is_(None)
    )
    rows = db.session.execute(present.execution_options(yield_per=5000))
    missing = [(id_, uuid) for id_, uuid in rows if id_.bytes not in seen.customers]
    db.session.rollback()
    return missing


def mark_gone(import_: Import, lease: Lease, customer_id: UUID, at: datetime) -> None:
    """ChartMogul answered 404 for this customer: keep it, marked."""
    lease.write(gone=Import.gone + 1)
    db.session.execute(
        owned_update(Customer)
        .where(Customer.id == customer_id)
        .values(gone_at=at, changed_import_id=import_.id)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def _refuse(refused: RecordRefused, entry: object, seen: Seen, counts: Counter[str], warnings: Warnings) -> None:
    mark = _record_hash(entry)
    if mark in seen.counted:
        return
    seen.counted.add(mark)
    counts["skipped"] += 1
    warnings.add(str(refused.reason), refused.uuid, _name_of(entry), refused.sentence)


def _finish_page(
    import_: Import,
    lease: Lease,
    page: FetchedPage,
    seen: bytes,
    counts: Counter[str],
    warnings: Warnings,
    **changes: Any,
) -> None:
    """Checkpoint, counts and what the page held, in the page's own transaction; then commit."""
    counts["warnings"] += warnings.write()
    added = {name: getattr(Import, name) + count for name, count in counts.items() if count}
    lease.write(attempt=1, checkpoint=_past(import_, page), **added, **changes)
    row = {"import_id": import_.id, "stream": page.stream, "number": page.number, "seen": seen}
    upsert_rows(ImportPage, [row], key=["import_id", "stream", "number"])
    db.session.commit()


def _past(import_: Import, page: FetchedPage) -> dict[str, Any]:
    """The checkpoint after a page."""
    if page.stream == "found":
        return import_.checkpoint
    place = {"number": page.number + 1, "at": page.resume, "done": page.last}
    return {**import_.checkpoint, page.stream: place}


def _expected(import_: Import, page: FetchedPage, new: int) -> int | None:
    """How many customers there will be: roughly, by the first page's old counters; in the end, exactly."""
    if page.last:
        return import_.customers_read + new
    return page.total_pages * 200 if page.total_pages and page.number == 0 else import_.customers_expected


def _movement_row(record: Any, id_: bytes, provider: Provider) -> dict[str, Any]:
    return {
        "id": UUID(bytes=id_),
        "provider_id": provider.id,
        "customer_uuid": record.customer_uuid,
        "at": record.at,
        "type": str(record.type),
        "movement_minor": record.movement_minor,
        "mrr_minor": record.mrr_minor,
        "description": record.description,
        "subscription_id": record.subscription_id,
        "plan_id": record.plan_id,
        "currency": record.currency,
        "read": provider.movements_read + 1,
    }


def _activity_hash(uuid: str | None, position: int) -> bytes:
    """16 bytes for an activity's id; a row without one cannot be told from its repetition, so it counts."""
    try:
        return UUID(uuid).bytes if uuid else position.to_bytes(16, "big")
    except ValueError:
        return blake2b((uuid or "").encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _record_hash(entry: object) -> bytes:
    """16 bytes for a record by the id it claims to have, or by all it says."""
    uuid = entry.get("uuid") if isinstance(entry, dict) else None
    return blake2b((repr(uuid) if uuid else repr(entry)).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _name_of(entry: object) -> str | None:
    name = entry.get("name") or entry.get("customer-name") if isinstance(entry, dict) else None
    if not isinstance(name, str):
        return None
    return name.replace("\x00", "").encode("utf-8", "replace").decode()[:255] or None
