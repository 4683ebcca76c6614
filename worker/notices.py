"""Notices are made and ended here: of customers whose score fell, of imports that fail, of data that is stale."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

import structlog
from flask import current_app
from sqlalchemy import ColumnElement, and_, case, delete, exists, func, or_, select, tuple_
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import aliased

from webapp.extensions import db, reading
from webapp.falls import FALL, LOOKS_BACK, Fall, fall_of
from webapp.freshness import STALE_AFTER
from webapp.health import Grade
from webapp.models import (
    Customer,
    CustomerValues,
    Import,
    ImportState,
    MailState,
    Notice,
    NoticeKind,
    NoticeMail,
    NoticeReader,
    NoticeReading,
    Provider,
    ProviderState,
    ScoreDay,
    Scoring,
    User,
)
from webapp.models.types import now
from webapp.notices import one_line, ways_of
from webapp.scoring import tenant_zone
from webapp.tenancy import across_tenants, acting_for, current_tenant_id, owned, owned_update

# Tenants looked at in one go, those first that have waited longest.
AT_ONCE = 50
IN_A_SLICE = 500
# The least score of a better grade that makes a grade a fall, in tenths.
BETTER = {3: 800, 4: 600, 5: 200}
CONNECTION_KINDS = (NoticeKind.IMPORT_FAILING, NoticeKind.DATA_STALE)
# What is over is kept so long; an e-mail's row says nothing that its notice does not.
NOTICES_KEPT, MAILS_KEPT = timedelta(days=365), timedelta(days=30)
log = structlog.get_logger()


def forget() -> None:
    """Delete notices of episodes that ended long ago, and the rows of e-mails that are done with."""
    at = now()
    old = Notice.ended_at < at - NOTICES_KEPT
    read = tuple_(NoticeReading.tenant_id, NoticeReading.notice_id).in_(select(Notice.tenant_id, Notice.id).where(old))
    ended = [state for state in MailState if state != MailState.WAITING]
    done = NoticeMail.state.in_(ended), NoticeMail.not_before < at - MAILS_KEPT
    with across_tenants():
        for statement in (
            delete(NoticeReading).where(read),
            delete(Notice).where(old),
            delete(NoticeMail).where(*done),
        ):
            db.session.execute(statement.execution_options(synchronize_session=False))
        db.session.commit()


def watch() -> None:
    """Look at every tenant of which there may be something to tell. One whose rows cannot be read or written keeps
    no other waiting."""
    at = now()
    for tenant_id in _to_look_at(at):
        with acting_for(tenant_id):
            try:
                _look_at(at)
            except IntegrityError:  # another clock was first
                db.session.rollback()
            except SQLAlchemyError as error:
                db.session.rollback()
                log.error("notices could not be made", tenant=str(tenant_id), error=type(error).__name__)


def _to_look_at(at: datetime) -> list[UUID]:
    """Tenants with new scores, or whose connection's notices are not as its state is."""
    new = or_(Scoring.noticed_at.is_(None), Scoring.noticed_at < Scoring.scored_at)
    scored = select(Scoring.tenant_id).where(new).where(Scoring.scored_at.is_not(None)).order_by(Scoring.scored_at)
    live = Provider.state != ProviderState.DISCONNECTED
    facts = Provider.tenant_id, Provider.id, Provider.last_success_at, Provider.every_hours
    failing = select(Provider.tenant_id).where(live, _fails(), ~_open(NoticeKind.IMPORT_FAILING))
    old = select(*facts).where(live, Provider.last_success_at < at - STALE_AFTER, ~_open(NoticeKind.DATA_STALE))
    over = or_(
        ~live,
        and_(Notice.kind == NoticeKind.IMPORT_FAILING, ~_fails()),
        and_(Notice.kind == NoticeKind.DATA_STALE, Provider.last_success_at > Notice.since),
    )
    ended = select(Notice.tenant_id).join(
        Provider, and_(Provider.tenant_id == Notice.tenant_id, Provider.id == Notice.provider_id)
    )
    ended = ended.where(Notice.ended_at.is_(None), Notice.kind.in_(CONNECTION_KINDS), over)
    with across_tenants(), reading():
        found = [
            *db.session.scalars(scored.limit(AT_ONCE)),
            *db.session.scalars(failing.order_by(Provider.last_attempt_at).limit(AT_ONCE)),
            *db.session.scalars(ended.order_by(Notice.opened_at).limit(AT_ONCE)),
            *_stale(db.session.execute(old.order_by(Provider.last_success_at)), at),
        ]
        db.session.rollback()
    return list(dict.fromkeys(found))


