"""The health score on a customer's page: what it is made of, why there is none, how it changed."""

import re
from datetime import timedelta

import pytest

from tests import factories
from tests.factories import Cast
from tests.kept_scores import ago, keep_day, keep_now, note_scored
from tests.pages import statements, table
from tests.texts import words_of
from webapp import scoring
from webapp.models import Source
from webapp.models.types import now
from webapp.rendering import day

EXAMPLE = [1000, 520, 222, 640, 400]


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now() - timedelta(hours=2))


@pytest.fixture
def properties(cast: Cast, provider):
    import_ = factories.make_import(provider)
    kinds = (
        ("Subscription status", "text"),
        ("MRR change, 90 days", "percent"),
        ("Days since contraction", "number"),
        ("MRR vs peak", "percent"),
        ("Billing interval", "number"),
    )
    filled = {"filled_version": 1, "filled_import_id": import_.id, "filled_at": now() - timedelta(hours=2)}
    return [factories.make_property(cast.acme, name, type=type_, **filled) for name, type_ in kinds]


@pytest.fixture
def version(cast: Cast, properties):
    return factories.make_health_version(cast.acme, *factors_of(properties), note="The default")


def factors_of(properties, weights=(3, 3, 2, 2, 1)):
    status, change, contraction, peak, interval = zip(properties, weights, strict=True)
    return [
        scoring.row_of(*status, by_text={"active": 100, "past due": 20}),
        scoring.row_of(*change, -2500, 0),
        scoring.row_of(*contraction, 0, 1_800_000, empty=100),
        scoring.row_of(*peak, 5000, 10_000),
        scoring.row_of(*interval, by_text={"10000": 40, "120000": 100}),
    ]


@pytest.fixture
def customer(provider, properties):
    customer = factories.make_customer(provider, "Blue Finch")
    for property_, kept in zip(properties, ("Active", -1200, 400_000, 8200, 10_000), strict=True):
        factories.make_value(property_, customer, **{"text" if kept == "Active" else "number": kept})
    return customer


def page_of(somebody, customer):
    answer = somebody.get(f"/customers/{customer.id}")
    assert answer.status_code == 200
    return answer.text


def panel(page, id_):
    """A section of the page, with the sections inside it."""
    start = page.rindex("<section", 0, page.index(f'id="{id_}"'))
    depth = 0
    for tag in re.finditer(r"<(/?)section\b", page[start:]):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return page[start : start + tag.end()]
    raise AssertionError(id_)


def test_worked_example_is_explained_to_the_digit(person, cast, customer, version):
    keep_now(customer, version, EXAMPLE)

    page = page_of(person(cast.max), customer)

    words = words_of(panel(page, "health"))
    assert "2 Stable" in words
    assert "61 61 of 100" in words
    for row in (
        "Subscription status 100 100 of 100 lost 0 Active. Weight: High, 3 of 11.",
        "MRR change, 90 days 52 52 of 100 lost 13.1 −12 % ; 0 points at −25 %, 100 at 0 %. Weight: High, 3 of 11.",
        "Days since contraction 22.2 22.2 of 100 lost 14.1 40 ; 0 points at 0, 100 at 180. Weight: Medium, 2 of 11.",
        "MRR vs peak 64 64 of 100 lost 6.5 82 % ; 0 points at 50 %, 100 at 100 %. Weight: Medium, 2 of 11.",
        "Billing interval 40 40 of 100 lost 5.5 1. Weight: Low, 1 of 11.",
        "100 − 39.2 lost = 60.8, shown as 61",
        "Coverage: 11 of 11 weights have a value.",
        "By version 1 of the score: The default. How the score is built",
        "From ChartMogul: import #1 , 2 hours ago",
    ):
        assert row in words
    assert "Not counted" not in words
    assert 'href="/health-score">How the score is built' in page


