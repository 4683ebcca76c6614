"""The draft of the health score: begun, its factors and caps changed, and two people at it at once."""

from uuid import uuid4

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import Cast
from tests.health_scores import TYPES, drafted, furnish, published, seen, versions
from tests.pages import column, look_around, problem, value_of
from tests.texts import words_of
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.models import Provider, Role
from webapp.models.types import now
from webapp.tenancy import acting_for, owned_update

DRAFT = "/health-score/draft"


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now())


def draft_of(cast):
    return versions(cast.acme).get(0)


def save(somebody, property_, page: str | None = None, new: bool = False, **fields):
    """Fill in the form of a factor, as the page showed it."""
    path = f"{DRAFT}/factors/{'new' if new else property_.id}"
    query = f"?property={property_.id.hex}" if new else ""
    page = page or somebody.get(path + query).text
    said = {"property": property_.id.hex, "seen": seen(page), "weight": "2", "way": "line"}
    return somebody.post(path, **{**said, **fields})


def test_default_is_made_of_the_properties_there_are(person, cast, provider):
    furnish(cast.acme, *TYPES)

    answer = person(cast.ada).post(DRAFT, **{"from": "default"})

    assert (answer.status_code, answer.location) == (303, DRAFT)
    rows = {row["codename"]: row for row in draft_of(cast).factors}
    facts = {
        name: (row["weight"], row["zero"], row["hundred"], row["by_text"], row["empty"]) for name, row in rows.items()
    }
    assert facts == {
        "subscription_status": (3, 0, 0, {"active": 100, "past due": 20}, None),
        "mrr_change_90_days": (3, -2_500, 0, None, None),
        "days_since_contraction": (2, 0, 1_800_000, None, 100),
        "mrr_vs_peak": (2, 5_000, 10_000, None, None),
        "billing_interval": (1, 0, 0, {"10000": 40, "30000": 60, "120000": 100}, None),
    }
    assert draft_of(cast).caps == {"scheduled_churn": 19, "past_due": 39}
    assert "1: 40 points" in words_of(person(cast.ada).get(DRAFT).text)


def test_empty_draft_says_how_many_factors_are_missing(person, cast, provider):
    ada = person(cast.ada)
    ada.post(DRAFT, **{"from": "empty"})

    page = words_of(ada.get(DRAFT).text)

    assert "A score has at least 2 factors, and this draft has none. Add 2 more." in page
    assert "No factors yet" in page
    assert "Preview" not in page


def test_change_begins_with_what_is_published(person, cast, provider):
    version = published(cast.acme, *furnish(cast.acme, "Subscription status", "MRR vs peak"), caps={"past_due": 30})

    person(cast.ada).post(DRAFT, **{"from": "published"})

    assert (draft_of(cast).factors, draft_of(cast).caps) == (version.factors, {"past_due": 30})


def test_second_press_keeps_the_draft_there_is(person, cast, provider):
    drafted(cast.acme, *furnish(cast.acme, "MRR", "MRR vs peak"))

    answer = person(cast.ada).post(DRAFT, **{"from": "empty"})

    assert answer.location == DRAFT
    assert len(draft_of(cast).factors) == 2


@pytest.mark.parametrize(
    ("name", "zero", "hundred", "kept"),
    [
        ("MRR", "0", "1500.50", (0, 150_050)),
        ("MRR vs peak", "50", "100 %", (5_000, 10_000)),
        ("Days since contraction", "180", "0", (1_800_000, 0)),
        ("Customer since", "2026-01-01", "2020-01-01", (20_454, 18_262)),
    ],
)
def test_factor_is_added_with_its_anchors(person, cast, provider, name, zero, hundred, kept):
    (property_,) = furnish(cast.acme, name)
    drafted(cast.acme)

    answer = save(person(cast.ada), property_, new=True, zero=zero, hundred=hundred, empty="7", weight="3")

    assert (answer.status_code, answer.location) == (303, DRAFT)
    (row,) = draft_of(cast).factors
    assert ((row["zero"], row["hundred"]), row["empty"], row["weight"]) == (kept, 7, 3)
    assert f"{name} High 100 % of the score" in words_of(person(cast.ada).get(DRAFT).text)