def _fails() -> ColumnElement[bool]:
    return or_(Provider.failures > 0, Provider.state == ProviderState.ACTION_NEEDED)


def _open(kind: NoticeKind) -> ColumnElement[bool]:
    return exists().where(
        Notice.tenant_id == Provider.tenant_id,
        Notice.provider_id == Provider.id,
        Notice.kind == kind,
        Notice.ended_at.is_(None),
    )


def _stale(rows: Any, at: datetime) -> Iterator[UUID]:
    found = [row.tenant_id for row in rows if _is_stale(row, at)]
    yield from found[:AT_ONCE]


def _is_stale(provider: Any, at: datetime) -> bool:
    """Not read for 48 hours, or for two turns of a schedule that is slower than that."""
    if provider.last_success_at is None:
        return False
    patience = max(STALE_AFTER, timedelta(hours=2 * (provider.every_hours or 0)))
    return bool(provider.last_success_at + patience < at)


def _look_at(at: datetime) -> None:
    """Make and end a tenant's notices, and their mails, in one transaction."""
    with reading():
        scoring, falls = _new_falls()
        db.session.rollback()
    made = []
    if scoring is not None:
        taken = owned_update(Scoring).where(
            Scoring.scored_at == scoring, or_(Scoring.noticed_at.is_(None), Scoring.noticed_at < scoring)
        )
        done = db.session.execute(taken.values(noticed_at=scoring).execution_options(synchronize_session=False))
        if done.rowcount:  # type: ignore[attr-defined]
            _end_falls(at)
            made += [_told(customer, fall, at) for customer, fall in falls]
    made += _of_connection(at)
    db.session.add_all(made)
    db.session.flush()
    _mail(made, at)
    db.session.commit()


# Scores that fell.


def _new_falls() -> tuple[datetime | None, list[tuple[Customer, Fall]]]:
    """When the scores were made that nobody has looked at yet, and who of them fell without an open notice."""
    scoring = db.session.scalars(owned(Scoring)).first()
    provider = Provider.current()
    if scoring is None or scoring.scored_at is None or scoring.day is None:
        return None, []
    if scoring.noticed_at is not None and scoring.noticed_at >= scoring.scored_at:
        return None, []
    falls: list[tuple[Customer, Fall]] = []
    if provider is not None and provider.live:
        uuids = list(db.session.scalars(_candidates(provider, scoring)))
        for first in range(0, len(uuids), IN_A_SLICE):
            falls += _falls_among(provider, scoring, uuids[first : first + IN_A_SLICE])
    return scoring.scored_at, falls


def _candidates(provider: Provider, scoring: Scoring) -> Any:
    """Who has a bad grade now and had a much better one lately: each is looked up in the history by its key."""
    assert scoring.day is not None
    of = CustomerValues
    better = exists().where(
        *_of_customer(ScoreDay),
        ScoreDay.day >= _begins(scoring),
        ScoreDay.version == scoring.scored,
        ScoreDay.rebuilt.is_(False),
        ScoreDay.score >= case(BETTER, value=of.grade),
    )
    told = exists().where(
        Notice.tenant_id == of.tenant_id,
        Notice.provider_id == of.provider_id,
        Notice.kind == NoticeKind.SCORE_FELL,
        Notice.customer_uuid == of.uuid,
        Notice.ended_at.is_(None),
    )
    bad = of.provider_id == provider.id, of.grade >= min(BETTER)
    return owned(of, of.uuid).where(*bad, ~told, better).order_by(of.uuid)


def _of_customer(day: Any) -> tuple[ColumnElement[bool], ...]:
    return (
        day.tenant_id == CustomerValues.tenant_id,
        day.provider_id == CustomerValues.provider_id,
        day.customer_uuid == CustomerValues.uuid,
    )


def _begins(scoring: Scoring) -> ColumnElement[Any]:
    """The row of a customer's history that held when the days began that are looked at."""
    assert scoring.day is not None
    first, earlier = scoring.day - LOOKS_BACK, aliased(ScoreDay)
    newest = select(func.max(earlier.day)).where(*_of_customer(earlier), earlier.day <= first)
    return func.coalesce(newest.correlate(CustomerValues).scalar_subquery(), first)


