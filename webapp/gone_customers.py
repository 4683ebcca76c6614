"""Which customers an import found to be no longer in ChartMogul."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from webapp.extensions import db
from webapp.import_changes import CUSTOMERS_PER_PAGE, place_in
from webapp.models import Customer, Import
from webapp.tenancy import owned


@dataclass(frozen=True, slots=True)
class GoneCustomers:
    """Some of them, by name, and where the next begin."""

    rows: Sequence[Customer]
    is_first: bool
    next: UUID | None


def gone_customers(import_: Import, after: str) -> GoneCustomers:
    """The customers after one, an id of an address; those that came back are not among them. A stretch of the index
    by time: an import notices it between its beginning and its end."""
    begins = place_in("gone_after", after)
    while_it_ran = Customer.gone_at.between(import_.created_at, import_.ended_at)
    of_it = Customer.provider_id == import_.provider_id, while_it_ran, Customer.changed_import_id == import_.id
    rest = owned(Customer).where(*of_it, *([Customer.id > begins] if begins else []))
    found = db.session.scalars(rest.order_by(Customer.id).limit(CUSTOMERS_PER_PAGE + 1)).all()
    shown = found[:CUSTOMERS_PER_PAGE]
    by_name = sorted(shown, key=lambda customer: (customer.title.casefold(), customer.uuid))
    return GoneCustomers(by_name, begins is None, shown[-1].id if len(found) > len(shown) else None)
