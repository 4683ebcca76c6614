"""The only lines of the web side that touch RQ. The database is the truth: what is lost here, the clock
sends again, so an error is logged and nothing more."""

from contextlib import suppress
from contextvars import copy_context
from threading import Thread
from uuid import UUID

import structlog
from flask import current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.exceptions import DuplicateJobError

from webapp.extensions import db
from webapp.models import Import, Provider, Scoring
from webapp.tenancy import owned

# Workers take from the second queue, imports that were handed on, only while the first is empty: imports that have
# had no turn yet, or whose worker died, and probes. So a small import waits for no large one.
QUEUE, LATER_TURNS = "imports", "imports-later"
QUEUES = (QUEUE, LATER_TURNS)
# How long a turn lasts; and how long an import's first one lasts at the least, when others have had none.
SLICE_SECONDS, FIRST_TURN_SECONDS = 60, 2
# So long whoever sends a job waits for Redis in all.
SEND_SECONDS = 1.2
log = structlog.get_logger()


def connect(url: str) -> Redis:
    """A client that gives up at once: a page must not wait for a Redis that does not answer."""
    return Redis.from_url(
        url,
        socket_connect_timeout=0.5,
        socket_timeout=1,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )


def redis() -> Redis:
    client = current_app.extensions.get("redis")
    if client is None:
        client = current_app.extensions["redis"] = connect(current_app.config["SETTINGS"].redis)
    return client


def enqueue_import(import_: Import) -> bool:
    """Wake a worker for an import that is committed as waiting; False when the queue did not answer."""
    name = LATER_TURNS if import_.handed_on else QUEUE
    return _send(name, "worker.jobs.run_import", import_job(import_.id, import_.sent), import_.tenant_id, import_.id)


def import_job(import_id: UUID, sent: int) -> str:
    """The name of the job that wakes a worker for an import the nth time."""
    return f"imp-{import_id}-{sent}"


def commit_and_wake(import_: Import) -> None:
    """Commit, then wake a worker while no transaction is open: Redis may take its time to say nothing."""
    db.session.flush()
    db.session.expunge(import_)
    db.session.commit()
    enqueue_import(import_)


def enqueue_probe(provider: Provider) -> bool:
    """Wake a worker to look at what a provider's key gives; False when the queue did not answer."""
    asked = int(provider.probe_wanted_at.timestamp() * 1000) if provider.probe_wanted_at else 0
    return _send(QUEUE, "worker.jobs.probe_provider", f"probe-{provider.id}-{asked}", provider.tenant_id, provider.id)


def enqueue_scores() -> bool:
    """Wake a worker to make this tenant's scores, once it is committed that they are wanted; False when the queue did
    not answer. Who has just published waits for them; midnight and what was handed on do not come before imports."""
    scoring = db.session.scalars(owned(Scoring)).one()
    db.session.expunge(scoring)
    db.session.rollback()
    name = QUEUE if scoring.scored != scoring.wanted and not scoring.place else LATER_TURNS
    return _send(name, "worker.jobs.score_tenant", scores_job(scoring.tenant_id, scoring.sent), scoring.tenant_id)


def scores_job(tenant_id: UUID, sent: int) -> str:
    """The name of the job that wakes a worker for a tenant's scores the nth time."""
    return f"scores-{tenant_id}-{sent}"


def first_turns_wait() -> bool | None:
    """Whether somebody waits for a first turn; None when Redis does not say."""
    try:
        return bool(_queue(QUEUE).count)
    except RedisError:
        return None


def nobody_waits() -> bool:
    """Whether no job at all waits for a worker, as far as Redis says so."""
    try:
        return not any(_queue(name).count for name in QUEUES)
    except RedisError:
        return False


def queued_jobs() -> set[str]:
    """The names of all jobs that wait for a worker; none, when Redis does not say."""
    try:
        return {job_id for name in QUEUES for job_id in _queue(name).job_ids}
    except RedisError:
        return set()


def _queue(name: str) -> Queue:
    return Queue(name, connection=redis(), serializer="json")


def _send(name: str, function: str, job_id: str, *ids: UUID) -> bool:
    """Send a job, and leave it at that when Redis takes its time: it answers several times, and the client's own
    limit is for each. What gets there later is no harm: the job asks the database what there is to do."""
    heard: list[bool] = []
    of_job = (_queue(name), function, job_id, list(map(str, ids)), heard)
    sending = Thread(target=copy_context().run, args=(_enqueue, *of_job), daemon=True)
    sending.start()
    sending.join(SEND_SECONDS)
    if not heard:
        log.warning("queue did not answer; the clock sends it again", job=job_id)
    return bool(heard)


def _enqueue(queue: Queue, function: str, job_id: str, ids: list[str], heard: list[bool]) -> None:
    # A DuplicateJobError: it is there already, or a reply was lost after it got there. A RedisError says nothing.
    with suppress(RedisError):
        with suppress(DuplicateJobError):
            queue.enqueue_call(
                function,
                args=ids,
                job_id=job_id,
                unique=True,
                timeout=SLICE_SECONDS * 3 // 2 + 60,  # a turn can be half as long again
                result_ttl=60,
                failure_ttl=86400,
                description=job_id,
            )
        heard.append(True)
