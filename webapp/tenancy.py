"""Whose rows these are: every query on a tenant's table starts here, and two nets catch the ones that do not.

The upper one is the ORM's (`_scope`, `_same_tenant`). The lower one is PostgreSQL's row level security: each
transaction says for whom it works, and the policies of the migrations show it nothing else.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache, partial
from itertools import repeat
from typing import Any, TypeVar
from uuid import UUID

import structlog
from flask import abort
from sqlalchemy import (
    ARRAY,
    JSON,
    Connection,
    Delete,
    Dialect,
    Engine,
    Executable,
    ForeignKey,
    LargeBinary,
    Select,
    String,
    TableClause,
    Text,
    TextClause,
    Update,
    Uuid,
    bindparam,
    cast,
    delete,
    event,
    func,
    insert,
    inspect,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, mapped_column, with_loader_criteria
from sqlalchemy.sql import visitors

from webapp.extensions import db

_tenant: ContextVar[UUID | None] = ContextVar("tenant", default=None)
_across: ContextVar[bool] = ContextVar("across_tenants", default=False)
log = structlog.get_logger()


class TenantMissing(RuntimeError):
    """A tenant's table was asked for while no tenant is set: a mistake in the code, never shown to people."""


class TenantOwned:
    """A row that belongs to one tenant and is never read, written or counted for another."""

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), index=False)


def through_its_parent() -> Mapped[UUID]:
    """`tenant_id` of a table whose rows are written by the hundred thousand: it refers to the tenant only together with
    the row's provider or property, which is as safe, and saves PostgreSQL a quarter of an insert's time."""
    return mapped_column()


Owned = TypeVar("Owned", bound=TenantOwned)


def current_tenant_id() -> UUID:
    tenant_id = _tenant.get()
    if tenant_id is None:
        raise TenantMissing("no tenant is set")
    return tenant_id


def acting() -> bool:
    """Whether a tenant is being acted for."""
    return _tenant.get() is not None


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
    """Work over all tenants: for the clock, the support console and the command line only."""
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
    tenant_id = current_tenant_id()
    return statement.select_from(model).where(model.tenant_id == tenant_id).execution_options(owned_by=tenant_id)


def read_rows(statement: Select[Any]) -> Sequence[Any]:
    """All rows of a select of columns by owned(), without the ORM, which takes as long again. The upper net does not
    see it, so nothing is read but what owned() began for this tenant."""
    _refuse_unowned(statement)
    return db.session.connection().execute(statement).all()


@contextmanager
def rows_in_parts(statement: Select[Any], size: int) -> Iterator[Iterator[Sequence[Any]]]:
    """The same, so many rows at a time, so that not all are in memory; whoever leaves early leaves nothing open."""
    _refuse_unowned(statement)
    with db.session.connection().execute(statement.execution_options(yield_per=size)) as result:
        yield result.partitions()


def _refuse_unowned(statement: Executable) -> None:
    if statement.get_execution_options().get("owned_by") != current_tenant_id():
        raise TenantMissing("only what owned() or owned_update() began for this tenant goes around the ORM")


def owned_or_404(model: type[Owned], id_: UUID) -> Owned:
    """This tenant's row, or 404: the same answer for a neighbour's id and for one that never was."""
    row = db.session.scalar(owned(model).where(model.id == id_))  # type: ignore[attr-defined]
    if row is None:
        log.info("no such row of this tenant", model=model.__name__, id=str(id_))
        abort(404)
    return row  # type: ignore[no-any-return]


def owned_update(model: type[Owned]) -> Update:
    tenant_id = current_tenant_id()
    return update(model).where(model.tenant_id == tenant_id).execution_options(owned_by=tenant_id)


def write_rows(session: Session, statement: Update, values: dict[str, Any]) -> int:
    """Run an update by owned_update() without the ORM, which takes as long again; answers how many rows it changed."""
    _refuse_unowned(statement)
    return session.connection().execute(statement, values).rowcount


def owned_delete(model: type[Owned]) -> Delete:
    return delete(model).where(model.tenant_id == current_tenant_id())


def insert_rows(model: type[Owned], rows: Sequence[dict[str, Any]]) -> None:
    """Insert many rows for this tenant in one statement."""
    insert_columns(model, _columns_of(rows))


def insert_columns(model: type[Owned], columns: dict[str, Sequence[Any]], **same: Any) -> None:
    """Insert many rows that are given column by column; `same` is what all of them have alike. An id may be given as
    its hex digits, so that nobody has to make a UUID of each."""
    _execute_many(model, columns, same)


def upsert_rows(
    model: type[Owned],
    rows: Sequence[dict[str, Any]],
    key: Sequence[str],
) -> None:
    """Insert rows, or bring those whose `key` columns exist up to date.

    A row of the same key that belongs to another tenant is left as it is.
    """
    _execute_many(model, _columns_of(rows), {}, tuple(key))


