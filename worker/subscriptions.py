"""Reading what live subscribers subscribe to: a request for each, and only if a property is made of the answers."""

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, not_, or_

from webapp.chartmogul.client import Missing
from webapp.chartmogul.fields import FIELDS, Cost
from webapp.chartmogul.records import RecordRefused, SubscriptionRecord, parse_subscription
from webapp.chartmogul.subscribed import Subscribed
from webapp.extensions import db, reading
from webapp.models import Customer, CustomerValues, Import, Property, Provider, Source
from webapp.tenancy import owned, owned_update
from worker import fetch
from worker.lease import Lease
from worker.save import Warnings
from worker.slices import customers_after

# Customers whose uuids and answers are held at a time, and how many of them are worth a transaction.
IN_A_SLICE, IN_A_LOT = 500, 25
# One customer without an answer is that customer's misfortune; so many one after the other are ChartMogul's.
MOST_IN_A_ROW = 5
SUBSCRIBED = tuple(getattr(Customer, name) for name in Subscribed._fields)


def needed() -> bool:
    """Whether the tenant has a property that is made of subscriptions."""
    costly = [codename for codename, field in FIELDS.items() if field.cost is Cost.SUBSCRIPTIONS]
    of_them = Property.source == Source.CHARTMOGUL, Property.field.in_(costly)
    return db.session.scalar(owned(Property, Property.id).where(*of_them).limit(1)) is not None


def begin(import_: Import, provider: Provider, lease: Lease) -> None:
    """Note that this import asks, and how many; whoever is no live subscriber has no active subscription."""
    of_provider = Customer.provider_id == provider.id
    live = db.session.scalar(owned(Customer, func.count()).where(of_provider, Customer.subscribes()))
    checkpoint = {**import_.checkpoint, "subscriptions": {"after": None}}
    lease.write(attempt=1, checkpoint=checkpoint, subscribers_read=0, subscribers_expected=live)
    over = or_(Customer.status.is_(None), not_(Customer.subscribes()))
    said = or_(*(column.is_not(None) for column in SUBSCRIBED))
    emptied = owned_update(Customer).where(of_provider, over, said).values(**Subscribed()._asdict())
    db.session.execute(emptied.execution_options(synchronize_session=False))
    db.session.commit()
    import_.checkpoint = checkpoint


def next_slice(import_: Import, provider: Provider, lease: Lease) -> "Slice | None":
    """The live subscribers after the last one that was saved; None when there are no more."""
    after = import_.checkpoint["subscriptions"]["after"]
    columns = Customer.id, Customer.uuid, Customer.name, *SUBSCRIBED
    with reading():
        rows = customers_after(provider, after or "", IN_A_SLICE, columns, CustomerValues.subscribes())
        db.session.rollback()
    return Slice(import_, lease, rows) if rows else None


class Slice:
    """Some live subscribers, in the database's order of their uuids: asked for several at a time, saved in that
    order. So a single uuid says where to go on, and what was saved is never asked for again."""

    def __init__(self, import_: Import, lease: Lease, customers: Sequence[Row[Any]]) -> None:
        self.import_, self.lease = import_, lease
        self.waiting = list(customers)
        self.arrived: dict[str, fetch.Answer] = {}
        self.in_a_row = 0

    def streams(self, reader: fetch.Reader) -> list[Callable[[], Iterator[tuple[str, fetch.Answer]]]]:
        """What asks for all of them, for `fetch.side_by_side`."""
        return fetch.of_each(reader, fetch.subscriptions, (customer.uuid for customer in self.waiting))

    def add(self, uuid: str, answer: fetch.Answer) -> bool:
        """Take an answer, and save those that are next in order once they are a lot; answers whether that was done.
        Raises what kept ChartMogul from answering several one after the other, and saves none of those."""
        self.arrived[uuid] = answer
        failed = isinstance(answer, Exception) and not isinstance(answer, Missing)
        self.in_a_row = self.in_a_row + 1 if failed else 0
        if isinstance(answer, Exception) and self.in_a_row >= MOST_IN_A_ROW:
            raise answer
        lot = list(takewhile(lambda customer: customer.uuid in self.arrived, self.waiting))
        if len(lot) < len(self.waiting) and (self.in_a_row or len(lot) < IN_A_LOT):
            return False
        self._save(lot)
        self.waiting = self.waiting[len(lot) :]
        return True

    def _save(self, lot: Sequence[Row[Any]]) -> None:
        warnings, changed = Warnings(self.import_), dict[UUID, Subscribed]()
        for customer in lot:
            found = _read(customer, self.arrived.pop(customer.uuid), warnings)
            if found is not None and found != _held(customer):
                changed[customer.id] = found
        for id_, found in changed.items():
            update = owned_update(Customer).where(Customer.id == id_).values(**found._asdict())
            db.session.execute(update.execution_options(synchronize_session=False))
        checkpoint = {**self.import_.checkpoint, "subscriptions": {"after": lot[-1].uuid}}
        told = warnings.write()
        counts = {"subscribers_read": Import.subscribers_read + len(lot), "warnings": Import.warnings + told}
        self.lease.write(attempt=1, checkpoint=checkpoint, **counts)
        db.session.commit()
        self.import_.checkpoint = checkpoint
        self.import_.warnings += told


def _held(customer: Row[Any]) -> Subscribed:
    plans = None if customer.plans is None else tuple(customer.plans)
    return Subscribed(plans, customer.billing_interval_months, customer.quantity)


def _read(customer: Row[Any], answer: fetch.Answer, warnings: Warnings) -> Subscribed | None:
    """What the customer subscribes to; None when that is not known, so that what was known stays."""
    if isinstance(answer, Exception):
        kind = "subscriptions_missing" if isinstance(answer, Missing) else "subscriptions_unreadable"
        warnings.add(kind, customer.uuid, customer.name, None if isinstance(answer, Missing) else str(answer))
        return None
    records: list[SubscriptionRecord] = []
    for entry in answer:
        try:
            records.append(parse_subscription(entry, customer.uuid))
        except RecordRefused as refused:
            warnings.add(str(refused.reason), customer.uuid, customer.name, refused.sentence)
    doubts = dict.fromkeys(doubt for record in records if record.active for doubt in record.warnings)
    warnings.of_record(tuple(doubts), customer.uuid, customer.name)
    return Subscribed.to(records)
