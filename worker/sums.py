"""What the movements add up to, held against the MRR of the customers."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Select, case, func, literal, null, select, union_all

from webapp.extensions import db, reading
from webapp.models import Customer, Import, Movement, Provider
from webapp.models.types import now
from webapp.tenancy import owned
from worker import save

# A customer's MRR is a sum of rounded subscriptions; its movements round each step: a cent or two is no error.
ROUNDING_MINOR = 2


def that_differ(import_: Import, provider: Provider, reads: int, at: datetime) -> Select[Any]:
    """The present customers (uuid, name, mrr, moved) whose MRR is not what their movements up to a time add up to, of
    those that came with the first so many complete reads. One sum over both tables: a join of them goes wrong in a
    PostgreSQL that has not yet counted its new rows."""
    one, nothing = literal(1, BigInteger), literal(0, BigInteger)
    kept = Customer.uuid, Customer.name, Customer.mrr_minor, nothing.label("moved"), one.label("present")
    customers = owned(Customer, *kept)
    customers = customers.where(Customer.provider_id == provider.id, Customer.gone_at.is_(None))
    counted = Movement.customer_uuid, null(), nothing, Movement.movement_minor, nothing
    movements = Movement.that_count(provider, *counted, reads=reads).where(Movement.at <= at)
    movements = Movement.as_they_lie(movements, max(import_.movements_expected or 0, import_.movements_read))
    both = union_all(customers, movements).subquery()
    mrr, moved = func.sum(both.c.mrr_minor), func.sum(both.c.moved)
    return (
        select(both.c.uuid, func.max(both.c.name).label("name"), mrr.label("mrr"), moved.label("moved"))
        .group_by(both.c.uuid)
        .having(func.max(both.c.present) == 1, func.abs(mrr - moved) > ROUNDING_MINOR)
        .order_by(both.c.uuid)
    )


def movements_lack(import_: Import, provider: Provider, seen: save.Seen) -> bool:
    """Whether the list of movements that was read lacks some, as far as can be told: it lost a tenth, and with it the
    MRR of more of the customers that were read is not what their movements add up to than with those that are held. Of
    less than a tenth it is enough that one customer's movements added up, and no more do without those that are lost.
    Where nothing is held, the sum of all is off by a tenth. But if it is so again, or so little lacks again, in a list
    that was read in one go, this is what there is."""
    held, found = provider.movements_read, provider.movements_read + 1
    again = "whole" in import_.checkpoint["movements"]
    if import_.movements_expected is None:
        return not again and _total_is_off(provider, found)
    if 10 * sum(1 for _, marks in seen.movements if marks & save.READ) >= 9 * import_.movements_expected:
        return not again and _sums_are_lost(provider, seen)
    wrong = _wrong(import_, provider, seen, held)
    save.remove_unread(seen)
    more = _wrong(import_, provider, seen, found) - wrong
    db.session.rollback()
    return more > 0


def _sums_are_lost(provider: Provider, seen: save.Seen) -> bool:
    """Whether a customer's movements add up to its MRR with those that were not read again, and not without them."""
    with reading():
        lost = _unread_by_customer(seen)
        uuids = [uuid for uuid in lost if Customer.id_bytes_for(provider.id, uuid) in seen.customers]
        felt = any(_is_felt(provider, some, lost) for some in save.in_lots(uuids))
        db.session.rollback()
    return felt


def _unread_by_customer(seen: save.Seen) -> Counter[str]:
    """What the past movements that were not read again add up to, by the customer's uuid."""
    lost = Counter[str]()
    for ids in save.in_lots(save.unread(seen)):
        movements = owned(Movement, Movement.customer_uuid, Movement.movement_minor)
        for uuid, minor in db.session.execute(movements.where(Movement.id.in_(ids), Movement.at <= now())):
            lost[uuid] += minor
    return lost


def _is_felt(provider: Provider, uuids: Sequence[str], lost: Counter[str]) -> bool:
    """Whether one of these customers' sums is right with what is lost and wrong without."""
    before = case((Movement.read <= provider.movements_read, Movement.movement_minor), else_=0)
    sums = owned(Movement, Movement.customer_uuid, func.sum(before), func.sum(Movement.movement_minor))
    theirs = Movement.provider_id == provider.id, Movement.customer_uuid.in_(uuids), Movement.at <= now()
    moved = db.session.execute(sums.where(*theirs).group_by(Movement.customer_uuid)).all()
    customers = owned(Customer, Customer.uuid, Customer.mrr_minor).where(Customer.among(provider.id, uuids))
    mrr = {uuid: minor for uuid, minor in db.session.execute(customers)}  # noqa: C416 - dict() takes it for a mapping
    return any(
        abs(mrr[uuid] - int(held)) <= ROUNDING_MINOR < abs(mrr[uuid] - int(found) + lost[uuid])
        for uuid, held, found in moved
        if uuid in mrr
    )


def _total_is_off(provider: Provider, reads: int) -> bool:
    moved = Movement.that_count(provider, func.coalesce(func.sum(Movement.movement_minor), 0), reads=reads)
    moved = moved.where(Movement.at <= now())
    total = total_mrr(provider)
    with reading():
        off = abs(total - int(db.session.scalar(moved) or 0))
        db.session.rollback()
    return 10 * off > total


def _wrong(import_: Import, provider: Provider, seen: save.Seen, reads: int) -> int:
    """Of how many customers that were read the sums differ."""
    customers = db.session.execute(that_differ(import_, provider, reads, now()).execution_options(yield_per=1000))
    return sum(Customer.id_bytes_for(provider.id, row.uuid) in seen.customers for row in customers)


def total_mrr(provider: Provider) -> int:
    """Σ MRR of the account's present customers, in minor units."""
    statement = owned(Customer, func.coalesce(func.sum(Customer.mrr_minor), 0)).where(
        Customer.provider_id == provider.id, Customer.gone_at.is_(None)
    )
    with reading():
        total = db.session.scalar(statement)
        db.session.rollback()
    return int(total or 0)
