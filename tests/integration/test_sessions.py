"""Sessions: how long they last, what ends them, and how often somebody may try to begin one."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from tests.factories import PASSWORD, Cast
from tests.person import TOKEN, Browser, Person
from webapp.extensions import db
from webapp.models import Role, User, UserSession
from webapp.models.types import now
from webapp.sessions import end_sessions_of


def sign_in(browser: Browser, email: str, password: str = PASSWORD, **more: Any):
    base = {"base_url": more.pop("base_url", "http://localhost"), **more}
    token = TOKEN.search(browser.get("/login", **base).text)[1]
    headers = {"Referer": f"{base['base_url']}/login"}
    fields = {"csrf_token": token, "email": email, "password": password}
    return browser.post("/login", data=fields, headers=headers, **base)


def seen(minutes: float) -> None:
    """Let so many minutes pass since anybody was last seen."""
    db.session.execute(update(UserSession).values(last_seen_at=now() - timedelta(minutes=minutes)))
    db.session.commit()


def last_seen() -> Any:
    at = db.session.scalar(select(UserSession.last_seen_at).where(UserSession.user_id.is_not(None)))
    db.session.rollback()
    return at


def signed_in(person: Person) -> bool:
    return person.client.get("/customers").status_code == 200


# How long.


@pytest.mark.parametrize(("minutes", "alive"), [(29, True), (30, False), (31, False)])
def test_half_an_hour_without_a_click_ends_it(person, cast: Cast, minutes: float, alive: bool):
    ada = person(cast.ada)
    seen(minutes)

    assert signed_in(ada) is alive


def test_a_click_counts_and_a_poll_does_not(person, cast: Cast):
    ada = person(cast.ada)
    seen(10)
    before = last_seen()

    ada.htmx("/imports/new-rows")
    assert last_seen() == before

    ada.get("/imports")
    assert last_seen() - before > timedelta(minutes=9)


def test_page_that_only_polls_is_signed_out(person, cast: Cast):
    ada = person(cast.ada)
    seen(31)

    answer = ada.htmx("/imports/new-rows")

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/login")


@pytest.mark.parametrize(("left", "alive"), [(1, True), (0, False), (-60, False)])
def test_eight_hours_are_the_end_however_busy(person, cast: Cast, left: int, alive: bool):
    ada = person(cast.ada)
    (row,) = db.session.scalars(select(UserSession)).all()
    assert row.ends_at - row.created_at <= timedelta(hours=8, seconds=1)
    row.ends_at = now() + timedelta(minutes=left)
    db.session.commit()

    assert signed_in(ada) is alive


def test_impersonating_makes_no_session_last_longer(person, cast: Cast):
    sam = person(cast.sam)
    sam.csrf()
    ends_at = now() + timedelta(minutes=20)
    db.session.execute(update(UserSession).values(ends_at=ends_at))
    db.session.commit()

    sam.post(f"/support/tenants/{cast.acme.id}/impersonation", reason="to see what Ada sees")
    sam._csrf = None
    sam.post("/support/impersonation/stop")

    assert db.session.scalars(select(UserSession.ends_at)).all() == [ends_at]


# What ends them.


def test_copied_cookie_ends_with_the_session(app: Flask, person, cast: Cast):
    ada = person(cast.ada)
    thief = app.test_client()
    thief.set_cookie("sid", ada.client.get_cookie("sid").value)
    assert thief.get("/customers").status_code == 200

    ada.post("/logout")

    assert thief.get("/customers").status_code == 303


def test_cookie_that_somebody_chose_for_us_is_never_taken_up(app: Flask, cast: Cast):
    browser = app.test_client()
    browser.set_cookie("sid", "chosen-by-somebody-else")

    sign_in(browser, "ada@acme.example")

    assert browser.get_cookie("sid").value != "chosen-by-somebody-else"
    victim = app.test_client()
    victim.set_cookie("sid", "chosen-by-somebody-else")
    assert victim.get("/customers").status_code == 303


def test_signing_out_leaves_no_row_and_no_cookie(person, cast: Cast):
    ada = person(cast.ada)

    ada.post("/logout")

    assert db.session.scalar(select(func.count()).select_from(UserSession)) == 0
    assert ada.client.get_cookie("sid") is None


def test_disabled_user_is_out_on_the_next_request(person, cast: Cast):
    ada = person(cast.ada)
    assert signed_in(ada)
    db.session.execute(update(User).where(User.id == cast.ada.id).values(active=False))
    db.session.commit()

    assert not signed_in(ada)
    assert sign_in(ada.client, "ada@acme.example").status_code == 422


def test_right_taken_away_is_gone_on_the_next_request(person, cast: Cast):
    ada = person(cast.ada)
    assert ada.get("/settings/providers/chartmogul").status_code == 200
    db.session.execute(update(User).where(User.id == cast.ada.id).values(role=Role.MEMBER))
    db.session.commit()

    assert ada.get("/settings/providers/chartmogul").status_code == 403
    assert ada.post("/imports").status_code == 403


def test_all_sessions_of_a_user_end_at_once(app: Flask, person, cast: Cast):
    one, other, max_ = person(cast.ada), person(cast.ada), person(cast.max)

    end_sessions_of(cast.ada.id)
    db.session.commit()

    assert (signed_in(one), signed_in(other), signed_in(max_)) == (False, False, True)


# The cookie.


@pytest.mark.parametrize(
    ("address", "name", "secure"),
    [
        ("http://localhost", "sid", False),
        ("http://127.0.0.1:8000", "sid", False),
        ("http://[::1]", "sid", False),
        ("http://[::1]:8000", "sid", False),
        ("https://localhost", "__Host-sid", True),
        ("https://app.example", "__Host-sid", True),
        ("http://app.example", "__Host-sid", True),
    ],
)
def test_cookie_is_plain_only_on_this_machine_without_tls(
    app: Flask, cast: Cast, address: str, name: str, secure: bool
):
    app.config["TRUSTED_HOSTS"] = None

    said = app.test_client().get("/login", base_url=address).headers["Set-Cookie"]

    assert said.startswith(f"{name}=")
    parts = {part.strip() for part in said.split(";")[1:]}
    assert parts == {"HttpOnly", "Path=/", "SameSite=Lax"} | ({"Secure"} if secure else set())


def test_plain_cookie_is_no_key_to_the_sealed_door(app: Flask, person, cast: Cast):
    app.config["TRUSTED_HOSTS"] = None
    token = person(cast.ada).client.get_cookie("sid").value
    browser = app.test_client()
    browser.set_cookie("sid", token, domain="app.example")

    assert browser.get("/customers", base_url="https://app.example").status_code == 303
