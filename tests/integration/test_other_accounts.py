"""The account of before, and another one or the same that is connected after it: nothing of the one is shown as of the
other, and nothing of either is lost."""

import pytest
from sqlalchemy import select

from simulator import Account
from tests import factories, syncing
from tests.factories import Cast
from tests.integration.test_providers_connect import PATH
from tests.integration.test_scores import days_of, job, publish, state_of
from tests.person import Person
from tests.texts import words_of
from webapp import scoring
from webapp.extensions import db
from webapp.models import CustomerValues, Import, Property, Provider, ProviderState, Scoring
from webapp.models.types import now
from webapp.tenancy import across_tenants, acting_for, owned


@pytest.fixture
def before(cast: Cast) -> Provider:
    """A connection to Acme Analytics that has ended."""
    ended = {"account_id": None, "account_name": "Acme Analytics", "disconnected_at": now(), "last_success_at": now()}
    return factories.make_provider(cast.acme, ProviderState.DISCONNECTED, secret_name=None, **ended)


@pytest.fixture
def mrr(cast: Cast, before: Provider) -> Property:
    """Filled by an import of the connection that has ended, and published as the score."""
    import_ = factories.make_import(before)
    filled = {"filled_version": 1, "filled_import_id": import_.id, "filled_at": now(), "filled_count": 1}
    property_ = factories.make_property(cast.acme, **filled)
    factories.make_value(property_, factories.make_customer(before), number=12900)
    factories.make_health_version(cast.acme, scoring.row_of(property_, 3, 0, 20_000))
    return property_


def kept(cast: Cast) -> Property:
    with acting_for(cast.acme.id):
        db.session.expire_all()
        return db.session.scalars(owned(Property)).one()


def test_values_of_the_same_account_count_until_its_next_import(person, chartmogul, cast: Cast, before, mrr):
    """Else the next midnight would leave everybody without a score, and what changed meanwhile would not be told."""
    assert person(cast.ada).post(PATH, htmx=True, api_key=chartmogul.key).status_code == 200

    assert not kept(cast).waiting
    assert kept(cast).filled_count == 1
    assert "Stale since" in person(cast.max).get("/properties").text


def test_values_of_another_account_wait_for_its_first_import(person, chartmogul, cast: Cast, before, mrr):
    key = chartmogul.add_key("0123456789abcdef" * 2, Account("Beta Metrics", seed=2, size=5)).key
    ada = person(cast.ada)
    confirmed = ada.post(PATH, api_key=key).text.split('name="account_confirmed" value="')[1].split('"')[0]
    assert ada.post(PATH, api_key=key, account_confirmed=confirmed).status_code == 303

    assert kept(cast).waiting
    assert (kept(cast).filled_count, kept(cast).filled_import_id) == (0, None)


def test_account_that_is_connected_again_has_its_values_and_scores_at_once_as_stale_as_they_are(
    app, person, chartmogul, cast: Cast
):
    ada, accounts = person(cast.ada), [Account("Acme Analytics", seed=3, size=12), Account("Beta", seed=2, size=9)]
    first = syncing.connect_only(cast.acme, chartmogul, accounts[0])
    change, other = from_chartmogul(ada, "cm_mrr_change_90d_pct"), chartmogul.add_key("f" * 32, accounts[1]).key
    factories.make_health_version(cast.acme, scoring.row_of(change, 3, -2500, 0))
    publish(cast.acme, 1)
    syncing.run(app, first)
    job(app, cast.acme.id)
    before, count = scores_of(first), kept(cast).filled_count
    reconnect(ada, other)
    second = set_up(cast)
    late = from_chartmogul(ada, "cm_arr")
    syncing.run(app, second)
    factories.make_health_version(cast.acme, scoring.row_of(change, 3, -5000, 0), number=2)
    publish(cast.acme, 2)
    job(app, cast.acme.id)

    reconnect(ada, syncing.KEY)
    pending = state_of(cast.acme).pending
    job(app, cast.acme.id)

    assert second.id != first.id
    assert pending
    assert not state_of(cast.acme).pending
    with acting_for(cast.acme.id):
        change, late = (db.session.get_one(Property, row.id, populate_existing=True) for row in (change, late))
        assert (change.waiting, change.filled_count, late.waiting) == (False, count, True)
        assert db.session.get_one(Import, change.filled_import_id).provider_id == first.id
    after = scores_of(first)
    assert who_has_one(after) == who_has_one(before) != set()
    assert {state.partition("|")[0] for _, state in after.values()} == {"2"}
    page = words_of(person(cast.max).get("/customers").text)
    assert "Stale since" in page
    assert "of 12" in page


