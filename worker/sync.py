"""An import, from the key to the finished state: the steps, in order, each safe to run again."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import Any, TypeVar
from uuid import UUID

import structlog
from flask import current_app
from rq.timeouts import BaseTimeoutException
from sqlalchemy.exc import InternalError, OperationalError

from webapp import credentials, queue
from webapp.chartmogul.client import BadKey, ChartMogulError, Missing, NoAccess, Unavailable
from webapp.chartmogul.records import PageBroken, RecordRefused, parse_account, parse_page, parse_total_mrr
from webapp.extensions import db
from webapp.models import Import, ImportState, Provider, Reason
from webapp.models.imports import MAX_ATTEMPTS, MOST_CUT_OFFS
from webapp.models.providers import FAILURES_BEFORE_ACTION
from webapp.models.types import database_now, now
from webapp.tenancy import owned
from webapp.values import Moment
from worker import fetch, refresh, save
from worker.lease import Lease, Lost
from worker.limits import Budget
from worker.plan import Plan

log = structlog.get_logger()
Item = TypeVar("Item")
# An import that is still held up after this long ends, and says so.
BUSY_FOR_GOOD = timedelta(hours=6)
DATABASE_PAUSE = 30.0
# Whether somebody waits for a first turn is asked so often, in seconds; and so many turns in a row may end for it
# without having saved anything.
ASKS_FOR_ROOM_EVERY, MOST_IN_VAIN = 0.3, 3
NEEDS_A_PERSON = (Reason.KEY_REFUSED, Reason.KEY_MISSING, Reason.OTHER_ACCOUNT)
COUNTS = (
    *("customers_read", "movements_read", "created", "updated", "unchanged", "gone", "skipped"),
    *("movements_added", "movements_removed", "values_changed", "warnings", "requests", "slowdowns"),
)
STEPS = ("check_key", "customers", "movements", "match", "properties")


class SliceOver(Exception):
    """This worker has worked long enough on one import, or was asked to stop; the import goes on later."""


def sync(import_id: UUID, stopping: threading.Event) -> None:
    """Run or go on with an import until it ends, its time slice is over, or it is somebody else's."""
    lease = Lease.claim(import_id)
    if lease is None:
        return
    structlog.contextvars.bind_contextvars(import_id=str(import_id))
    run = Run(import_id, lease, stopping)
    try:
        run.steps()
    except Lost:
        run.end_cancelled()
    except SliceOver:
        run.hand_on()
    except fetch.Paused as paused:
        run.wait(paused.seconds, Reason.BUSY)
    except (BadKey, NoAccess):
        run.fail(Reason.KEY_REFUSED)
    except credentials.SecretMissing:
        run.fail(Reason.KEY_MISSING)
    except credentials.SecretStoreDown:
        run.fail(Reason.SECRET_STORE)
    except OtherAccount:
        run.fail(Reason.OTHER_ACCOUNT)
    except fetch.Broken as error:
        run.fail(Reason.BROKEN_ANSWER, str(error))
    except ChartMogulError as error:
        run.fail(Reason.UNAVAILABLE, str(error))
    except (OperationalError, InternalError) as error:
        # Raised again while it lasts: the lease runs out, the import is taken up. An InternalError is what
        # PostgreSQL answers when it ended a transaction that had stood still for too long.
        log.error("the database failed", error=type(error.orig).__name__)
        run.wait(DATABASE_PAUSE, Reason.DATABASE)
    except BaseTimeoutException:
        raise  # the job's time is over: the lease runs out and the import is taken up
    except Exception:
        run.fail(Reason.UNEXPECTED)
        raise


class OtherAccount(Exception):
    """The key opens another account than the one whose data we hold."""


