"""How often, and with what, somebody may try to sign in."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import make_settings
from tests.factories import Cast
from tests.integration.test_sessions import sign_in
from tests.person import Browser
from webapp import create_app
from webapp.config import Settings
from webapp.extensions import db, limiter


@pytest.fixture(params=["redis", "no redis"])
def house(request: pytest.FixtureRequest, app: Flask, settings: Settings, tmp_path: Path) -> Iterator[Flask]:
    """The app; and the app whose Redis does not answer, so that each process counts for itself."""
    if request.param == "redis":
        yield app
        return
    urls = {"database_url": settings.database, "redis_url": f"unix://{tmp_path}/nobody"}
    app = create_app(make_settings(tmp_path, **urls))
    app.test_client_class = Browser
    yield app
    limiter._storage_dead = False  # it is one for all apps of this process
    with app.app_context():
        db.engine.dispose()


def tries(house: Flask, email: str, count: int) -> list[int]:
    browser = house.test_client()
    return [sign_in(browser, email, "wrong password").status_code for _ in range(count)]


def test_ten_wrong_passwords_close_the_account_for_a_while_and_no_other(house: Flask, cast: Cast):
    assert tries(house, "ada@acme.example", 12) == [422] * 10 + [429] * 2

    late = sign_in(house.test_client(), "Ada@acme.example ")
    assert late.status_code == 429
    assert "Too many tries. Try again in 5 minutes." in late.text
    assert sign_in(house.test_client(), "max@acme.example").status_code == 303


def test_sixty_wrong_passwords_close_the_address_for_a_while(house: Flask, cast: Cast):
    for number in range(6):
        assert tries(house, f"nobody-{number}@acme.example", 10) == [422] * 10

    assert tries(house, "nobody-7@acme.example", 1) == [429]
    other = {"REMOTE_ADDR": "10.1.1.1"}
    assert sign_in(house.test_client(), "ada@acme.example", environ_base=other).status_code == 303


@pytest.mark.parametrize(
    ("password", "status"),
    [("x" * 129, 422), ("x" * 1000, 422), ("é" * 100_000, 422), ("x" * 10_000_000, 413), ("", 422), ("\0", 422)],
    ids=["129 letters", "1,000 letters", "600 kB", "10 MB", "empty", "a NUL"],
)
def test_odd_password_is_answered_rightly_and_soon(stranger: Browser, cast: Cast, password: str, status: int):
    stranger.get("/login")
    began = time.monotonic()

    answer = sign_in(stranger, "ada@acme.example", password)

    assert answer.status_code == status
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "email", ["a\0b@acme.example", "x" * 300, "ada@acme.example\n", "' OR 1=1 --", "", "é@ü.example"]
)
def test_odd_address_is_a_wrong_one(stranger: Browser, cast: Cast, email: str):
    assert sign_in(stranger, email).status_code in (303 if email.strip() == "ada@acme.example" else 422,)


def test_right_password_is_not_counted(app: Flask, cast: Cast):
    for _ in range(12):
        assert sign_in(app.test_client(), "ada@acme.example").status_code == 303
