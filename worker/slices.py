"""An account's customers, some at a time, in the database's own order of their uuids."""

from collections.abc import Sequence
from typing import Any

from webapp.models import Customer, CustomerValues, Provider
from webapp.tenancy import owned, read_rows


def customers_after(provider: Provider, uuid: str, size: int, columns: Sequence[Any], *which: Any) -> Sequence[Any]:
    """These columns of the next present customers. Their order, and `which`, are those of their rows of values, which
    lie in that order."""
    present = CustomerValues.provider_id == provider.id, CustomerValues.gone.is_(False), CustomerValues.uuid > uuid
    in_order = owned(CustomerValues, CustomerValues.customer_id, CustomerValues.uuid).where(*present, *which)
    next_ = in_order.order_by(CustomerValues.uuid).limit(size).subquery()
    found = owned(Customer, *columns).join(next_, next_.c.customer_id == Customer.id)
    return read_rows(found.order_by(next_.c.uuid))
