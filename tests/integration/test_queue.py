"""The web side of the queue: what is put into it, and that no page waits for it."""

import json
import logging
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis

from tests import factories
from tests.conftest import make_settings
from tests.factories import Cast
from webapp import create_app, queue
from webapp.config import Settings
from webapp.extensions import db
from webapp.models import Import, ImportState, Provider
from webapp.models.types import now
from webapp.tenancy import acting_for, owned


@pytest.fixture
def provider(cast: Cast) -> Provider:
    return factories.make_provider(cast.acme)


@pytest.fixture
def waiting(provider: Provider) -> Import:
    return factories.make_import(provider, ImportState.WAITING)


def queued(settings: Settings) -> list[str]:
    return [id_.decode() for id_ in Redis.from_url(settings.redis).lrange("rq:queue:imports", 0, -1)]


def job(settings: Settings, id_: str) -> dict[str, bytes]:
    return {name.decode(): value for name, value in Redis.from_url(settings.redis).hgetall(f"rq:job:{id_}").items()}


def test_import_is_queued_under_its_own_name(settings: Settings, waiting: Import):
    queue.enqueue_import(waiting)

    assert queued(settings) == [f"imp-{waiting.id}-0"]


def test_job_names_a_function_and_two_ids_and_nothing_else(settings: Settings, waiting: Import, cast: Cast):
    queue.enqueue_import(waiting)

    held = job(settings, f"imp-{waiting.id}-0")
    asked = json.loads(zlib.decompress(held["data"]))
    assert asked == ["worker.jobs.run_import", None, [str(cast.acme.id), str(waiting.id)], {}]
    assert held["description"].decode() == f"imp-{waiting.id}-0"
    assert int(held["timeout"]) == queue.SLICE_SECONDS * 1.5 + 60
    assert held.get("meta", b"{}") in (b"{}", zlib.compress(b"{}"))


def test_many_clicks_are_one_job(settings: Settings, waiting: Import):
    for _ in range(5):
        queue.enqueue_import(waiting)

    assert len(queued(settings)) == 1


def test_import_that_is_sent_again_is_another_job(settings: Settings, waiting: Import):
    queue.enqueue_import(waiting)
    with acting_for(waiting.tenant_id):
        waiting.sent += 1
        db.session.commit()
        queue.enqueue_import(waiting)

    assert queued(settings) == [f"imp-{waiting.id}-0", f"imp-{waiting.id}-1"]


def test_probe_is_one_job_for_each_time_that_somebody_asks(settings: Settings, provider: Provider):
    with acting_for(provider.tenant_id):
        provider.ask_probe(now())
        db.session.commit()
        queue.enqueue_probe(provider)
        queue.enqueue_probe(provider)
        provider.ask_probe(now())
        db.session.commit()
        queue.enqueue_probe(provider)

    assert len(queued(settings)) == 2


@pytest.fixture
def without_redis(app: Flask, settings: Settings, tmp_path: Path) -> Iterator[Flask]:
    urls = {"database_url": settings.database, "redis_url": f"unix://{tmp_path}/nobody"}
    app = create_app(make_settings(tmp_path, **urls))
    yield app
    with app.app_context():
        db.engine.dispose()


def test_lost_queue_is_a_line_in_the_log_and_no_error(without_redis: Flask, waiting: Import, caplog):
    db.session.refresh(waiting)
    db.session.expunge(waiting)
    with caplog.at_level(logging.WARNING), without_redis.app_context():
        began = time.monotonic()
        queue.enqueue_import(waiting)

    assert time.monotonic() - began < 2
    assert "the clock sends it again" in caplog.text


def test_import_waits_when_the_queue_was_down(app: Flask, person, cast: Cast, provider: Provider, tmp_path: Path):
    """The page says that the import waits, and it does: the row is what counts."""
    app.extensions["redis"] = queue.connect(f"unix://{tmp_path}/nobody")

    answer = person(cast.ada).post("/imports")

    assert answer.status_code == 303
    with acting_for(cast.acme.id):
        (import_,) = db.session.scalars(owned(Import)).all()
        assert import_.state == ImportState.WAITING


def test_client_gives_up_at_once_and_never_tries_twice():
    options = queue.connect("redis://127.0.0.1:1").connection_pool.connection_kwargs

    assert (options["socket_connect_timeout"], options["socket_timeout"]) == (0.5, 1)
    assert options["retry"].get_retries() == 0
