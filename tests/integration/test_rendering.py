"""What pages are made of: how times, money and counts are written, and who gets a piece."""

from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from markupsafe import Markup

from tests.factories import Cast
from webapp import rendering
from webapp.extensions import db
from webapp.models.types import now


@pytest.fixture
def page(app: Flask):
    """Inside a request, as a template is."""
    with app.test_request_context("/"):
        yield


def back(**time) -> datetime:
    return now() - timedelta(**time)


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (lambda: back(seconds=1), "just now"),
        (lambda: back(seconds=30), "30 seconds ago"),
        (lambda: back(minutes=1, seconds=10), "1 minute ago"),
        (lambda: back(minutes=59, seconds=30), "59 minutes ago"),
        (lambda: back(hours=1, minutes=59), "1 hour ago"),
        (lambda: back(hours=23, minutes=59), "23 hours ago"),
        (lambda: back(seconds=-90), "in 1 minute"),
        (lambda: back(hours=-2, seconds=-30), "in 2 hours"),
    ],
)
def test_time_within_a_day_is_told_from_now(page, moment, words: str):
    assert rendering.ago(moment()) == words


def test_time_longer_ago_is_a_date_and_names_the_zone_where_it_is_nobodys_own(page):
    moment = datetime(2020, 11, 5, 7, 3, tzinfo=UTC)

    assert rendering.ago(moment) == "5 Nov 2020, 07:03 UTC"
    assert rendering.clock_time(moment) == "5 Nov 2020, 07:03 UTC"


def test_time_is_told_to_machines_in_utc_and_to_people_in_the_tenants_zone(app: Flask, person, cast: Cast):
    cast.acme.time_zone = "Asia/Tokyo"
    db.session.commit()
    said = []
    moment = datetime(2020, 1, 1, 23, tzinfo=UTC)
    app.view_functions["customers.index"] = lambda: said.append(rendering.time_tag(moment)) or ""

    person(cast.ada).get("/customers")

    assert said == ['<time datetime="2020-01-01T23:00:00Z" title="2 Jan 2020, 08:00:00 JST">2 Jan 2020, 08:00</time>']
    assert isinstance(said[0], Markup)


def test_time_that_never_was_says_so():
    assert rendering.time_tag(None) == "never"


@pytest.mark.parametrize(
    ("minor", "currency", "words"),
    [
        (0, "EUR", "0.00\N{NO-BREAK SPACE}EUR"),
        (5, "EUR", "0.05\N{NO-BREAK SPACE}EUR"),
        (249000, "EUR", "2,490.00\N{NO-BREAK SPACE}EUR"),
        (-1234567, "JPY", "-12,345.67\N{NO-BREAK SPACE}JPY"),
        (-5, None, "-0.05"),
        (2**62, "USD", "46,116,860,184,273,879.04\N{NO-BREAK SPACE}USD"),
        (None, "EUR", "none"),
    ],
)
def test_money_is_exact_and_names_its_currency(minor, currency, words: str):
    assert rendering.money(minor, currency) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "not started"), (0, "0.0 s"), (0.44, "0.4 s"), (52, "52 s"), (108, "1 m 48 s"), (7500, "2 h 5 m")],
)
def test_length_of_time(seconds, words: str):
    assert rendering.duration(seconds) == words


@pytest.mark.parametrize(
    ("time", "words"),
    [
        ({"seconds": 20}, "less than a minute"),
        ({"minutes": 1}, "1 minute"),
        ({"minutes": 34}, "34 minutes"),
        ({"hours": 25}, "1 day"),
        ({"days": 2, "hours": 1}, "2 days"),
        ({"seconds": -20}, "less than a minute"),
    ],
)
def test_how_long_somebody_has_waited(time, words: str):
    assert rendering.waiting(back(**time)) == words


def test_counts_numbers_and_days():
    assert [rendering.count(n, "customer") for n in (0, 1, 1284)] == ["0 customers", "1 customer", "1,284 customers"]
    assert rendering.count(2, "property", "properties") == "2 properties"
    assert [rendering.number(n) for n in (None, 0, 1284)] == ["none", "0", "1,284"]
    assert [rendering.day(day) for day in (None, date(2026, 1, 2))] == ["none", "2 Jan 2026"]


@pytest.mark.parametrize(
    ("headers", "piece"),
    [
        ({}, False),
        ({"HX-Request": "true"}, True),
        ({"HX-Request": "false"}, False),
        ({"HX-Request": "true", "HX-History-Restore-Request": "true"}, False),
        ({"HX-History-Restore-Request": "true"}, False),
    ],
    ids=str,
)
def test_piece_is_for_htmx_alone_and_history_gets_the_page(person, cast: Cast, headers: dict[str, str], piece: bool):
    answer = person(cast.ada).client.get("/customers", headers=headers)

    assert answer.text.startswith("<!DOCTYPE html>") is not piece
    assert {"HX-Request", "Cookie"} <= {name.strip() for name in answer.headers["Vary"].split(",")}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("cookie", "said"), [("dark", 'data-theme="dark"'), ("light", 'data-theme="light"')])
def test_theme_is_the_cookies(stranger, cookie: str, said: str):
    stranger.set_cookie("theme", cookie)

    assert said in stranger.get("/login").text


@pytest.mark.parametrize("cookie", ["blue", '"><script>alert(1)</script>', ""])
def test_theme_that_is_none_is_left_out(stranger, cookie: str):
    stranger.set_cookie("theme", cookie)

    page = stranger.get("/login").text
    assert "data-theme" not in page
    assert "<script>" not in page


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", "{{77777*77777}}", '" onclick="x', "\N{RIGHT-TO-LEFT OVERRIDE}gpj"],
)
def test_names_are_shown_as_text_whatever_they_hold(person, cast: Cast, name: str):
    cast.acme.name = name
    db.session.commit()

    page = person(cast.ada).get("/customers").text

    assert Markup.escape(name) in page
    assert "<script>alert" not in page
    assert 'onclick="x' not in page.replace("&#34;", "")
    assert str(77777 * 77777) not in page
