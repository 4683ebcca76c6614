"""Slices of a long read. PostgreSQL reads the next one while the one before is worked on."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from flask import Flask, current_app

from webapp.extensions import db, reading
from webapp.tenancy import acting_for, current_tenant_id

Read = TypeVar("Read")


def in_advance(read: Callable[[Any], Read | None], after: Any, last: Callable[[Read], Any]) -> Iterator[Read]:
    """What `read` gives, time after time, until it gives None: after `after` first, then after the `last` of what it
    gave. On PostgreSQL it is called in a thread of its own, with a connection of its own; whoever leaves early does not
    wait for it. SQLite reads in this process, row by row under Python's lock, where two threads take longer."""
    if db.engine.name != "postgresql":
        while (some := _read_here(read, after)) is not None:
            yield some
            after = last(some)
        return
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined] # a thread has no current app
    tenant_id = current_tenant_id()

    def read_aside(after: Any) -> Read | None:
        with app.app_context(), acting_for(tenant_id):
            return _read_here(read, after)

    aside = ThreadPoolExecutor(max_workers=1)
    try:
        pending = aside.submit(read_aside, after)
        while (some := pending.result()) is not None:
            pending = aside.submit(read_aside, last(some))
            yield some
    finally:
        aside.shutdown(wait=False, cancel_futures=True)  # nobody waits for a read that nobody wants


def _read_here(read: Callable[[Any], Read | None], after: Any) -> Read | None:
    with reading():
        found = read(after)
        db.session.rollback()
    return found
