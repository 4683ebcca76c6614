"""The dashboard: what there is at each stage, customers and MRR by grade, who moved, who needs a call."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import event

from tests import factories
from tests.health_scores import furnish
from tests.kept_scores import keep_day, keep_now
from tests.texts import words_of
from webapp import scoring
from webapp.dashboard import grades_of, moved_most, to_call_first
from webapp.extensions import db
from webapp.health import Grade
from webapp.models import ImportState, ProviderState, Scoring, Source
from webapp.models.types import now
from webapp.tenancy import acting_for

NAMES = re.compile(r'<th scope="row" class="words"><a href="/customers/[^"]+">([^<]+)</a>')


@pytest.fixture
def version(cast):
    property_ = factories.make_property(cast.acme)
    return factories.make_health_version(cast.acme, scoring.row_of(property_, 3, 0, 100))


@pytest.fixture
def provider(cast, version):
    provider = factories.make_provider(cast.acme, last_success_at=now())
    with acting_for(cast.acme.id):
        db.session.add(Scoring(tenant_id=cast.acme.id, wanted=1, scored=1, day=now().date(), scored_at=now()))
        db.session.commit()
    return provider


def change(cast, row, **changes) -> None:
    with acting_for(cast.acme.id):
        for name, value in changes.items():
            setattr(row, name, value)
        db.session.commit()


def section(page: str, id_: str) -> str:
    return page.split(f'<section class="panel" id="{id_}"')[1].split('<section class="panel"')[0]


def test_everybody_begins_at_the_right_place(cast, person, stranger):
    assert stranger.get("/").location.startswith("/login")
    assert person(cast.sam).get("/").location == "/support"
    assert person(cast.max).get("/").status_code == 200


def test_each_stage_says_what_to_press(cast, person):
    ada, max_ = person(cast.ada), person(cast.max)
    assert "Connect to ChartMogul</a>" in ada.get("/").text
    assert "Only admins can configure integrations." in max_.get("/").text
    provider = factories.make_provider(cast.acme, ProviderState.SETTING_UP)
    assert "Your first import is being set up" in ada.get("/").text
    change(cast, provider, state=ProviderState.CONNECTED, set_up_at=now())
    assert "No import has finished so far" in ada.get("/").text
    import_ = factories.make_import(provider, ImportState.RUNNING)
    assert "The first import is running" in ada.get("/").text
    change(cast, import_, state=ImportState.DONE)
    change(cast, provider, last_success_at=now())
    assert "No health score is published" in ada.get("/").text
    assert 'href="/health-score"' in ada.get("/").text
    factories.make_health_version(cast.acme)
    assert "Scores are being made" in ada.get("/").text


def test_customers_and_mrr_are_counted_by_grade_and_by_reason(cast, person, provider, version):
    for points, mrr in ((900, 10_000), (850, 5_000), (300, 2_500)):
        customer = factories.make_customer(provider, mrr_minor=mrr)
        factories.give_score(customer, version, [points], now().date())
    factories.make_customer(provider, "Gone", status="Cancelled", mrr_minor=0)
    factories.make_customer(provider, "Lead", status="New Lead", mrr_minor=0)
    factories.make_customer(provider, "New", mrr_minor=700)
    factories.give_score(factories.make_customer(provider, "Bare", mrr_minor=100), version, [None], now().date())

    with acting_for(cast.acme.id):
        grades = grades_of(provider)
    page = person(cast.max).get("/").text

    shares = {grade: (share.customers, share.mrr_minor) for grade, share in grades.by_grade.items()}
    assert shares == {Grade(1): (2, 15_000), Grade(2): (0, 0), Grade(3): (0, 0), Grade(4): (1, 2_500), Grade(5): (0, 0)}
    assert {why: share.customers for why, share in grades.by_reason.items()} == {
        "churned": 1,
        "lead": 1,
        "not_yet": 1,
        "not_enough_data": 1,
    }
    assert "No score: Churned" in page
    for link in ("grade=1", "grade=4,5", "sort=-risk", "sort=trend"):
        assert re.search(rf'href="/customers\?{link.replace(",", "(,|%2C)")}"', page), link


def test_ten_largest_moves_of_the_week_in_both_directions(cast, person, provider, version):
    today = now().date()
    for number in range(12):
        customer = factories.make_customer(provider, f"Mover {number:02}")
        before, after = (500, 500 + 10 * number) if number % 2 else (500, 500 - 10 * number)
        factories.give_score(customer, version, [before], today - timedelta(days=20 if number % 3 else 7))
        factories.give_score(customer, version, [after], today - timedelta(days=1))
    young = factories.make_customer(provider, "Young")
    factories.give_score(young, version, [990], today - timedelta(days=3))

    with acting_for(cast.acme.id):
        moved = moved_most(provider, today)
    shown = section(person(cast.ada).get("/").text, "moved")

    assert [each.moved for each in moved] == [110, -100, 90, -80, 70, -60, 50, -40, 30, -20]
    assert NAMES.findall(shown)[:2] == ["Mover 11", "Mover 10"]
    assert "50 → 61" in words_of(shown)
    assert "3 Watch → 2 Stable" in words_of(shown)


def test_no_move_is_told_of_what_was_not_known_a_week_ago(cast, provider, version):
    (peak,) = furnish(cast.acme, "MRR vs peak")
    fit = factories.make_property(cast.acme, "Fit", type="number", source=Source.BY_HAND, field=None)
    newer = factories.make_health_version(
        cast.acme, *(scoring.row_of(each, 1, 0, 100) for each in (peak, fit)), number=2
    )
    today, week = now().date(), now().date() - timedelta(days=7)
    for name, status, caps, rated, rebuilt, then in (
        ("Shrank", "Active", [], None, True, newer),
        ("Past due since then", "Past Due", ["past_due"], None, False, newer),
        ("Past due since when", "Past Due", ["past_due"], None, True, newer),
        ("Leaving since when", "Active", ["scheduled_churn"], None, True, newer),
        ("Rated since when", "Active", [], 50, True, newer),
        ("By another version then", "Active", [], None, False, version),
    ):
        customer = factories.make_customer(provider, name, status=status)
        factories.make_value(fit, customer, number=rated)
        keep_day(customer, then, [900, None] if then is newer else [900], week, rebuilt=rebuilt)
        keep_now(customer, newer, [300, rated], caps)

    with acting_for(cast.acme.id):
        moved = moved_most(provider, today)

    assert {each.customer.name for each in moved} == {"Shrank", "Past due since then"}


def test_calls_are_ordered_by_points_lost_times_mrr(cast, person, provider, version):
    for name, points, mrr in (("Small", 0, 1_000), ("Big", 900, 50_000), ("Half", 500, 4_000), ("Full", 1000, 99_000)):
        factories.give_score(factories.make_customer(provider, name, mrr_minor=mrr), version, [points], now().date())

    with acting_for(cast.acme.id):
        assert [each.customer.name for each in to_call_first(provider)] == ["Big", "Half", "Small"]


def test_calls_can_be_ordered_whatever_the_mrr(cast, person, provider, version):
    """The largest amounts times the points are no BIGINT any more."""
    for name, mrr in (("Large", 10**17), ("Small", 10**3)):
        factories.give_score(factories.make_customer(provider, name, mrr_minor=mrr), version, [0], now().date())

    assert NAMES.findall(section(person(cast.max).get("/").text, "call")) == ["Large", "Small"]


def test_stale_data_is_said_to_be(cast, person, provider):
    change(cast, provider, last_success_at=now() - timedelta(days=4))

    page = person(cast.max).get("/").text

    assert "Stale since" in page
    assert page.count('<tbody class="muted">') == 3 - page.count("<p>Nobody: ")
    assert 'data-tone="bad"' not in section(page, "grades")


def test_neighbour_sees_none_of_it(cast, person, provider, version):
    factories.give_score(factories.make_customer(provider, "Quagga"), version, [100], now().date())

    assert "Quagga" in person(cast.ada).get("/").text
    assert "Quagga" not in person(cast.gil).get("/").text


def test_queries_do_not_grow_with_the_customers(cast, person, provider, version):
    ada, asked = person(cast.ada), []
    event.listen(db.engine, "before_cursor_execute", lambda *about: asked.append(about[2]))
    ada.get("/")
    numbers = []
    for _ in range(2):
        for number in range(8):
            customer = factories.make_customer(provider, f"C {number}")
            factories.give_score(customer, version, [400], now().date() - timedelta(days=9))
            factories.give_score(customer, version, [300 + number], now().date())
        asked.clear()
        ada.get("/")
        numbers.append(len(asked))

    assert numbers[0] == numbers[1] < 25
