"""Publishing the draft of the health score, and restoring what was published before."""

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import Cast
from tests.health_scores import drafted, furnish, published, rows_of, seen, versions
from tests.pages import look_around, problem, table
from tests.person import at_once
from tests.texts import words_of
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.models import Scoring
from webapp.models.types import now
from webapp.tenancy import acting_for, owned

ADDRESS, DRAFT = "/health-score", "/health-score/draft"


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now())


@pytest.fixture
def pair(cast: Cast):
    return furnish(cast.acme, "Subscription status", "MRR vs peak")


def publish(somebody, note: str = "MRR counts more", page: str | None = None):
    return somebody.post(f"{ADDRESS}/versions", note=note, seen=seen(page or somebody.get(f"{ADDRESS}/preview").text))


def wanted(cast):
    with acting_for(cast.acme.id):
        return db.session.scalars(owned(Scoring)).one().wanted


def test_draft_becomes_the_next_version_and_scores_are_wanted(person, cast, provider, pair):
    published(cast.acme, *pair)
    draft = drafted(cast.acme, *pair)
    rows = draft.factors
    ada = person(cast.ada)

    answer = publish(ada)

    assert (answer.status_code, answer.location) == (303, ADDRESS)
    page = words_of(ada.get(ADDRESS).text)
    assert "Version 2 published. Customers are being scored by it." in page
    assert "Scores of version 2 are being made" in page
    found = versions(cast.acme)
    assert set(found) == {1, 2}
    assert (found[2].factors, found[2].note, found[2].by) == (rows, "MRR counts more", "ada@acme.example")
    assert wanted(cast) == 2
    (entry,) = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "health_score:published")).all()
    assert entry.details == {"version": 2, "note": "MRR counts more"}


@pytest.mark.parametrize(
    ("note", "words"),
    [
        ("", "Enter a note: what changes, and why."),
        ("  ", "Enter a note: what changes, and why."),
        ("x" * 501, "Use at most 500 characters; these are 501."),
    ],
)
def test_note_is_asked_for(person, cast, provider, pair, note, words):
    drafted(cast.acme, *pair)

    answer = publish(person(cast.ada), note)

    assert answer.status_code == 422
    assert problem(answer.text, "note") == words
    assert set(versions(cast.acme)) == {0}


def test_longest_note_is_kept_whole(person, cast, provider, pair):
    drafted(cast.acme, *pair)

    assert publish(person(cast.ada), "é" * 500).status_code == 303
    assert versions(cast.acme)[1].note == "é" * 500


def test_second_of_two_who_publish_is_told(person, cast, provider, pair):
    drafted(cast.acme, *pair)
    ada = person(cast.ada)
    page = ada.get(f"{ADDRESS}/preview").text

    first, second = publish(ada, page=page), publish(ada, "Mine", page)

    assert (first.status_code, second.status_code, second.location) == (303, 303, ADDRESS)
    assert "There is no draft" in ada.get(ADDRESS).text
    assert set(versions(cast.acme)) == {1}


def test_of_many_who_publish_at_once_one_does(app, person, cast, provider, pair):
    drafted(cast.acme, *pair)
    people = [person(cast.ada) for _ in range(6)]
    page = people[0].get(f"{ADDRESS}/preview").text

    statuses = at_once(app, people, lambda ada: publish(ada, page=page).status_code)

    assert statuses == [303] * 6
    assert set(versions(cast.acme)) == {1}
    told = [person_.get(ADDRESS).text for person_ in people]
    assert sum("Version 1 published." in page for page in told) == 1
    assert sum("There is no draft" in page for page in told) == 5


def test_of_many_who_begin_at_once_all_get_one_draft(app, person, cast, provider, pair):
    people = [person(cast.ada) for _ in range(6)]

    statuses = at_once(app, people, lambda ada: ada.post(DRAFT, **{"from": "default"}).status_code)

    assert statuses == [303] * 6
    assert len(versions(cast.acme)[0].factors) == 2


def test_draft_that_changed_since_its_preview_is_not_published(person, cast, provider, pair):
    drafted(cast.acme, *pair)
    ada = person(cast.ada)
    page = ada.get(f"{ADDRESS}/preview").text
    ada.post(f"{DRAFT}/factors/{pair[1].id}/order", place="0", seen=seen(page))

    answer = publish(ada, "Mine", page)

    assert answer.status_code == 422
    assert "The draft has changed meanwhile." in problem(answer.text, "note")
    assert ">Mine</textarea>" in answer.text
    assert set(versions(cast.acme)) == {0}


def test_draft_that_cannot_be_scored_is_not_published(person, cast, provider, pair):
    drafted(cast.acme, pair[0])
    ada = person(cast.ada)

    answer = ada.post(f"{ADDRESS}/versions", note="Now", seen=seen(ada.get(DRAFT).text))

    assert answer.status_code == 422
    assert "Add 1 more." in answer.text
    assert set(versions(cast.acme)) == {0}


