"""What the movements add up to, held against the MRR of the customers."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Select, func, literal, null, select, union_all

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
    MRR of more of the customers that were read is not what their movements add up to than with those that are held.
    Where nothing is held, the sum of all is off by a tenth; but a list that is so again is what there is."""
    held, found = provider.movements_read, provider.movements_read + 1
    if import_.movements_expected is None:
        return "whole" not in import_.checkpoint["movements"] and _total_is_off(provider, found)
    if 10 * sum(1 for _, marks in seen.movements if marks & save.READ) >= 9 * import_.movements_expected:
        return False
    wrong = _wrong(import_, provider, seen, held)
    save.remove_unread(seen)
    more = _wrong(import_, provider, seen, found) - wrong
    db.session.rollback()
    return more > 0


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
