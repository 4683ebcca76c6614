"""One worker's turn at an import: how long it lasts, how it ends, and what every step of it uses."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import structlog

from webapp import queue
from webapp.extensions import db
from webapp.models import Import, ImportState, Provider, Reason
from webapp.models.imports import MAX_ATTEMPTS
from webapp.models.providers import FAILURES_BEFORE_ACTION
from webapp.models.types import database_now, now
from webapp.tenancy import owned
from worker import fetch
from worker.lease import Lease, Lost
from worker.steps import Steps

log = structlog.get_logger()
Item = TypeVar("Item")
# An import that is still held up after this long ends, and says so.
BUSY_FOR_GOOD = timedelta(hours=6)
# Whether somebody waits for a first turn is asked so often, in seconds, and more seldom of a Redis that does not say;
# and so many turns in a row may end for it without having saved anything.
ASKS_FOR_ROOM_EVERY, ASKS_AGAIN_AFTER, MOST_IN_VAIN = 0.3, 10, 3
# How often something that saves nothing for long shows that the import lives.
SIGN_OF_LIFE_SECONDS = 5
NEEDS_A_PERSON = (Reason.KEY_REFUSED, Reason.KEY_MISSING, Reason.OTHER_ACCOUNT)


class SliceOver(Exception):
    """This worker has worked long enough on one import, or was asked to stop; the import goes on later."""


class Turn:
    """A turn: the import and its provider as they were when last looked at, and the lease to write for them."""

    reader: fetch.Reader | None = None

    def __init__(self, import_id: UUID, lease: Lease, stopping: threading.Event) -> None:
        self.import_id, self.lease, self.stopping = import_id, lease, stopping
        self._reload()
        self.shown_at = began = time.monotonic()
        self.slice_ends = began + queue.SLICE_SECONDS
        has_begun = self.import_.checkpoint or any(self._counted)
        self.asks_for_room_at = began + (0 if has_begun else queue.FIRST_TURN_SECONDS)
        self.got_somewhere = self.makes_room = self.prolonged = False
        # How many turns in a row have saved nothing: because they made room for others, or just so.
        self.in_vain, self.idle = self._counted
        self.timer = Steps(self.import_.steps)
        self.secret_name = self.provider.secret_name

    def fail(self, reason: Reason, detail: str | None = None) -> None:
        """Stop with a reason; after a few failures in a row, or a refused key, somebody has to act."""
        db.session.rollback()
        self._reload()
        if reason in (Reason.KEY_REFUSED, Reason.KEY_MISSING) and self.provider.secret_name != self.secret_name:
            return self.hand_on()  # the key was replaced meanwhile: the next turn uses the new one
        at = now()
        try:
            self.timer.fail()
            ended = {"state": ImportState.FAILED, "ended_at": at, "lease_until": None}
            self.lease.write(reason=reason, detail=detail, **ended, **self._spent())
        except Lost:
            return self.end_cancelled()
        provider = self.provider_to_change()
        provider.last_attempt_at = at
        provider.failures += 1
        if reason in NEEDS_A_PERSON or provider.failures >= FAILURES_BEFORE_ACTION:
            provider.need_action(reason, at)
        db.session.commit()
        log.warning("import failed", reason=str(reason), detail=detail)

    def end_cancelled(self) -> None:
        """The import was taken from this run; if it was cancelled, nothing is left to wait for."""
        self.lease.close_cancelled()

    def hand_on(self) -> None:
        """Leave the import for the next worker that is free, behind those who wait. Turns that get nowhere
        are counted: three in a row, and ChartMogul is not answering."""
        db.session.rollback()
        self._reload()
        if self.got_somewhere:
            self.in_vain = self.idle = 0
        elif self.makes_room:
            self.in_vain += 1
        elif not self.stopping.is_set():
            self.idle += 1
        if self.idle >= MAX_ATTEMPTS:
            return self.fail(Reason.UNAVAILABLE, "no answer in the time of several turns")
        try:
            sent = {"sent": Import.sent + 1, "sent_at": database_now()}
            place = {**self.import_.checkpoint, "in_vain": self.in_vain, "idle": self.idle}
            self.lease.write(lease_until=None, checkpoint=place, **sent, **self._spent())
            db.session.commit()
        except Lost:
            return self.end_cancelled()
        self._reload()
        queue.enqueue_import(self.import_)

    def wait(self, seconds: float, reason: Reason) -> None:
        """ChartMogul wants to be left alone, or the database does: wait, visibly, and free this worker; but not
        for ever."""
        db.session.rollback()
        self._reload()
        long_ago = self.import_.started_at and now() - self.import_.started_at > BUSY_FOR_GOOD
        if long_ago and not self.got_somewhere:
            return self.fail(reason)
        try:
            self.lease.write(
                state=ImportState.WAITING,
                reason=reason,
                not_before=database_now(seconds),
                lease_until=None,
                **self._spent(),
            )
            db.session.commit()
        except Lost:
            self.end_cancelled()

    def arriving(self, reader: fetch.Reader, streams: Sequence[Callable[[], Iterable[Item]]]) -> Iterator[Item]:
        """What the streams give; while nothing comes, or nothing that is worth saving yet, the import shows that it
        lives."""
        with closing(fetch.side_by_side(reader, streams)) as items:
            for item in items:
                if item is None or self._silent_for_long():
                    self.lease.beat()
                    self.shown_at = time.monotonic()
                if item is not None:
                    yield item
                self._may_go_on()

    def ask(self, reader: fetch.Reader, path: str, tries: int = fetch.TRIES, **params: Any) -> Any:
        """One answer, waited for with signs of life."""
        (answer,) = list(self.arriving(reader, [lambda: [(reader.get(path, tries=tries, **params),)]]))
        return answer[0]

    def _may_go_on(self) -> None:
        """SliceOver when this turn is over. That the import may go on at all, each write asks for itself."""
        if self.stopping.is_set() or (time.monotonic() > self.slice_ends and not self._is_prolonged()):
            raise SliceOver

    def _is_prolonged(self) -> bool:
        """Once, by half, a turn goes on that got somewhere and that nobody waits to see end: the next one would load
        again what is held. With a key that was replaced meanwhile no turn does."""
        if self.prolonged or not self.got_somewhere or not queue.nobody_waits() or self._key_was_replaced():
            return False
        self.prolonged, self.slice_ends = True, self.slice_ends + queue.SLICE_SECONDS / 2
        return True

    def _key_was_replaced(self) -> bool:
        name = db.session.scalar(owned(Provider, Provider.secret_name).where(Provider.id == self.provider.id))
        db.session.rollback()
        return bool(name != self.secret_name)

    def _saved(self) -> None:
        """Something was saved: this turn was not in vain, and is over also when somebody waits for a first one."""
        self.got_somewhere, self.shown_at = True, time.monotonic()
        self._may_go_on()
        self._make_room()

    def _make_room(self) -> None:
        """SliceOver when somebody waits for a first turn; but only so often before anything was saved, so that an
        import gets on however many come before it."""
        if time.monotonic() < self.asks_for_room_at or not (self.got_somewhere or self.in_vain < MOST_IN_VAIN):
            return
        waits = queue.first_turns_wait()
        self.asks_for_room_at = time.monotonic() + (ASKS_AGAIN_AFTER if waits is None else ASKS_FOR_ROOM_EVERY)
        self.makes_room = bool(waits)
        if waits:
            raise SliceOver

    def _reads_on(self) -> None:
        """In the middle of a long read: show that the import lives, stop if the worker is to stop, make room."""
        if self.stopping.is_set():
            raise SliceOver
        if self._silent_for_long():
            self.lease.beat_aside()
            self.shown_at = time.monotonic()
        self._make_room()

    def _silent_for_long(self) -> bool:
        return time.monotonic() > self.shown_at + SIGN_OF_LIFE_SECONDS

    def _begin(self, step: str) -> None:
        self.timer.begin(step)
        self.lease.write(steps=self.timer.rows())
        db.session.commit()

    def _done(self, step: str) -> None:
        self.timer.done(step)
        self.lease.write(**self._spent())
        db.session.commit()
        self._reload()

    def _spent(self) -> dict[str, Any]:
        """Requests made since this was last asked, and the steps as they stand, for the import's row."""
        reader, changes = self.reader, {"steps": self.timer.rows()}
        if reader is None:
            return changes
        requests, slowdowns = reader.requests, reader.slowdowns
        reader.requests, reader.slowdowns = 0, 0
        added = {"requests": Import.requests + requests, "slowdowns": Import.slowdowns + slowdowns}
        return {**changes, **added}

    def provider_to_change(self) -> Provider:
        """The provider's row, in the running transaction."""
        statement = owned(Provider).where(Provider.id == self.import_.provider_id).with_for_update(key_share=True)
        provider: Provider = db.session.scalars(statement).one()
        return provider

    def _reload(self) -> None:
        """The import and its provider as they are now, held apart from the session: reading them later
        opens no transaction, which on SQLite would keep every writer of the web side waiting."""
        self.import_: Import = db.session.scalars(owned(Import).where(Import.id == self.import_id)).one()
        # Taken out of the place, so that wherever a new one is saved the turns are counted anew.
        place = self.import_.checkpoint
        self._counted = place.pop("in_vain", 0), place.pop("idle", 0)
        provider = owned(Provider).where(Provider.id == self.import_.provider_id)
        self.provider: Provider = db.session.scalars(provider).one()
        db.session.expunge_all()
        db.session.rollback()
