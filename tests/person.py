"""Somebody with a browser: a test client that is signed in and sends the form token along."""

import re
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta
from threading import Barrier
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from webapp.extensions import db
from webapp.models import User, UserSession
from webapp.models.types import now
from webapp.sessions import _hash

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class Browser(FlaskClient):
    """A test client whose every request has a context of its own, as in production: no user, tenant or
    database session of the test or of an earlier request reaches it, and the test's transaction is over."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        db.session.rollback()
        return copy_context().run(self._open, *args, **{**kwargs, "buffered": True})

    def _open(self, *args: Any, **kwargs: Any) -> TestResponse:
        with self.application.app_context():
            return super().open(*args, **kwargs)


class Person:
    """A signed-in user. Holds no database objects between calls."""

    def __init__(self, app: Flask, user: User) -> None:
        self.client = app.test_client()
        token, moment = secrets.token_urlsafe(16), now()
        content = {"_user_id": str(user.id), "_fresh": True}
        row = UserSession(
            token_hash=_hash(token),
            user_id=user.id,
            content=content,
            last_seen_at=moment,
            ends_at=moment + timedelta(hours=8),
        )
        db.session.add(row)
        db.session.commit()
        self.client.set_cookie("sid", token)
        self._csrf: str | None = None

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self.client.get(path, **kwargs)

    def htmx(self, path: str, **kwargs: Any) -> TestResponse:
        return self.client.get(path, headers={"HX-Request": "true"}, **kwargs)

    def post(self, path: str, htmx: bool = False, **fields: Any) -> TestResponse:
        """Post a form as its page would; with `htmx`, as htmx would."""
        headers = {"HX-Request": "true"} if htmx else {}
        return self.client.post(path, data={"csrf_token": self.csrf(), **fields}, headers=headers)

    def csrf(self) -> str:
        if self._csrf is None:
            for path in ("/customers", "/support"):
                found = TOKEN.search(self.client.get(path).get_data(as_text=True))
                if found:
                    self._csrf = found[1]
                    break
            assert self._csrf, "no page with a form token"
        return self._csrf


def at_once(app: Flask, people: list[Person], act: Callable[[Person], int]) -> list[int]:
    """What each gets who presses at the same moment."""
    together = Barrier(len(people))
    for person in people:
        person.csrf()

    def press(person: Person) -> int:
        with app.app_context():
            together.wait()
            return act(person)

    db.session.rollback()
    with ThreadPoolExecutor(len(people)) as threads:
        return list(threads.map(press, people))
