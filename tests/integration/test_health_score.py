"""The health score's page: what is published, how it is made, and what is there before anything is."""

import pytest

from tests import factories
from tests.factories import Cast
from tests.health_scores import TYPES, furnish, published, seen
from tests.pages import look_around
from tests.texts import words_of
from webapp.extensions import db
from webapp.models import Scoring
from webapp.models.types import now
from webapp.tenancy import acting_for

ADDRESS = "/health-score"


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now())


def test_before_anything_is_published_the_page_says_what_a_score_is(person, cast, provider):
    page = words_of(person(cast.ada).get(ADDRESS).text)

    assert "No health score yet" in page
    assert "Begin with the default" in page
    assert "Begin empty" in page
    assert "How a score is made" in page
    assert "4 properties of the default are missing" in page
    assert "MRR change, 90 days: create the property" in page
    assert "Or create the starter set" in page


def test_default_names_only_what_is_missing(person, cast, provider):
    furnish(cast.acme, "Subscription status", "MRR vs peak", "Days since contraction")

    page = words_of(person(cast.ada).get(ADDRESS).text)

    assert "1 property of the default is missing MRR change, 90 days" in page
    assert "starter set" not in page
    assert "Here it has 3 factors." in page


@pytest.mark.parametrize("who", ["max", "sam"])
def test_who_may_not_write_sees_values_and_no_form(person, cast, provider, who):
    published(cast.acme, *furnish(cast.acme, "Subscription status", "MRR vs peak"))

    somebody = person(getattr(cast, who))
    if who == "sam":
        look_around(somebody, cast)
    answer = somebody.get(ADDRESS)

    page = words_of(answer.text)
    assert "Version 1 Published" in page
    assert "0 points at 50\u00a0%" in answer.text
    assert ("Change the score" in page) == (who == "sam")
    assert ("Read-only while you view as support." in page) == (who == "sam")
    if who == "max":
        assert 'action="/health-score' not in answer.text


def test_published_factors_are_told_in_plain_words(person, cast, provider):
    published(cast.acme, *furnish(cast.acme, *TYPES), note="Our first try")

    page = words_of(person(cast.max).get(ADDRESS).text)

    assert "Our first try" in page
    assert "Subscription status High 27 % of the score active: 100 points · past due: 20 points" in page
    assert "MRR change, 90 days High 27 % of the score 0 points at −25 % , 100 points at 0 %" in page
    assert "Days since contraction Medium 18 % of the score 0 points at 0 , 100 points at 180" in page
    assert "Without a value: 100 points." in page
    assert "Caps: Churn is scheduled: at most 19, past due: at most 39." in page
    assert "by ada@acme.example" in page


def test_example_works_out_a_score_of_the_tenants_own_customers(person, cast, provider):
    properties = furnish(cast.acme, "Subscription status", "MRR vs peak")
    version = published(cast.acme, *properties)
    customer = factories.make_customer(provider, "Blue Finch")
    factories.make_value(properties[0], customer, text="Active")
    factories.make_value(properties[1], customer, number=8200)
    factories.give_score(customer, version, [1000, 640], now().date())

    page = words_of(person(cast.max).get(ADDRESS).text)

    assert "For example: Blue Finch" in page
    assert "Subscription status Active 100 × 3 300" in page
    assert "MRR vs peak 82 % 64 × 2 128" in page
    assert "428 ÷ 5 = 85.6, shown as 86." in page
    assert "1 Healthy" in page


def test_page_follows_the_scores_until_they_are_there(person, cast, provider):
    version = published(cast.acme, *furnish(cast.acme, "Subscription status", "MRR vs peak"))
    with acting_for(cast.acme.id):
        scoring = Scoring(tenant_id=cast.acme.id, wanted=1)
        db.session.add(scoring)
        db.session.commit()
    max_ = person(cast.max)

    page, poll = max_.get(ADDRESS).text, max_.htmx(f"{ADDRESS}/progress")

    assert "Scores of version 1 are being made" in page
    assert "An example of your own customers appears here" in page
    assert 'data-hx-trigger="every 2s"' in page
    assert poll.status_code == 204
    factories.give_score(factories.make_customer(provider, "Blue Finch"), version, [1000, 640], now().date())
    scoring.scored = 1
    with acting_for(cast.acme.id):
        db.session.commit()
    done = max_.htmx(f"{ADDRESS}/progress").text
    assert "All customers have scores of version 1" in done
    assert "every 2s" not in done
    assert 'id="example" data-hx-swap-oob="true"' in done
    assert "For example: Blue Finch" in words_of(done)
    assert "are being made" not in max_.get(ADDRESS).text


def test_factor_whose_property_is_gone_is_said_not_to_be_counted(person, cast, provider):
    status, peak = furnish(cast.acme, "Subscription status", "MRR vs peak")
    published(cast.acme, status, peak)
    peak.type = "text"
    with acting_for(cast.acme.id):
        db.session.delete(status)
        db.session.commit()

    page = words_of(person(cast.ada).get(ADDRESS).text)

    assert "Subscription status Property was deleted" in page
    assert "Not counted: its property was deleted." in page
    assert "Not counted: its property has another type now." in page


def test_factor_whose_property_means_something_else_since_is_said_so(person, cast, provider):
    (mrr, peak), ada = furnish(cast.acme, "MRR", "MRR vs peak"), person(cast.ada)
    published(cast.acme, mrr, peak)
    form = {"name": "MRR", "codename": "mrr", "source": "chartmogul", "type": "money"}

    ada.post(f"/properties/{mrr.id}/edit", **form, field="cm_mrr")
    unchanged = words_of(ada.get(ADDRESS).text)
    ada.post(f"/properties/{mrr.id}/edit", **form, field="cm_arr")
    redefined = words_of(ada.get(ADDRESS).text)
    assert redefined.count("Its property has no values yet: it waits to be filled.") == 1
    ada.post("/health-score/draft", **{"from": "published"})
    page = ada.get("/health-score/draft").text
    chosen = {"property": mrr.id.hex, "seen": seen(page), "weight": "2", "way": "line", "zero": "0", "hundred": "100"}
    assert ada.post(f"/health-score/draft/factors/{mrr.id}", **chosen).status_code == 303

    assert "was redefined" not in unchanged
    assert "has no values yet" not in unchanged
    for words in redefined, words_of(page):
        assert words.count("Its property was redefined just now. These points were chosen before that.") == 1
    assert "was redefined" not in words_of(ada.get("/health-score/draft").text)