def test_amounts_chosen_in_another_currency_are_said_to_be_until_the_factor_is_saved_anew(person, cast, provider):
    """The account was given another currency, or another account was connected."""
    said = "These amounts were set in EUR; the connected account is in USD."
    (mrr, peak), ada = furnish(cast.acme, "MRR", "MRR vs peak"), person(cast.ada)
    drafted(cast.acme)
    amounts = {"zero": "0", "hundred": "1500"}
    save(ada, mrr, new=True, **amounts)
    save(ada, peak, new=True, zero="50", hundred="100")
    assert "These amounts" not in words_of(ada.get(DRAFT).text)

    with acting_for(cast.acme.id):
        db.session.execute(owned_update(Provider).values(currency="USD"))
        db.session.commit()
    told = [words_of(ada.get(path).text) for path in (DRAFT, f"{DRAFT}/factors/{mrr.id}")]
    other = words_of(ada.get(f"{DRAFT}/factors/{peak.id}").text)
    ada.post("/health-score/versions", seen=seen(ada.get("/health-score/preview").text), note="Amounts.")
    told.append(words_of(ada.get("/health-score").text))
    ada.post(DRAFT, **{"from": "published"})
    save(ada, mrr, **amounts)

    assert [page.count(said) for page in told] == [1, 1, 1]
    assert "These amounts" not in other
    assert "These amounts" not in words_of(ada.get(DRAFT).text)


def test_boolean_gives_all_points_for_one_answer(person, cast, provider):
    (property_,) = furnish(cast.acme, "Churned")
    drafted(cast.acme)

    save(person(cast.ada), property_, new=True, good="no")

    (row,) = draft_of(cast).factors
    assert (row["zero"], row["hundred"]) == (1, 0)


def test_text_gives_points_to_its_most_frequent_values(person, cast, provider):
    (status,) = furnish(cast.acme, "Subscription status")
    drafted(cast.acme)
    for text in ("Active", "active", "Past Due"):
        factories.make_value(status, factories.make_customer(provider), text=text)
    ada = person(cast.ada)

    page = ada.get(f"{DRAFT}/factors/new?property={status.id.hex}").text
    save(ada, status, page, new=True, **{"texts[]": ["Active", "Past Due", ""], "points[]": ["100", "20", ""]})

    assert (value_of(page, "text-0"), value_of(page, "text-1"), value_of(page, "text-2")) == ("Active", "Past Due", "")
    assert "2 customers" in page
    assert draft_of(cast).factors[0]["by_text"] == {"active": 100, "past due": 20}
    again = ada.get(f"{DRAFT}/factors/{status.id}").text
    assert (value_of(again, "points-0"), value_of(again, "points-1")) == ("100", "20")


def test_number_gives_points_value_by_value_if_that_is_chosen(person, cast, provider):
    (interval,) = furnish(cast.acme, "Billing interval")
    drafted(cast.acme)
    factories.make_value(interval, factories.make_customer(provider), number=120_000)
    ada = person(cast.ada)
    path = f"{DRAFT}/factors/new?property={interval.id.hex}"

    plain, page = ada.get(path).text, ada.get(f"{path}&way=values").text
    pairs = {"texts[]": ["12", "1"], "points[]": ["100", "40"]}
    save(ada, interval, page, new=True, way="values", **pairs)

    assert "Give points value by value instead" in plain
    assert value_of(page, "text-0") == "12"
    assert draft_of(cast).factors[0]["by_text"] == {"120000": 100, "10000": 40}


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"zero": "5", "hundred": "5.0"}, "hundred", "The two values are equal."),
        ({"zero": "", "hundred": "5"}, "zero", "Enter the value that gives 0 points."),
        ({"zero": "five", "hundred": "6"}, "zero", "Enter a plain amount, for example 1234.50."),
        ({"zero": "5", "hundred": "6", "empty": "200"}, "empty", "Enter a whole number from 0 to 100."),
        ({"zero": "5", "hundred": "6", "weight": ""}, "weight", "Choose an importance."),
    ],
)
def test_mistake_is_told_and_nothing_typed_is_lost(person, cast, provider, fields, field, words):
    (mrr,) = furnish(cast.acme, "MRR")
    drafted(cast.acme)

    answer = save(person(cast.ada), mrr, new=True, **fields)

    assert answer.status_code == 422
    assert words in problem(answer.text, field)
    for name in set(fields) - {"weight"}:
        assert value_of(answer.text, name) == fields[name]
    assert draft_of(cast).factors == []


def test_several_mistakes_are_listed(person, cast, provider):
    (mrr,) = furnish(cast.acme, "MRR")
    drafted(cast.acme)

    answer = save(person(cast.ada), mrr, new=True, zero="", hundred="x")

    assert "There is a problem" in answer.text
    assert "<title>Error: Factor MRR" in answer.text


def test_lists_and_taken_properties_are_not_offered(person, cast, provider):
    mrr, _, peak = furnish(cast.acme, "MRR", "Tags", "MRR vs peak")
    drafted(cast.acme, mrr)
    ada = person(cast.ada)

    page = ada.get(f"{DRAFT}/factors/new").text
    of_taken = ada.get(f"{DRAFT}/factors/new?property={mrr.id.hex}").text

    assert f'value="{peak.id.hex}"' in page
    assert "Tags (list)" not in page
    assert f'value="{mrr.id.hex}"' not in page
    assert "Choose what it looks at" in of_taken