def test_drivers_and_a_sentence_for_each(person, cast, customer, version):
    keep_now(customer, version, EXAMPLE)

    words = words_of(panel(page_of(person(cast.ada), customer), "reasons"))

    assert "Risk Drivers Days since contraction −14.1 MRR change, 90 days −13.1 MRR vs peak −6.5" in words
    assert "Health Drivers Subscription status +27.3" in words
    assert "MRR change, 90 days is −12 %: 52 of 100 points, which costs 13.1." in words
    assert "Subscription status is Active: 100 of 100 points, which costs nothing." in words
    sentences = words.partition("Score Explanation ")[2]
    costs = [float(each) for each in re.findall(r"which costs ([\d.]+\d)\.", sentences)]
    assert costs == [14.1, 13.1, 6.5, 5.5]
    assert "Cap:" not in words


def test_caps_are_rows_of_their_own(person, cast, customer, version):
    keep_now(customer, version, EXAMPLE, caps=["scheduled_churn", "past_due"])

    page = page_of(person(cast.ada), customer)

    words = words_of(panel(page, "health"))
    drivers = words_of(panel(page, "reasons")).partition("Health Drivers")[0]
    assert drivers.endswith("MRR vs peak −6.5 Cap: churn is scheduled −41.8 ")
    assert "past due" not in drivers
    assert "Churn is scheduled: the score is at most 19. That takes 41.8." in words
    assert "Past due: the score is at most 39. That takes nothing: the score is not above it." in words
    assert "100 − 39.2 lost = 60.8, − 41.8 by caps = 19, shown as 19" in words
    assert "5 High churn risk" in words


def test_points_for_having_no_value_are_not_said_to_be_of_a_value(person, cast, provider, version):
    customer = factories.make_customer(provider, "Newcomer")
    keep_now(customer, version, [None, None, 1000, None, None])

    words = words_of(panel(page_of(person(cast.ada), customer), "health"))

    assert words.count("2 of 11 weights have a value, or points for having none") == 2
    assert words.count("have a value") == 2


def test_what_is_not_counted_is_named_with_why(person, cast, customer, version, properties):
    properties[4].filled_version = 0
    gone = factories.make_property(cast.acme, "Seats", type="number", filled_version=1)
    rows = [*version.factors, scoring.row_of(gone, 1, 0, 10)]
    newer = factories.make_health_version(cast.acme, *rows, number=2)
    keep_now(customer, newer, [1000, 520, None, 640, None, None])
    ada = person(cast.ada)
    ada.post(f"/properties/{gone.id}/delete")

    words = words_of(panel(page_of(ada, customer), "health"))

    assert "Coverage: 8 of 12 weights have a value." in words
    assert "Weight: High, 3 of 8." in words
    assert (
        "Not counted: Days since contraction (no value yet), Billing interval (filled on the next sync), "
        "Seats (its property was deleted)." in words
    )


def test_value_that_changed_since_it_was_scored_is_said_to_have(person, cast, customer, version, properties):
    keep_now(customer, version, EXAMPLE)
    factories.make_value(properties[1], customer, number=-2000)

    words = words_of(panel(page_of(person(cast.ada), customer), "health"))

    assert "52 of 100 lost 13.1 −20 %" in words
    assert words.count("The points are those of the value before") == 1


def test_stale_values_are_muted_and_values_by_hand_name_who(person, cast, customer, version, properties, provider):
    owner = factories.make_property(cast.acme, "Fit", type="number", source=Source.BY_HAND, field=None)
    newer = factories.make_health_version(cast.acme, *version.factors, scoring.row_of(owner, 1, 0, 50_000), number=2)
    factories.make_value(owner, customer, number=40_000, by="petra@acme.example")
    keep_now(customer, newer, [*EXAMPLE, 800])
    provider.last_success_at = now() - timedelta(days=9)
    factories._add(provider, {})

    html = panel(page_of(person(cast.ada), customer), "health")

    assert html.count('<span class="muted">From ChartMogul: Stale since') == 5
    assert '<p class="score muted">' in html
    assert "data-tone" not in html[: html.index("</header>")]
    assert "petra@acme.example" in words_of(html)


