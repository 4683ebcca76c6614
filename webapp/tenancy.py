"""Whose rows these are: every query on a tenant's table starts here, and a net refuses the ones that do not."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar
from uuid import UUID

from flask import abort
from sqlalchemy import Delete, ForeignKey, Select, Update, delete, event, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, mapped_column, with_loader_criteria

from webapp.extensions import db

_tenant: ContextVar[UUID | None] = ContextVar("tenant", default=None)
_across: ContextVar[bool] = ContextVar("across_tenants", default=False)


class TenantMissing(RuntimeError):
    """A tenant's table was asked for while no tenant is set: a mistake in the code, never shown to people."""


class TenantOwned:
    """A row that belongs to one tenant and is never read, written or counted for another."""

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), index=False)


Owned = TypeVar("Owned", bound=TenantOwned)


def current_tenant_id() -> UUID:
    tenant_id = _tenant.get()
    if tenant_id is None:
        raise TenantMissing("no tenant is set")
    return tenant_id


@contextmanager
def acting_for(tenant_id: UUID) -> Iterator[None]:
    """Work for one tenant; ended, the tenant of before is back."""
    token = _tenant.set(tenant_id)
    try:
        yield
    finally:
        _tenant.reset(token)


@contextmanager
def across_tenants() -> Iterator[None]:
    """Read over all tenants: for the clock, the support console and the command line only."""
    token = _across.set(True)
    try:
        yield
    finally:
        _across.reset(token)


def set_tenant(tenant_id: UUID | None) -> None:
    """Set the request's tenant; the gate calls it once a request, also to clear what a thread had before."""
    _tenant.set(tenant_id)


def owned(model: type[Owned], *columns: Any) -> Select[Any]:
    """A select of this tenant's rows of a model, or of some of its columns."""
    statement = select(*columns) if columns else select(model)
    return statement.select_from(model).where(model.tenant_id == current_tenant_id())


def owned_or_404(model: type[Owned], id_: UUID) -> Owned:
    """This tenant's row, or 404: the same answer for a neighbour's id and for one that never was."""
    row = db.session.scalar(owned(model).where(model.id == id_))  # type: ignore[attr-defined]
    if row is None:
        abort(404)
    return row  # type: ignore[no-any-return]


def owned_update(model: type[Owned]) -> Update:
    return update(model).where(model.tenant_id == current_tenant_id())


def owned_delete(model: type[Owned]) -> Delete:
    return delete(model).where(model.tenant_id == current_tenant_id())


def insert_rows(model: type[Owned], rows: Sequence[dict[str, Any]]) -> None:
    """Insert many rows for this tenant in one statement."""
    if rows:
        tenant_id = current_tenant_id()
        db.session.execute(insert(model), [{**row, "tenant_id": tenant_id} for row in rows])


def upsert_rows(
    model: type[Owned],
    rows: Sequence[dict[str, Any]],
    key: Sequence[str],
    keep: Sequence[str] = (),
) -> None:
    """Insert rows, or bring those whose `key` columns exist up to date, save for the columns to `keep`.

    A row of the same key that belongs to another tenant is left as it is.
    """
    if not rows:
        return
    tenant_id = current_tenant_id()
    dialect = db.session.get_bind().dialect.name
    statement: Any = (postgresql_insert if dialect == "postgresql" else sqlite_insert)(model)
    written = set(rows[0]) - set(key) - set(keep)
    where = model.tenant_id == tenant_id
    if written:
        changes = {name: getattr(statement.excluded, name) for name in sorted(written)}
        statement = statement.on_conflict_do_update(index_elements=list(key), set_=changes, where=where)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(key))
    db.session.connection().execute(statement, [{**row, "tenant_id": tenant_id} for row in rows])


@event.listens_for(Session, "do_orm_execute")
def _scope(state: ORMExecuteState) -> None:
    """The net below owned(): any ORM statement on tenants' tables is narrowed to the tenant, or refused."""
    if _across.get() or state.is_column_load or state.is_relationship_load:
        return
    if not any(issubclass(mapper.class_, TenantOwned) for mapper in state.all_mappers):
        return
    tenant_id = current_tenant_id()
    state.statement = state.statement.options(
        with_loader_criteria(
            TenantOwned,
            lambda cls: cls.tenant_id == tenant_id,
            include_aliases=True,
            track_closure_variables=True,
        )
    )


@event.listens_for(Session, "before_flush")
def _same_tenant(session: Session, _context: Any, _instances: Any) -> None:
    """Nothing is added to, moved to or taken from another tenant than the one being acted for."""
    if _across.get():
        return
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, TenantOwned) and row.tenant_id != current_tenant_id():
            raise TenantMissing(f"{type(row).__name__} belongs to another tenant")
