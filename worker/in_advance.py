"""Slices of a long read. PostgreSQL reads the next one while the one before is worked on."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from flask import Flask, current_app

from webapp.extensions import db, reading
from webapp.tenancy import acting_for, current_tenant_id

Slice = TypeVar("Slice", bound=tuple[Any, ...])


def in_advance(read: Callable[[Any], Slice | None], after: str | None) -> Iterator[Slice]:
    """Slices of customers in the order of their uuids, until there is none. `read` gives the one after a uuid, whose
    first part are its rows; on PostgreSQL it is called in a thread of its own, with a connection of its own. SQLite
    reads in this process, row by row under Python's lock: two threads would take longer than one."""
    if db.engine.name != "postgresql":
        while (slice_ := _read_here(read, after)) is not None:
            yield slice_
            after = slice_[0][-1].uuid
        return
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined] # a thread has no current app
    tenant_id = current_tenant_id()

    def read_aside(after: str | None) -> Slice | None:
        with app.app_context(), acting_for(tenant_id):
            return _read_here(read, after)

    with ThreadPoolExecutor(max_workers=1) as aside:
        pending = aside.submit(read_aside, after)
        while (slice_ := pending.result()) is not None:
            pending = aside.submit(read_aside, slice_[0][-1].uuid)
            yield slice_


def _read_here(read: Callable[[Any], Slice | None], after: str | None) -> Slice | None:
    with reading():
        slice_ = read(after)
        db.session.rollback()
    return slice_
