"""Scores of all of a tenant's customers, in slices: after each import, each publishing and each midnight."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from webapp import queue
from webapp.extensions import db
from webapp.models import CustomerValues, HealthVersion, Provider, Scoring
from webapp.models.types import database_now, now
from webapp.rescoring import Scorer, leaving
from webapp.scoring import Basis, midnight_after, tenant_zone
from webapp.tenancy import read_rows
from worker.in_advance import in_advance
from worker.lease import Lease
from worker.rebuild_scores import rebuild_past
from worker.score_claim import Claim, Taken
from worker.turn import ASKS_AGAIN_AFTER, ASKS_FOR_ROOM_EVERY, SliceOver

IN_A_SLICE = 2_000
# After a mistake of ours the same is not tried again at once.
AFTER_A_MISTAKE = 600


def score_tenant(stopping: threading.Event) -> None:
    """A job: make what is wanted of the tenant's scores, and of their past, unless somebody else is at it. What is not
    done in the time of a turn is left to a next job; the clock sees to it that there is one."""
    turn = JobsTurn(stopping)
    while claim := Claim.take():
        try:
            while not _make(claim, turn.may_go_on):
                pass
            return
        except Taken:
            continue  # perhaps only what they are made of has changed
        except SliceOver:
            return _hand_on(claim)
        except SQLAlchemyError:
            raise  # the lease runs out, and the clock sends another job
        except Exception:
            db.session.rollback()
            claim.write(lease_until=None, due_at=database_now(AFTER_A_MISTAKE))
            db.session.commit()
            raise


def score_after_import(lease: Lease, saved: Callable[[], None], is_first: bool = False) -> None:
    """The last step of an import. The past, if it is still to be rebuilt, is left to a job; nothing of it was there to
    be rebuilt before an account's first import."""
    while claim := Claim.take(lease):
        try:
            if is_first:
                claim.write(rebuilt_at=None)
                db.session.commit()
            score_customers(claim, saved)
            claim.write(lease_until=None)
            db.session.commit()
            return
        except Taken:
            saved()


def _make(claim: Claim, saved: Callable[[], None]) -> bool:
    """The next thing to do; whether it was the last. With a past there are trends: everybody is looked at again."""
    if "past" in claim.scoring.place:
        rebuild_past(claim, saved)
        return False
    score_customers(claim, saved)
    if claim.scoring.rebuilt_at is None:
        return False
    claim.write(lease_until=None)
    db.session.commit()
    return True


def _hand_on(claim: Claim) -> None:
    db.session.rollback()
    try:
        claim.write(lease_until=None, sent=Scoring.sent + 1, sent_at=database_now())
    except Taken:
        return
    db.session.commit()
    queue.enqueue_scores()


def score_customers(claim: Claim, saved: Callable[[], None]) -> None:
    """Score everybody by the newest version that was published, after the customer at which it was left off; anew,
    when the day of the scores is over meanwhile. `saved` is called after each slice."""
    while not _score_a_day(claim, saved):
        claim.scoring.place = {}


def _score_a_day(claim: Claim, saved: Callable[[], None]) -> bool:
    zone = tenant_zone()
    day = now().astimezone(zone).date()
    place = _place(claim.scoring.place, day)
    scorer = _scorer(place, day)
    if scorer:
        for rows in in_advance(partial(_rows_after, scorer), place["after"], lambda rows: rows[-1].uuid):
            if now().astimezone(zone).date() != day:
                return False
            begin, place = rows[0].uuid, {**place, "after": rows[-1].uuid}
            claim.write(place=place)
            scorer.keep(rows)
            if claim.scoring.day != day:
                scorer.forget_old_days(begin, place["after"])
            db.session.commit()
            saved()
    done: dict[str, Any] = {"scored": place["version"], "day": day, "scored_at": now()}
    next_: dict[str, Any] = {"place": {}, "due_at": midnight_after(day, zone)}
    claim.write(**done, **(next_ if claim.scoring.rebuilt_at else {"place": {"past": ""}}))
    db.session.commit()
    return True


def _place(kept: dict[str, Any], day: date) -> dict[str, Any]:
    """Where to go on: where another left off, if that was the same version on the same day."""
    version = HealthVersion.published()
    number = version.number if version else 0
    if (kept.get("version"), kept.get("day")) == (number, day.isoformat()):
        return kept
    return {"version": number, "day": day.isoformat(), "at": now().isoformat(), "after": ""}


def _scorer(place: dict[str, Any], day: date) -> Scorer | None:
    """None when there is nobody to score."""
    basis, provider = Basis.published(), Provider.current()
    scorer = None
    if basis and provider and basis.config.number == place["version"]:
        at = datetime.fromisoformat(place["at"])
        scorer = Scorer(provider, basis, at, day, leaving(provider, at))
    db.session.expunge_all()
    db.session.rollback()
    return scorer


def _rows_after(scorer: Scorer, after: str) -> Sequence[Any] | None:
    some = scorer.rows().where(CustomerValues.uuid > after).order_by(CustomerValues.uuid).limit(IN_A_SLICE)
    return read_rows(some) or None


class JobsTurn:
    """How long a job may take: a minute, and less when somebody waits for an import to begin."""

    def __init__(self, stopping: threading.Event) -> None:
        self.stopping = stopping
        self.ends = time.monotonic() + queue.SLICE_SECONDS
        self.asks_for_room_at = time.monotonic() + queue.FIRST_TURN_SECONDS

    def may_go_on(self) -> None:
        if self.stopping.is_set() or time.monotonic() > self.ends:
            raise SliceOver
        if time.monotonic() < self.asks_for_room_at:
            return
        waits = queue.first_turns_wait()
        self.asks_for_room_at = time.monotonic() + (ASKS_AGAIN_AFTER if waits is None else ASKS_FOR_ROOM_EVERY)
        if waits:
            raise SliceOver