class Run:
    """One worker's turn at an import."""

    def __init__(self, import_id: UUID, lease: Lease, stopping: threading.Event) -> None:
        self.import_id, self.lease, self.stopping = import_id, lease, stopping
        self._reload()
        began = time.monotonic()
        self.slice_ends = began + queue.SLICE_SECONDS
        self.asks_for_room_at = began + (0 if self.import_.checkpoint else queue.FIRST_TURN_SECONDS)
        self.got_somewhere = self.makes_room = False
        # How many turns in a row have made room for others before they had saved anything.
        self.in_vain = self.import_.checkpoint.get("in_vain", 0)
        self.timer = Steps(self.import_.steps)
        self.reader: fetch.Reader | None = None
        self.secret_name = self.provider.secret_name

    def steps(self) -> None:
        """The import in one page: each step is skipped when an earlier turn has finished it."""
        if self.import_.attempt > MOST_CUT_OFFS:
            return self.fail(Reason.STOPPED_TOO_OFTEN)
        self.reader = self._open()
        self._begin_afresh()
        self._check_account(self.reader)
        self._read_lists(self.reader)
        if "moment" not in self.import_.checkpoint:  # which is set when this is done
            self._match_customers(self.reader)
        self._fill_properties(self.reader)
        self._finish()

    def _open(self) -> fetch.Reader:
        settings = current_app.config["SETTINGS"]
        if self.secret_name is None:
            raise credentials.SecretMissing
        key = credentials.load_key(self.secret_name)
        per_second, parallel = settings.chartmogul_requests_per_second, settings.chartmogul_parallel
        budget = Budget(queue.redis(), settings.secret_key, key, per_second, parallel)
        return fetch.Reader(settings.chartmogul_api_url, key, budget)

    def _begin_afresh(self) -> None:
        """Without a checkpoint nothing of an earlier try counts: not what it read, nor what it warned of."""
        if self.import_.checkpoint:
            return
        empty: dict[str, Any] = {"account_difference_minor": None, "customers_expected": None, "steps": []}
        expected = save.movements_last_read(self.provider)
        self.lease.write(**dict.fromkeys(COUNTS, 0), **empty, movements_expected=expected)
        self.timer = Steps([])
        save.forget_all(self.import_.id)
        db.session.commit()
        self._reload()

    def _check_account(self, reader: fetch.Reader) -> None:
        """The key still opens the account whose data we hold; its currency and zone may have changed."""
        self._begin("check_key")
        try:
            account = parse_account(self._ask(reader, "/account"))
        except (RecordRefused, Missing):
            raise Unavailable("the account cannot be read") from None
        if not self.provider.same_account(account.id, account.name or "", account.currency, account.time_zone):
            raise OtherAccount
        self.lease.write()
        provider = self._provider_to_change()
        provider.account_id, provider.account_name = account.id or provider.account_id, account.name
        provider.currency, provider.time_zone = account.currency, account.time_zone
        provider.last_attempt_at = now()
        db.session.commit()
        self._done("check_key")

    def _read_lists(self, reader: fetch.Reader) -> None:
        """Both lists, side by side, page by page; a list that has to begin again does, a few times."""
        for _ in range(MAX_ATTEMPTS):
            plan = Plan(self.import_.checkpoint)
            try:
                self._read_pages(reader, plan)
                if self.import_.checkpoint.get("counted"):
                    return
                missing = self._missing(reader, plan)
                if missing and "whole" not in self.import_.checkpoint["customers"]:
                    raise fetch.PlaceLost("customers")
                return self._note_sizes(missing)
            except fetch.PlaceLost as lost:
                losses = self.import_.checkpoint.get(lost.stream, {}).get("whole", 0) + 1
                if losses > MAX_ATTEMPTS:
                    break
                self.seen.forget(self.import_.id, lost.stream)
                place = {**self.import_.checkpoint, lost.stream: {"whole": losses}}
                read = {f"{lost.stream}_read": 0}
                self.lease.write(checkpoint=place, **read)
                db.session.commit()
                self._reload()
        raise fetch.Broken("a list could not be read in one go")

    @cached_property
    def seen(self) -> save.Seen:
        """What is held and was read before; made when the first page is there, while others are on their way."""
        return save.Seen(self.import_.id, self.provider, self._make_room)

    def _read_pages(self, reader: fetch.Reader, plan: Plan) -> None:
        savers = {"customers": save.save_customers, "movements": save.save_movements}
        todo = {stream for stream in savers if plan.open(stream)}
        for stream in sorted(todo):
            self._begin(stream)
        parallel = current_app.config["SETTINGS"].chartmogul_parallel if todo else 0
        for page in self._arriving(reader, [partial(fetch.pages, reader, plan)] * parallel):
            savers[page.stream](self.import_, self.provider, self.lease, page, plan, self.seen)
            if page.stream in todo and not plan.open(page.stream):
                todo.remove(page.stream)
                self._done(page.stream)
            self._saved()

    def _missing(self, reader: fetch.Reader, plan: Plan) -> int:
        """How many more customers ChartMogul counts than it listed: with one row a page, the page counter of the
        first page is their number. Without it a list that was cut is taken to lack some."""
        try:
            count = parse_page(self._ask(reader, "/customers", per_page="1")).total_pages
        except (PageBroken, Unavailable, Missing):
            count = None
        return max(0, count - len(self.seen.customers)) if count is not None else int(plan.cut_by_status)

    def _note_sizes(self, missing: int) -> None:
        """Both lists are read: how long they are is known, and whether customers are missing all the same."""
        warnings = save.Warnings(self.import_)
        if missing:
            found = len(self.seen.customers)
            detail = f"ChartMogul counts {found + missing:,} customers, its list held {found:,}."
            warnings.add("customers_missing", None, None, detail)
        sizes = {"customers_expected": Import.customers_read, "movements_expected": Import.movements_read}
        done = {**self.import_.checkpoint, "counted": True}
        self.lease.write(checkpoint=done, warnings=Import.warnings + warnings.write(), **sizes)
        db.session.commit()
        self._reload()

    def _match_customers(self, reader: fetch.Reader) -> None:
        """Let the movements that were read count; ask for every customer that the list did not hold."""
        self._begin("match")
        if not self.import_.checkpoint.get("swapped"):
            save.swap_movements(self.import_, self.provider, self.lease, self.seen)
            self._reload()
        missing = {uuid: id_ for id_, uuid in save.missing_customers(self.provider, self.seen)}
        for uuid, raw in self._arriving(reader, [partial(fetch.by_uuid, reader, list(missing))]):
            if raw is None:
                save.mark_gone(self.import_, self.lease, missing[uuid], now())
            else:
                save.save_customer(self.import_, self.provider, self.lease, raw, self.seen)
            self._saved()
        if not self.import_.checkpoint.get("attributes") and (self.import_.changed or not self.provider.attributes):
            refresh.find_attributes(self.import_, self.provider, self.lease, self._make_room)
        self._done("match")

    def _fill_properties(self, reader: fetch.Reader) -> None:
        self._begin("properties")
        at = self._moment()
        total = refresh.total_mrr(self.provider)
        moment = Moment(at, self.provider.zone, total)
        if not self.import_.checkpoint.get("reconciled"):
            refresh.reconcile_customers(self.import_, self.provider, self.lease, moment)
            self._reload()
        refresh.fill_properties(self.import_, self.provider, self.lease, moment, self._saved)
        if self.import_.account_difference_minor is None:
            self._reconcile_account(reader, total, moment)
        self._done("properties")

    def _moment(self) -> datetime:
        """When the values are of: set once, so that a run in several turns fills all of them as of one time."""
        kept = self.import_.checkpoint.get("moment")
        if kept:
            return datetime.fromisoformat(kept)
        at = now()
        self.lease.write(checkpoint={**self.import_.checkpoint, "moment": at.isoformat()})
        db.session.commit()
        self._reload()
        return at

    def _reconcile_account(self, reader: fetch.Reader, total: int, moment: Moment) -> None:
        """Σ MRR of the customers = MRR of the account, or a warning that says by how much not."""
        days = {"start-date": str(moment.today - timedelta(days=1)), "end-date": str(moment.today)}
        try:
            account = parse_total_mrr(self._ask(reader, "/metrics/all", **days, interval="day"))
        except (RecordRefused, Unavailable, Missing):
            return  # without the account's figure there is nothing to compare
        difference = total - account
        warnings = save.Warnings(self.import_)
        if difference:
            detail = (
                f"The customers' MRR adds up to {total / 100:,.2f}, ChartMogul's own figure is {account / 100:,.2f}."
            )
            warnings.add("account_mrr_differs", None, None, detail)
        self.lease.write(account_difference_minor=difference, warnings=Import.warnings + warnings.write())
        db.session.commit()

    def _finish(self) -> None:
        at = now()
        state = ImportState.PARTLY_DONE if self.import_.skipped else ImportState.DONE
        self.lease.write(state=state, ended_at=at, lease_until=None, checkpoint={}, **self._spent())
        save.forget_pages_up_to(self.import_)
        provider = self._provider_to_change()
        provider.last_success_at = at
        provider.recover(at)
        db.session.commit()
        log.info("import ended", state=str(state))

    # How a turn ends otherwise.

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
        provider = self._provider_to_change()
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
        idle = not (self.got_somewhere or self.makes_room or self.stopping.is_set())
        if idle and self.import_.attempt >= MAX_ATTEMPTS:
            return self.fail(Reason.UNAVAILABLE, "no answer in the time of several turns")
        try:
            sent = {"sent": Import.sent + 1, "sent_at": database_now(), "attempt": Import.attempt + int(idle)}
            place = {**self.import_.checkpoint, "in_vain": 0 if self.got_somewhere else self.in_vain + self.makes_room}
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
        if self.import_.started_at and now() - self.import_.started_at > BUSY_FOR_GOOD:
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

    # What every step uses.

    def _arriving(self, reader: fetch.Reader, streams: Sequence[Callable[[], Iterable[Item]]]) -> Iterator[Item]:
        """What the streams give; while nothing comes, the import shows that it lives."""
        with closing(fetch.side_by_side(reader, streams)) as items:
            for item in items:
                if item is None:
                    self.lease.beat()
                else:
                    yield item
                self._may_go_on()

    def _ask(self, reader: fetch.Reader, path: str, **params: str) -> Any:
        """One answer, waited for with signs of life."""
        (answer,) = list(self._arriving(reader, [lambda: [(reader.get(path, False, **params),)]]))
        return answer[0]

    def _may_go_on(self) -> None:
        """SliceOver when this turn is over. That the import may go on at all, each write asks for itself."""
        if self.stopping.is_set() or time.monotonic() > self.slice_ends:
            raise SliceOver

    def _saved(self) -> None:
        """Something was saved: this turn was not in vain, and is over also when somebody waits for a first one."""
        self.got_somewhere = True
        self._may_go_on()
        self._make_room()

    def _make_room(self) -> None:
        """SliceOver when somebody waits for a first turn; but only so often before anything was saved, so that an
        import gets on however many come before it."""
        at = time.monotonic()
        if at < self.asks_for_room_at or not (self.got_somewhere or self.in_vain < MOST_IN_VAIN):
            return
        self.asks_for_room_at = at + ASKS_FOR_ROOM_EVERY
        self.makes_room = queue.first_turns_wait()
        if self.makes_room:
            raise SliceOver

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

    def _provider_to_change(self) -> Provider:
        """The provider's row, in the running transaction."""
        statement = owned(Provider).where(Provider.id == self.import_.provider_id).with_for_update()
        provider: Provider = db.session.scalars(statement).one()
        return provider

    def _reload(self) -> None:
        """The import and its provider as they are now, held apart from the session: reading them later
        opens no transaction, which on SQLite would keep every writer of the web side waiting."""
        self.import_: Import = db.session.scalars(owned(Import).where(Import.id == self.import_id)).one()
        provider = owned(Provider).where(Provider.id == self.import_.provider_id)
        self.provider: Provider = db.session.scalars(provider).one()
        db.session.expunge_all()
        db.session.rollback()


class Steps:
    """The steps of an import with their states and how long each took, also over several turns."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        known = {row["name"]: dict(row) for row in rows}
        new: dict[str, Any] = {"state": "waiting", "seconds": None, "note": None}
        self._rows = {name: known.get(name, {"name": name, **new}) for name in STEPS}
        self._began: dict[str, float] = {}

    def begin(self, name: str) -> None:
        self._began[name] = time.monotonic()
        self._rows[name]["state"] = "running"

    def done(self, name: str) -> None:
        self._stop(name, "done")

    def fail(self) -> None:
        for name in list(self._began):
            self._stop(name, "failed")

    def _stop(self, name: str, state: str) -> None:
        row, began = self._rows[name], self._began.pop(name, None)
        row["state"] = state
        if began is not None:
            row["seconds"] = round((row["seconds"] or 0.0) + time.monotonic() - began, 2)

    def rows(self) -> list[dict[str, Any]]:
        return [dict(row) for row in self._rows.values()]
