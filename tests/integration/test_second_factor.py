"""Support staff's one-time codes, where REQUIRE_STAFF_TOTP=1 asks for them."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from sqlalchemy import select

from tests.factories import PASSWORD, Cast
from tests.person import TOKEN
from webapp.extensions import db
from webapp.models import Impersonation, UserSession
from webapp.models.types import now

EMAIL = "sam@customerscore.example"


@pytest.fixture
def app_with_codes(app):
    app.config["SETTINGS"].require_staff_totp = True
    return app


@pytest.fixture
def secret(app_with_codes, cast: Cast) -> str:
    answer = app_with_codes.test_cli_runner().invoke(args=["users", "second-factor", EMAIL])
    db.session.expire_all()
    return parse_qs(urlsplit(answer.output.strip()).query)["secret"][0]


def post(client, path, **fields):
    token = TOKEN.search(client.get(path).text)[1]
    return client.post(path, data={"csrf_token": token, **fields})


def sign_in(client):
    return post(client, "/login", email=EMAIL, password=PASSWORD)


def test_staff_sign_in_with_password_and_code(stranger, secret):
    answer = sign_in(stranger)
    assert answer.location == "/login/code"
    assert stranger.get("/support").status_code == 303

    answer = post(stranger, "/login/code", code=pyotp.TOTP(secret).now())

    assert answer.location == "/support"
    assert stranger.get("/support").status_code == 200


def test_code_works_once(app, stranger, secret):
    code = pyotp.TOTP(secret).now()
    sign_in(stranger)
    post(stranger, "/login/code", code=code)
    second = app.test_client()
    sign_in(second)

    answer = post(second, "/login/code", code=code)

    assert answer.status_code == 422
    assert "This code does not fit." in answer.text
    assert second.get("/support").status_code == 303


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "000000", "1" * 5000])
def test_wrong_code_lets_nobody_in(stranger, secret, code):
    sign_in(stranger)

    assert post(stranger, "/login/code", code=code).status_code == 422
    assert stranger.get("/support").status_code == 303


def test_staff_without_a_second_factor_cannot_get_in(app_with_codes, stranger, cast: Cast):
    sign_in(stranger)

    assert post(stranger, "/login/code", code="123456").status_code == 422


def test_code_page_without_a_password_before_leads_to_the_log_in_page(app_with_codes, stranger):
    assert stranger.get("/login/code").location == "/login"


def test_tenants_people_are_not_asked_for_codes(app_with_codes, stranger, cast: Cast):
    answer = post(stranger, "/login", email="ada@acme.example", password=PASSWORD)

    assert answer.location == "/"


def test_impersonation_needs_a_fresh_code(app, stranger, secret, cast: Cast):
    sign_in(stranger)
    post(stranger, "/login/code", code=pyotp.TOTP(secret).now())
    path = f"/support/tenants/{cast.acme.id}/impersonation"
    assert stranger.get(path).status_code == 200
    for row in db.session.scalars(select(UserSession)):
        row.content = {**row.content, "second_factor_at": (now() - timedelta(minutes=6)).isoformat()}
    db.session.commit()

    answer = stranger.get(path)

    assert (answer.status_code, answer.location) == (303, f"/login/code?next={path}")
    assert db.session.scalars(select(Impersonation)).all() == []


@pytest.mark.parametrize("signed_in", [False, True], ids=["at sign-in", "signed in"])
def test_codes_cannot_be_guessed_for_long(stranger, secret, signed_in):
    sign_in(stranger)
    if signed_in:
        post(stranger, "/login/code", code=pyotp.TOTP(secret).now())

    answers = [post(stranger, "/login/code", code="not one").status_code for _ in range(12)]

    assert answers == [422] * 10 + [429] * 2


def test_new_second_factor_ends_the_sessions_of_before(app, stranger, secret):
    sign_in(stranger)
    post(stranger, "/login/code", code=pyotp.TOTP(secret).now())
    assert stranger.get("/support").status_code == 200

    app.test_cli_runner().invoke(args=["users", "second-factor", EMAIL])

    assert stranger.get("/support").location.startswith("/login")
