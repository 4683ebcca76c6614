"""E-mails about notices, sent by the clock in a thread of their own: a slow server keeps no import waiting.

Each is claimed in the database before it is sent, and never sent again when nobody knows what became of it: at most
once, at the price that one may be missing after a crash in that moment. The notice itself stands in the app."""

import smtplib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from uuid import UUID

import structlog
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from webapp.config import Settings
from webapp.extensions import db, reading
from webapp.models import MailState, Notice, NoticeMail, User
from webapp.models.types import now
from webapp.notices import one_line, words_of
from webapp.tenancy import across_tenants, acting_for, owned, owned_update

EVERY_SECONDS = 10.0
AT_ONCE = 20
# For each answer of the server.
TIMEOUT = 10
# How long an e-mail that was not taken waits, each time; then it is given up.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
MOST_TOLD = 20
log = structlog.get_logger()


class NotTaken(Exception):
    """The server certainly has not taken the e-mail. `for_good`: nor will it; `for_all`: it takes none now."""

    def __init__(self, why: str, for_good: bool = False, for_all: bool = False) -> None:
        super().__init__(why)
        self.why, self.for_good, self.for_all = why, for_good, for_all


class NobodyKnows(Exception):
    """The connection ended after the e-mail was on its way: it may have arrived."""


def send_until(stop: threading.Event, app: Flask) -> None:
    """What the clock's thread does."""
    if not app.config["SETTINGS"].mails_are_sent:
        return
    while not stop.wait(EVERY_SECONDS):
        with app.app_context():
            try:
                send_waiting(app.config["SETTINGS"])
            except SQLAlchemyError as error:
                db.session.rollback()
                log.error("mails could not be sent", error=type(error).__name__)


def send_waiting(settings: Settings) -> None:
    """Send what is due: of each tenant its first, then of each its second."""
    of = NoticeMail
    place = func.row_number().over(partition_by=of.tenant_id, order_by=(of.not_before, of.id)).label("place")
    due = select(of.id, of.tenant_id, of.not_before, place).where(of.state == MailState.WAITING, of.not_before <= now())
    rows = due.subquery()
    in_turns = select(rows.c.id, rows.c.tenant_id).order_by(rows.c.place, rows.c.not_before).limit(AT_ONCE)
    with across_tenants(), reading():
        found = db.session.execute(in_turns).all()
        db.session.rollback()
    for id_, tenant_id in found:
        with acting_for(tenant_id):
            if not _send(settings, id_):
                return


def _send(settings: Settings, id_: UUID) -> bool:
    """Claim one, send it with no transaction open, and note what came of it; False when the server takes none."""
    if not _note(id_, MailState.WAITING, state=MailState.SENDING, tries=NoticeMail.tries + 1):
        return True  # another clock has it
    letter = _letter(settings, id_)
    db.session.rollback()
    if letter is None:
        _note(id_, MailState.SENDING, state=MailState.GIVEN_UP)
        return True
    try:
        hand_over(settings, letter.to, letter.message)
    except NobodyKnows:
        log.warning("nobody knows whether a mail arrived", mail=str(id_))
        return True  # it stays claimed
    except NotTaken as error:
        last = error.for_good or letter.tries > len(PAUSES)
        log.warning("a mail was not taken", mail=str(id_), why=error.why, tries=letter.tries, given_up=last)
        again = {} if last else {"not_before": now() + PAUSES[letter.tries - 1]}
        _note(id_, MailState.SENDING, state=MailState.GIVEN_UP if last else MailState.WAITING, **again)
        return not error.for_all
    _note(id_, MailState.SENDING, state=MailState.SENT, sent_at=now())
    return True


def _note(id_: UUID, before: MailState, **after: object) -> bool:
    changed = owned_update(NoticeMail).where(NoticeMail.id == id_, NoticeMail.state == before).values(**after)
    done = db.session.execute(changed.execution_options(synchronize_session=False))
    db.session.commit()
    return bool(done.rowcount)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Letter:
    to: str
    message: bytes
    tries: int


def _letter(settings: Settings, id_: UUID) -> Letter | None:
    """What is to be sent; None when there is nobody to send it to any more."""
    mail = db.session.scalars(owned(NoticeMail).where(NoticeMail.id == id_)).one()
    user = db.session.scalars(select(User).where(User.id == mail.user_id, User.active.is_(True))).first()
    ids = [UUID(each) for each in mail.notice_ids[:MOST_TOLD]]
    told = db.session.scalars(owned(Notice).where(Notice.id.in_(ids)).order_by(Notice.kind, Notice.since)).all()
    if user is None or user.tenant_id != mail.tenant_id or not told:
        return None
    try:
        message = message_of(settings, user.email, list(told), len(mail.notice_ids), now())
    except ValueError:  # an address that no header can hold
        return None
    return Letter(user.email, message, mail.tries)


def message_of(settings: Settings, to: str, told: list[Notice], total: int, at: datetime) -> bytes:
    """Plain text. Names are of the tenant's customers, so of anybody: none gets into a header but as one line."""
    words = [words_of(notice) for notice in told]
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = settings.smtp_from, to
    message["Subject"] = one_line(words[0].title) if total == 1 else f"{total} notices from Customerscore"
    message["Date"] = format_datetime(at)
    message["Message-ID"] = make_msgid(domain=settings.smtp_from.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    parts = [f"{one_line(each.title)}\n{each.means}\n{each.press}: {settings.base_url}{each.path}\n" for each in words]
    if total > len(told):
        parts.append(f"And {total - len(told)} more.\n")
    foot = f"All notices: {settings.base_url}/notices\nChoose which you get: {settings.base_url}/notices/settings\n"
    message.set_content("\n".join([*parts, "-- \n" + foot]))
    return message.as_bytes()


def hand_over(settings: Settings, to: str, message: bytes) -> None:
    """Give an e-mail to the server, over a connection of its own. Whoever it cannot be given to is told by NotTaken."""
    try:
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT)
    except (OSError, smtplib.SMTPException) as error:
        raise NotTaken(type(error).__name__, for_all=True) from None
    with _ended(server):
        _greet(settings, server)
        try:
            for answer in (server.mail(settings.smtp_from), server.rcpt(to)):
                _accepted(answer[0])
        except (OSError, smtplib.SMTPException) as error:
            raise NotTaken(type(error).__name__, for_all=True) from None
        try:
            code, _ = server.data(message)
        except smtplib.SMTPDataError as error:
            code = error.smtp_code
        except (OSError, smtplib.SMTPException) as error:
            raise NobodyKnows from error
        _accepted(code)


def _greet(settings: Settings, server: smtplib.SMTP) -> None:
    """Encrypt and sign in; a mistake in either holds for every e-mail."""
    try:
        server.ehlo_or_helo_if_needed()
        if settings.smtp_starttls:
            server.starttls(context=ssl.create_default_context())
            server.ehlo_or_helo_if_needed()
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password)
    except (OSError, smtplib.SMTPException) as error:
        raise NotTaken(type(error).__name__, for_all=True) from None


def _accepted(code: int) -> None:
    if code >= 400:
        raise NotTaken(f"answer {code}", for_good=code >= 500)


@contextmanager
def _ended(server: smtplib.SMTP) -> Iterator[None]:
    """The conversation is ended politely if that is possible; what was said before stands."""
    try:
        yield
    finally:
        with suppress(OSError, smtplib.SMTPException):
            server.quit()
        server.close()