@pytest.mark.parametrize(
    ("facts", "points", "why", "words", "badge"),
    [
        (
            {},
            [None, None, None, 640, 400],
            None,
            "Not enough data: 3 of 11 weights have a value, and a score",
            "No score",
        ),
        ({"status": "Cancelled"}, EXAMPLE, "churned", "Churned: whoever has left gets no score.", "Churned"),
        ({"status": "Lead"}, EXAMPLE, "lead", "Lead: its status is Lead. Only customers", "No score yet"),
        ({"gone_at": now()}, EXAMPLE, "gone", "No longer in ChartMogul: whoever is not in it", "No score yet"),
    ],
)
def test_why_there_is_no_score_is_said(person, cast, provider, version, facts, points, why, words, badge):
    customer = factories.make_customer(provider, **facts)
    keep_now(customer, version, points, why_none=why)

    html = panel(page_of(person(cast.ada), customer), "health")

    assert words in words_of(html)
    assert badge in words_of(html[: html.index("</header>")])
    assert "<meter" not in html or why is None
    assert "lost" not in html


def test_not_scored_and_not_published_are_said(person, cast, customer, properties):
    ada, max_ = person(cast.ada), person(cast.max)

    assert "No health score is published yet" in page_of(max_, customer)
    assert "Build the score" in page_of(ada, customer)
    assert "Build the score" not in page_of(max_, customer)
    factories.make_health_version(cast.acme, *factors_of(properties))
    assert "Not scored yet: scores are made after each import" in page_of(ada, customer)


def test_change_since_30_days_ago_is_split_into_the_factors(person, cast, customer, version):
    keep_day(customer, version, [1000, 1000, 222, 640, 400], ago(50))
    keep_day(customer, version, [0, 0, 0, 0, 0], ago(29))
    keep_now(customer, version, EXAMPLE, caps=["past_due"])
    note_scored(version)

    page = page_of(person(cast.ada), customer)

    assert table(panel(page, "change"))[1:] == [
        ["Subscription status", "100", "100", "0"],
        ["MRR change, 90 days", "100", "52", "−13.1"],
        ["Days since contraction", "22.2", "22.2", "0"],
        ["MRR vs peak", "64", "64", "0"],
        ["Billing interval", "40", "40", "0"],
        ["Caps", "", "", "−21.8"],
        ["Score", "73.9", "39", "−34.9"],
    ]
    since = day(ago(30))
    assert f"of 100, down 34.9 since {since}: Sharp decline" in words_of(panel(page, "health"))


def test_other_coverage_and_another_configuration_are_parts_of_the_change(person, cast, customer, version, properties):
    keep_day(customer, version, [1000, 520, None, 640, 400], ago(40))
    keep_now(customer, version, EXAMPLE)
    ada = person(cast.ada)

    change = panel(page_of(ada, customer), "change")
    of_coverage = table(change)
    assert "Counts now and did not then: Days since contraction." in words_of(change)
    newer = factories.make_health_version(cast.acme, *factors_of(properties, (1, 1, 3, 3, 1)), number=2)
    keep_now(customer, newer, EXAMPLE)
    change = panel(page_of(ada, customer), "change")
    of_configuration = table(change)
    heavier_or_lighter = "Days since contraction, MRR change, 90 days, MRR vs peak, Subscription status"
    assert f"Weighs otherwise: {heavier_or_lighter}." in words_of(change)

    assert "Coverage changed" in [row[0] for row in of_coverage]
    assert "Configuration changed" in [row[0] for row in of_configuration]


def test_no_score_then_is_said(person, cast, customer, version):
    keep_day(customer, version, [None] * 5, ago(40))
    keep_now(customer, version, EXAMPLE)

    words = words_of(panel(page_of(person(cast.ada), customer), "change"))

    assert "There was no score then: not enough data." in words


