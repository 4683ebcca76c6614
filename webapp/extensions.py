"""The extensions, made once and bound in create_app; and what both databases need set on every connection."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from flask import g, has_request_context, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from htmx_flask import request as htmx_request
from sqlalchemy import Engine, MetaData, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase
from werkzeug.local import LocalProxy

READ_ONLY = "25006"
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


db = SQLAlchemy(model_class=Base)
migrate = Migrate()
csrf = CSRFProtect()
# What htmx says of the running request; false when it is not htmx that asks.
htmx: Any = LocalProxy(lambda: htmx_request.htmx)
limiter = Limiter(get_remote_address)


class _SessionsOnly(LoginManager):  # type: ignore[misc]
    """Knows people by their session alone. A remember cookie is none of ours, so it is not even read."""

    def _load_user_from_remember_cookie(self, cookie: str) -> None:
        return None


login_manager = _SessionsOnly()
_reading: ContextVar[bool] = ContextVar("reading", default=False)


class RoomyConnection(sqlite3.Connection):
    """With room for all pages of the file that a page of customers changes: else many would be written twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute("PRAGMA cache_size=-8000")


class MappedConnection(sqlite3.Connection):
    """SQLite's file read as memory: a page that goes over all customers takes half the time. Not for workers, whose
    memory it would be counted as."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute("PRAGMA mmap_size=2000000000")


@event.listens_for(Engine, "connect")
def _prepare_connection(connection: Any, _record: Any) -> None:
    """SQLite: many readers beside one writer, foreign keys on, transactions begun by us (pysqlite's own
    habit of beginning late is what makes two writers fail at once instead of waiting)."""
    if isinstance(connection, sqlite3.Connection):
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "busy_timeout=5000",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "wal_autocheckpoint=32000",  # 128 MB: an import would else stop for one every few of its pages
        ):
            connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _begin(connection: Any) -> None:
    """SQLite: a transaction that writes asks for the write lock first, so it waits instead of failing half
    way. A page that is only read takes no lock at all."""
    if connection.dialect.name == "sqlite":
        page = has_request_context() and request.method in ("GET", "HEAD") and not g.get("writing")
        connection.exec_driver_sql("BEGIN" if page or _reading.get() else "BEGIN IMMEDIATE")


@event.listens_for(Engine, "handle_error")
def _read_only(context: Any) -> None:
    """PostgreSQL counts a server that takes no writes, like a copy, among mistakes of ours; SQLite does not."""
    error = context.original_exception
    if getattr(error, "sqlstate", None) == READ_ONLY:
        raise OperationalError(None, None, error) from error


@contextmanager
def reading() -> Iterator[None]:
    """Outside of requests: a long read that keeps no writer waiting. Begins and ends without a transaction."""
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


def begin_writing() -> None:
    """End what was read so far and let this GET write (its session row, an opened probe)."""
    db.session.rollback()
    g.writing = True
