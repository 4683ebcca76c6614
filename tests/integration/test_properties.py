"""The list of properties: what each is, how full it is, and in which state."""

from datetime import timedelta

import pytest

from tests import factories
from tests.factories import Cast
from tests.pages import column, look_around, table
from webapp.models import ImportState, ProviderState, Source
from webapp.models.types import now

FILLED = {"filled_version": 1, "filled_at": now(), "filled_count": 1248}


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now() - timedelta(hours=2))


def page_of(somebody, query=""):
    answer = somebody.get(f"/properties{query}")
    assert answer.status_code == 200
    return answer.text


def test_rows_say_source_type_fill_rate_and_state(person, cast, provider):
    customer = factories.make_customer(provider, "A")
    factories.make_customer(provider, "B")
    factories.make_customer(provider, "Gone", gone_at=now())
    filled = {**FILLED, "filled_at": now(), "filled_count": 2}
    factories.make_property(cast.acme, "MRR", **filled, filled_import_id=factories.make_import(provider).id)
    factories.make_property(cast.acme, "Plan", type="text")
    owner = factories.make_property(cast.acme, "Owner", type="text", source=Source.BY_HAND, field=None)
    person(cast.ada).post(f"/customers/{customer.id}/values/{owner.id}", value="Petra")

    assert table(page_of(person(cast.max))) == [
        ["Name", "Data source", "Type", "Filled", "Used in", "In the score", "Last filled", "State"],
        ["MRR", "ChartMogul", "Money", "2 of 2 100 %", "2 users' tables", "none", "just now , import #1", "Up to date"],
        ["Plan", "ChartMogul", "Text", "0 of 2 0 %", "2 users' tables", "none", "not yet", "Filled on the next sync"],
        ["Owner", "By hand", "Text", "1 of 2 50 %", "2 users' tables", "none", "by hand", "By hand"],
    ]


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"last_success_at": now() - timedelta(hours=47)}, "Up to date"),
        ({"last_success_at": now() - timedelta(hours=49)}, "Stale since"),
        (
            {
                "last_success_at": now() - timedelta(hours=49),
                "every_hours": 72,
                "connected_at": now() - timedelta(days=9),
            },
            "Up to date",
        ),
        ({"last_success_at": now() - timedelta(hours=145), "every_hours": 72}, "Stale since"),
        ({"last_success_at": now(), "state": ProviderState.DISCONNECTED}, "Stale since"),
        ({"last_success_at": now(), "state": ProviderState.PAUSED}, "Up to date"),
        ({"last_success_at": None}, "Filled on the next sync"),
        ({"last_success_at": None, "state": ProviderState.DISCONNECTED}, "Not connected"),
    ],
)
def test_state_follows_the_connection(person, cast, changes, state):
    factories.make_provider(cast.acme, **changes)
    factories.make_property(cast.acme, "MRR", **FILLED)
    factories.make_property(cast.acme, "Owner", source=Source.BY_HAND, field=None)

    states = column(page_of(person(cast.ada)), 7)

    assert states[0].startswith(state)
    assert states[1] == "By hand"


def test_only_one_source_can_be_looked_at(person, cast, provider):
    factories.make_property(cast.acme, "MRR", **FILLED)
    factories.make_property(cast.acme, "Owner", source=Source.BY_HAND, field=None)
    ada = person(cast.ada)

    assert column(page_of(ada, "?source=chartmogul")) == ["MRR"]
    assert column(page_of(ada, "?source=by_hand&source=chartmogul")) == ["Owner"]
    assert column(page_of(ada, "?source=nonsense")) == ["MRR", "Owner"]
    assert "Show all properties" in page_of(ada, "?source=chartmogul")


def test_a_source_without_properties_says_so(person, cast, provider):
    factories.make_property(cast.acme, "MRR")

    assert "No properties from By hand" in page_of(person(cast.ada), "?source=by_hand")


def test_htmx_gets_the_list_alone(person, cast, provider):
    answer = person(cast.ada).htmx("/properties")

    assert answer.text.lstrip().startswith('<div id="list"')
    assert "<html" not in answer.text


