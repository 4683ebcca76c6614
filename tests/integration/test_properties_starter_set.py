"""The starter set: eight properties in one click, right after the first import."""

import pytest
from sqlalchemy import select

from simulator import Simulator
from tests import factories, syncing
from tests.factories import Cast
from tests.pages import look_around
from tests.texts import words_of
from webapp.audit import AuditEntry
from webapp.chartmogul.fields import FIELDS, Cost
from webapp.extensions import db
from webapp.models import Property, PropertyVersion, ProviderState, Source
from webapp.models.types import now
from webapp.starter_set import STARTER_SET
from webapp.tenancy import across_tenants

ADDRESS = "/properties/starter-set"
BUTTON = "Create these 8 properties"


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now())


def kept(model=Property):
    with across_tenants():
        db.session.expire_all()
        return db.session.scalars(select(model)).all()


def test_set_is_eight_fields_that_every_import_fills_anyway():
    assert len({field.codename for field in STARTER_SET}) == 8
    assert {field.cost for field in STARTER_SET} == {Cost.CUSTOMERS, Cost.MOVEMENTS}
    # The factors of the default score that need no more than that, and what its caps ask for.
    assert {
        "cm_status",
        "cm_mrr_change_90d_pct",
        "cm_days_since_contraction",
        "cm_mrr_vs_peak_pct",
        "cm_scheduled_churn_on",
        "cm_days_past_due",
    } <= {field.codename for field in STARTER_SET}


def test_page_offers_it_with_a_sentence_for_each(person, cast, provider):
    page = words_of(person(cast.ada).get("/properties").text)

    assert "Start with 8 properties from ChartMogul" in page
    assert all(f"{field.label} {field.definition}" in page for field in STARTER_SET)
    assert BUTTON in page


def test_one_press_creates_all_and_the_next_sync_fills_them(person, cast, provider):
    ada = person(cast.ada)

    answer = ada.post(ADDRESS)

    assert (answer.status_code, answer.location) == (303, "/properties")
    page = words_of(ada.get("/properties").text)
    assert "8 properties created. Filled on the next sync. Next import: t" in page
    assert "8 properties are filled on the next sync" in page
    assert "Sync now" in page
    assert BUTTON not in page
    assert {row.field for row in kept()} == {field.codename for field in STARTER_SET}
    assert all(row.type == FIELDS[row.field].type and row.waiting for row in kept())
    assert {row.defined_by for row in kept(PropertyVersion)} == {"ada@acme.example"}
    assert len(kept(PropertyVersion)) == 8
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "property:created")).all()
    assert len(entries) == 8


def test_second_press_does_no_harm(person, cast, provider):
    ada = person(cast.ada)

    first, second = ada.post(ADDRESS), ada.post(ADDRESS)

    assert (first.status_code, second.status_code, second.location) == (303, 303, "/properties")
    assert len(kept()) == 8
    assert "All of the starter set is there already." in ada.get("/properties").text


def test_what_there_is_already_is_left_out(person, cast, provider):
    factories.make_property(cast.acme, "mrr", source=Source.BY_HAND, field=None)
    factories.make_property(cast.acme, "Since", codename="customer_since", source=Source.BY_HAND, field=None)
    ada = person(cast.ada)

    page = words_of(ada.get("/properties").text)
    ada.post(ADDRESS)

    assert "Create these 7 properties" in page
    assert {row.codename for row in kept()} == {
        "mrr",
        "customer_since",
        "subscription_status",
        "mrr_change_90_days",
        "mrr_vs_peak",
        "days_since_contraction",
        "scheduled_churn",
        "days_past_due",
        "customer_since_2",
    }


def test_press_of_an_old_page_creates_only_what_is_missing(person, cast, provider):
    factories.make_property(cast.acme, "Revenue", field="cm_mrr")

    person(cast.ada).post(ADDRESS)

    assert sorted(row.field for row in kept()) == sorted(field.codename for field in STARTER_SET)


def test_import_fills_it(app, person, cast, chartmogul: Simulator):
    provider = syncing.connect(cast.acme, chartmogul)
    syncing.run(app, provider)
    person(cast.ada).post(ADDRESS)

    syncing.run(app, provider)

    assert not [row.name for row in kept() if row.waiting]
    assert all(row.filled_at for row in kept(PropertyVersion))


@pytest.mark.parametrize(
    "state", [None, ProviderState.DISCONNECTED, ProviderState.SETTING_UP, ProviderState.ACTION_NEEDED]
)
def test_it_is_offered_while_connected(person, cast, state):
    if state:
        factories.make_provider(cast.acme, state)
    ada, live = person(cast.ada), state not in (None, ProviderState.DISCONNECTED)

    page, answer = ada.get("/properties").text, ada.post(ADDRESS)

    assert (BUTTON in page) is live
    assert answer.location == ("/properties" if live else "/settings/providers")
    assert len(kept()) == (8 if live else 0)


def test_it_is_not_offered_once_something_is_filled_from_chartmogul(person, cast, provider):
    factories.make_property(cast.acme, "Country", type="text", field="cm_country")

    assert 'id="starter-set"' not in person(cast.ada).get("/properties").text


def test_members_see_no_button_and_support_a_disabled_one(person, cast, provider):
    max_, sam = person(cast.max), look_around(person(cast.sam), cast)

    assert BUTTON not in max_.get("/properties").text
    assert f"disabled>{BUTTON}</button>" in sam.get("/properties").text
    assert max_.post(ADDRESS).status_code == 403
    assert sam.post(ADDRESS).status_code == 403
    assert kept() == []


def test_set_without_room_says_so_and_makes_nothing(person, cast, provider):
    for number in range(60):
        factories.make_property(cast.acme, f"Size {number}", type="number", source=Source.BY_HAND, field=None)
    ada = person(cast.ada)

    answer = ada.post(ADDRESS)

    assert answer.status_code == 303
    assert "There is no room for all of them. Delete some properties first." in ada.get(answer.location).text
    assert len(kept()) == 60
