"""Many clicks at one moment, and a queue that does not answer: one import, no error, no waiting."""

import time

import pytest
from flask import Flask
from redis.exceptions import RedisError
from sqlalchemy import select

from tests.factories import Cast, make_import, make_provider
from tests.person import at_once
from webapp import queue
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.models import Import, ImportState, Provider, Reason
from webapp.tenancy import across_tenants


@pytest.fixture
def provider(cast: Cast) -> Provider:
    return make_provider(cast.acme)


def imports() -> list[Import]:
    with across_tenants():
        return list(db.session.scalars(select(Import).order_by(Import.number)))


def recorded() -> list[str]:
    return list(db.session.scalars(select(AuditEntry.action).where(AuditEntry.action.startswith("import:"))))


def test_twenty_clicks_start_one_import(app: Flask, person, cast: Cast, provider: Provider):
    people = [person(cast.ada) for _ in range(20)]

    statuses = at_once(app, people, lambda ada: ada.post("/imports").status_code)

    assert statuses == [303] * 20
    assert [import_.state for import_ in imports()] == ["waiting"]
    assert recorded() == ["import:started"]


def test_many_retries_are_one(app: Flask, person, cast: Cast, provider: Provider):
    failed = make_import(provider, ImportState.FAILED, reason=Reason.BUSY)
    path, people = f"/imports/{failed.id}/retry", [person(cast.ada) for _ in range(6)]

    statuses = at_once(app, people, lambda ada: ada.post(path).status_code)

    assert statuses == [303] * 6
    assert [import_.state for import_ in imports()] == ["waiting"]
    assert recorded() == ["import:retried"]


def test_retry_and_sync_at_once_leave_one_live_import(app: Flask, person, cast: Cast, provider: Provider):
    failed = make_import(provider, ImportState.FAILED, reason=Reason.BUSY)
    people = [person(cast.ada) for _ in range(6)]
    paths = dict(zip(map(id, people), ["/imports", f"/imports/{failed.id}/retry"] * 3, strict=True))

    statuses = at_once(app, people, lambda ada: ada.post(paths[id(ada)]).status_code)

    assert set(statuses) <= {303, 422}
    assert [import_.state for import_ in imports() if import_.live] == ["waiting"]


def test_cancels_at_once_are_one(app: Flask, person, cast: Cast, provider: Provider):
    running = make_import(provider, ImportState.RUNNING)
    path, people = f"/imports/{running.id}/cancel", [person(cast.ada) for _ in range(6)]

    statuses = at_once(app, people, lambda ada: ada.post(path).status_code)

    assert statuses == [303] * 6
    assert [import_.state for import_ in imports()] == ["cancelling"]
    assert recorded() == ["import:cancelled"]


@pytest.mark.parametrize("address", ["unix:///nowhere/at-all", "redis://127.0.0.1:1"])
def test_sync_now_does_not_need_the_queue(app: Flask, person, cast: Cast, provider: Provider, address: str):
    app.extensions["redis"] = queue.connect(address)
    ada = person(cast.ada)
    ada.csrf()

    begun = time.monotonic()
    answer = ada.post("/imports")

    assert (answer.status_code, answer.location) == (303, "/imports")
    assert time.monotonic() - begun < 2
    assert [import_.state for import_ in imports()] == ["waiting"]
    assert "Waiting" in ada.get("/imports").text


def test_no_transaction_is_open_while_the_queue_is_asked(app: Flask, person, cast: Cast, provider: Provider):
    """A queue that is slow to fail must not hold the database's only write lock meanwhile."""
    open_then: list[bool] = []

    class Listening:
        def __getattr__(self, name: str) -> object:
            open_then.append(db.session().in_transaction())
            raise RedisError

    app.extensions["redis"] = Listening()
    answer = person(cast.ada).post("/imports")

    assert answer.status_code == 303
    assert open_then
    assert not any(open_then)
