"""The gate: where a visitor is sent, what a refusal says, and what is left of the app when something is down."""

import io
import logging
from datetime import timedelta
from functools import wraps
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask, request
from sqlalchemy import create_engine, select, update

from tests.factories import PASSWORD, Cast
from tests.person import TOKEN, Browser
from tests.texts import words_of
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.models import UserSession
from webapp.models.types import now

NO_NEXT = (
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "https://evil.example/customers",
    "https:customers",
    "javascript:alert(1)",
    "customers",
    " /customers",
    "/customers\r\nSet-Cookie: x=1",
    "/cust\\omers",
    "/" + "x" * 1001,
)


def sign_in(browser: Browser, email: str, following: str = ""):
    token = TOKEN.search(browser.get("/login").text)[1]
    query = {"next": following} if following else {}
    fields = {"csrf_token": token, "email": email, "password": PASSWORD}
    return browser.post("/login", query_string=query, data=fields)


@pytest.mark.parametrize("following", NO_NEXT)
def test_next_never_leads_away(stranger: Browser, cast: Cast, following: str):
    answer = sign_in(stranger, "ada@acme.example", following)

    assert (answer.status_code, answer.location) == (303, "/")


@pytest.mark.parametrize("following", ["/imports?status=failed&page=2", "/properties", "/customers?q=a%20b"])
def test_next_leads_back_to_the_page_that_was_asked_for(stranger: Browser, cast: Cast, following: str):
    first = stranger.get(following)
    assert parse_qs(urlsplit(first.location).query)["next"] == [following]

    assert sign_in(stranger, "ada@acme.example", following).location == following


def test_write_of_a_stranger_is_not_repeated_after_signing_in(stranger: Browser):
    assert stranger.post("/imports").location == "/login"


@pytest.mark.parametrize(
    "address", ["http://evil.example/customers", "http://localhost//evil.example/", "nonsense[", "http://[", ""]
)
def test_fragment_leads_back_to_a_page_of_ours_or_to_none(stranger: Browser, cast: Cast, address: str):
    answer = stranger.get("/imports", headers={"HX-Request": "true", "HX-Current-URL": address})

    following = parse_qs(urlsplit(answer.headers["HX-Redirect"]).query).get("next", [""])[0]
    ours = "/customers" if address.endswith("/customers") else "/"  # its path alone
    assert sign_in(stranger, "ada@acme.example", following).location == ours


@pytest.mark.parametrize("method", ["get", "post"])
def test_session_that_ended_in_mid_page_sends_the_whole_page_to_sign_in(person, cast: Cast, method: str):
    ada = person(cast.ada)
    token = ada.csrf()
    db.session.execute(update(UserSession).values(last_seen_at=now() - timedelta(minutes=31)))
    db.session.commit()

    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/imports", "X-CSRFToken": token}
    answer = getattr(ada.client, method)("/imports", headers=headers)

    assert (answer.status_code, answer.data) == (401, b"")
    assert answer.headers["HX-Redirect"] == "/login?next=/imports"
    assert "Location" not in answer.headers


def test_member_reads_why_a_page_is_closed(person, cast: Cast):
    page = person(cast.max).get("/settings/providers/chartmogul")

    assert page.status_code == 403
    assert "Only admins can do this" in words_of(page.text)


def test_error_page_of_somebody_who_is_signed_in_leads_on(person, stranger: Browser, cast: Cast):
    for somebody, path, link in ((cast.max, "/nowhere", "/customers"), (cast.sam, "/customers", "/support")):
        page = person(somebody).get(path).text
        assert f'<li><a href="{link}"' in page
        assert page.count("<main") == page.count("<h1") == 1
    assert "This page belongs to a tenant" in page
    assert '<nav aria-label="Main">' not in stranger.get("/nowhere").text


