"""The health score in the customers' table: shown, sorted, filtered, kept in views and exported."""

import csv
import io
import re

import pytest

from tests import factories
from tests.factories import Cast
from tests.kept_scores import ago, keep_day, keep_now
from tests.pages import column, statements, table, value_of
from tests.texts import words_of
from webapp import scoring
from webapp.extensions import db
from webapp.models import ProviderState
from webapp.models.types import now
from webapp.tenancy import acting_for


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now())


@pytest.fixture
def version(cast: Cast, provider):
    properties = [factories.make_property(cast.acme, name, filled_version=1) for name in ("Size", "Growth")]
    return factories.make_health_version(cast.acme, *(scoring.row_of(each, 1, 0, 10_000) for each in properties))


@pytest.fixture
def customers(provider, version):
    """By name: a score, and what it changed by in 30 days."""
    made = {}
    facts = (
        ("Ash", 345, -160, 50_000),
        ("Birch", 608, -40, 90_000),
        ("Cedar", 900, 29, 10_000),
        ("Dogwood", 120, 30, 100),
    )
    for name, score, trend, mrr in facts:
        made[name] = factories.make_customer(provider, name, mrr_minor=mrr)
        keep_now(made[name], version, [score, score], trend=trend)
    made["Elm"] = factories.make_customer(provider, "Elm", status="Cancelled")
    keep_now(made["Elm"], version, [500, 500], why_none="churned")
    made["Fir"] = factories.make_customer(provider, "Fir")
    return made


def names(somebody, query):
    return column(somebody.get(f"/customers?{query}").text)


def test_nothing_is_shown_of_scores_until_one_is_published(person, cast, provider):
    factories.make_customer(provider, "Ash")

    page = person(cast.ada).get("/customers").text

    assert "Health" not in table(page)[0]
    assert "Who needs a call first" not in page


def test_table_shows_score_grade_weeks_and_trend(person, cast, customers, version):
    keep_day(customers["Ash"], version, [620, 620], ago(90))
    keep_day(customers["Ash"], version, [500, 500], ago(20))

    page = person(cast.max).get("/customers").text

    head, *rows = table(page)
    assert head[:4] == ["Customer", "Health", "12 weeks", "Trend"]
    assert [row[1] for row in rows] == [
        "35 35 4 At risk",
        "61 61 2 Stable",
        "90 90 1 Healthy",
        "12 12 5 High churn risk",
        "Churned",
        "No score yet",
    ]
    assert [row[3] for row in rows] == ["Sharp decline", "Decline", "Stable", "Improvement", "none", "none"]
    assert 'aria-label="Score from 62 to 35 over 12 weeks"' in page
    assert page.count('<svg class="spark"') == 4
    assert 'value="35" aria-label="Health score of Ash"' in page


def test_customers_names_are_escaped_where_scores_are_drawn(person, cast, provider, version):
    keep_now(factories.make_customer(provider, '<b>"Ash"'), version, [500, 500])

    page = person(cast.ada).get("/customers").text

    assert 'aria-label="Health score of &lt;b&gt;&#34;Ash&#34;"' in page


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("score", ["Dogwood", "Ash", "Birch", "Cedar", "Elm", "Fir"]),
        ("-score", ["Cedar", "Birch", "Ash", "Dogwood", "Elm", "Fir"]),
        ("grade", ["Cedar", "Birch", "Ash", "Dogwood", "Elm", "Fir"]),
        ("trend", ["Ash", "Birch", "Cedar", "Dogwood", "Elm", "Fir"]),
        ("-risk", ["Birch", "Ash", "Cedar", "Dogwood", "Elm", "Fir"]),
    ],
)
def test_list_is_sorted_by_the_score_and_who_has_none_comes_last(person, cast, customers, sort, expected):
    assert names(person(cast.ada), f"sort={sort}") == expected


