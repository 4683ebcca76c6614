"""`python -m worker.schedule` is the clock: what has to happen without anybody asking, in one list.

Every task asks the database what is due and takes it by a conditional update, so any number of clocks may
run, restart or die: each thing still happens once.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import structlog
from flask import Flask
from sqlalchemy import and_, delete, exists, or_, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from webapp import create_app, credentials, impersonation, queue
from webapp.extensions import db
from webapp.models import (
    LIVE_IMPORT_STATES,
    Impersonation,
    Import,
    ImportPage,
    ImportState,
    ImportWarning,
    Provider,
    ProviderState,
    Reason,
    Scoring,
    Trigger,
    UserSession,
)
from webapp.models.imports import CHECKPOINT_GOOD_FOR
from webapp.models.types import database_now, now
from webapp.tenancy import across_tenants, acting_for, owned, owned_update
from worker import mails, notices
from worker.lease import same_connection
from worker.score_claim import IMPORT_RUNS, NOBODYS

# How long a job may lie in the queue, or have been lost on its way, before it is sent again.
SENT_SECONDS = 12
# Due imports started in one go: what else the clock has to do waits no longer than this takes, about a second.
DUE_AT_ONCE = 100
ORPHAN_AGE = timedelta(minutes=10)
WARNINGS_KEPT, WARNINGS_AT_ONCE = timedelta(days=365), 20_000
log = structlog.get_logger()


def resume_stalled() -> None:
    """Send again every import that nobody took: lost on its way, due again, or left by a dead worker. One whose job
    still lies in a queue only has to wait."""
    sent_before = Import.sent_at < database_now(-SENT_SECONDS)
    waiting = and_(
        Import.state == ImportState.WAITING,
        or_(Import.not_before.is_(None), Import.not_before <= database_now()),
        sent_before,
    )
    left = and_(
        Import.state == ImportState.RUNNING,
        or_(Import.lease_until.is_(None), Import.lease_until < database_now()),
        sent_before,
    )
    with across_tenants():
        found = db.session.execute(select(Import.id, Import.tenant_id, Import.sent).where(or_(waiting, left))).all()
        db.session.rollback()
    queued = queue.queued_jobs() if found else set()
    for id_, tenant_id, sent in found:
        if queue.import_job(id_, sent) in queued:
            continue
        with acting_for(tenant_id):
            taken = db.session.execute(
                owned_update(Import)
                .where(Import.id == id_, Import.sent == sent)
                .values(sent=sent + 1, sent_at=database_now())
                .execution_options(synchronize_session=False)
            ).rowcount  # type: ignore[attr-defined]
            db.session.commit()
            if taken and not _send(id_):
                _send_soon(id_)
                return  # nor would Redis hear of the others now


def _send_soon(import_id: UUID) -> None:
    """What Redis did not hear is sent again as soon as the clock looks again."""
    unheard = owned_update(Import).where(Import.id == import_id).values(sent_at=database_now(-SENT_SECONDS))
    db.session.execute(unheard.execution_options(synchronize_session=False))
    db.session.commit()


def send_scores() -> None:
    """Wake a worker for the scores of every tenant that are behind: of a midnight that is past, of a version that was
    published, left by a dead worker or by an import that did not get to them; those that are late longest first."""
    sent_before = Scoring.sent_at < database_now(-SENT_SECONDS)
    due = select(Scoring.tenant_id, Scoring.sent).where(Scoring.due_at <= database_now(), sent_before)
    due = due.where(NOBODYS, ~IMPORT_RUNS).order_by(Scoring.due_at).limit(DUE_AT_ONCE)
    with across_tenants():
        found = db.session.execute(due).all()
        db.session.rollback()
    queued = queue.queued_jobs() if found else set()
    for tenant_id, sent in found:
        if queue.scores_job(tenant_id, sent) in queued:
            continue
        with acting_for(tenant_id):
            taken = _note_sent(sent, database_now())
            if taken and not queue.enqueue_scores():
                _note_sent(sent + 1, database_now(-SENT_SECONDS))
                return  # nor would Redis hear of the others now


def _note_sent(sent: int, at: database_now) -> bool:
    """Note that a worker is woken for the tenant's scores once more, unless somebody else has."""
    changed = owned_update(Scoring).where(Scoring.sent == sent).values(sent=sent + 1, sent_at=at)
    taken = db.session.execute(changed.execution_options(synchronize_session=False)).rowcount  # type: ignore[attr-defined]
    db.session.commit()
    return bool(taken)


