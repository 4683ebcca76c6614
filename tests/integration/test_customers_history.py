"""A page for each property of a customer: how its value changed, and what it was before that."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests import factories
from tests.factories import Cast
from tests.pages import table
from tests.texts import words_of
from webapp.models import ProviderState, Source
from webapp.models.types import now


@pytest.fixture
def provider(cast: Cast):
    long_ago = now() - timedelta(days=500)
    return factories.make_provider(cast.acme, last_success_at=now(), time_zone="UTC", connected_at=long_ago)


@pytest.fixture
def customer(provider):
    return factories.make_customer(provider, "Blue Finch")


def page_of(somebody, customer, property_):
    answer = somebody.get(f"/customers/{customer.id}/history/{property_.id}")
    assert answer.status_code == 200
    return answer.text


def of_chartmogul(cast, import_, name="MRR", since=None, **changes):
    since = since or now() - timedelta(days=20)
    filled = {"filled_version": 1, "filled_at": now(), "filled_import_id": import_.id}
    property_ = factories.make_property(cast.acme, name, **(filled | changes))
    factories.make_version(property_, filled_at=since, filled_import_id=import_.id)
    return property_


def section(page, name):
    return page[page.index(f'aria-labelledby="{name}"') :]


def test_recorded_changes_and_what_is_rebuilt_stay_apart(person, cast, provider, customer):
    import_ = factories.make_import(provider)
    mrr = of_chartmogul(cast, import_)
    factories.make_value(mrr, customer, number=300)
    factories.make_change(mrr, customer, import_, 200, 300, at=now() - timedelta(days=5))
    for days, amount in ((90, 100), (60, 100), (5, 100)):
        factories.make_movement(customer, now() - timedelta(days=days), amount, 0)

    page = page_of(person(cast.max), customer, mrr)

    assert [row[1:] for row in table(section(page, "changes"))] == [
        ["From", "To", "By"],
        ["2.00 EUR", "3.00 EUR", "import #1"],
    ]
    assert [row[1] for row in table(section(page, "rebuilt"))[1:]] == ["2.00 EUR", "1.00 EUR"]
    assert "No import recorded these." in page
    assert 'class="rebuilt"' in page
    assert 'class="recorded"' in page
    assert f'href="/imports/{import_.id}"' in page


def test_what_changes_by_itself_is_rebuilt_altogether(person, cast, provider, customer):
    tenure = of_chartmogul(cast, factories.make_import(provider), "Tenure", type="number", field="cm_tenure_days")
    factories.make_value(tenure, customer, number=400_0000)

    page = page_of(person(cast.max), customer, tenure)

    assert "its changes are not recorded. All of its past is rebuilt" in words_of(page)
    assert table(section(page, "rebuilt"))[-1][1] == "0"
    assert 'class="recorded"' not in page


@pytest.mark.parametrize("field", ["cm_status", "cm_country"])
def test_what_no_movement_tells_is_known_since_an_import(person, cast, provider, customer, field):
    since = datetime(2026, 1, 2, 12, tzinfo=UTC)
    provider.connected_at = since - timedelta(days=1)
    property_ = of_chartmogul(cast, factories.make_import(provider), "Place", since, type="text", field=field)

    page = page_of(person(cast.max), customer, property_)

    words = "Recorded since 2 Jan 2026 , first by import #1. It has not changed since. What it was before is not known."
    assert words in words_of(page)
    assert "Rebuilt from" not in page
    assert '<svg class="chart"' not in page


def test_changes_by_people_and_of_earlier_definitions_are_marked(person, cast, customer, provider):
    note = factories.make_property(cast.acme, "Note", type="text", source=Source.BY_HAND, field=None, version=2)
    factories.make_version(note, version=1, type="text")
    factories.make_version(note, version=2)
    for days, version, text in ((9, 1, "old"), (1, 2, "new")):
        made = {"by": "ada@acme.example", "version": version, "at": now() - timedelta(days=days), "import_id": None}
        factories.make_change(note, customer, factories.make_import(provider), None, text, **made)

    page = page_of(person(cast.max), customer, note)

    assert [row[1:] for row in table(section(page, "changes"))[1:]] == [
        ["none", "new", "ada@acme.example"],
        ["none", "old", "ada@acme.example Definition 1, text"],
    ]


@pytest.mark.parametrize(
    ("shown", "versions", "known"), [(500, (2, 2, 2), True), (2, (2, 2, 2), False), (2, (1, 1, 2), True)]
)
def test_value_before_the_oldest_shown_is_a_gap(person, cast, provider, customer, monkeypatch, shown, versions, known):
    """Unless the oldest of them is of an earlier definition: then nothing is missing of this one."""
    monkeypatch.setattr("webapp.customer_history.MOST_CHANGES", shown)
    seats = factories.make_property(cast.acme, "Seats", type="number", source=Source.BY_HAND, field=None, version=2)
    factories.make_version(seats, version=1)
    factories.make_version(seats, version=2, defined_at=now() - timedelta(days=20))
    import_ = factories.make_import(provider)
    for days, version in zip((9, 5, 1), versions, strict=True):
        made = {"by": "ada@acme.example", "version": version, "at": now() - timedelta(days=days), "import_id": None}
        factories.make_change(seats, customer, import_, days * 10_000, 10_000, **made)

    page = page_of(person(cast.max), customer, seats)

    begins = re.search(r'class="recorded" d="M([\d.]+) ', page)[1]
    assert (begins == "0") == known


def test_nothing_kept_yet_says_so(person, cast, customer):
    note = factories.make_property(cast.acme, "Note", type="text", source=Source.BY_HAND, field=None)
    waiting = factories.make_property(cast.acme, "Place", type="text", field="cm_country")

    assert "Nobody has set a value of this customer yet." in page_of(person(cast.max), customer, note)
    assert "Filled on the next sync: nothing is recorded yet." in page_of(person(cast.max), customer, waiting)


@pytest.mark.parametrize("why", ["disconnected", "gone"])
def test_stale_history_says_until_when(person, cast, provider, customer, why):
    mrr = of_chartmogul(cast, factories.make_import(provider))
    provider.state = ProviderState.DISCONNECTED if why == "disconnected" else provider.state
    customer.gone_at = now() if why == "gone" else None
    factories.make_value(mrr, customer, number=300)

    words = words_of(page_of(person(cast.ada), customer, mrr))

    assert ("No longer in ChartMogul since" if why == "gone" else "Stale since") in words
    assert "What was known until then is kept" in words


def test_neighbours_and_unknown_ids_are_404(person, cast, customer):
    mrr = factories.make_property(cast.acme, "MRR")
    theirs = factories.make_property(cast.globex, "MRR")

    assert person(cast.gil).get(f"/customers/{customer.id}/history/{mrr.id}").status_code == 404
    assert person(cast.gil).get(f"/customers/{customer.id}/history/{theirs.id}").status_code == 404
    assert person(cast.ada).get(f"/customers/{customer.id}/history/{theirs.id}").status_code == 404
    assert person(cast.ada).get(f"/customers/{customer.id}/history/{uuid4()}").status_code == 404


def test_each_value_on_the_customers_page_leads_to_its_history(person, cast, customer):
    mrr = factories.make_property(cast.acme, "MRR")

    page = person(cast.max).get(f"/customers/{customer.id}").text

    assert f'href="/customers/{customer.id}/history/{mrr.id}"' in page
