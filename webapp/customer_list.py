"""Which customers a list shows and in which order: for the page and for the CSV file."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, and_, event, func, or_
from sqlalchemy.orm import defer
from sqlalchemy.sql.elements import UnaryExpression

from webapp.customer_columns import Column
from webapp.extensions import db
from webapp.models import Customer, Property, PropertyValue, Provider
from webapp.tenancy import current_tenant_id, owned

PER_PAGE = 50
LONGEST_SEARCH = 200
GONE = "gone"
BY_NAME = "name"
SEARCHED = (Customer.name, Customer.email, Customer.company, Customer.external_id, Customer.uuid)
TITLE = func.coalesce(Customer.name, Customer.company, Customer.email, Customer.external_id, Customer.uuid)


@event.listens_for(Engine, "connect")
def _teach_letters(connection: Any, _record: Any) -> None:
    """SQLite knows upper and lower case of a to z only; for other letters a search asks Python."""
    if type(connection).__module__.startswith("sqlite3"):
        connection.create_function("fold", 1, str.casefold, deterministic=True)


@dataclass(frozen=True, slots=True)
class CustomerQuery:
    """What a list's address asks for. Whatever it cannot mean is left out, never an error."""

    search: str = ""
    status: str = ""
    sort: str = BY_NAME
    descending: bool = False
    page: int = 1

    @classmethod
    def of(cls, args: Mapping[str, str], keys: Collection[str]) -> "CustomerQuery":
        """Read from a query string; `keys` are the columns that there are to sort by."""
        sort = args.get("sort", "")
        key = sort.removeprefix("-")
        known = key == BY_NAME or key in keys
        return cls(
            search=" ".join(args.get("q", "")[:LONGEST_SEARCH].replace("\0", "").split()),
            status=args.get("status", "")[:100].replace("\0", "").strip(),
            sort=key if known else BY_NAME,
            descending=known and sort.startswith("-"),
            page=page_number(args.get("page", "")),
        )

    @property
    def narrowed(self) -> bool:
        return bool(self.search or self.status)

    def args(self, **changes: Any) -> dict[str, Any]:
        """As arguments of url_for, without what goes without saying."""
        asked = replace(self, **changes)
        sort = ("-" if asked.descending else "") + asked.sort
        told = {"q": asked.search, "status": asked.status, "sort": sort if sort != BY_NAME else ""}
        return {k: v for k, v in told.items() if v} | ({"page": asked.page} if asked.page > 1 else {})

    def sorting(self, key: str) -> dict[str, Any]:
        """The arguments behind a column's header: sort by it, or the other way round if it is already."""
        return self.args(sort=key, descending=self.sort == key and not self.descending, page=1)

    def narrow(self, customers: Select[Any]) -> Select[Any]:
        if self.status == GONE:
            customers = customers.where(Customer.gone_at.is_not(None))
        elif self.status:
            customers = customers.where(Customer.status == self.status, Customer.gone_at.is_(None))
        return customers.where(_matches(self.search)) if self.search else customers

    def order(self, customers: Select[Any], columns: Sequence[Column]) -> Select[Any]:
        """Sorted by the column asked for; who has no value of it comes last, in both directions."""
        column = next((column for column in columns if column.key == self.sort), None)
        by_title: tuple[ColumnElement[Any], ...] = (func.lower(TITLE), Customer.id.expression)
        if column is None:
            return customers.order_by(self._direct(by_title[0]), by_title[1])
        if column.of_property is not None:
            customers = customers.outerjoin(PropertyValue, _value_of(column.of_property))
        key = column.sorted_by
        return customers.order_by(key.is_(None), self._direct(key), *by_title)

    def _direct(self, key: ColumnElement[Any]) -> UnaryExpression[Any]:
        return key.desc() if self.descending else key.asc()


@dataclass(frozen=True, slots=True)
class CustomerPage:
    """One page of the list."""

    customers: Sequence[Customer]
    number: int
    matching: int
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.matching // PER_PAGE))

    @property
    def first(self) -> int:
        return (self.number - 1) * PER_PAGE + 1

    @property
    def last(self) -> int:
        return self.first + len(self.customers) - 1


def customers_of(provider: Provider, *columns: Any) -> Select[Any]:
    """A select of a provider's customers, also of those no longer in ChartMogul."""
    return owned(Customer, *columns).where(Customer.provider_id == provider.id)


def fetch_page(provider: Provider, query: CustomerQuery, columns: Sequence[Column]) -> CustomerPage:
    """The page that was asked for, or the last one there is."""
    count = customers_of(provider, func.count())
    total = db.session.scalar(count) or 0
    matching = (db.session.scalar(query.narrow(count)) or 0) if query.narrowed else total
    number = max(1, min(query.page, -(-matching // PER_PAGE)))
    rows = query.order(query.narrow(customers_of(provider)), columns)
    rows = rows.options(defer(Customer.custom), defer(Customer.tags))
    found = db.session.scalars(rows.offset((number - 1) * PER_PAGE).limit(PER_PAGE)).all()
    return CustomerPage(found, number, matching, total)


def statuses(provider: Provider) -> list[str]:
    found = db.session.scalars(customers_of(provider, Customer.status).where(Customer.status.is_not(None)).distinct())
    return sorted(found)


def page_number(text: str) -> int:
    """A page from an address: 1 for what is none."""
    try:
        return min(max(1, int(text)), 1_000_000)
    except ValueError:
        return 1


def _value_of(property_: Property) -> ColumnElement[bool]:
    return and_(
        PropertyValue.tenant_id == current_tenant_id(),
        PropertyValue.customer_id == Customer.id,
        PropertyValue.property_id == property_.id,
        PropertyValue.version == property_.version,
    )


def _matches(search: str) -> ColumnElement[bool]:
    """Whether any of the texts that people know a customer by holds the words, in any case."""
    searched: list[tuple[Any, str]] = [(column, search) for column in SEARCHED]
    domain = search.lower().removeprefix("https://").removeprefix("http://").rstrip("/")
    if domain and domain not in "https://www.":
        searched.append((Customer.website_url, domain))
    if search.isascii() or db.session.get_bind().dialect.name != "sqlite":
        return or_(*(column.icontains(words, autoescape=True) for column, words in searched))
    return or_(
        *(
            func.fold(func.coalesce(column, "")).contains(words.casefold(), autoescape=True)
            for column, words in searched
        )
    )
