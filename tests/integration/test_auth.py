"""Signing in and out."""

from datetime import timedelta

from sqlalchemy import select, update

from tests.factories import PASSWORD, Cast
from tests.person import TOKEN
from webapp.extensions import db
from webapp.models import UserSession
from webapp.models.types import now


def sign_in(client, email, password=PASSWORD, query=""):
    token = TOKEN.search(client.get("/login").get_data(as_text=True))[1]
    return client.post(f"/login{query}", data={"csrf_token": token, "email": email, "password": password})


def test_admin_signs_in_and_lands_on_the_customers(stranger, cast: Cast):
    answer = sign_in(stranger, "ada@acme.example")

    assert (answer.status_code, answer.location) == (303, "/")
    assert "ada@acme.example" in stranger.get("/customers").text


def test_wrong_password_and_unknown_address_get_the_same_words(stranger, cast: Cast):
    wrong = sign_in(stranger, "ada@acme.example", "not the password")
    unknown = sign_in(stranger, "eve@acme.example", "not the password")

    assert wrong.status_code == unknown.status_code == 422
    assert "Email or password is wrong." in wrong.text
    assert "Email or password is wrong." in unknown.text


def test_session_gets_a_new_name_at_sign_in(stranger, cast: Cast):
    stranger.get("/login")
    before = stranger.get_cookie("sid").value

    sign_in(stranger, "ada@acme.example")

    assert stranger.get_cookie("sid").value != before


def test_copied_cookie_is_worth_nothing_after_signing_out(app, stranger, cast: Cast):
    sign_in(stranger, "ada@acme.example")
    copied = stranger.get_cookie("sid").value
    token = TOKEN.search(stranger.get("/customers").text)[1]

    stranger.post("/logout", data={"csrf_token": token})

    thief = app.test_client()
    thief.set_cookie("sid", copied)
    assert thief.get("/customers").status_code == 303


def test_idle_session_is_over_and_says_so(person, cast: Cast):
    ada = person(cast.ada)
    db.session.execute(update(UserSession).values(last_seen_at=now() - timedelta(minutes=31)))
    db.session.commit()

    answer = ada.get("/customers", follow_redirects=True)

    assert "You were logged out. Log in to go on." in answer.text


def test_stranger_on_htmx_is_sent_to_sign_in_as_a_whole_page(stranger, cast: Cast):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/imports?status=failed"}

    answer = stranger.get("/imports", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login?next=/imports?status%3Dfailed"


def test_next_leads_only_to_our_own_pages(stranger, cast: Cast):
    answer = sign_in(stranger, "ada@acme.example", query="?next=//evil.example/")

    assert answer.location == "/"


def test_cookie_value_is_not_in_the_database(stranger, cast: Cast):
    sign_in(stranger, "ada@acme.example")

    value = stranger.get_cookie("sid").value.encode()
    assert all(value not in row.token_hash for row in db.session.scalars(select(UserSession)))
