"""Redis emptied, silent or slow: pages answer, Sync now answers, and each import still runs once."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import select, update

from simulator import Account
from tests import syncing
from tests.conftest import on_sqlite
from tests.factories import Cast, make_provider, make_tenant
from webapp import queue
from webapp.extensions import db
from webapp.models import Import, ImportState
from webapp.models.types import now
from webapp.tenancy import across_tenants
from worker import schedule
from worker.limits import Budget

SECRET, KEY = "a secret key for tests", "0123456789abcdef0123456789abcdef"


@pytest.fixture
def silent_redis() -> Iterator[str]:
    """A Redis that takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def slow_redis(redis_url: str) -> Iterator[str]:
    """The tests' Redis, whose every answer comes a third of a second late."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        serve = (server, redis_url.removeprefix("unix://"), over)
        threading.Thread(target=_serve_late, args=serve, daemon=True).start()
        yield f"redis://127.0.0.1:{server.getsockname()[1]}"
        over.set()


def _serve_late(server: socket.socket, path: str, over: threading.Event) -> None:
    """One connection: what is asked is handed on, and each answer a third of a second later back."""
    with server.accept()[0] as client, socket.socket(socket.AF_UNIX) as redis, suppress(OSError):
        redis.connect(path)
        while (asked := client.recv(65536)) and not over.is_set():
            redis.sendall(asked)
            answer = redis.recv(65536)
            over.wait(0.33)
            client.sendall(answer)


def imports() -> list[Import]:
    with across_tenants():
        return list(db.session.scalars(select(Import).execution_options(populate_existing=True)))


PAGES = ["/customers", "/properties", "/imports", "/settings/providers", "/healthz"]


@on_sqlite
def test_pages_do_not_ask_redis(app: Flask, person, cast: Cast):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        app.extensions["redis"] = queue.connect(f"redis://127.0.0.1:{silent.getsockname()[1]}")
        ada = person(cast.ada)

        statuses = [ada.get(path).status_code for path in PAGES]

        silent.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody has knocked
            silent.accept()
    assert statuses == [200] * len(PAGES)


@on_sqlite
@pytest.mark.parametrize("redis", ["silent_redis", "slow_redis"])
def test_sync_now_answers_within_two_seconds(app: Flask, person, cast: Cast, request, redis: str):
    app.extensions["redis"] = queue.connect(request.getfixturevalue(redis))
    make_provider(cast.acme)
    ada = person(cast.ada)
    ada.csrf()
    began = time.monotonic()

    answer = ada.post("/imports")

    assert answer.status_code == 303
    assert time.monotonic() - began < 2
    assert [import_.state for import_ in imports()] == [ImportState.WAITING]


@on_sqlite
def test_clock_asks_a_silent_redis_once_not_for_each_that_is_due(app: Flask, cast: Cast, settings, silent_redis: str):
    """And none is lost by that: who is due stays so, and what was started is sent as soon as Redis hears."""
    app.extensions["redis"] = queue.connect(silent_redis)
    for tenant in (cast.acme, cast.globex):
        make_provider(tenant, next_import_at=now() - timedelta(seconds=1), every_hours=6)
        make_provider(make_tenant(f"{tenant.name} 2"), secret_name="x", probe_wanted_at=now() - timedelta(minutes=1))
    began = time.monotonic()

    schedule.queue_due_imports()
    schedule.send_probes()
    seconds, started = time.monotonic() - began, len(imports())

    app.extensions["redis"] = queue.connect(settings.redis)
    schedule.queue_due_imports()
    schedule.resume_stalled()
    assert started == 1
    assert seconds < 3.5 * queue.SEND_SECONDS  # four would be asked for by themselves
    assert Redis.from_url(settings.redis).llen("rq:queue:imports") == 2


def test_import_does_not_wait_for_redis_at_each_request(silent_redis: str):
    budget = Budget(queue.connect(silent_redis), SECRET, KEY, per_second=50, parallel=8)
    began = time.monotonic()

    for _ in range(6):
        with budget.turn(threading.Event()):
            pass

    assert time.monotonic() - began < 2


@on_sqlite
def test_import_runs_once_though_redis_was_emptied(app: Flask, person, cast: Cast, chartmogul, settings):
    account = Account(name="Acme Analytics", seed=1, size=7)
    provider = syncing.connect_only(cast.acme, chartmogul, account)
    person(cast.ada).post("/imports")
    redis, asked = Redis.from_url(settings.redis), len(chartmogul.log)
    lost = redis.lrange("rq:queue:imports", 0, -1)
    redis.flushall()
    with across_tenants():
        db.session.execute(update(Import).values(sent_at=now() - timedelta(seconds=schedule.SENT_SECONDS + 1)))
        db.session.commit()

    schedule.resume_stalled()

    sent = redis.lrange("rq:queue:imports", 0, -1)
    assert (len(lost), len(sent), set(lost) & set(sent)) == (1, 1, set())
    tenant_id, import_id = provider.tenant_id, imports()[0].id
    db.session.commit()
    for _ in (*lost, *sent):  # the lost job may turn up again
        syncing.turn(app, tenant_id, import_id)
    assert [import_.state for import_ in imports()] == [ImportState.DONE]
    assert [seen.path for seen in list(chartmogul.log)[asked:]].count("/account") == 1