def test_order_by_risk_is_said_and_one_click_away(person, cast, customers):
    ada = person(cast.ada)

    assert 'href="/customers?sort=-risk">Who needs a call first</a>' in ada.get("/customers").text
    assert "Sorted by who needs a call first: what the score lacks to 100 × MRR." in words_of(
        ada.get("/customers?sort=-risk").text
    )


def test_the_largest_amounts_can_be_sorted_by_risk(person, cast, provider, version):
    for name, mrr in (("Small", 10**16), ("Large", 10**17)):
        keep_now(factories.make_customer(provider, name, mrr_minor=mrr), version, [0, 0])

    assert names(person(cast.ada), "sort=-risk") == ["Large", "Small"]


@pytest.mark.parametrize(
    ("query", "expected", "words"),
    [
        ("grade=4", ["Ash"], "Health is 4 At risk"),
        ("grade=5,4", ["Ash", "Dogwood"], "Health is 4 At risk or 5 High churn risk"),
        ("grade=none", ["Elm", "Fir"], "Health is No score"),
        ("grade=1,none", ["Cedar", "Elm", "Fir"], "Health is 1 Healthy or No score"),
        ("trend=decline", ["Birch"], "Trend is Decline"),
        ("trend=decline,sharp_decline", ["Ash", "Birch"], "Trend is Sharp decline or Decline"),
        ("trend=stable", ["Cedar"], "Trend is Stable"),
        ("trend=improvement", ["Dogwood"], "Trend is Improvement"),
        ("grade=4,5&trend=improvement&q=d", ["Dogwood"], "Trend is Improvement"),
    ],
)
def test_list_is_filtered_by_grade_and_trend_and_says_so(person, cast, customers, query, expected, words):
    page = person(cast.ada).get(f"/customers?{query}").text

    assert column(page) == expected
    assert words in words_of(page)
    assert f"{len(expected)} of 6 customers match" in words_of(page)


def test_choice_that_there_is_not_narrows_nothing_and_is_said(person, cast, customers):
    page = person(cast.ada).get("/customers?grade=9").text

    assert len(column(page)) == 6
    assert "Health is “9”: There is no such choice. It narrows nothing." in words_of(page)


def test_form_offers_what_is_chosen_and_its_address_becomes_short(person, cast, customers):
    ada = person(cast.ada)

    form = ada.get("/customers/filters?grade=4,5&trend=stable&sort=-risk").text
    answer = ada.get("/customers?grade[]=4&grade[]=5&size.min=&trend[]=stable&sort=-risk")

    ticked = re.findall(r'name="(grade|trend)\[\]" type="checkbox" value="([^"]*)" checked', form)
    assert ticked == [("grade", "4"), ("grade", "5"), ("trend", "stable")]
    assert '<input type="hidden" name="sort" value="-risk">' in form
    assert '<input type="hidden" name="grade"' not in form
    assert answer.location == "/customers?sort=-risk&grade=4,5&trend=stable"


def test_conditions_and_order_are_kept_in_a_view_and_in_every_link(person, cast, customers):
    ada = person(cast.ada)

    opened = ada.get(ada.post("/customers/views", name="Call", query="grade=4,5&sort=-risk").location).text

    assert column(opened) == ["Ash", "Dogwood"]
    assert '<input type="hidden" name="grade" form="find" value="4,5">' in opened
    assert re.search(r'id="sort-score" href="/customers\?sort=score&amp;grade=4,5&amp;view=', opened)