def test_refused_write_is_on_the_record_and_a_refused_page_is_not(person, cast: Cast):
    max_ = person(cast.max)
    max_.get("/settings/providers/chartmogul")
    max_.post("/imports")

    refusals = select(AuditEntry).where(AuditEntry.action == "authz:refused")
    (entry,) = db.session.scalars(refusals).all()
    assert (entry.actor, entry.tenant_id) == ("max@acme.example", cast.acme.id)
    assert entry.details == {"endpoint": "imports.create", "method": "POST"}


def test_page_that_was_open_too_long_says_so(person, cast: Cast):
    answer = person(cast.ada).client.post("/imports", data={"csrf_token": "of an older session"})

    assert answer.status_code == 400
    assert "This page was open for too long" in words_of(answer.text)


# When something is wrong.


@pytest.fixture
def broken(app: Flask) -> Flask:
    """The app with a sign-in page that fails."""

    def fail() -> str:
        raise RuntimeError("the details are for the log")

    fail.access = "public"  # type: ignore[attr-defined]
    app.view_functions["auth.create"] = fail
    return app


def test_our_mistake_is_a_page_with_an_id_that_the_log_has_too(broken: Flask, stranger: Browser):
    ours = next(handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler)
    ours.setStream(log := io.StringIO())

    page = stranger.get("/login")

    assert page.status_code == 500
    assert page.headers["X-Request-Id"] in page.text
    assert page.headers["X-Request-Id"] in log.getvalue()
    assert "the details are for the log" in log.getvalue()
    assert "the details are for the log" not in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_our_mistake_is_an_empty_fragment(broken: Flask, stranger: Browser):
    answer = stranger.get("/login", headers={"HX-Request": "true"})

    assert (answer.status_code, answer.data) == (500, b"")


@pytest.fixture
def without_database(app: Flask):
    """From now on nobody answers where the database was."""

    def take_away() -> None:
        db.session.rollback()
        db.engine.dispose()
        db.engines[None] = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")

    before = db.engine
    yield take_away
    db.engines[None] = before


@pytest.mark.parametrize("path", ["/customers", "/imports", "/settings/providers", "/login", "/no-such-page"])
def test_without_the_database_there_is_a_page_that_says_so(person, cast: Cast, without_database, path: str):
    ada = person(cast.ada)
    without_database()

    page = ada.client.get(path)

    assert page.status_code == 503
    assert "The database does not answer right now" in words_of(page.text)
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]


def test_without_the_database_a_fragment_is_empty(person, cast: Cast, without_database):
    ada = person(cast.ada)
    without_database()

    answer = ada.client.get("/imports", headers={"HX-Request": "true"})

    assert (answer.status_code, answer.data) == (503, b"")


def test_without_the_database_the_process_says_that_it_lives(person, cast: Cast, without_database):
    ada = person(cast.ada)
    without_database()

    assert ada.client.get("/healthz").status_code == 200
    assert ada.client.get("/readyz").json["database"] is False


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost:8000.evil.example", "["])
def test_host_that_is_not_ours_is_refused_in_plain_words(person, cast: Cast, host: str):
    ada = person(cast.ada)
    for method in ("GET", "POST"):
        answer = ada.client.open("/customers", method=method, headers={"Host": host})

        assert answer.status_code == 400
        assert answer.mimetype == "text/plain"
        assert host not in answer.text
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_forwarded_address_is_believed_only_from_a_proxy(app: Flask, stranger: Browser, cast: Cast):
    seen, show = [], app.view_functions["auth.create"]
    app.view_functions["auth.create"] = wraps(show)(lambda: seen.append(request.remote_addr) or show())

    stranger.get("/login", headers={"X-Forwarded-For": "9.9.9.9", "X-Forwarded-Proto": "https"})

    assert seen == ["127.0.0.1"]
    assert stranger.get_cookie("sid") is not None


def test_security_headers_of_tls_are_sent_over_tls_alone(stranger: Browser):
    plain, sealed = stranger.get("/login"), stranger.get("/login", base_url="https://localhost")

    assert "Strict-Transport-Security" not in plain.headers
    assert sealed.headers["Strict-Transport-Security"] == "max-age=31536000"
