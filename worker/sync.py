"""An import, from the key to the finished state: the steps, in order, each safe to run again."""

import threading
from datetime import date, datetime
from functools import cached_property, partial
from typing import Any
from uuid import UUID

import structlog
from flask import current_app
from rq.timeouts import BaseTimeoutException
from sqlalchemy.exc import InternalError, OperationalError

from webapp import credentials
from webapp.chartmogul.client import BadKey, ChartMogulError, Missing, NoAccess, Unavailable
from webapp.chartmogul.records import (
    PageBroken,
    RecordRefused,
    parse_account,
    parse_page,
)
from webapp.extensions import db
from webapp.models import HealthVersion, Import, ImportState, Reason
from webapp.models.imports import MAX_ATTEMPTS, MOST_CUT_OFFS
from webapp.models.types import now
from webapp.scoring import want_scores_anew
from webapp.values import Moment
from worker import accounts, fetch, refresh, save, scores, subscriptions, sums
from worker.lease import Lease, Lost
from worker.limits import budget_of
from worker.plan import LISTS, ROWS_A_PAGE, Plan
from worker.steps import Steps
from worker.turn import SliceOver, Turn

log = structlog.get_logger()
DATABASE_PAUSE = 30.0
# More pages of rows that were read before do not follow one upon the other, unless they lead in a circle.
MOST_STALE_PAGES = 20
# Of one try; what was changed for good (`gone`, `values_changed`) is counted in all of them.
COUNTS = (
    *("customers_read", "movements_read", "created", "updated", "unchanged", "skipped"),
    *("movements_added", "movements_removed", "subscribers_read"),
    *("warnings", "requests", "slowdowns"),
)


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


