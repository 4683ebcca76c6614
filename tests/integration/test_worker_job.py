"""What a queue entry may make a worker do: our jobs, and nothing else."""

import pytest
from redis import Redis
from rq import Queue
from rq.job import Job

from worker.__main__ import OurJob


@pytest.fixture
def queue(redis_url):
    redis = Redis.from_url(redis_url)
    redis.flushall()
    return Queue("imports", connection=redis, serializer="json")


def ours(job: Job, queue: Queue) -> OurJob:
    return OurJob.fetch(job.id, connection=queue.connection, serializer="json")


@pytest.mark.parametrize("function", ["os.system", "worker.jobs.stop_soon", "worker.jobs.app.run", "builtins.print"])
def test_foreign_function_is_not_loaded(queue, function):
    job = ours(queue.enqueue_call(function, args=["true"]), queue)

    with pytest.raises(PermissionError):
        _ = job.func


def test_callbacks_of_an_entry_are_ignored(queue):
    job = ours(queue.enqueue_call("worker.jobs.run_import", args=["a", "b"]), queue)
    job._success_callback_name = "os.abort"

    assert (job.success_callback, job.failure_callback, job.stopped_callback) == (None, None, None)


def test_webhooks_of_an_entry_are_not_called(queue, chartmogul):
    job = ours(queue.enqueue_call("worker.jobs.run_import", args=["a", "b"]), queue)
    job.webhooks = [{"url": chartmogul.url + "/ping", "event": "finished"}]
    asked = chartmogul.log.total

    job.send_webhooks("finished")

    assert chartmogul.log.total == asked