def close_cancelled() -> None:
    """End imports that were told to stop while no worker was left to hear it, and those of a connection
    that is no more."""
    unheard = and_(
        Import.state == ImportState.CANCELLING,
        or_(Import.lease_until.is_(None), Import.lease_until < database_now()),
    )
    of_the_past = and_(Import.state.in_(LIVE_IMPORT_STATES), ~same_connection())
    ended = {"state": ImportState.CANCELLED, "ended_at": database_now(), "lease_until": None}
    with across_tenants():
        for which, reason in ((unheard, Import.reason), (of_the_past, Reason.DISCONNECTED)):
            statement = update(Import).where(which).values(**ended, reason=reason)
            db.session.execute(statement.execution_options(synchronize_session=False))
        db.session.commit()


def queue_due_imports() -> None:
    """Start every import whose time has come, once, and set the next time; those that are late longest first."""
    due = (
        select(Provider.id, Provider.tenant_id)
        .where(Provider.state == ProviderState.CONNECTED, Provider.next_import_at <= now())
        .order_by(Provider.next_import_at)
        .limit(DUE_AT_ONCE)
    )
    with across_tenants():
        found = db.session.execute(due).all()
        db.session.rollback()
    for id_, tenant_id in found:
        with acting_for(tenant_id):
            import_id = _start_due(owned(Provider).where(Provider.id == id_).with_for_update(key_share=True))
            if import_id is not None and not _send(import_id):
                _send_soon(import_id)
                return  # nor would Redis hear of the others now


def _send(import_id: UUID) -> bool:
    """Wake a worker, with no transaction open while Redis is asked; False when Redis did not answer."""
    import_ = db.session.scalars(owned(Import).where(Import.id == import_id)).one()
    db.session.expunge(import_)
    db.session.rollback()
    return queue.enqueue_import(import_)


def _start_due(statement: object) -> UUID | None:
    provider = db.session.scalars(statement).one()  # type: ignore[call-overload]
    at = now()
    if provider.state != ProviderState.CONNECTED or not provider.next_import_at or provider.next_import_at > at:
        db.session.rollback()
        return None
    provider.schedule_next(at)
    if provider.live_import() is not None:
        db.session.commit()
        return None
    import_: Import = provider.start_import(Trigger.SCHEDULED, None, at)
    try:
        db.session.flush()
        import_id = import_.id
        db.session.commit()
    except IntegrityError:  # one was started by hand in the same moment
        db.session.rollback()
        return None
    return import_id


def send_probes() -> None:
    """Ask again for probes that support waits for and that nobody made; each time under a new name, because
    the queue keeps the name of one that failed for a day."""
    late = Provider.probe_wanted_at < now() - timedelta(seconds=SENT_SECONDS)
    with across_tenants():
        waiting = db.session.scalars(select(Provider).where(late, Provider.secret_name.is_not(None))).all()
        db.session.expunge_all()
        db.session.rollback()
    for provider in waiting:
        at = now()
        with acting_for(provider.tenant_id):
            taken = db.session.execute(
                owned_update(Provider)
                .where(Provider.id == provider.id, Provider.probe_wanted_at == provider.probe_wanted_at)
                .values(probe_wanted_at=at)
            ).rowcount  # type: ignore[attr-defined]
            db.session.commit()
        if taken:
            provider.probe_wanted_at = at
            if not queue.enqueue_probe(provider):
                return  # nor would Redis hear of the others now


