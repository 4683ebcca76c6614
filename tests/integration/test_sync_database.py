"""A database that is busy, full, read-only or gone in mid-import: the import waits and goes on, a page says so."""

import sqlite3
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from simulator import Account
from tests import expected, postgresql, syncing
from tests.conftest import DATABASES, on_sqlite
from tests.factories import make_provider
from tests.texts import words_of
from webapp.extensions import db
from webapp.models import Import, ImportState, Movement, Provider, Reason
from webapp.models.types import now
from webapp.tenancy import across_tenants

Fault = Callable[[Any], None]


def on(*faults: tuple[str, Fault]) -> list[tuple[str, Fault]]:
    """Each database with a fault of its own, as far as it can be had here."""
    return [(database, fault) for database, fault in faults if database in DATABASES]


@pytest.fixture
def connected(app, chartmogul, cast) -> tuple[Provider, Account]:
    account = Account(name="Acme Analytics", seed=3, size=40)
    return syncing.connect_only(cast.acme, chartmogul, account), account


def full(cursor: Any) -> None:
    cursor.execute("PRAGMA max_page_count=1")


def write_protected(cursor: Any) -> None:
    cursor.execute("PRAGMA query_only=ON")


def stood_still(cursor: Any) -> None:
    """The server ends a transaction in which nothing has happened for too long."""
    cursor.execute("SET idle_in_transaction_session_timeout = 1")
    time.sleep(0.2)


def terminated(cursor: Any) -> None:
    """The server ends this connection, as it does when it is restarted."""
    postgresql.end_connection(cursor.connection.info.backend_pid)


def read_only(cursor: Any) -> None:
    """As a server is that has become a copy of another."""
    cursor.execute("SET TRANSACTION READ ONLY")


@contextmanager
def struck_at_insert(model: Any, fault: Callable[[Any], None]) -> Iterator[None]:
    """The database fails in the middle of the first transaction that adds rows to a table."""
    struck = []

    def strike(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if not struck and statement.startswith(f"INSERT INTO {model.__tablename__} "):
            struck.append(statement)
            fault(cursor)

    with syncing.listening(strike):
        yield
    assert struck


@pytest.mark.parametrize(
    ("database_url", "fault"),
    on(("sqlite", full), ("postgresql", terminated), ("postgresql", stood_still), ("postgresql", read_only)),
    indirect=["database_url"],
)
def test_import_waits_for_the_database_and_goes_on(app: Flask, connected, fault):
    provider, account = connected
    tenant_id, import_id = provider.tenant_id, syncing.start(provider)
    db.session.commit()

    with struck_at_insert(Movement, fault):
        syncing.turn(app, tenant_id, import_id)
    db.engine.dispose()  # whatever was wrong with its connections is over

    left = row_of(import_id)
    assert (left.state, left.reason, left.attempt) == (ImportState.WAITING, Reason.DATABASE, 1)
    assert expected.held_movements(provider).total() == 0  # nothing of the page is kept
    assert_goes_on(app, provider, account, import_id)


@on_sqlite
def test_import_is_taken_up_again_however_long_nothing_can_be_written(app: Flask, connected):
    provider, account = connected
    tenant_id, import_id = provider.tenant_id, syncing.start(provider)
    db.session.commit()

    with struck_at_insert(Movement, write_protected):
        for _ in range(5):
            with pytest.raises(OperationalError):
                syncing.turn(app, tenant_id, import_id)
    db.engine.dispose()

    assert row_of(import_id).state == ImportState.RUNNING
    syncing.let_lease_run_out(import_id)
    assert_goes_on(app, provider, account, import_id)


def assert_goes_on(app: Flask, provider: Provider, account: Account, import_id: UUID) -> None:
    with across_tenants():
        db.session.execute(update(Import).values(not_before=now()))
        db.session.commit()
    assert syncing.run(app, provider, import_id).state == ImportState.DONE
    assert expected.held_customers(provider) == expected.expected_customers(account)
    assert expected.held_movements(provider) == expected.expected_movements(account)


@on_sqlite
def test_writer_that_takes_three_seconds_is_waited_for(app: Flask, connected, person, cast, database_url: str):
    provider, _ = connected
    import_id, ada = syncing.start(provider), person(cast.ada)
    ada.csrf()
    other = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    ends = threading.Timer(3, other.commit)
    ends.start()
    began = time.monotonic()

    page = ada.get("/imports")
    read_after = time.monotonic() - began
    import_ = syncing.run(app, provider, import_id)

    assert (page.status_code, read_after < 2) == (200, True)
    assert (import_.state, import_.attempt) == (ImportState.DONE, 1)
    assert time.monotonic() - began > 2.5
    ends.join()
    other.close()


@pytest.mark.parametrize(
    ("database_url", "fault"),
    on(("sqlite", write_protected), ("postgresql", read_only)),
    indirect=["database_url"],
)
def test_what_cannot_be_written_is_a_page_that_says_so(app: Flask, person, cast, fault):
    make_provider(cast.acme)
    ada = person(cast.ada)
    ada.csrf()

    with struck_at_insert(Import, fault):
        page = ada.post("/imports")
    db.engine.dispose()

    assert page.status_code == 503
    assert "The database does not answer right now" in words_of(page.text)
    assert ada.post("/imports").status_code == 303


def row_of(import_id: UUID) -> Import:
    with across_tenants():
        return db.session.scalars(select(Import).where(Import.id == import_id)).one()


@on_sqlite
def test_error_of_the_database_holds_nothing_of_a_record(app: Flask, connected):
    """The queue keeps the text of what a job raised."""
    provider, _ = connected
    tenant_id, import_id = provider.tenant_id, syncing.start(provider)
    db.session.commit()

    with struck_at_insert(Movement, write_protected), pytest.raises(OperationalError) as raised:
        syncing.turn(app, tenant_id, import_id)
    db.engine.dispose()

    kept = "".join(traceback.format_exception(raised.value))
    assert "INSERT INTO movements" in kept
    assert "cus_" not in kept
