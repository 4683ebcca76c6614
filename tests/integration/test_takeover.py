"""An import that was cut off is another worker's within a minute, also when one more thing goes wrong on the way."""

from contextlib import suppress
from datetime import timedelta

import pytest
from redis import Redis
from rq import Queue
from sqlalchemy import text

from tests import factories, syncing
from tests.conftest import DATABASES
from webapp import queue
from webapp.extensions import db
from webapp.models import ImportState
from webapp.models.types import now
from worker import schedule
from worker.lease import LEASE_SECONDS

LONG_AGO = timedelta(minutes=5)
TAKEN_UP_WITHIN = 60
# SQLite ends nobody's transaction.
on_postgresql = pytest.mark.parametrize("database_url", set(DATABASES) & {"postgresql"}, indirect=True)


@pytest.fixture
def cut_off(cast):
    provider = factories.make_provider(cast.acme)
    lease_until = now() - timedelta(seconds=1)
    return factories.make_import(provider, ImportState.RUNNING, sent_at=now() - LONG_AGO, lease_until=lease_until)


def test_call_that_redis_did_not_hear_is_made_again_at_the_next_tick(app, settings, cut_off, tmp_path):
    app.extensions["redis"] = queue.connect(f"unix://{tmp_path}/nobody")
    schedule.resume_stalled()
    app.extensions["redis"] = queue.connect(settings.redis)

    schedule.resume_stalled()

    calls = Queue(queue.QUEUE, connection=Redis.from_url(settings.redis), serializer="json")
    assert [job.args[1] for job in calls.jobs] == [str(cut_off.id)]


def test_call_that_was_lost_leaves_time_for_another():
    every = next(seconds for seconds, task in schedule.TASKS if task is schedule.resume_stalled)

    assert LEASE_SECONDS + every + schedule.SENT_SECONDS + every < TAKEN_UP_WITHIN - 5


@on_postgresql
def test_locks_of_a_worker_that_stands_still_are_gone_before_its_lease(app):
    stands_still = text("SELECT setting::int FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'")

    milliseconds = db.session.scalar(stands_still)

    assert 0 < milliseconds < 1000 * LEASE_SECONDS


def test_import_that_is_cut_off_early_a_few_times_goes_on(app, cast, chartmogul):
    provider = syncing.connect(cast.acme, chartmogul)
    import_id, tenant_id = syncing.start(provider), provider.tenant_id
    db.session.commit()

    for _ in range(4):
        with syncing.killed_at_statement(12), suppress(syncing.Killed):
            syncing.turn(app, tenant_id, import_id)
        syncing.let_lease_run_out(import_id)

    db.session.expire_all()
    assert syncing.run(app, provider, import_id).state == ImportState.DONE