def end_what_is_over() -> None:
    """Delete sessions past their end and close impersonations that nobody came back to."""
    at = now()
    with across_tenants():
        db.session.execute(delete(UserSession).where(UserSession.ends_at <= at))
        for row in db.session.scalars(select(Impersonation).where(Impersonation.ended_at.is_(None))).all():
            if by := row.over(at):
                impersonation.end(row.id, by, at)
        db.session.commit()


def delete_orphaned_keys() -> None:
    """Delete keys that no connection refers to: left by a crash, or by a store that was down."""
    with across_tenants():
        known = set(db.session.scalars(select(Provider.secret_name).where(Provider.secret_name.is_not(None))))
        db.session.rollback()
    for name, created_at in credentials.store().names().items():
        if name not in known and now() - created_at > ORPHAN_AGE:
            credentials.delete_key(name)
            log.info("deleted a key that no connection refers to")


def forget_warnings() -> None:
    """Delete warnings of imports that ended long ago, some at a time; how many there were stays with the import."""
    of = and_(Import.tenant_id == ImportWarning.tenant_id, Import.id == ImportWarning.import_id)
    old = select(ImportWarning.id).join(Import, of).where(Import.ended_at < now() - WARNINGS_KEPT)
    some = delete(ImportWarning).where(ImportWarning.id.in_(old.limit(WARNINGS_AT_ONCE)))
    with across_tenants():
        db.session.execute(some.execution_options(synchronize_session=False))
        db.session.commit()


def forget_pages() -> None:
    """Delete what imports that ended badly had read, once nobody can take them up from there any more."""
    too_old = Import.ended_at < now() - CHECKPOINT_GOOD_FOR, Import.tenant_id == ImportPage.tenant_id
    statement = delete(ImportPage).where(exists().where(Import.id == ImportPage.import_id, *too_old))
    with across_tenants():
        db.session.execute(statement.execution_options(synchronize_session=False))
        db.session.commit()


Tasks = tuple[tuple[float, Callable[[], None]], ...]
TASKS: Tasks = (
    (2, resume_stalled),
    (2, queue_due_imports),
    (2, close_cancelled),
    (5, send_probes),
    (5, send_scores),
    (60, end_what_is_over),
)
# What takes long when there is much of it. A thread of its own does these, so that no import waits to be resumed.
ASIDE: Tasks = (
    (30, notices.watch),
    (300, delete_orphaned_keys),
    (3600, notices.forget),
    (3600, forget_warnings),
    (3600, forget_pages),
)


def run_due(tasks: Tasks, due_at: dict[str, float], clock: float) -> None:
    """Run the tasks whose time has come. One that fails is logged and tried again at its next time."""
    for every, task in tasks:
        if clock < due_at.get(task.__name__, 0):
            continue
        due_at[task.__name__] = clock + every
        try:
            task()
        except (SQLAlchemyError, credentials.SecretStoreDown) as error:
            db.session.rollback()
            log.error("a task of the clock failed", task=task.__name__, error=type(error).__name__)


def run_until(stop: threading.Event, app: Flask, tasks: Tasks) -> None:
    """Look every second which tasks are due. Whatever else goes wrong in one ends the clock, which is then started
    again: a thread that is no more must not go unseen."""
    due_at: dict[str, float] = {}
    try:
        with app.app_context():
            while not stop.wait(1):
                run_due(tasks, due_at, time.monotonic())
                db.session.remove()
    finally:
        stop.set()


def keep(stop: threading.Event, app: Flask) -> None:
    """Be the clock until told to stop."""
    threads = [
        threading.Thread(target=run_until, args=(stop, app, ASIDE), daemon=True),
        threading.Thread(target=mails.send_until, args=(stop, app), daemon=True),
    ]
    for thread in threads:
        thread.start()
    run_until(stop, app, TASKS)
    for thread in threads:
        thread.join(mails.TIMEOUT)


def main() -> int:
    app = create_app()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    keep(stop, app)
    return 0


if __name__ == "__main__":
    sys.exit(main())
