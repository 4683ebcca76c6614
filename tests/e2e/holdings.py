"""What the app holds of a company, what ChartMogul has, and a short way to a connection for tests of what follows."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func

from tests import factories
from tests.e2e.chartmogul import Account, ChartMogul
from tests.e2e.house import House
from tests.e2e.people import Company
from webapp import credentials
from webapp.extensions import db
from webapp.models import Customer, Import, Movement, Provider, Tenant
from webapp.tenancy import owned

Held = tuple[dict[str, tuple[Any, ...]], Counter[tuple[Any, ...]]]


@dataclass(frozen=True)
class ImportRow:
    """An import as its row says."""

    id: UUID
    number: int
    state: str
    customers_read: int


def connect(house: House, company: Company, account: Account, **changes: Any) -> None:
    """A connection whose set-up is complete, as if the pages had been gone through."""
    with house.rows(company.id):
        secret = credentials.store_key(company.id, account.key)
        facts = {"account_id": None, "account_name": account.name, "key_mask": account.mask, "secret_name": secret}
        factories.make_provider(db.session.get_one(Tenant, company.id), **{**facts, **changes})


def imports_of(house: House, company: Company) -> list[ImportRow]:
    """Oldest first."""
    with house.rows(company.id):
        rows = db.session.scalars(owned(Import).order_by(Import.number))
        return [ImportRow(**{name: getattr(row, name) for name in ImportRow.__dataclass_fields__}) for row in rows]


def customers_held(house: House, company: Company) -> int:
    with house.rows(company.id):
        return db.session.scalar(owned(Customer, func.count())) or 0


def held(house: House, company: Company) -> Held:
    """Every customer and every movement that counts."""
    with house.rows(company.id):
        provider = Provider.current()
        assert provider
        customers = db.session.scalars(owned(Customer).where(Customer.gone_at.is_(None)))
        counting = owned(Movement).where(Movement.read == provider.movements_read)
        return (
            {row.uuid: (row.name, row.status, row.mrr_minor) for row in customers},
            Counter((row.customer_uuid, row.at, row.movement_minor) for row in db.session.scalars(counting)),
        )


def there(chartmogul: ChartMogul, account: Account) -> Held:
    """The same as ChartMogul's lists have it."""
    customers = chartmogul.all("/customers", account.key)
    movements = chartmogul.all("/activities", account.key)
    return (
        {row["uuid"]: (row["name"] or None, row["status"], row["mrr"]) for row in customers},
        Counter(_movements(movements)),
    )


def _movements(rows: list[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        yield row["customer-uuid"], datetime.fromisoformat(row["date"]), row["activity-mrr-movement"]