def test_empty_list_says_what_a_property_is(person, cast):
    ada, max_ = page_of(person(cast.ada)), page_of(person(cast.max))

    assert "A property is something you want to know of every customer" in ada
    assert ada.count("Create new property") == 2
    assert "Create new property" not in max_
    assert "Only admins can create properties." in max_


def test_waiting_properties_say_when_and_offer_to_sync_now(person, cast):
    factories.make_provider(cast.acme, last_success_at=now(), next_import_at=now() + timedelta(hours=1))
    factories.make_property(cast.acme, "MRR")

    ada, max_ = page_of(person(cast.ada)), page_of(person(cast.max))

    assert "1 property is filled on the next sync" in ada
    assert "Next import: <time" in ada
    assert 'action="/imports"' in ada
    assert ">Sync now" in ada
    assert "Next import: <time" in max_
    assert "Sync now" not in max_


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (None, "ChartMogul is not connected."),
        (ProviderState.DISCONNECTED, "ChartMogul is not connected."),
        (ProviderState.SETTING_UP, "Initial sync is set up manually by our team"),
        (ProviderState.PAUSED, "No import is scheduled."),
    ],
)
def test_waiting_properties_say_what_they_wait_for(person, cast, state, words):
    if state:
        factories.make_provider(cast.acme, state)
    factories.make_property(cast.acme, "MRR")

    page = page_of(person(cast.ada))

    assert words in page
    assert "Sync now" not in page


def test_without_a_connection_no_property_is_said_to_be_filled_on_the_next_sync(person, cast):
    provider = factories.make_provider(cast.acme, ProviderState.DISCONNECTED, last_success_at=now())
    new = factories.make_property(cast.acme, "New", type="text")
    customer = factories.make_customer(provider)
    ada = person(cast.ada)

    pages = [ada.get(path).text for path in ("/properties", f"/customers/{customer.id}", f"/properties/{new.id}")]
    table_of_all = ada.get("/customers").text

    for page in pages:
        assert "next sync" not in page
    # What nothing has filled is not stale: there is nothing to be.
    assert [row[7] for row in table(pages[0])[1:]] == ["Not connected"]
    assert "ChartMogul is not connected</td>" in " ".join(pages[1].split()).replace(" </td>", "</td>")
    assert "Stale since" not in pages[2]
    assert "Connect it again" in pages[0]
    assert "Next sync" not in table_of_all


def test_a_connection_that_began_again_says_what_it_waits_for(person, cast):
    before = now() - timedelta(hours=3)
    factories.make_provider(cast.acme, ProviderState.SETTING_UP, last_success_at=before, connected_at=now())
    factories.make_property(cast.acme, "MRR", **FILLED)

    page = page_of(person(cast.max))

    assert "Stale since" in page
    assert "ChartMogul is connected again. Initial sync is set up manually by our team" in page
    assert "says why" not in page


def test_running_import_is_pointed_to(person, cast, provider):
    factories.make_import(provider, ImportState.RUNNING)
    factories.make_property(cast.acme, "MRR")

    assert "An import is running." in page_of(person(cast.ada))


def test_saved_row_flashes(person, cast, provider):
    factories.make_property(cast.acme, "MRR")

    assert '<tr id="property-mrr" class="flash">' in page_of(person(cast.ada), "?saved=mrr")
    assert 'class="flash"' not in page_of(person(cast.ada), "?saved=<script>")


def test_neighbours_properties_are_not_there(person, cast, provider):
    factories.make_property(cast.acme, "Secret")

    assert "Secret" not in page_of(person(cast.gil))


def test_support_sees_the_button_disabled(person, cast, provider):
    factories.make_property(cast.acme, "MRR")
    sam = look_around(person(cast.sam), cast)

    page = page_of(sam)

    assert 'href="/properties/new"' not in page
    assert "Read-only while you view as support." in page
    assert sam.get("/properties/new").status_code == 200
    assert sam.post("/properties/new", name="x").status_code == 403


@pytest.mark.parametrize("path", ["/properties/new", "/properties/fields", "/properties/preview", "/properties/types"])
def test_members_define_nothing(person, cast, provider, path):
    assert person(cast.max).get(path).status_code == 403