def from_chartmogul(ada: Person, field: str) -> Property:
    assert ada.post("/properties/new", name=field, source="chartmogul", field=field).status_code == 303
    with across_tenants():
        return db.session.scalars(select(Property).where(Property.field == field)).one()


def reconnect(ada: Person, key: str) -> None:
    """Disconnect, and connect with a key, whichever account it opens."""
    ada.post("/settings/providers/chartmogul/disconnect")
    asked = ada.post(PATH, api_key=key).text.split('name="account_confirmed" value="')
    if len(asked) > 1:
        assert ada.post(PATH, api_key=key, account_confirmed=asked[1].split('"')[0]).status_code == 303


def set_up(cast: Cast) -> Provider:
    with acting_for(cast.acme.id):
        provider = Provider.current()
        assert provider
        provider.complete_set_up(24, None, True, now())
        db.session.commit()
        return provider


def scores_of(provider: Provider) -> dict[str, tuple[int | None, str]]:
    with acting_for(provider.tenant_id):
        columns = CustomerValues.uuid, CustomerValues.score, CustomerValues.score_state
        of_it = CustomerValues.provider_id == provider.id
        rows = db.session.execute(owned(CustomerValues, *columns).where(of_it)).all()
        db.session.rollback()
        return {uuid: (score, state or "") for uuid, score, state in rows}


def who_has_one(scores: dict[str, tuple[int | None, str]]) -> set[str]:
    return {uuid for uuid, (score, _) in scores.items() if score is not None}


def test_customer_of_before_is_not_filled_by_the_other_account(person, cast: Cast, before, mrr):
    with acting_for(cast.acme.id):
        customer = factories.make_customer(before, "Red Kite")
    factories.make_value(mrr, customer, number=700)
    other = factories.make_provider(cast.acme, account_id="acc_2", last_success_at=now())
    second = factories.make_import(other)
    mrr.filled_import_id = second.id
    with acting_for(cast.acme.id):
        db.session.commit()
    filled = person(cast.max).get(f"/customers/{customer.id}").text
    mrr.filled_version = 0
    with acting_for(cast.acme.id):
        db.session.commit()
    waiting = person(cast.max).get(f"/customers/{customer.id}").text

    for page in (filled, waiting):
        row = words_of(page.split('<tr id="value-mrr"')[1].split("</tr>")[0])
        assert "7.00 EUR ChartMogul Stale since" in row
        assert "import #" not in row
        assert "The ChartMogul account Acme Analytics is not connected any more" in page


def test_dashboard_shows_no_scores_of_an_account_that_was_never_read(person, cast: Cast, before, mrr):
    with acting_for(cast.acme.id):
        db.session.add(Scoring(tenant_id=cast.acme.id, wanted=1, scored=1, day=now().date(), scored_at=now()))
        db.session.commit()
    assert "Customers scored" in person(cast.max).get("/").text
    factories.make_provider(cast.acme, ProviderState.SETTING_UP, account_id="acc_2")

    page = person(cast.max).get("/").text

    assert "Your first import is being set up" in page
    assert "Customers scored" not in page
    assert "lacks a point" not in page


def test_past_is_rebuilt_after_an_accounts_first_import_also_if_scores_were_wanted_before(app, cast: Cast, chartmogul):
    provider = syncing.connect_only(cast.acme, chartmogul, Account(name="Acme Analytics", seed=3, size=12))
    change = factories.make_property(cast.acme, "Change", type="percent", field="cm_mrr_change_90d_pct")
    factories.make_health_version(cast.acme, scoring.row_of(change, 3, -2500, 0))
    publish(cast.acme, 1)
    job(app, cast.acme.id)
    assert state_of(cast.acme).rebuilt_at, "of nobody, as nobody is there"

    syncing.run(app, provider)
    job(app, cast.acme.id)

    assert any(rebuilt for *_, rebuilt in days_of(cast.acme))
    assert any(not rebuilt for *_, rebuilt in days_of(cast.acme))
    assert state_of(cast.acme).place == {}


def test_notice_of_an_account_of_before_names_it(person, cast: Cast, before):
    factories.make_notice(before, "score_fell", factories.make_customer(before), about="Blue Finch")
    factories.make_notice(factories.make_provider(cast.acme), "data_stale")

    page = words_of(person(cast.ada).get("/notices").text)

    assert page.count("no longer connected") == 1
    assert "Acme Analytics, no longer connected. Since" in page
