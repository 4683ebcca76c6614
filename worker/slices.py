"""An account's customers, some at a time, in the database's own order of their uuids."""

from collections.abc import Sequence
from typing import Any

from webapp.models import Customer, CustomerValues, Provider
from webapp.tenancy import owned, read_rows


def customers_after(provider: Provider, uuid: str, size: int, columns: Sequence[Any], *which: Any) -> list[Any]:
    """These columns, among them the uuid, of the next present customers. Their order, and `which`, are those of their
    rows of values, which lie in that order; the customers themselves are found by their ids, whatever the database
    believes of tables that it has not counted yet."""
    present = CustomerValues.provider_id == provider.id, CustomerValues.gone.is_(False), CustomerValues.uuid > uuid
    next_ = owned(CustomerValues, CustomerValues.customer_id, CustomerValues.uuid).where(*present, *which)
    in_order = read_rows(next_.order_by(CustomerValues.uuid).limit(size))
    rows = read_rows(owned(Customer, *columns).where(Customer.id.in_([row.customer_id for row in in_order])))
    found = {row.uuid: row for row in rows}
    return [found[row.uuid] for row in in_order if row.uuid in found]
