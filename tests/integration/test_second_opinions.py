"""A person's own grade of a customer: beside the score, with a reason and an end."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import Cast
from tests.kept_scores import TODAY, keep_now
from tests.pages import look_around, problem, table, value_of
from tests.texts import words_of
from webapp import scoring
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.models import SecondOpinion
from webapp.models.types import now
from webapp.second_opinions import Typed
from webapp.tenancy import across_tenants

NEXT_MONTH = str(TODAY + timedelta(days=30))
SAID = {"grade": "4", "reason": " Their champion \n has left. ", "expires_on": NEXT_MONTH}


@pytest.fixture
def customer(cast: Cast):
    customer = factories.make_customer(factories.make_provider(cast.acme, last_success_at=now()), "Blue Finch")
    size = factories.make_property(cast.acme, "Size", filled_version=1)
    keep_now(customer, factories.make_health_version(cast.acme, scoring.row_of(size, 1, 0, 10_000)), [900])
    return customer


def address(customer):
    return f"/customers/{customer.id}/opinions"


def kept():
    with across_tenants():
        return db.session.scalars(select(SecondOpinion).order_by(SecondOpinion.at)).all()


def page_of(somebody, customer):
    return somebody.get(f"/customers/{customer.id}").text


def test_opinion_stands_beside_the_score_and_not_instead_of_it(person, cast, customer):
    ada = person(cast.ada)

    answer = ada.post(address(customer), **SAID)

    (opinion,) = kept()
    assert (answer.status_code, answer.location) == (303, f"/customers/{customer.id}#opinions")
    assert (opinion.grade, opinion.reason, opinion.by) == (4, "Their champion has left.", "ada@acme.example")
    words = words_of(page_of(person(cast.max), customer))
    assert "4 At risk Their champion has left. ada@acme.example" in words
    assert "90 of 100" in words
    assert table(ada.get("/customers").text)[1][1] == "90 90 1 Healthy Second opinion: 4"


def test_opinion_is_on_the_record(person, cast, customer):
    ada = person(cast.ada)
    ada.post(address(customer), **SAID)
    ada.post(f"{address(customer)}/{kept()[0].id}/delete")

    found = select(AuditEntry).where(AuditEntry.action.startswith("opinion:")).order_by(AuditEntry.at)
    given, taken_back = db.session.scalars(found)
    assert (given.action, given.actor) == ("opinion:given", "ada@acme.example")
    assert given.details == {"customer": str(customer.id), "grade": 4, "expires_on": NEXT_MONTH}
    assert (taken_back.action, taken_back.tenant_id) == ("opinion:taken_back", cast.acme.id)


def test_another_opinion_ends_the_former_and_both_are_history(person, cast, customer):
    ada = person(cast.ada)
    ada.post(address(customer), **SAID)

    ada.post(address(customer), grade="2", reason="They renewed.", expires_on=NEXT_MONTH)

    former, current = kept()
    assert former.ended_at is not None
    assert current.ended_at is None
    words = words_of(page_of(ada, customer))
    places = [words.index(each) for each in ("2 Stable They renewed.", "1 former opinion", "4 At risk Their champion")]
    assert places == sorted(places)
    assert "Second opinion: 2" in table(ada.get("/customers").text)[1][1]


def test_pressing_twice_gives_one_opinion(person, cast, customer):
    ada = person(cast.ada)

    for _ in range(2):
        assert ada.post(address(customer), **SAID).status_code == 303

    assert [opinion.ended_at for opinion in kept()] == [None]


def test_opinion_is_taken_back_and_stays_in_the_history(person, cast, customer):
    ada = person(cast.ada)
    ada.post(address(customer), **SAID)
    end = f"{address(customer)}/{kept()[0].id}/delete"

    answers = [ada.post(end) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    words = words_of(page_of(ada, customer))
    assert "Nobody says otherwise than the score." in words
    assert "1 former opinion" in words
    assert table(ada.get("/customers").text)[1][1] == "90 90 1 Healthy"
    assert len(db.session.scalars(select(AuditEntry).where(AuditEntry.action == "opinion:taken_back")).all()) == 1


def test_htmx_gets_the_panel_and_the_toast(person, cast, customer):
    answer = person(cast.ada).post(address(customer), htmx=True, **SAID)

    assert answer.status_code == 200
    assert answer.text.startswith('<section class="panel" id="opinions"')
    assert "Second opinion kept" in answer.text


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"grade": ""}, "opinion-grade", "Choose a grade."),
        ({"grade": "6"}, "opinion-grade", "Choose a grade."),
        ({"reason": " "}, "opinion-reason", "Say why: who reads it later was not there."),
        ({"reason": "x" * 501}, "opinion-reason", "Say it in at most 500 characters."),
        ({"expires_on": ""}, "opinion-ends", "Enter the day on which it ends, as YYYY-MM-DD."),
        ({"expires_on": "soon"}, "opinion-ends", "Enter the day on which it ends, as YYYY-MM-DD."),
        ({"expires_on": str(TODAY)}, "opinion-ends", "Choose a day after today, at most a year from now."),
        (
            {"expires_on": str(TODAY + timedelta(days=366))},
            "opinion-ends",
            "Choose a day after today, at most a year from now.",
        ),
    ],
)
@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(person, cast, customer, changes, field, words, htmx):
    answer = person(cast.ada).post(address(customer), htmx=htmx, **{**SAID, **changes})

    assert answer.status_code == 422
    assert problem(answer.text, field) == words
    assert kept() == []
    if "expires_on" not in changes:
        assert value_of(answer.text, "opinion-ends") == NEXT_MONTH
    assert ("<title>Error: " in answer.text) is not htmx


def test_opinion_ends_by_itself_at_its_date_in_the_tenants_zone(person, cast, customer):
    zone = ZoneInfo("Pacific/Auckland")
    cast.acme.time_zone = zone.key
    db.session.commit()
    today = datetime.now(zone).date()
    factories.make_opinion(customer, cast.ada, expires_on=today, reason="Over since midnight there")
    ada = person(cast.ada)

    over = words_of(page_of(ada, customer))
    factories.make_opinion(customer, cast.ada, expires_on=today + timedelta(days=1), reason="Until tomorrow there")
    still = words_of(page_of(ada, customer))

    assert "Nobody says otherwise than the score." in over
    assert "1 former opinion" in over
    assert "Nobody says otherwise" not in still
    assert "Second opinion: 4" in table(ada.get("/customers").text)[1][1]


def test_members_read_and_do_not_write(person, cast, customer):
    opinion = factories.make_opinion(customer, cast.ada)
    max_ = person(cast.max)

    page = page_of(max_, customer)

    assert "Their champion has left." in page
    assert "Give another" not in page
    assert max_.post(address(customer), **SAID).status_code == 403
    assert max_.post(f"{address(customer)}/{opinion.id}/delete").status_code == 403


def test_support_sees_the_form_disabled(person, cast, customer):
    factories.make_opinion(customer, cast.ada)
    sam = look_around(person(cast.sam), cast)

    page = page_of(sam, customer)

    panel = page[page.index('id="opinions"') :]
    assert panel.count("disabled") >= 5
    assert "Read-only while you view as support." in panel
    assert sam.post(address(customer), **SAID).status_code == 403


def test_opinion_of_another_customer_or_tenant_is_not_there(person, cast, customer):
    opinion = factories.make_opinion(customer, cast.ada)
    other = factories.make_customer(factories.make_provider(cast.globex), "Okapi")

    assert person(cast.gil).post(f"{address(other)}/{opinion.id}/delete").status_code == 404
    assert person(cast.gil).post(address(customer), **SAID).status_code == 404
    assert kept()[0].ended_at is None


@pytest.mark.parametrize(("sent", "read"), [("2028-02-29", True), ("2027-02-29", False), ("20280301", True)])
def test_dates_are_those_of_the_calendar(sent, read):
    typed = Typed.read({"grade": "1", "reason": "x", "expires_on": sent}, date(2028, 1, 1))

    assert ("expires_on" not in typed.problems) is read