def test_ninth_factor_is_refused(person, cast, provider):
    some = furnish(cast.acme, *TYPES, "MRR", "Customer since", "Churned")
    drafted(cast.acme, *some)
    ninth = factories.make_property(cast.acme, "Ninth")
    ada = person(cast.ada)

    page = ada.get(f"{DRAFT}/factors/new?property={ninth.id.hex}").text
    answer = save(ada, ninth, page, new=True, zero="1", hundred="2")

    assert "A score has at most 8 factors" in words_of(ada.get(f"{DRAFT}/factors/new").text)
    assert answer.status_code == 422
    assert "A score has at most 8 factors. Remove one first." in answer.text
    assert len(draft_of(cast).factors) == 8


def test_factors_are_moved_and_removed(person, cast, provider):
    mrr, peak = furnish(cast.acme, "MRR", "MRR vs peak")
    drafted(cast.acme, mrr, peak)
    ada = person(cast.ada)

    moved = ada.post(f"{DRAFT}/factors/{peak.id}/order", place="0", seen=seen(ada.get(DRAFT).text))
    names = column(ada.get(DRAFT).text)
    ada.post(f"{DRAFT}/factors/{mrr.id}/remove", seen=seen(ada.get(DRAFT).text))

    assert (moved.status_code, names) == (303, ["MRR vs peak", "MRR"])
    assert [row["name"] for row in draft_of(cast).factors] == ["MRR vs peak"]
    page = words_of(ada.get(DRAFT).text)
    assert "A score has at least 2 factors, and this draft has 1 factor. Add 1 more." in page
    assert ada.post(f"{DRAFT}/factors/{mrr.id}/remove", seen="x").status_code == 404