def test_pages_by_score_lead_on_and_back(person, cast, provider, version):
    for number in range(60):
        customer = factories.make_customer(provider, f"Customer {number:02}", uuid=f"cus_{number:02}")
        if number < 55:
            keep_now(customer, version, [number // 2 * 10, number // 2 * 10])
    ada = person(cast.ada)
    first = column(ada.get("/customers?sort=score").text)

    second = column(ada.get(f"/customers?sort=score&after=cus_{first[-1][-2:]}").text)
    back = column(ada.get(f"/customers?sort=score&before=cus_{second[0][-2:]}").text)

    assert first + second == [f"Customer {number:02}" for number in range(60)]
    assert back == first


def test_grade_that_nobody_has_is_a_condition_that_nobody_meets(person, cast, customers):
    words = words_of(person(cast.ada).get("/customers?grade=3").text)

    assert "No customer meets all of these conditions." in words
    assert "Nobody is called that" not in words


def test_file_holds_score_grade_and_trend_after_the_properties(person, cast, customers):
    answer = person(cast.ada).get("/customers.csv?sort=-score&grade=1,2,4,none")

    head, *rows = csv.reader(io.StringIO(answer.text, newline=""))
    assert head == ["name", "external_id", "chartmogul_uuid", "size", "growth", "score", "grade", "trend"]
    assert [(row[0], *row[5:]) for row in rows] == [
        ("Cedar", "90.0", "1", "2.9"),
        ("Birch", "60.8", "2", "-4.0"),
        ("Ash", "34.5", "4", "-16.0"),
        ("Elm", "", "", ""),
        ("Fir", "", "", ""),
    ]


@pytest.mark.parametrize("state", [ProviderState.CONNECTED, ProviderState.DISCONNECTED])
def test_scores_look_as_old_as_what_they_are_made_of(person, cast, provider, customers, version, state):
    keep_day(customers["Ash"], version, [620, 620], ago(90))
    with acting_for(cast.acme.id):
        provider.state = state
        db.session.commit()

    page = person(cast.ada).get("/customers").text

    first = page.split("<tbody>")[1].split("</tr>")[0]
    looks = re.findall(r'<td class="([\w ]+)">', first)[:3]
    old = state == ProviderState.DISCONNECTED
    assert [look.split() for look in looks] == [["nowrap", "muted"] if old else ["nowrap"]] * 3
    assert ("data-tone" in first) is not old


def test_number_of_queries_does_not_grow_with_the_rows(person, cast, provider, version):
    ada, counts = person(cast.ada), []
    for many in (1, 20):
        for number in range(many):
            customer = factories.make_customer(provider, f"{many} {number}")
            for back in (90, 60, 40, 20, 10):
                keep_day(customer, version, [100 * back, 100], ago(back))
            keep_now(customer, version, [500, 500])
        ada.get("/customers")
        noted: list[str] = []
        statements(noted)
        ada.get("/customers")
        counts.append(len(noted))

    assert counts[0] == counts[1]


def test_scores_of_a_neighbour_neither_show_nor_count(person, cast, customers, version):
    okapi = factories.make_provider(cast.globex, last_success_at=now())
    own = factories.make_property(cast.globex, "Size", filled_version=1)
    theirs = factories.make_health_version(cast.globex, scoring.row_of(own, 1, 0, 10_000))
    keep_now(factories.make_customer(okapi, "Okapi", uuid=customers["Fir"].uuid), theirs, [300])

    page = person(cast.ada).get("/customers?grade=4").text

    assert column(page) == ["Ash"]
    assert names(person(cast.gil), "grade=4") == ["Okapi"]


def test_property_of_before_that_is_called_like_the_scores_columns_is_sorted_by_all_the_same(person, cast, provider):
    risk = factories.make_property(cast.acme, "Risk", type="number", filled_version=1)
    for name, number in (("Ash", 1), ("Birch", 2)):
        factories.make_value(risk, factories.make_customer(provider, name), number=number)
    ada = person(cast.ada)

    page = ada.get("/customers").text

    assert 'href="/customers?sort=risk.value"' in page
    assert names(ada, "sort=-risk.value") == ["Birch", "Ash"]


@pytest.mark.parametrize("name", ["Score", "Grade", "Trend"])
def test_no_new_property_takes_the_name_of_a_column_of_the_file(person, cast, provider, name):
    form = person(cast.ada).get(f"/properties/new?name={name}").text

    assert value_of(form, "codename") == f"{name.lower()}_2"
