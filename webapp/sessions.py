"""Sessions kept in the database: the cookie holds a random name, the row holds the rest and can be ended."""

import hashlib
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from flask import Flask, Request, Response, request, session
from flask.sessions import SessionInterface, SessionMixin
from sqlalchemy import delete, select, update
from sqlalchemy.exc import OperationalError
from werkzeug.datastructures import CallbackDict
from werkzeug.exceptions import SecurityError

from webapp.config import is_loopback
from webapp.extensions import begin_writing, db
from webapp.models import UserSession
from webapp.models.types import now

IDLE = timedelta(minutes=30)
TOTAL = timedelta(hours=8)
# How late `last_seen_at` may lag behind: a write for every page would cost more than this costs in precision.
TOUCH_AFTER = timedelta(seconds=30)


class StoredSession(CallbackDict[str, Any], SessionMixin):
    """What Flask calls the session. `row` is None until there is something to keep; `unread` says why nobody
    could look."""

    def __init__(
        self, row: UserSession | None = None, ended: bool = False, unread: OperationalError | None = None
    ) -> None:
        super().__init__(dict(row.content) if row else {}, self._changed)
        self.row_id: UUID | None = row.id if row else None
        self.last_seen_at = row.last_seen_at if row else None
        self.ends_at = row.ends_at if row else None
        self.ends_at = row.ends_at if row else None
        self.ended, self.unread = ended, unread
        self.modified = False
        self.token: str | None = None

    @staticmethod
    def _changed(self: "StoredSession") -> None:
        self.modified = self.accessed = True


class DatabaseSessions(SessionInterface):
    """Reads the session's row before a request and writes it back, if it changed, after."""

    def open_session(self, app: Flask, request: Request) -> StoredSession:
        try:
            token = request.cookies.get(cookie_name(request))
        except SecurityError:  # a host that is not ours; the view is not reached, the answer is 400
            return StoredSession()
        if not token:
            return StoredSession()
        try:
            row = db.session.scalar(select(UserSession).where(UserSession.token_hash == _hash(token)))
        except OperationalError as error:
            db.session.rollback()
            return StoredSession(unread=error)
        moment = now()
        if row is None or row.ends_at <= moment or (row.user_id and row.last_seen_at + IDLE <= moment):
            return StoredSession(ended=True)
        return StoredSession(row)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        assert isinstance(session, StoredSession)
        if not session.modified:
            return
        session.modified = False  # whatever comes of it: the answer to an error is sent through here again
        begin_writing()
        moment, content = now(), dict(session)
        user_id = UUID(content["_user_id"]) if content.get("_user_id") else None
        if session.row_id is None:
            if not content:
                response.delete_cookie(cookie_name(request), path="/")
                return
            session.token = secrets.token_urlsafe(32)
            db.session.add(
                UserSession(
                    token_hash=_hash(session.token),
                    user_id=user_id,
                    content=content,
                    last_seen_at=moment,
                    ends_at=session.ends_at or moment + TOTAL,
                )
            )
            self._set_cookie(response, session.token)
        else:
            db.session.execute(
                update(UserSession).where(UserSession.id == session.row_id).values(content=content, user_id=user_id)
            )
        db.session.commit()

    @staticmethod
    def _set_cookie(response: Response, token: str) -> None:
        response.set_cookie(
            cookie_name(request),
            token,
            secure=not _plain_loopback(request),
            httponly=True,
            samesite="Lax",
            path="/",
        )
        response.headers.add("Vary", "Cookie")


def cookie_name(request: Request) -> str:
    """`__Host-sid`, which browsers keep only over TLS and for this host alone; a plain name on loopback,
    where some clients drop Secure cookies."""
    return "sid" if _plain_loopback(request) else "__Host-sid"


def _plain_loopback(request: Request) -> bool:
    return request.scheme == "http" and is_loopback(urlsplit(f"//{request.host}").hostname)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def touch() -> None:
    """Note that the person is still there. Polls do not call this, so an open tab does not keep a session."""
    stored = _stored()
    if stored.row_id and stored.last_seen_at and now() - stored.last_seen_at > TOUCH_AFTER:
        begin_writing()
        db.session.execute(update(UserSession).where(UserSession.id == stored.row_id).values(last_seen_at=now()))
        db.session.commit()
        stored.last_seen_at = now()


def renew(keep: dict[str, Any] | None = None) -> None:
    """Leave the session's row and cookie behind and go on under new ones: at sign-in and sign-out, and
    where support starts and stops an impersonation. What is kept is kept no longer than before."""
    stored = _stored()
    stored.ends_at = stored.ends_at if keep else None
    if stored.row_id:
        db.session.execute(delete(UserSession).where(UserSession.id == stored.row_id))
        db.session.commit()
    stored.row_id = None
    if not keep:
        stored.ends_at = None  # only a new sign-in begins a new span
    stored.clear()
    stored.update(keep or {})
    stored.modified = True


def end_sessions_of(user_id: UUID) -> None:
    """End every session of a user, wherever the cookie is; the caller commits."""
    db.session.execute(delete(UserSession).where(UserSession.user_id == user_id))


def _stored() -> StoredSession:
    stored = session._get_current_object()  # type: ignore[attr-defined]
    assert isinstance(stored, StoredSession)
    return stored


def why_unread() -> OperationalError | None:
    """Why the session could not be read: the database did not answer."""
    return _stored().unread


def has_ended() -> bool:
    """Whether the browser sent the cookie of a session that is over."""
    return _stored().ended


def install(app: Flask) -> None:
    app.session_interface = DatabaseSessions()