def test_same_submit_twice_does_no_harm(person, cast, provider):
    (mrr,) = furnish(cast.acme, "MRR")
    drafted(cast.acme)
    ada = person(cast.ada)
    page = ada.get(f"{DRAFT}/factors/new?property={mrr.id.hex}").text

    answers = [save(ada, mrr, page, new=True, zero="1", hundred="2") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert len(draft_of(cast).factors) == 1


def test_later_save_says_that_the_draft_has_changed_meanwhile(person, cast, provider):
    mrr, peak = furnish(cast.acme, "MRR", "MRR vs peak")
    drafted(cast.acme, mrr, peak)
    eve = factories.make_user("eve@acme.example", Role.ADMIN, cast.acme)
    ada, other = person(cast.ada), person(eve)
    page = ada.get(f"{DRAFT}/factors/{mrr.id}").text
    save(other, peak, zero="10", hundred="20")

    late = save(ada, mrr, page, zero="100", hundred="200")

    assert late.status_code == 422
    assert "The draft has changed meanwhile" in late.text
    assert "eve@acme.example changed it" in words_of(late.text)
    assert (value_of(late.text, "zero"), value_of(late.text, "hundred")) == ("100", "200")
    assert draft_of(cast).factors[0]["zero"] == 0
    assert save(ada, mrr, late.text, zero="100", hundred="200").status_code == 303
    assert [row["zero"] for row in draft_of(cast).factors] == [10_000, 1_000]


def test_late_move_removal_and_discard_change_nothing(person, cast, provider):
    mrr, peak = furnish(cast.acme, "MRR", "MRR vs peak")
    drafted(cast.acme, mrr, peak)
    ada = person(cast.ada)
    before = draft_of(cast).factors

    answers = [
        ada.post(f"{DRAFT}/factors/{peak.id}/order", place="0", seen="old"),
        ada.post(f"{DRAFT}/factors/{peak.id}/remove", seen="old"),
        ada.post(f"{DRAFT}/caps", seen="old"),
        ada.post(f"{DRAFT}/remove", seen="old"),
    ]

    assert {answer.status_code for answer in answers} == {422}
    assert all("The draft has changed meanwhile" in answer.text for answer in answers)
    assert draft_of(cast).factors == before


def test_late_save_of_a_draft_that_is_gone_is_told(person, cast, provider):
    mrr, peak = furnish(cast.acme, "MRR", "MRR vs peak")
    drafted(cast.acme, mrr, peak)
    ada = person(cast.ada)
    page = ada.get(f"{DRAFT}/factors/{mrr.id}").text
    ada.post(f"{DRAFT}/remove", seen=seen(ada.get(DRAFT).text))

    answer = save(ada, mrr, page, zero="1", hundred="2")

    assert (answer.status_code, answer.location) == (303, "/health-score")
    assert "There is no draft" in ada.get("/health-score").text


def test_discarding_keeps_what_is_published(person, cast, provider):
    some = furnish(cast.acme, "MRR", "MRR vs peak")
    published(cast.acme, *some)
    drafted(cast.acme, *some)
    ada = person(cast.ada)

    answer = ada.post(f"{DRAFT}/remove", seen=seen(ada.get(DRAFT).text))

    assert (answer.status_code, set(versions(cast.acme))) == (303, {1})
    entries = db.session.scalars(select(AuditEntry.action).where(AuditEntry.action == "health_score:discarded")).all()
    assert len(entries) == 1


def test_caps_are_kept_with_their_limits(person, cast, provider):
    drafted(cast.acme)
    ada = person(cast.ada)
    sent = {"caps[]": ["past_due"], "past_due": "45", "scheduled_churn": "19"}

    answer = ada.post(f"{DRAFT}/caps", seen=seen(ada.get(DRAFT).text), **sent)

    assert answer.status_code == 303
    assert draft_of(cast).caps == {"past_due": 45}


@pytest.mark.parametrize("limit", ["", "101", "-1", "many"])
def test_wrong_limit_of_a_cap_is_told(person, cast, provider, limit):
    drafted(cast.acme)
    ada = person(cast.ada)

    answer = ada.post(f"{DRAFT}/caps", seen=seen(ada.get(DRAFT).text), **{"caps[]": ["past_due"], "past_due": limit})

    assert answer.status_code == 422
    assert problem(answer.text, "past_due") == "Enter a whole number from 0 to 100."
    assert value_of(answer.text, "past_due") == limit
    assert draft_of(cast).caps == {"scheduled_churn": 19, "past_due": 39}


def test_deleted_and_redefined_properties_are_told_and_can_be_put_right(person, cast, provider):
    mrr, peak = furnish(cast.acme, "MRR", "MRR vs peak")
    drafted(cast.acme, mrr, peak)
    mrr_id = mrr.id
    peak.type = "number"
    with acting_for(cast.acme.id):
        db.session.delete(mrr)
        db.session.commit()
    ada = person(cast.ada)

    page = words_of(ada.get(DRAFT).text)

    assert "The property MRR was deleted. Remove this factor." in page
    assert "MRR vs peak is of type number now, and this factor was made for type percent." in page
    assert value_of(ada.get(f"{DRAFT}/factors/{peak.id}").text, "zero") == ""
    assert save(ada, peak, zero="0", hundred="1").status_code == 303
    assert ada.post(f"{DRAFT}/factors/{mrr_id}/remove", seen=seen(ada.get(DRAFT).text)).status_code == 303
    assert [(row["name"], row["type"]) for row in draft_of(cast).factors] == [("MRR vs peak", "number")]


def test_histogram_shows_the_tenants_own_values_with_both_anchors(person, cast, provider):
    (mrr,) = furnish(cast.acme, "MRR")
    drafted(cast.acme)
    for number in (0, 5_000, 10_000, 20_000):
        factories.make_value(mrr, factories.make_customer(provider), number=number)
    factories.make_customer(provider)
    factories.make_value(mrr, factories.make_customer(provider, status="Cancelled"), number=999_999)
    ada = person(cast.ada)
    asked = f"{DRAFT}/spread?property={mrr.id.hex}&zero=0&hundred=100"

    piece, page = ada.htmx(asked), ada.get(f"{DRAFT}/factors/new?property={mrr.id.hex}")

    said = words_of(piece.text)
    assert "0 points 1 customer In between 1 customer 100 points 2 customers Without a value 1 customer" in said
    assert 'class="anchor-zero"' in piece.text
    assert "0 points at 0.00\u00a0EUR. 100 points at 100.00\u00a0EUR." in piece.text
    assert "4 customers with a value, 1 without." in words_of(page.text)
    assert ada.get(asked).status_code == 303
    assert ada.htmx(f"{DRAFT}/spread?property=x").status_code == 204


def test_members_find_no_draft_and_support_only_looks(person, cast, provider):
    (mrr,) = furnish(cast.acme, "MRR")
    drafted(cast.acme, mrr)
    sam = look_around(person(cast.sam), cast)

    assert person(cast.max).get(DRAFT).status_code == 403
    assert sam.get(DRAFT).status_code == 200
    assert sam.post(f"{DRAFT}/factors/{mrr.id}/remove", seen="x").status_code == 403


def test_neighbours_property_and_factor_are_not_found(person, cast, provider):
    (theirs,) = furnish(cast.globex, "MRR")
    drafted(cast.globex, theirs)
    drafted(cast.acme)
    ada = person(cast.ada)

    for id_ in (theirs.id, uuid4()):
        assert ada.get(f"{DRAFT}/factors/{id_}").status_code == 404
        assert ada.post(f"{DRAFT}/factors/{id_}/remove", seen="x").status_code == 404
    assert "Choose what it looks at" in ada.get(f"{DRAFT}/factors/new?property={theirs.id.hex}").text
