"""The preview of a draft: grades, moves and warnings; and the back-test, over a real year of movements."""

from datetime import timedelta

import pytest

from tests import factories
from tests.factories import Cast
from tests.health_scores import drafted, furnish, published, rows_of
from tests.pages import statements, table
from tests.texts import words_of
from webapp import back_test_rows, scoring
from webapp.chartmogul.fields import PropertyType
from webapp.extensions import db
from webapp.health import Factor
from webapp.models.types import now
from webapp.tenancy import acting_for

PREVIEW, BACK_TEST = "/health-score/preview", "/health-score/back-test"


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now())


@pytest.fixture
def pair(cast: Cast):
    return furnish(cast.acme, "Subscription status", "MRR vs peak")


def customer_with(provider, pair, peak: int | None, name: str = "Blue Finch", **changes):
    customer = factories.make_customer(provider, name, **changes)
    factories.make_value(pair[0], customer, text=customer.status)
    if peak is not None:
        factories.make_value(pair[1], customer, number=peak)
    return customer


def test_customers_are_counted_by_grade_before_and_after(person, cast, provider, pair):
    version = published(cast.acme, *pair)
    status, peak = rows_of(*pair)
    factories.make_health_version(cast.acme, {**status, "weight": 1}, {**peak, "weight": 3}, number=0)
    for number, name in ((10_000, "Good"), (5_000, "Low"), (5_000, "Lower")):
        customer = customer_with(provider, pair, number, name)
        factories.give_score(customer, version, [1000, (number - 5_000) // 5], now().date())
    customer_with(provider, pair, None, "Bare")
    customer_with(provider, pair, 10_000, "Gone", status="Cancelled")

    page = person(cast.ada).get(PREVIEW).text

    rows = {row[0]: row[1:] for row in table(page)[1:]}
    assert rows["1 Healthy"] == ["1", "1"]
    assert rows["2 Stable"] == ["2", "0"]
    assert rows["4 At risk"] == ["0", "2"]
    assert rows["Not enough data"] == ["1", "1"]
    said = words_of(page)
    assert "4 customers with a subscription" in said
    assert "3 customers get a number, 1 not enough data. 2 customers change grade." in said


def test_largest_moves_say_which_factor_did_it(person, cast, provider, pair):
    version = published(cast.acme, *pair)
    status, peak = rows_of(*pair)
    factories.make_health_version(cast.acme, status, {**peak, "zero": 0}, number=0)
    for place in range(12):
        customer = customer_with(provider, pair, 5_000 + 100 * place, f"Customer {place}")
        factories.give_score(customer, version, [1000, 20 * place], now().date())

    page = words_of(person(cast.ada).get(PREVIEW).text)

    # Half of its peak gave 0 points of 2 and gives 50: 60 → 80.
    assert "Customer 0 60 → 80 +20 MRR vs peak" in page
    assert "Customer 9" in page
    assert "Customer 10" not in page


def test_preview_says_what_the_draft_changes(person, cast, provider, pair):
    published(cast.acme, *pair)
    status, peak = rows_of(*pair)
    factories.make_health_version(cast.acme, {**status, "weight": 1}, peak, number=0)

    page = words_of(person(cast.ada).get(PREVIEW).text)

    assert "What changes Subscription status: importance" in page


def test_cap_counts_as_the_cause_of_a_move(person, cast, provider, pair):
    version = published(cast.acme, *pair, caps={})
    drafted(cast.acme, *pair)
    customer = customer_with(provider, pair, 10_000)
    factories.make_movement(customer, now() + timedelta(9), -12_900, 0, type="churn")
    factories.give_score(customer, version, [1000, 1000], now().date())

    assert "Blue Finch 100 → 19 −81 Caps" in words_of(person(cast.ada).get(PREVIEW).text)


def test_first_draft_is_compared_with_nothing(person, cast, provider, pair):
    drafted(cast.acme, *pair)
    customer_with(provider, pair, 10_000)

    page = person(cast.ada).get(PREVIEW).text

    assert table(page)[0] == ["Grade", "By the draft"]
    assert "There are no scores yet to compare with." in page
    assert "Publish version 1" in page


def test_factors_not_worth_their_place_are_warned_of(person, cast, provider, pair):
    days, mrr, since = furnish(cast.acme, "Days since contraction", "MRR", "Customer since")
    rows = rows_of(*pair, days)
    rows += [scoring.row_of(mrr, 1, 0, 10), scoring.row_of(since, 1, 0, 40_000)]
    factories.make_health_version(cast.acme, *rows, number=0)
    since.filled_version = 0
    for peak in (5_000, 10_000):
        customer = customer_with(provider, pair, peak)
        factories.make_value(mrr, customer, number=500)

    page = words_of(person(cast.ada).get(PREVIEW).text)

    assert "Subscription status gives the same points to everybody: 100." in page
    assert "Days since contraction has no values: no customer has one." in page
    assert "MRR gives the same points to everybody: 100." in page
    assert "Customer since waits to be filled: until then it is not counted for anybody." in page
    assert "MRR vs peak" not in page.partition("Customers by grade")[0]


def test_factor_without_which_nothing_would_be_otherwise_is_told(person, cast, provider, pair):
    (days,) = furnish(cast.acme, "Days since contraction")
    factories.make_health_version(cast.acme, *rows_of(*pair, days), number=0)
    for number in (1_700_000, 1_800_000):
        factories.make_value(days, customer_with(provider, pair, 10_000), number=number)

    page = words_of(person(cast.ada).get(PREVIEW).text)

    assert "Days since contraction adds nothing: without it, every customer would have the same grade." in page


def test_draft_that_cannot_be_scored_is_not_previewed(person, cast, provider, pair):
    drafted(cast.acme, pair[0])

    answer = person(cast.ada).get(PREVIEW)

    assert answer.status_code == 200
    assert "Add 1 more." in answer.text
    assert 'id="publish"' not in answer.text
    assert "It needs a draft that can be published" in person(cast.ada).get(BACK_TEST).text


def test_preview_asks_as_often_for_many_customers_as_for_few(person, cast, provider, pair):
    version = published(cast.acme, *pair)
    status, peak = rows_of(*pair)
    factories.make_health_version(cast.acme, status, {**peak, "zero": 0}, number=0)
    ada, said = person(cast.ada), list[str]()

    def asked() -> int:
        ada.get(PREVIEW)
        statements(said)
        said.clear()
        ada.get(PREVIEW)
        return len(set(said))

    for count in (2, 14):
        for place in range(count):
            customer = customer_with(provider, pair, 5_000 + place)
            factories.give_score(customer, version, [1000, 0], now().date())
        if count == 2:
            few = asked()

    assert asked() == few


def moved(customer, days_ago: int, amount: int, after: int, type_: str):
    factories.make_movement(customer, now() - timedelta(days_ago), amount, after, type=type_)


def test_back_test_counts_who_was_warned_of_and_who_stayed(person, cast, provider, pair):
    (days,) = furnish(cast.acme, "Days since contraction")
    note = factories.make_property(cast.acme, "Note", type="text", source="by_hand", field=None)
    rows = [*rows_of(pair[1], days), scoring.row_of(note, 1, by_text={"fine": 100})]
    factories.make_health_version(cast.acme, *rows, number=0)
    for name, shrank in (("Warned", True), ("Surprise", False)):
        gone = factories.make_customer(provider, name, status="Cancelled")
        moved(gone, 400, 10_000, 10_000, "new_biz")
        if shrank:
            moved(gone, 75, -6_000, 4_000, "contraction")
        moved(gone, 5, -4_000 if shrank else -10_000, 0, "churn")
    brief = factories.make_customer(provider, "Brief", status="Cancelled")
    moved(brief, 40, 10_000, 10_000, "new_biz")
    moved(brief, 20, -10_000, 0, "churn")
    long_ago = factories.make_customer(provider, "Long ago", status="Cancelled")
    moved(long_ago, 900, 10_000, 10_000, "new_biz")
    moved(long_ago, 500, -10_000, 0, "churn")
    moved(factories.make_customer(provider, "Stays"), 300, 10_000, 10_000, "new_biz")

    page = person(cast.ada).get(BACK_TEST).text

    assert table(page)[1:] == [
        ["30 days before", "1 of 2", "0 of 1"],
        ["60 days before", "1 of 2", "0 of 1"],
        ["90 days before", "0 of 2", "0 of 1"],
    ]
    said = words_of(page)
    assert "So few churned that shares would say nothing: these are counts." in said
    assert "Not counted: 1 customer who churned within their first 30 days." in said
    assert "Without Note: its past is not known." in said
    assert "MRR vs peak 50 100 +50 Helps Days since contraction 61.1 100 +38.9 Helps" in said


@pytest.mark.parametrize(
    ("churned", "stayed", "verdict"),
    [
        (200, 900, "Helps"),
        (788, 736, "Tells nobody apart"),
        (736, 788, "Tells nobody apart"),
        (900, 200, "Points the wrong way"),
        (1000, 1000, "Cannot be judged by the past"),
        (None, 900, "Cannot be judged by the past"),
    ],
)
def test_factor_that_does_not_help_is_said_so(churned, stayed, verdict):
    factor = Factor("tenure", "Tenure", PropertyType.NUMBER, 2, 0, 100)

    assert back_test_rows.Said(factor, churned, stayed).verdict == verdict


def test_back_test_tells_shares_once_there_are_enough_and_that_it_is_a_sample(
    person, cast, provider, pair, monkeypatch
):
    drafted(cast.acme, *pair)
    monkeypatch.setattr(back_test_rows, "MOST", 21)
    for number in range(22):
        gone = factories.make_customer(provider, f"Gone {number}", status="Cancelled")
        moved(gone, 400, 10_000, 10_000, "new_biz")
        moved(gone, 5 + number, -10_000, 0, "churn")
        moved(factories.make_customer(provider, f"Here {number}"), 300, 10_000, 10_000, "new_biz")

    page = person(cast.ada).get(BACK_TEST).text

    assert table(page)[1] == ["30 days before", "0 of 21 0 %", "0 of 21 0 %"]
    assert "a sample of" in page
    assert "who churned last were looked at" in page


def test_back_test_says_when_nobody_churned_or_nothing_is_known_of_the_past(person, cast, provider, pair):
    note = factories.make_property(cast.acme, "Note", type="text", source="by_hand", field=None)
    kind = factories.make_property(cast.acme, "Kind", type="text", source="by_hand", field=None)
    by_hand = [scoring.row_of(each, 1, by_text={"fine": 100}) for each in (note, kind)]
    draft = factories.make_health_version(cast.acme, *by_hand, number=0)
    ada = person(cast.ada)

    unknown = ada.get(BACK_TEST).text
    draft.factors = rows_of(*pair)
    with acting_for(cast.acme.id):
        db.session.commit()
    nobody = ada.get(BACK_TEST).text

    assert "None of its factors can be told for a day of the past." in unknown
    assert "Nobody churned in the last 12 months." in nobody


def test_preview_leads_to_the_back_test_and_puts_it_in_its_place(person, cast, provider, pair):
    drafted(cast.acme, *pair)
    customer_with(provider, pair, 10_000)
    ada = person(cast.ada)

    page, piece = ada.get(PREVIEW).text, ada.htmx(BACK_TEST).text

    assert 'data-hx-get="/health-score/back-test"' in page
    assert piece.startswith('<div id="back-test">')
