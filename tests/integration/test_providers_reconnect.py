"""Connecting again: the same account goes on, another one is asked about; and what goes wrong on the way."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import event

from simulator import Account
from tests.conftest import on_sqlite
from tests.factories import Cast, make_customer, make_provider
from tests.integration.test_providers_connect import PATH, connection, kept
from webapp import credentials
from webapp.extensions import db
from webapp.models import Provider, ProviderState
from webapp.models.types import now
from webapp.tenancy import acting_for, owned

ACME = {"account_id": None, "account_name": "Acme Analytics"}


def connections(cast: Cast) -> list[Provider]:
    with acting_for(cast.acme.id):
        return list(db.session.scalars(owned(Provider).order_by(Provider.connected_at)))


@pytest.fixture
def before(cast: Cast) -> Provider:
    """A connection to Acme Analytics that has ended."""
    return make_provider(
        cast.acme, ProviderState.DISCONNECTED, secret_name=None, disconnected_at=now(), generation=2, **ACME
    )


@pytest.fixture
def other_key(chartmogul) -> str:
    return chartmogul.add_key("0123456789abcdef" * 2, Account("Beta <b>Metrics</b>", seed=2, size=5)).key


def test_same_account_goes_on_with_the_same_data(person, chartmogul, cast: Cast, before):
    customer = make_customer(before)

    answer = person(cast.ada).post(PATH, htmx=True, api_key=chartmogul.key)

    (provider,) = connections(cast)
    assert answer.status_code == 200
    assert (provider.id, provider.generation) == (customer.provider_id, 3)
    assert provider.state == ProviderState.SETTING_UP
    assert provider.disconnected_at is None


def test_another_account_is_asked_about_first(person, cast: Cast, before, other_key):
    answer = person(cast.ada).post(PATH, htmx=True, api_key=other_key)

    assert answer.status_code == 422
    assert "This key opens another ChartMogul account" in answer.text
    assert "It opens Beta &lt;b&gt;Metrics&lt;/b&gt;. Before, Acme Analytics was connected." in answer.text
    assert "Connect this other account" in answer.text
    assert 'name="account_confirmed"' in answer.text
    assert other_key not in answer.text
    assert kept() == []
    assert [row.state for row in connections(cast)] == [ProviderState.DISCONNECTED]


def test_another_account_that_was_confirmed_gets_a_connection_of_its_own(person, cast: Cast, before, other_key):
    ada = person(cast.ada)
    asked = ada.post(PATH, htmx=True, api_key=other_key).text
    confirmed = asked.split('name="account_confirmed" value="')[1].split('"')[0]

    answer = ada.post(PATH, htmx=True, api_key=other_key, account_confirmed=confirmed)

    assert answer.status_code == 200
    old, new = connections(cast)
    assert (old.account_name, old.state) == ("Acme Analytics", ProviderState.DISCONNECTED)
    assert (new.account_name, new.state) == ("Beta <b>Metrics</b>", ProviderState.SETTING_UP)


def test_confirmation_counts_for_the_account_it_was_given_for(person, cast: Cast, before, other_key):
    answer = person(cast.ada).post(PATH, htmx=True, api_key=other_key, account_confirmed="acc_another")

    assert answer.status_code == 422
    assert kept() == []


def test_an_account_of_long_ago_goes_on_with_its_own_data(person, chartmogul, cast: Cast, before, other_key):
    make_provider(cast.acme, ProviderState.DISCONNECTED, account_id="acc_b", account_name="Beta", disconnected_at=now())
    ada = person(cast.ada)
    asked = ada.post(PATH, htmx=True, api_key=chartmogul.key).text
    confirmed = asked.split('name="account_confirmed" value="')[1].split('"')[0]

    ada.post(PATH, htmx=True, api_key=chartmogul.key, account_confirmed=confirmed)

    provider = connection(cast)
    assert provider is not None
    assert provider.id == before.id
    assert len(connections(cast)) == 2


def test_secret_store_down_saves_nothing_and_says_so(person, chartmogul, cast: Cast, settings):
    settings.vault_key_file.parent.mkdir(mode=0o700)
    settings.vault_key_file.write_text("not a key")
    settings.vault_key_file.chmod(0o600)

    answer = person(cast.ada).post(PATH, htmx=True, api_key=chartmogul.key)

    assert answer.status_code == 422
    assert "The key could not be stored. Nothing was saved. Try again." in answer.text
    assert connection(cast) is None


def test_of_two_tabs_one_connects_and_the_other_keeps_no_key(person, chartmogul, cast: Cast):
    """The second tab's connection is committed while the first one stores its key."""
    ada, again, store = person(cast.ada), person(cast.ada), credentials.store()
    again.csrf()
    create = type(store).create
    names = []

    def connect_in_between(name: str, value: str) -> None:
        create(store, name, value)
        names.append(name)
        if len(names) == 1:
            assert again.post(PATH, htmx=True, api_key=chartmogul.key).status_code == 200

    store.create = connect_in_between
    answer = ada.post(PATH, htmx=True, api_key=chartmogul.key)
    del store.create

    assert answer.status_code == 422
    assert "ChartMogul is already connected" in answer.text
    (provider,) = connections(cast)
    assert kept() == [names[1]] == [provider.secret_name]


def test_database_that_fails_at_the_end_leaves_no_key_behind(person, chartmogul, cast: Cast):
    def fail(_connection, _cursor, statement, *_rest):
        if statement.startswith("INSERT INTO providers"):
            raise sqlite3.OperationalError("disk I/O error")

    ada = person(cast.ada)
    ada.csrf()
    event.listen(db.engine, "before_cursor_execute", fail)
    answer = ada.post(PATH, api_key=chartmogul.key)
    event.remove(db.engine, "before_cursor_execute", fail)

    assert answer.status_code >= 500
    assert chartmogul.key not in answer.text
    assert kept() == []
    assert connection(cast) is None


@on_sqlite  # PostgreSQL locks rows, not the database
def test_no_transaction_is_open_while_chartmogul_is_asked(person, chartmogul, cast: Cast, settings):
    """Another writer gets its turn at once, however long ChartMogul takes."""
    waited = []

    def write(_fault_seconds: float) -> None:
        with closing(sqlite3.connect(settings.data_dir / "customerscore.sqlite", timeout=0.2)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.rollback()
        waited.append(True)

    ada = person(cast.ada)
    ada.csrf()
    wait, chartmogul.stopping.wait = chartmogul.stopping.wait, write
    chartmogul.latency_ms = 50
    try:
        answer = ada.post(PATH, htmx=True, api_key=chartmogul.key)
    finally:
        chartmogul.stopping.wait = wait

    assert answer.status_code == 200
    assert len(waited) == 2
