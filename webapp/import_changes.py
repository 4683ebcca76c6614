"""Which customers an import changed, in which values, from what to what; and what it filled for the first time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, or_

from webapp.extensions import db
from webapp.import_list import Nonsense
from webapp.models import Customer, Import, Property, PropertyVersion, Provider, ValueChange
from webapp.models.imports import COMPLETE
from webapp.spreadsheets import csv_text, harmless
from webapp.tenancy import acting_for, owned
from webapp.value_history import Told, told
from webapp.values import WORDED, csv_value

CUSTOMERS_PER_PAGE = 50
SLICE = 500
HEAD = ("name", "external_id", "chartmogul_uuid", "property", "type", "from", "to")


@dataclass(frozen=True, slots=True)
class FirstFilled:
    """A property that the import filled for the first time; of how many customers, as long as that is known; and
    whether another account had filled it before."""

    property: Property
    customers: int | None
    elsewhere: bool


@dataclass(frozen=True, slots=True)
class ChangedCustomers:
    """Some of an import's changed customers, with their changes, and where the next begin."""

    rows: Sequence[tuple[Customer, Sequence[Told]]]
    first_filled: Sequence[FirstFilled]
    is_first: bool
    next: UUID | None


def changed_customers(import_: Import, after: str) -> ChangedCustomers:
    """The customers after one, an id of an address; all queries are stretches of the index by import and customer."""
    begins = place_in("customers_after", after)
    ids = _ids_after(import_.id, begins, CUSTOMERS_PER_PAGE + 1)
    shown, rest = ids[:CUSTOMERS_PER_PAGE], ids[CUSTOMERS_PER_PAGE:]
    return ChangedCustomers(
        _rows(import_.id, shown), _first_filled(import_), begins is None, shown[-1] if rest else None
    )


def place_in(name: str, after: str) -> UUID | None:
    """The id after which a page of a list begins, from an argument of an address."""
    try:
        return UUID(after) if after else None
    except ValueError:
        raise Nonsense(name) from None


def changes_csv(tenant_id: UUID, import_id: UUID) -> Iterator[str]:
    """All of an import's changes as a file, a slice at a time; each is a transaction of its own."""
    yield csv_text([HEAD])
    after = None
    while True:
        with acting_for(tenant_id):
            ids = _ids_after(import_id, after, SLICE)
            lines = [_cells(customer, change) for customer, changes in _rows(import_id, ids) for change in changes]
            db.session.rollback()
        if not ids:
            return
        yield csv_text(lines)
        after = ids[-1]


def changes_of(import_id: UUID, customer_ids: Sequence[UUID]) -> Select[Any]:
    of_these = ValueChange.import_id == import_id, ValueChange.customer_id.in_(customer_ids)
    return owned(ValueChange).where(*of_these).order_by(ValueChange.customer_id)


def last_changes(customer: Customer, provider: Provider) -> tuple[Import, list[Told]] | None:
    """What changed of a customer in the newest import that ended well; None before there is one."""
    newest = provider.newest_complete_import()
    if newest is None:
        return None
    return newest, sorted(told(db.session.scalars(changes_of(newest.id, [customer.id])).all()), key=_by_property)


def _ids_after(import_id: UUID, after: UUID | None, limit: int) -> list[UUID]:
    ids = owned(ValueChange, ValueChange.customer_id).where(ValueChange.import_id == import_id).distinct()
    rest = ids.where(ValueChange.customer_id > after) if after else ids
    return list(db.session.scalars(rest.order_by(ValueChange.customer_id).limit(limit)))


def _rows(import_id: UUID, ids: Sequence[UUID]) -> list[tuple[Customer, list[Told]]]:
    """These customers by name, each with its changes by property."""
    if not ids:
        return []
    customers = {row.id: row for row in db.session.scalars(owned(Customer).where(Customer.id.in_(ids)))}
    changes = told(db.session.scalars(changes_of(import_id, ids)).all())
    by_customer = groupby(changes, key=lambda change: change.customer_id)
    rows = [(customers[id_], sorted(some, key=_by_property)) for id_, some in by_customer if id_ in customers]
    return sorted(rows, key=lambda row: (row[0].title.casefold(), row[0].uuid))


def _by_property(change: Told) -> tuple[str, str]:
    return change.of.name.casefold(), change.of.codename


def _first_filled(import_: Import) -> list[FirstFilled]:
    """How many were filled is a count of the property's last filling, so of an older one it is not known."""
    of_it = (PropertyVersion.property_id == Property.id) & (PropertyVersion.tenant_id == Property.tenant_id)
    both = owned(Property, Property, PropertyVersion.version, PropertyVersion.filled_import_id)
    by_it = PropertyVersion.filled_import_id == import_.id
    found = both.join(PropertyVersion, of_it).where(or_(by_it, _filled_elsewhere(import_)))
    return [
        FirstFilled(
            row,
            row.filled_count if (row.version, row.filled_import_id) == (version, import_.id) else None,
            first != import_.id,
        )
        for row, version, first in db.session.execute(found.order_by(Property.name, PropertyVersion.version))
    ]


def _filled_elsewhere(import_: Import) -> ColumnElement[bool]:
    """Whether a definition of now was there, and another account had filled it since this account's import before:
    then it waited for this one, too."""
    if import_.state not in COMPLETE or import_.started_at is None or import_.ended_at is None:
        return false()
    own = owned(Import, Import.id).where(Import.provider_id == import_.provider_id)
    before = own.where(Import.number < import_.number, Import.state.in_(COMPLETE))
    return and_(
        PropertyVersion.version == Property.version,
        PropertyVersion.defined_at <= import_.started_at,
        PropertyVersion.filled_import_id.not_in(own),
        PropertyVersion.filled_at <= import_.ended_at,
        ~before.where(Import.ended_at >= PropertyVersion.filled_at).exists(),
    )


def _cells(customer: Customer, change: Told) -> list[str]:
    known = customer.name, customer.external_id, customer.uuid, change.of.codename, str(change.type)
    values = [csv_value(change.type, value) for value in (change.before, change.after)]
    worded = change.type in WORDED
    return [*(harmless(text or "") for text in known), *(harmless(text) if worded else text for text in values)]