def test_factors_are_called_as_their_properties_are_now(person, cast, provider, pair):
    drafted(cast.acme, *pair)
    pair[1].name = "MRR against its peak"
    with acting_for(cast.acme.id):
        db.session.commit()

    publish(person(cast.ada))

    assert [row["name"] for row in versions(cast.acme)[1].factors] == ["Subscription status", "MRR against its peak"]


def test_versions_say_who_when_why_and_what_changed(person, cast, provider, pair):
    status, peak = rows_of(*pair)
    published(cast.acme, *pair, note="First")
    factories.make_health_version(
        cast.acme, {**status, "weight": 1}, {**peak, "zero": 0}, number=2, note="Second", caps={"past_due": 39}
    )

    (head, second, first) = table(person(cast.max).get(ADDRESS).text.partition('id="versions"')[2])

    assert head == ["Version", "Published", "Note", "What changed"]
    assert second[2] == "Second"
    assert "Subscription status: importance High → Low." in second[3]
    assert "MRR vs peak: 0 points at 50 %, 100 points at 100 % → 0 points at 0 %" in second[3]
    assert "Churn is scheduled: at most 19 → no cap." in second[3]
    assert (first[0], first[2], first[3]) == ("1", "First", "The first version.")


def test_list_of_versions_says_nothing_that_the_end_of_the_scoring_would_make_untrue(person, cast, provider, pair):
    """What asks whether the scores are there brings the progress and the example, not the list."""
    published(cast.acme, *pair)
    ada, said = person(cast.ada), []

    for scored in (0, 1):
        with acting_for(cast.acme.id):
            db.session.merge(Scoring(tenant_id=cast.acme.id, wanted=1, scored=scored))
            db.session.commit()
        page = ada.get(ADDRESS).text
        said.append(("Scores of version 1 are being made" in page, table(page.partition('id="versions"')[2])))

    assert [pending for pending, _ in said] == [True, False]
    assert said[0][1] == said[1][1]


def test_restored_version_is_the_draft(person, cast, provider, pair):
    old = published(cast.acme, *pair, note="First")
    factories.make_health_version(cast.acme, *rows_of(*pair)[::-1], number=2)
    ada = person(cast.ada)

    answer = ada.post(f"{ADDRESS}/versions/{old.id}/draft")

    assert (answer.status_code, answer.location) == (303, DRAFT)
    draft = versions(cast.acme)[0]
    assert (draft.factors, draft.caps, draft.restored) == (old.factors, old.caps, 1)
    assert "Made from version 1." in words_of(ada.get(DRAFT).text)
    assert ">Version 1 again.</textarea>" in ada.get("/health-score/preview").text
    ada.post(f"{DRAFT}/caps", seen=seen(ada.get(DRAFT).text))
    assert "Version 1 again." not in ada.get("/health-score/preview").text
    ada.post(f"{DRAFT}/caps", **{"seen": seen(ada.get(DRAFT).text), "caps[]": list(old.caps), **old.caps})
    publish(ada, "Back to the first")
    assert "Made from version 1. Another order of the factors." in words_of(ada.get(ADDRESS).text)
    assert versions(cast.acme)[3].factors == versions(cast.acme)[1].factors


def test_restoring_never_overwrites_a_draft(person, cast, provider, pair):
    version = published(cast.acme, *pair)
    drafted(cast.acme)
    ada = person(cast.ada)

    answer = ada.post(f"{ADDRESS}/versions/{version.id}/draft")

    assert answer.location == DRAFT
    assert versions(cast.acme)[0].factors == []
    assert "There is a draft already" in ada.get(DRAFT).text


def test_draft_is_no_version_to_restore(person, cast, provider, pair):
    draft = drafted(cast.acme, *pair)

    assert person(cast.ada).post(f"{ADDRESS}/versions/{draft.id}/draft").status_code == 404


@pytest.mark.parametrize("who", ["max", "sam"])
def test_only_admins_publish_and_restore(person, cast, provider, pair, who):
    version = published(cast.acme, *pair)
    drafted(cast.acme, *pair)
    somebody = person(getattr(cast, who))
    if who == "sam":
        look_around(somebody, cast)

    assert somebody.post(f"{ADDRESS}/versions", note="x", seen="x").status_code == 403
    assert somebody.post(f"{ADDRESS}/versions/{version.id}/draft").status_code == 403
    assert set(versions(cast.acme)) == {0, 1}


def test_score_can_be_published_before_anybody_is_there_to_score(person, cast, pair):
    drafted(cast.acme, *pair)
    ada = person(cast.ada)

    answer = publish(ada)

    assert answer.status_code == 303
    assert "Scores follow once ChartMogul is connected." in ada.get(ADDRESS).text