def test_score_is_not_compared_with_a_rebuilt_one_that_knew_less(person, cast, customer, version):
    keep_day(customer, version, [1000, 1000, None, 1000, None], ago(40), rebuilt=True)
    keep_now(customer, version, EXAMPLE, caps=["past_due"])

    words = words_of(page_of(person(cast.ada), customer))

    assert "No trend yet: the score of that day, 100, was rebuilt from movements" in words
    assert "Decline" not in words


def test_first_score_that_knew_no_more_than_the_rebuilt_one_is_compared_with_it(person, cast, customer, version):
    keep_day(customer, version, [500, 500, 500, 500, None], ago(9), rebuilt=True)
    keep_day(customer, version, [600, 600, 600, 600, None], ago(5))
    keep_day(customer, version, [700, 600, 600, 600, 600], ago(1))

    rows = table(page := panel(page_of(person(cast.ada), customer), "score-history"))

    assert [row[3] for row in rows[1:]][-2:] == ["+10", "none"]
    assert "Not comparable:" not in words_of(page)


def test_history_is_drawn_and_listed_with_its_versions(person, cast, customer, version, properties):
    newer = factories.make_health_version(cast.acme, *factors_of(properties), number=2, note="Less of the peak")
    keep_day(customer, version, [500] * 5, ago(60), rebuilt=True)
    keep_day(customer, version, [500, 501, 499, 500, 500], ago(50), rebuilt=True)
    keep_day(customer, version, [300] * 5, ago(40), caps=["past_due"])
    keep_day(customer, newer, [None] * 5, ago(30))
    keep_now(customer, newer, [650] * 5)

    html = panel(page_of(person(cast.ada), customer), "score-history")

    assert table(html)[1:] == [
        [day(ago(0)), "65", "2 Stable", "none", "2"],
        [day(ago(30)), "none", "Not enough data", "none", "2"],
        [day(ago(40)), "30", "4 At risk", "not comparable", "1"],
        [day(ago(60)), "50", "3 Watch", "none", "1 rebuilt"],
    ]
    assert "Not comparable: what is rebuilt from movements does not tell all" in words_of(html)
    assert f'aria-label="Score of Blue Finch since {day(ago(60))}: lowest 30, highest 65, now 65."' in html
    assert (html.count('class="rebuilt"'), html.count('class="recorded"'), html.count('class="since"')) == (1, 1, 1)
    assert f"Version 1 from {day(ago(60))} (rebuilt; published just now ): The default" in words_of(html)
    assert f"Version 2 from {day(ago(30))}: Less of the peak" in words_of(html)


def test_page_needs_as_many_queries_after_a_year_as_after_a_day(person, cast, customer, version):
    keep_now(customer, version, EXAMPLE)
    ada, counts = person(cast.ada), []
    page_of(ada, customer)
    for days in ((), range(1, 60)):
        for back in days:
            keep_day(customer, version, [10 * back, 500, 500, 500, 500], ago(back))
        noted: list[str] = []
        statements(noted)
        page_of(ada, customer)
        counts.append(len(noted))

    assert counts[0] == counts[1]


def test_score_of_a_neighbour_is_not_there(person, cast, customer, version):
    keep_now(customer, version, EXAMPLE)

    assert person(cast.gil).get(f"/customers/{customer.id}").status_code == 404


def test_names_and_notes_are_escaped(person, cast, provider):
    odd = factories.make_property(cast.acme, "Odd <b>", codename="odd", type="number", filled_version=1)
    version = factories.make_health_version(cast.acme, scoring.row_of(odd, 1, 0, 10_000), note="<i>note")
    customer = factories.make_customer(provider, "<u>Finch")
    factories.make_value(odd, customer, number=5000)
    keep_now(customer, version, [500])

    page = page_of(person(cast.ada), customer)

    assert not re.search(r"<(b|i|u)>(note|Finch)?", page[page.index('id="health"') :].replace("<b>50</b>", ""))