def update_rows(model: type[Owned], rows: Sequence[dict[str, Any]], key: Sequence[str]) -> None:
    """Bring those of this tenant's rows up to date that `key` finds; all name the same columns."""
    _execute_many(model, _columns_of(rows), {}, tuple(key), only_update=True)


def insert_selected(model: type[Owned], columns: Sequence[str], rows: Select[Any]) -> None:
    """Insert what a select by owned() gives: in the order of these columns, for this tenant."""
    table: Any = model.__table__  # type: ignore[attr-defined]
    with_tenant = rows.add_columns(literal(current_tenant_id(), table.c.tenant_id.type))
    db.session.connection().execute(insert(table).from_select([*columns, "tenant_id"], with_tenant))


def _columns_of(rows: Sequence[dict[str, Any]]) -> dict[str, Sequence[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def _execute_many(
    model: Any,
    columns: dict[str, Sequence[Any]],
    same: dict[str, Any],
    key: tuple[str, ...] = (),
    only_update: bool = False,
) -> None:
    """Write many rows. What SQLAlchemy does for each row anew is done once: which columns there are, and how
    the values of each are made ready for the driver."""
    count = len(next(iter(columns.values()), ()))
    if not count:
        return
    same = {**same, "tenant_id": current_tenant_id()}
    connection = db.session.connection()
    by_column = connection.dialect.name == "postgresql" and not only_update
    if only_update:
        sql, parameters = _prepared_update(model, connection.dialect, tuple(columns), key)
    else:
        sql, parameters = _prepared(model, connection.dialect, tuple(columns), tuple(same), key)
    values: list[Any] = []
    for name, ready, default in parameters:
        if name in same:
            value = ready(same[name]) if ready else same[name]
            values.append(value if by_column else repeat(value, count))
            continue
        given = columns[name] if default is None else [default() for _ in range(count)]
        made = list(map(ready, given) if ready else given)
        values.append(array_of(made) if by_column else made)
    connection.exec_driver_sql(sql, tuple(values) if by_column else list(zip(*values, strict=True)))


def array_of(values: Sequence[Any]) -> str:
    """As PostgreSQL writes an array, of at least one value: much faster than the driver does, which looks at each text
    by itself. None is NULL. ValueError for what no text of PostgreSQL can hold: NUL, half of a character."""
    if _NOTHING in values:
        raise ValueError("a text is half of a character")
    said = [_NOTHING if each is None else each if type(each) is str else _said(each) for each in values]
    joined = "\0".join(said)
    if joined.count("\0") != len(said) - 1:
        raise ValueError("a text holds NUL")
    quoted = joined.replace("\\", r"\\").replace('"', r"\"").replace("\0", '","')
    return f'{{"{quoted}"}}'.replace(f'"{_NOTHING}"', "NULL")


def _said(value: Any) -> str:
    return rf"\x{value.hex()}" if isinstance(value, bytes) else str(value)


# Half of a character, which no text that can be stored is made of.
_NOTHING = "\ud800"
_NAMED = re.compile(r"%\((\w+)\)s")
# A column's name, what makes its values ready for the driver, and what makes those that are not given.
Parameter = tuple[str, Callable[[Any], Any] | None, Callable[[], Any] | None]


@lru_cache(maxsize=64)
def _prepared(
    model: Any, dialect: Dialect, given: tuple[str, ...], same: tuple[str, ...], key: tuple[str, ...]
) -> tuple[str, list[Parameter]]:
    """An insert's SQL and its parameters, in their order. SQLite is given it row by row; PostgreSQL, which begins each
    row's statement anew, an array for each column and once what is the same in all rows."""
    statement: Any = (postgresql_insert if dialect.name == "postgresql" else sqlite_insert)(model)
    written = {*given, *same} - {*key, "tenant_id"}
    if key and written:
        changes = {name: getattr(statement.excluded, name) for name in sorted(written)}
        same_tenant = model.tenant_id == statement.excluded.tenant_id
        statement = statement.on_conflict_do_update(index_elements=list(key), set_=changes, where=same_tenant)
    elif key:
        statement = statement.on_conflict_do_nothing(index_elements=list(key))
    columns = statement.table.columns
    named = {*given, *same}
    defaults = {column.name: column.default for column in columns if column.default and column.name not in named}
    varying = [name for name in (*given, *defaults) if name not in same]
    if dialect.name == "postgresql":
        arrays = [cast(bindparam(name), ARRAY(_element(columns[name]))) for name in varying]
        rows = func.unnest(*arrays).table_valued(*varying).render_derived(name="given")
        constant = [cast(bindparam(name), columns[name].type) for name in same]
        statement = statement.from_select([*same, *varying], select(*constant, *rows.columns))
    compiled = statement.compile(dialect=dialect, column_keys=[*same, *varying])
    names = compiled.positiontup or _NAMED.findall(compiled.string)
    sql = _NAMED.sub("%s", compiled.string)
    return sql, [(name, _ready(columns[name], dialect), _maker(defaults.get(name))) for name in names]


@lru_cache(maxsize=64)
def _prepared_update(
    model: Any, dialect: Dialect, given: tuple[str, ...], key: tuple[str, ...]
) -> tuple[str, list[Parameter]]:
    """The same of an update; the parameters that find a row are called as their column, after an underscore."""
    table = model.__table__
    keys = {*key, "tenant_id"}
    found = [table.c[name] == bindparam(f"_{name}", type_=table.c[name].type) for name in sorted(keys)]
    compiled = update(table).where(*found).compile(dialect=dialect, column_keys=[n for n in given if n not in keys])
    names = compiled.positiontup or _NAMED.findall(compiled.string)
    columns = [table.c[name.removeprefix("_")] for name in names]
    return _NAMED.sub("%s", compiled.string), [(each.name, _ready(each, dialect), None) for each in columns]


def _element(column: Any) -> Any:
    """What an array holds of a column. A text is not made to fit, as a cast to VARCHAR(n) would: it is refused."""
    return Text() if isinstance(column.type, String) else column.type


def _ready(column: Any, dialect: Dialect) -> Callable[[Any], Any] | None:
    if isinstance(column.type, JSON | LargeBinary):
        dialect = DefaultDialect()  # as texts and bytes: PostgreSQL's driver wants an object of its own for each value
    process: Callable[[Any], Any] | None = column.type._cached_bind_processor(dialect)
    if process is None or not isinstance(column.type, Uuid):
        return process
    return lambda id_: id_ if isinstance(id_, str) else process(id_)


def _maker(default: Any) -> Callable[[], Any] | None:
    if default is None:
        return None
    return partial(default.arg, None) if default.is_callable else lambda: default.arg


@event.listens_for(Session, "do_orm_execute")
def _scope(state: ORMExecuteState) -> None:
    """The net below owned(): a statement on tenants' tables is narrowed to the tenant, or refused."""
    if _across.get() or not _on_tenants_tables(state.statement):
        return
    if state.is_column_load and _tenant.get() is None:
        return  # more of a row that was found for its tenant
    tenant_id = current_tenant_id()
    if state.is_column_load:
        statement: Any = state.statement
        state.statement = statement.where(statement.column_descriptions[0]["entity"].tenant_id == tenant_id)
    elif state.is_insert:
        rows: Any = state.parameters if isinstance(state.parameters, list) else [state.parameters]
        if any(not row or row.get("tenant_id") != tenant_id for row in rows):
            raise TenantMissing("rows are inserted with insert_rows() or upsert_rows()")
    elif not state.is_orm_statement or state.is_from_statement or isinstance(state.parameters, list):
        raise TenantMissing("only a statement on the models can be narrowed to a tenant: begin it with owned()")
    else:
        state.statement = state.statement.options(
            with_loader_criteria(
                TenantOwned,
                lambda cls: cls.tenant_id == tenant_id,
                include_aliases=True,
                track_closure_variables=True,
            )
        )


def _on_tenants_tables(statement: Executable) -> bool:
    names = _tables()
    for part in visitors.iterate(statement):  # type: ignore[arg-type]
        if isinstance(part, TableClause) and part.name in names:
            return True
        if isinstance(part, TextClause) and not names.isdisjoint(re.findall(r"\w+", part.text)):
            return True
    return False


@cache
def _tables() -> frozenset[str]:
    mappers = db.Model.registry.mappers  # type: ignore[attr-defined]
    return frozenset(mapper.local_table.name for mapper in mappers if issubclass(mapper.class_, TenantOwned))


@event.listens_for(Session, "before_flush")
def _same_tenant(session: Session, _context: Any, _instances: Any) -> None:
    """Nothing is added to, moved to or taken from another tenant than the one being acted for."""
    if _across.get():
        return
    for row in (*session.new, *session.dirty, *session.deleted):
        if not isinstance(row, TenantOwned):
            continue
        before = inspect(row).attrs.tenant_id.history.deleted
        if any(tenant_id != current_tenant_id() for tenant_id in (row.tenant_id, *before)):
            raise TenantMissing(f"{type(row).__name__} belongs to another tenant")


_NOBODY = (None, False)
_TELL = "SELECT set_config('app.tenant', %s, true), set_config('app.across_tenants', %s, true)"


@event.listens_for(Engine, "begin")
def _forget(connection: Connection) -> None:
    """What PostgreSQL was told ended with the transaction before."""
    connection.info["told"] = _NOBODY


@event.listens_for(Engine, "before_cursor_execute")
def _tell_postgresql(connection: Connection, *_: Any) -> None:
    """Tell PostgreSQL for whom this transaction works, when that is something new to it."""
    whom = (_tenant.get(), _across.get())
    if connection.dialect.name != "postgresql" or connection.info.get("told") == whom:
        return
    tenant_id, across = whom
    cursor = connection.connection.cursor()
    cursor.execute(_TELL, (str(tenant_id or ""), "on" if across else ""))
    cursor.close()
    connection.info["told"] = whom