class Run(Turn):
    """A turn's way through the steps, each of which is skipped when an earlier turn has finished it."""

    def steps(self) -> None:
        """The import in one page."""
        if self.import_.attempt > MOST_CUT_OFFS:
            return self.fail(Reason.STOPPED_TOO_OFTEN)
        self.reader = self._open()
        self._begin_afresh()
        self._check_account(self.reader)
        self._read_lists(self.reader)
        if not self.import_.has_done("match"):
            self._match_customers(self.reader)
        if not self.import_.has_done("subscriptions"):
            self._read_subscriptions(self.reader)
        if not self.import_.has_done("properties"):
            self._fill_properties(self.reader)
        self._score_customers()
        self._finish()

    def _open(self) -> fetch.Reader:
        settings = current_app.config["SETTINGS"]
        if self.secret_name is None:
            raise credentials.SecretMissing
        key = credentials.load_key(self.secret_name)
        return fetch.Reader(settings.chartmogul_api_url, key, budget_of(key))

    def _begin_afresh(self) -> None:
        """Unless this try has begun nothing of an earlier one counts: not what it read, nor what it warned of."""
        if self.import_.checkpoint.get("begun"):
            return
        empty: dict[str, Any] = {"account_difference_minor": None, "mrr_minor": None, "customers_expected": None}
        empty |= {"subscribers_expected": None, "steps": [], "checkpoint": {"begun": True}}
        expected = save.movements_last_read(self.provider)
        self.lease.write(**dict.fromkeys(COUNTS, 0), **empty, movements_expected=expected)
        self.timer = Steps([])
        self.timer.expect("subscriptions", subscriptions.needed())
        self.timer.expect("scores", HealthVersion.published() is not None)
        save.forget_all(self.import_.id)
        db.session.commit()
        self._reload()

    def _check_account(self, reader: fetch.Reader) -> None:
        """The key still opens the account whose data we hold; its currency and zone may have changed."""
        self._begin("check_key")
        try:
            account = parse_account(self.ask(reader, "/account"))
        except (RecordRefused, Missing):
            raise Unavailable("the account cannot be read") from None
        if not self.provider.opens(account):
            raise OtherAccount
        self.lease.write()
        if not self.import_.has_done("properties"):
            want_scores_anew()  # however this import ends, the scores are of what was there before it
        provider = self.provider_to_change()
        provider.describe(account)
        provider.last_attempt_at = now()
        provider.customers_held = None
        db.session.commit()
        self._done("check_key")

    def _read_lists(self, reader: fetch.Reader) -> None:
        """Both lists, side by side, page by page; a list that has to begin again does, a few times."""
        for _ in range(MAX_ATTEMPTS):
            plan = Plan(self.import_.checkpoint, list(map(date.fromisoformat, self.provider.movement_borders)))
            try:
                self._read_pages(reader, plan)
                if self.import_.checkpoint.get("complete"):
                    return
                missing = self._missing(reader, plan)
                if missing and plan.look_behind_the_ends():
                    self._read_pages(reader, plan)
                    missing = self._missing(reader, plan)
                if missing and "whole" not in self.import_.checkpoint["customers"]:
                    raise fetch.PlaceLost("customers")
                if sums.movements_lack(self.import_, self.provider, self.seen):
                    if "whole" not in self.import_.checkpoint["movements"]:
                        raise fetch.PlaceLost("movements")
                    raise fetch.Broken("the list of movements ends early")
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
        return save.Seen(self.import_.id, self.provider, self._reads_on)

    def _read_pages(self, reader: fetch.Reader, plan: Plan) -> None:
        todo = {stream for stream in LISTS if plan.open(stream)}
        for stream in sorted(todo):
            self._begin(stream)
        parallel = reader.budget.parallel if todo else 0
        for page in self.arriving(reader, [partial(fetch.pages, reader, plan)] * parallel):
            save_page = save.save_customers if page.stream == "customers" else save.save_movements
            save_page(self.import_, self.provider, self.lease, page, plan, self.seen)
            if page.stream in todo and not plan.open(page.stream):
                todo.remove(page.stream)
                self._done(page.stream)
            if page.chain.stale > MOST_STALE_PAGES:
                raise fetch.Broken(f"the list of {page.stream} gives the same rows again and again")
            self._saved()

    def _missing(self, reader: fetch.Reader, plan: Plan) -> int:
        """How many more customers ChartMogul counts than it listed or than movements name: with one row a page, the
        page counter of the first page is their number. Without it a list that was cut is taken to lack some."""
        try:
            page = parse_page(self.ask(reader, "/customers", fetch.FEW_TRIES, per_page="1"))
            # Of nobody there is one page, and it is empty.
            count = page.total_pages if page.entries or self.seen.customers else 0
        except (PageBroken, Unavailable, Missing):
            count = None
        if count is None:
            return int(plan.cut_by_status)
        missing = count - len(self.seen.customers)
        if missing > 0:  # the next step asks for some by their uuid; where many lack, another read takes less
            moved = len(save.customers_moved(self.provider, self.provider.movements_read + 1, self.seen))
            missing -= moved if moved <= ROWS_A_PAGE else 0
        return max(0, missing)

    def _note_sizes(self, missing: int) -> None:
        """Both lists are read: how long they are is known, and whether customers are missing all the same."""
        warnings = save.Warnings(self.import_)
        if missing:
            found = len(self.seen.customers)
            detail = f"ChartMogul counts {found + missing:,} customers, its list held {found:,}."
            warnings.add("customers_missing", None, None, detail)
        sizes = {"customers_expected": Import.customers_read, "movements_expected": Import.movements_read}
        done = {**self.import_.checkpoint, "complete": True}
        self.lease.write(attempt=1, checkpoint=done, warnings=Import.warnings + warnings.write(), **sizes)
        db.session.commit()
        self._reload()

    def _match_customers(self, reader: fetch.Reader) -> None:
        """Let the movements that were read count; ask for every customer that the list did not hold: one of before, and
        one of whom new movements tell, because it went from a status that was not read yet to one that was."""
        self._begin("match")
        if not self.import_.checkpoint.get("swapped"):
            save.swap_movements(self.import_, self.provider, self.lease, self.seen)
            self._reload()
        held = save.missing_customers(self.provider, self.seen)
        named = save.customers_moved(self.provider, self.provider.movements_read, self.seen)
        for uuid, raw in self.arriving(reader, fetch.of_each(reader, fetch.customer, [*held, *named])):
            if raw is not None:
                save.save_customer(self.import_, self.provider, self.lease, raw, self.seen)
            elif uuid not in named:
                save.mark_gone(self.import_, self.lease, uuid, now())
            self._saved()
        if not self.import_.checkpoint.get("attributes"):
            refresh.find_attributes(self.import_, self.provider, self.lease, self._reads_on)
        self._done("match")

    def _read_subscriptions(self, reader: fetch.Reader) -> None:
        """Ask for the subscriptions of each live subscriber, if one of the properties is made of them."""
        if "subscriptions" not in self.import_.checkpoint:
            needed = "moment" not in self.import_.checkpoint and subscriptions.needed()
            self.timer.expect("subscriptions", needed)
            if not needed:
                return
            subscriptions.begin(self.import_, self.provider, self.lease)
        self._begin("subscriptions")
        while some := subscriptions.next_slice(self.import_, self.provider, self.lease):
            for uuid, answer in self.arriving(reader, some.streams(reader)):
                if some.add(uuid, answer):
                    self._saved()
        self._done("subscriptions")

    def _fill_properties(self, reader: fetch.Reader) -> None:
        self._begin("properties")
        at = self._moment()
        total = sums.total_mrr(self.provider)
        moment = Moment(at, self.provider.zone, total)
        if not self.import_.checkpoint.get("reconciled"):
            refresh.reconcile_customers(self.import_, self.provider, self.lease, moment)
            self._reload()
        refresh.fill_properties(self.import_, self.provider, self.lease, moment, self._saved)
        if self.import_.account_difference_minor is None:
            accounts.reconcile(self, reader, total, moment)
        self._done("properties")

    def _moment(self) -> datetime:
        """When the values are of: set once, so that a run in several turns fills all of them as of one time."""
        kept = self.import_.checkpoint.get("moment")
        if kept:
            return datetime.fromisoformat(kept)
        at = now()
        self.lease.write(attempt=1, checkpoint={**self.import_.checkpoint, "moment": at.isoformat()})
        db.session.commit()
        self._reload()
        return at

    def _score_customers(self) -> None:
        """Make the scores of the new values, if a configuration is published."""
        needed = HealthVersion.published() is not None
        db.session.rollback()
        self.timer.expect("scores", needed)
        if needed:
            self._begin("scores")
            scores.score_after_import(self.lease, self._saved, is_first=self.provider.last_success_at is None)
            self._done("scores")

    def _finish(self) -> None:
        at = now()
        state = ImportState.PARTLY_DONE if self.import_.skipped else ImportState.DONE
        self.lease.write(state=state, ended_at=at, lease_until=None, checkpoint={}, **self._spent())
        save.forget_pages_up_to(self.import_)
        provider = self.provider_to_change()
        provider.last_success_at = at
        provider.customers_held = save.customers_held(provider)
        provider.recover(at)
        db.session.commit()
        log.info("import ended", state=str(state))
