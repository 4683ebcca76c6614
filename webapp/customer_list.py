"""Which customers a list shows and in which order: for the page and for the CSV file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, true
from sqlalchemy.orm import aliased, load_only

from webapp.customer_columns import BY_TITLE, Column
from webapp.customer_filters import Filter, LostCondition, lost_conditions, read_filters
from webapp.extensions import db
from webapp.folding import fold
from webapp.models import Customer, CustomerValues, Property, Provider
from webapp.score_filters import ScoreFilter, read_score_filters
from webapp.tenancy import owned

PER_PAGE = 50
# How far along the index of names a page is looked for, before all of the list is.
NEARBY = 2_000
LONGEST_SEARCH = 200
GONE = "gone"
BY_NAME = "name"
NAMED = CustomerValues.uuid, CustomerValues.title
# What a list says of a customer, or what its title is made of.
LISTED = (
    *(Customer.provider_id, Customer.uuid, Customer.gone_at, Customer.status, Customer.mrr_minor),
    *(Customer.name, Customer.company, Customer.email, Customer.external_id),
)
Condition = ScoreFilter | Filter | LostCondition
# The uuids of a page, how many customers are in the list, and how many of them lie on beyond the place.
Found = tuple[list[str], int, int]


@dataclass(frozen=True, slots=True)
class CustomerQuery:
    """What a list's address asks for. Whatever it cannot mean is left out, never an error. `after` and `before` are
    ChartMogul's uuids: the page that begins after a customer, or that ends before one."""

    search: str = ""
    status: str = ""
    filters: Sequence[Filter] = ()
    scores: Sequence[ScoreFilter] = ()
    lost: Sequence[LostCondition] = ()
    sort: Column = BY_TITLE
    descending: bool = False
    after: str = ""
    before: str = ""
    # The saved view that was opened, by its id; what it asks for stands in the address like anything else.
    view: str = ""

    @classmethod
    def of(
        cls, args: Mapping[str, str], columns: Mapping[str, Column], properties: Sequence[Property]
    ) -> "CustomerQuery":
        """Read from a query string; `columns` are those that there are to sort by, by key."""
        sort = args.get("sort", "")
        column = columns.get(sort.removeprefix("-"))
        filters = read_filters(args, properties)
        known = column is not None or sort.removeprefix("-") == BY_NAME
        return cls(
            search=" ".join(args.get("q", "")[:LONGEST_SEARCH].replace("\0", "").split()),
            status=args.get("status", "")[:100].replace("\0", "").strip(),
            filters=filters,
            scores=read_score_filters(args),
            lost=lost_conditions(args, properties, filters),
            sort=column or BY_TITLE,
            descending=known and sort.startswith("-"),
            after=args.get("after", "")[:80].replace("\0", ""),
            before=args.get("before", "")[:80].replace("\0", ""),
            view=args.get("view", "")[:36].replace("\0", ""),
        )

    @property
    def narrowed(self) -> bool:
        return bool(self.search or self.status or self.filters or self.scores)

    @property
    def conditions(self) -> list[Condition]:
        return [*self.scores, *self.filters, *self.lost]

    def args(self, **changes: Any) -> dict[str, str]:
        """As arguments of url_for, without what goes without saying, and at the first page unless that is changed."""
        asked = replace(self, **{"after": "", "before": "", **changes})
        sort = ("-" if asked.descending else "") + asked.sort.key
        told = {"q": asked.search, "status": asked.status, "sort": sort if sort != BY_NAME else ""}
        told |= {each.parameter: each.sent for each in asked.conditions}
        told |= {"after": asked.after, "before": asked.before, "view": asked.view}
        return {name: value for name, value in told.items() if value}

    def sorting(self, column: Column) -> dict[str, str]:
        """The arguments behind a column's header: sort by it, or the other way round if it is already."""
        return self.args(sort=column, descending=self.sort.key == column.key and not self.descending)

    def without(self, *which: Condition) -> dict[str, str]:
        """The arguments of the same list with these conditions less, or with none."""
        dropped = which or self.conditions
        kinds = "scores", "filters", "lost"
        kept = {name: [each for each in getattr(self, name) if each not in dropped] for name in kinds}
        return self.args(**kept)

    def condition(self) -> ColumnElement[bool]:
        """Whether a row of values is in the list."""
        asked: list[ScoreFilter | Filter] = [*self.scores, *self.filters]
        conditions = [each.condition() for each in asked if not each.problem]
        if self.status == GONE:
            conditions.append(CustomerValues.gone.is_(True))
        elif self.status:
            conditions += [CustomerValues.status == self.status, CustomerValues.gone.is_(False)]
        return and_(true(), *conditions, *(_searched(word) for word in fold(self.search).split()))

    def listed(self, provider: Provider) -> "Listed":
        """The rows of this list, in no order."""
        if not self.narrowed and self.sort is BY_TITLE:
            return Listed(*NAMED, CustomerValues.title, rows_of(provider))
        rows = rows_as_they_lie(provider)
        if not self.narrowed:
            return Listed(*NAMED, self.sort.sorted_by, rows)
        # Looked for once, then counted and sorted.
        key = () if self.sort is BY_TITLE else (self.sort.sorted_by.label("key"),)
        found = rows.with_only_columns(CustomerValues.tenant_id, *NAMED, *key).where(self.condition()).cte("found")
        row = aliased(CustomerValues, found)
        return Listed(row.uuid, row.title, self.sort.as_sorted(found.c.key) if key else row.title, owned(row))

    def order(self, listed: "Listed", backwards: bool = False) -> list[ColumnElement[Any]]:
        """Sorted by the column asked for; who has no value of it comes last, in both directions."""
        falling = self.descending is not backwards
        if self.sort is BY_TITLE:
            return _directed(falling, listed.title, listed.uuid)
        of_key = *_directed(backwards, listed.key.is_(None)), *_directed(falling, listed.key)
        return [*of_key, *_directed(backwards, listed.title, listed.uuid)]

    def beyond(self, listed: "Listed", place: "Place", backwards: bool) -> ColumnElement[bool]:
        """Whether a row comes after a place in this order, or before it."""
        key, falling = listed.key, self.descending is not backwards
        if self.sort is BY_TITLE:
            return listed.past_title(place, falling)
        further_title = listed.past_title(place, backwards)
        if place.key is None:
            further: ColumnElement[bool] = key.is_not(None) | further_title
            return further if backwards else key.is_(None) & further_title
        further = _past(key, place.key, falling) | ((key == place.key) & further_title)
        return further if backwards else further | key.is_(None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a customer stands in an order."""

    key: Any
    title: str
    uuid: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A select of the rows of a list, and the columns by which it is put in order."""

    uuid: Any
    title: Any
    key: Any
    rows: Select[Any]

    def how_many(self, condition: ColumnElement[bool] | None = None) -> ColumnElement[int]:
        rows = self.rows.with_only_columns(func.count(), maintain_column_froms=True)
        return (rows if condition is None else rows.where(condition)).correlate(None).scalar_subquery()

    def past_title(self, place: Place, falling: bool) -> ColumnElement[bool]:
        further: ColumnElement[bool] = _past(self.title, place.title, falling)
        same: ColumnElement[bool] = self.title == place.title
        # What a database cannot see in the rest: where in the index it may begin.
        at_least: ColumnElement[bool] = self.title <= place.title if falling else self.title >= place.title
        return at_least & (further | (same & _past(self.uuid, place.uuid, falling)))


@dataclass(frozen=True, slots=True)
class CustomerPage:
    """One page of the list; `first` counts from 1."""

    customers: Sequence[Customer]
    first: int
    matching: int
    total: int

    @property
    def last(self) -> int:
        return self.first + len(self.customers) - 1

    @property
    def paged(self) -> bool:
        return self.first > 1 or self.last < self.matching


def customers_of(provider: Provider, *columns: Any) -> Select[Any]:
    """A select of a provider's customers, also of those no longer in ChartMogul."""
    return owned(Customer, *columns).where(Customer.provider_id == provider.id)


def rows_of(provider: Provider, *columns: Any) -> Select[Any]:
    """A select of the rows of values of a provider's customers."""
    return owned(CustomerValues, *columns).where(CustomerValues.provider_id == provider.id)


def rows_as_they_lie(provider: Provider, *columns: Any) -> Select[Any]:
    """The same, to be looked at one by one as they lie: an index would lead to each anew."""
    return rows_of(provider, *columns).with_hint(CustomerValues, "NOT INDEXED", "sqlite")


def fetch_page(provider: Provider, query: CustomerQuery) -> CustomerPage:
    """The page that was asked for: the first, or the one after or before a customer."""
    after, before = _place(provider, query, query.after), _place(provider, query, query.before)
    backwards, place = before is not None and after is None, after or before
    held = customers_held(provider)
    found = _nearby(provider, query, place, backwards) or _looked_for(provider, query, place, backwards)
    uuids, matching, beyond = found
    matching = matching if query.narrowed else held
    if backwards:
        if len(uuids) < PER_PAGE:  # fewer before it than a page holds: the first page
            return fetch_page(provider, replace(query, before=""))
        uuids.reverse()
    elif place and not uuids:  # nobody is left after it
        return fetch_page(provider, replace(query, after=""))
    passed = 0 if place is None else beyond - len(uuids) if backwards else matching - beyond
    return CustomerPage(_customers(provider, uuids), passed + 1, matching, held)


def _nearby(provider: Provider, query: CustomerQuery, place: Place | None, backwards: bool) -> Found | None:
    """A page of a narrowed list in the order of names, if it stands among the next few rows of the index: when many are
    in the list it does, and they need only be counted, not sorted."""
    if not query.narrowed or query.sort is not BY_TITLE:
        return None
    fits, by_name = query.condition(), Listed(*NAMED, CustomerValues.title, rows_of(provider))
    beyond = query.beyond(by_name, place, backwards) if place else true()
    columns = CustomerValues.tenant_id, *NAMED, fits.label("fits")
    ordered = rows_of(provider, *columns).where(beyond).order_by(*query.order(by_name, backwards))
    near = ordered.limit(NEARBY).subquery("near")
    row = aliased(CustomerValues, near)
    in_order = query.order(Listed(row.uuid, row.title, row.title, ordered), backwards)
    page = owned(row, row.uuid).where(near.c.fits).order_by(*in_order).limit(PER_PAGE)
    uuids = list(db.session.scalars(page))
    if len(uuids) < PER_PAGE:
        return None
    counts = func.count(), func.count().filter(beyond)
    matching, further = db.session.execute(rows_as_they_lie(provider, *counts).where(fits)).one()
    return uuids, max(matching, PER_PAGE), max(further, PER_PAGE)  # an import may have changed them in between


def _looked_for(provider: Provider, query: CustomerQuery, place: Place | None, backwards: bool) -> Found:
    """A page of a list that is looked for in one pass, then counted if it is narrowed, and sorted."""
    listed = query.listed(provider)
    rows = listed.rows.with_only_columns(
        listed.uuid,
        listed.how_many() if query.narrowed else literal(0),
        listed.how_many(query.beyond(listed, place, backwards)) if place else literal(0),
    )
    if place:
        rows = rows.where(query.beyond(listed, place, backwards))
    found = list(db.session.execute(rows.order_by(*query.order(listed, backwards)).limit(PER_PAGE)))
    _, matching, beyond = found[0] if found else (None, 0, 0)
    return [uuid for uuid, *_ in found], matching, beyond


def how_many(provider: Provider, query: CustomerQuery) -> int:
    """How many customers are in a list."""
    if not query.narrowed:
        return customers_held(provider)
    return db.session.scalar(rows_as_they_lie(provider, func.count()).where(query.condition())) or 0


def customers_held(provider: Provider) -> int:
    """How many customers there are: what the last import counted, unless one is changing it."""
    if provider.customers_held is not None:
        return provider.customers_held
    return db.session.scalar(rows_of(provider, func.count())) or 0


def _place(provider: Provider, query: CustomerQuery, uuid: str) -> Place | None:
    if not uuid:
        return None
    row = db.session.execute(
        rows_of(provider, query.sort.sorted_by, CustomerValues.title).where(CustomerValues.uuid == uuid)
    ).first()
    return Place(row[0], row[1], uuid) if row else None


def _customers(provider: Provider, uuids: Sequence[str]) -> list[Customer]:
    rows = owned(Customer).where(Customer.among(provider.id, uuids)).options(load_only(*LISTED))
    by_uuid = {customer.uuid: customer for customer in db.session.scalars(rows)}
    return [by_uuid[uuid] for uuid in uuids if uuid in by_uuid]


def _searched(word: str) -> ColumnElement[bool]:
    domain = word.removeprefix("https://").removeprefix("http://").removeprefix("www.").rstrip("/")
    return CustomerValues.search.contains(domain or word, autoescape=True)


def _directed(falling: bool, *keys: Any) -> list[ColumnElement[Any]]:
    return [key.desc() if falling else key.asc() for key in keys]


def _past(column: Any, value: Any, falling: bool) -> ColumnElement[bool]:
    past: ColumnElement[bool] = column < value if falling else column > value
    return past
