"""Which imports the overview shows, by filters and page, and what their rows need to know beside them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from webapp.extensions import db
from webapp.models import Customer, Import, ImportState, ImportWarning, Provider
from webapp.tenancy import owned
from webapp.wording import SKIPS, STATES

PER_PAGE = 25
ERRORS_PER_PAGE = 50
# Kinds of warnings about the account, not about one of its records.
OF_THE_WHOLE = ("customers_missing", "account_mrr_differs")
STATUSES = {
    "waiting": [ImportState.WAITING],
    "running": [ImportState.RUNNING, ImportState.CANCELLING],
    "done": [ImportState.DONE],
    "partly_done": [ImportState.PARTLY_DONE],
    "failed": [ImportState.FAILED],
    "cancelled": [ImportState.CANCELLED],
}
STATUS_OPTIONS = [("", "All"), *((name, STATES[states[0]].words) for name, states in STATUSES.items())]
_PAGE = re.compile(r"[1-9][0-9]{0,5}")


class Nonsense(NotFound):
    """An address asks for what no link or form of ours would ask for: there is no such page."""


@dataclass(frozen=True)
class ImportQuery:
    """The filters of an address and which page of the result it wants."""

    status: str = ""
    provider_id: UUID | None = None
    page: int = 1

    @classmethod
    def of(cls, arguments: MultiDict[str, str]) -> "ImportQuery":
        """Read an address; raises Nonsense where it makes no sense."""
        status, provider_id = _one(arguments, "status"), _one(arguments, "provider")
        if status and status not in STATUSES:
            raise Nonsense("status")
        try:
            return cls(status, UUID(provider_id) if provider_id else None, page_of(arguments))
        except ValueError:
            raise Nonsense("provider") from None

    @property
    def filters(self) -> dict[str, str]:
        """The filters as arguments of an address."""
        found = {"status": self.status, "provider": str(self.provider_id or "")}
        return {name: value for name, value in found.items() if value}

    @property
    def newest(self) -> bool:
        """Whether an import that begins now belongs on top of this page."""
        return not self.filters and self.page == 1

    def narrow(self, statement: Select[Any]) -> Select[Any]:
        if self.status:
            statement = statement.where(Import.state.in_(STATUSES[self.status]))
        if self.provider_id:
            statement = statement.where(Import.provider_id == self.provider_id)
        return statement


def page_of(arguments: MultiDict[str, str]) -> int:
    """Which page an address asks for; raises Nonsense unless it is a number from 1 on."""
    page = _one(arguments, "page") or "1"
    if not _PAGE.fullmatch(page):
        raise Nonsense("page")
    return int(page)


def _one(arguments: MultiDict[str, str], name: str) -> str:
    given = arguments.getlist(name)
    if len(given) > 1:
        raise Nonsense(name)
    return given[0] if given else ""


@dataclass(frozen=True)
class Page:
    """A part of a list, and where in the list it is. Raises Nonsense when the list ends before it."""

    rows: Sequence[Any]
    number: int
    size: int
    total: int

    @property
    def first(self) -> int:
        return (self.number - 1) * self.size + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1

    @property
    def has_more(self) -> bool:
        return self.last < self.total


def page_from(statement: Select[Any], count: Select[Any], number: int, size: int) -> Page:
    """One page of what a statement gives; raises Nonsense for a page after the last."""
    total = db.session.scalar(count) or 0
    if number > 1 and (number - 1) * size >= total:
        raise Nonsense("page")
    rows = db.session.scalars(statement.limit(size).offset((number - 1) * size)).all() if total else []
    return Page(rows, number, size, total)


def find_imports(query: ImportQuery) -> Page:
    counted = query.narrow(owned(Import, func.count()))
    return page_from(query.narrow(newest_first()), counted, query.page, PER_PAGE)


def newest_first() -> Select[Any]:
    return owned(Import).order_by(Import.number.desc())


def errors_of(import_: Import) -> Select[Any]:
    """What is wrong with the whole comes first, then customer by customer."""
    of_it = owned(ImportWarning).where(ImportWarning.import_id == import_.id)
    of_customer = ImportWarning.kind.not_in(OF_THE_WHOLE)
    name, uuid = (column.nulls_last() for column in (ImportWarning.customer_name, ImportWarning.customer_uuid))
    return of_it.order_by(of_customer, name, uuid, ImportWarning.id)


def find_errors(import_: Import, page: int) -> Page:
    counted = owned(ImportWarning, func.count()).where(ImportWarning.import_id == import_.id)
    return page_from(errors_of(import_), counted, page, ERRORS_PER_PAGE)


def held_of(import_: Import, errors: Page) -> dict[str, UUID]:
    """The customers of whom a page of errors tells and that we hold: their ids by uuid."""
    uuids = {row.customer_uuid for row in errors.rows if row.customer_uuid}
    if not uuids:
        return {}
    held = owned(Customer, Customer.uuid, Customer.id).where(Customer.among(import_.provider_id, uuids))
    return {uuid: id_ for uuid, id_ in db.session.execute(held)}  # noqa: C416 - dict() takes it for a mapping


@dataclass(frozen=True)
class Surroundings:
    """What rows of imports need to know: the tenant's connections, and why records were skipped, mostly."""

    providers: dict[UUID, Provider]
    skipped_for: dict[UUID, str]

    @property
    def provider(self) -> Provider | None:
        """The connection that is not disconnected; there is at most one."""
        return next((provider for provider in self.providers.values() if provider.live), None)

    @property
    def options(self) -> list[tuple[str, str]]:
        """The choices of the provider filter; accounts are named as soon as there is more than one."""
        return [("", "All"), *((str(id_), self.name_of(id_)) for id_ in self.providers)]

    def name_of(self, provider_id: UUID) -> str:
        return "ChartMogul" if len(self.providers) == 1 else f"ChartMogul: {self.account_of(provider_id)}"

    def account_of(self, provider_id: UUID) -> str:
        provider = self.providers[provider_id]
        return provider.account if provider.live else f"{provider.account} (not connected)"

    def may_retry(self, import_: Import) -> bool:
        return import_.retryable and self.providers[import_.provider_id].imports_may_run


def surroundings(imports: Sequence[Import]) -> Surroundings:
    newest = owned(Provider).order_by(Provider.connected_at.desc(), Provider.id)
    providers = {provider.id: provider for provider in db.session.scalars(newest)}
    partly = [import_.id for import_ in imports if import_.state == ImportState.PARTLY_DONE]
    return Surroundings(providers, _most_common_skips(partly) if partly else {})


def _most_common_skips(import_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The kind of warning for which each import skipped most records."""
    kinds = (
        owned(ImportWarning, ImportWarning.import_id, ImportWarning.kind)
        .where(ImportWarning.import_id.in_(import_ids), ImportWarning.kind.in_(SKIPS))
        .group_by(ImportWarning.import_id, ImportWarning.kind)
        .order_by(func.count(), ImportWarning.kind.desc())
    )
    return {row.import_id: row.kind for row in db.session.execute(kinds)}