def _falls_among(provider: Provider, scoring: Scoring, uuids: Sequence[str]) -> list[tuple[Customer, Fall]]:
    assert scoring.day is not None
    together = (*_of_customer(ScoreDay), ScoreDay.day >= _begins(scoring))
    these = CustomerValues.provider_id == provider.id, CustomerValues.uuid.in_(uuids)
    days = defaultdict(list)
    rows = owned(CustomerValues, ScoreDay).join(ScoreDay, and_(*together)).where(*these).order_by(ScoreDay.day)
    for day in db.session.scalars(rows):
        days[day.customer_uuid].append(day)
    falls = {uuid: fall for uuid, each in days.items() if (fall := fall_of(each, scoring.day))}
    fallen = owned(Customer).where(Customer.among(provider.id, falls))
    return [(customer, falls[customer.uuid]) for customer in db.session.scalars(fallen)] if falls else []


def _end_falls(at: datetime) -> None:
    """Who is back up, or has no score any more: the episode is over."""
    of = CustomerValues
    down = exists().where(
        of.tenant_id == Notice.tenant_id,
        of.provider_id == Notice.provider_id,
        of.uuid == Notice.customer_uuid,
        or_(of.grade == Grade.HIGH_CHURN_RISK, of.grade - Notice.grade_before >= FALL),
    )
    over = owned_update(Notice).where(Notice.kind == NoticeKind.SCORE_FELL, Notice.ended_at.is_(None), ~down)
    db.session.execute(over.values(ended_at=at).execution_options(synchronize_session=False))


def _told(customer: Customer, fall: Fall, at: datetime) -> Notice:
    return Notice(
        tenant_id=current_tenant_id(),
        provider_id=customer.provider_id,
        kind=NoticeKind.SCORE_FELL,
        customer_uuid=customer.uuid,
        customer_id=customer.id,
        about=one_line(customer.title),
        grade_before=fall.before,
        grade=fall.grade,
        since=datetime.combine(fall.since, time(), tenant_zone()),
        opened_at=at,
    )


# The connection.


def _of_connection(at: datetime) -> list[Notice]:
    """Bring the notices of the connection in line with its state; gives the new ones."""
    provider = Provider.current()
    open_ = list(db.session.scalars(owned(Notice).where(Notice.kind.in_(CONNECTION_KINDS), Notice.ended_at.is_(None))))
    holds = _what_holds(provider, at) if provider is not None and provider.live else {}
    for notice in open_:
        if provider is None or notice.provider_id != provider.id or notice.kind not in holds:
            notice.ended_at = at
    told = {notice.kind for notice in open_ if notice.ended_at is None}
    if provider is None:
        return []
    of = {"tenant_id": provider.tenant_id, "provider_id": provider.id, "opened_at": at}
    return [Notice(kind=kind, **facts, **of) for kind, facts in holds.items() if kind not in told]


def _what_holds(provider: Provider, at: datetime) -> dict[NoticeKind, dict[str, Any]]:
    holds: dict[NoticeKind, dict[str, Any]] = {}
    if provider.failures > 0 or provider.state == ProviderState.ACTION_NEEDED:
        failed = owned(Import).where(Import.provider_id == provider.id, Import.state == ImportState.FAILED)
        newest = db.session.scalars(failed.order_by(Import.number.desc()).limit(1)).first()
        reason = provider.action_reason or (newest.reason if newest else None)
        since = (newest.ended_at if newest else None) or provider.action_since or at
        holds[NoticeKind.IMPORT_FAILING] = {"reason": reason, "since": since}
    if _is_stale(provider, at):
        holds[NoticeKind.DATA_STALE] = {"since": provider.last_success_at}
    return holds


# Their mails.


def _mail(made: Sequence[Notice], at: datetime) -> None:
    """One e-mail about all of them to each user who wants any; none are kept for later when no server is set."""
    if not made or not current_app.config["SETTINGS"].mails_are_sent:
        return
    tenant_id = current_tenant_id()
    readers = {reader.user_id: reader for reader in db.session.scalars(owned(NoticeReader))}
    for user in db.session.scalars(select(User).where(User.tenant_id == tenant_id, User.active.is_(True))):
        ways = ways_of(user, readers.get(user.id))
        wanted = [str(notice.id) for notice in made if ways[NoticeKind(notice.kind)].by_email]
        if wanted:
            db.session.add(NoticeMail(tenant_id=tenant_id, user_id=user.id, notice_ids=wanted, not_before=at))
