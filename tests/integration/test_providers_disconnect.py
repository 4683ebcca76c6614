"""Disconnecting: what it says before, what goes and what stays."""

from datetime import timedelta
from threading import Thread

import pytest
from sqlalchemy import select

from tests import syncing
from tests.conftest import DATABASES
from tests.factories import Cast, make_customer, make_import, make_property, make_provider
from tests.integration.test_providers_connect import connection, kept
from webapp import credentials
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.models import Import, ImportState, Provider, ProviderState, Reason
from webapp.models.types import now
from webapp.tenancy import acting_for, owned

PATH = "/settings/providers/chartmogul/disconnect"


@pytest.fixture
def provider(cast: Cast) -> Provider:
    """Acme's connection, with a key in the store."""
    return make_provider(cast.acme, secret_name=credentials.store_key(cast.acme.id, "a key to forget"))


def only_import(cast: Cast) -> Import:
    with acting_for(cast.acme.id):
        return db.session.scalars(owned(Import)).one()


def test_question_gives_the_consequences_in_numbers(person, cast: Cast, provider):
    for name in ("Churn date", "MRR", "Plan"):
        make_property(cast.acme, name)
    for _ in range(3):
        make_customer(provider)
    make_import(provider, ImportState.RUNNING)

    answer = person(cast.ada).htmx(PATH)

    assert '<h2 id="dlg-t">Disconnect from ChartMogul?</h2>' in answer.text
    assert "<p><strong>Disconnecting cannot be undone.</strong>" in answer.text
    assert (
        '3 properties stop updating: <a href="/properties?source=chartmogul">Churn date, MRR, Plan</a>' in answer.text
    )
    assert "Their last values stay on 3 customers, marked as stale." in answer.text
    assert "Import #1 is cancelled now." in answer.text
    assert "until you revoke it there: View Profile → API keys." in answer.text
    assert "autofocus>Keep connected</a>" in answer.text
    assert 'data-kind="danger">Disconnect from ChartMogul</button>' in answer.text


def test_question_of_an_empty_connection_claims_nothing(person, cast: Cast, provider):
    text = person(cast.ada).htmx(PATH).text

    assert "stop updating" not in text
    assert "marked as stale" not in text
    assert "is cancelled" not in text


def test_many_properties_are_named_in_part(person, cast: Cast, provider):
    for number in range(8):
        make_property(cast.acme, f"P{number}")

    assert "P0, P1, P2, P3, P4 and 3 more</a>" in person(cast.ada).htmx(PATH).text


def test_key_goes_import_stops_and_data_stays(person, cast: Cast, provider):
    make_customer(provider)
    make_import(provider, ImportState.RUNNING)

    answer = person(cast.ada).post(PATH, htmx=True)

    assert answer.status_code == 200
    assert answer.headers["HX-Trigger"] == '{"closeDialog":true}'
    assert "Not connected" in answer.text
    assert "ChartMogul disconnected" in answer.text
    found, import_ = connection(cast), only_import(cast)
    assert (found.state, found.secret_name, found.next_import_at) == (ProviderState.DISCONNECTED, None, None)
    assert found.generation == 2
    assert kept() == []
    assert (import_.state, import_.reason) == (ImportState.CANCELLED, Reason.DISCONNECTED)
    assert import_.cancelled_by == "ada@acme.example"
    assert import_.ended_at is not None
    assert not import_.retryable
    assert "1 customer and their values are kept" in person(cast.ada).get("/settings/providers").text


@pytest.mark.parametrize("state", [ImportState.WAITING, ImportState.CANCELLING])
def test_import_in_any_live_state_ends(person, cast: Cast, provider, state):
    make_import(provider, state)

    person(cast.ada).post(PATH)

    assert only_import(cast).state == ImportState.CANCELLED


def test_import_that_ended_before_stays_as_it_was(person, cast: Cast, provider):
    make_import(provider, ImportState.DONE)

    person(cast.ada).post(PATH)

    assert (only_import(cast).state, only_import(cast).reason) == (ImportState.DONE, None)


def test_second_submit_is_the_same_and_no_error(person, cast: Cast, provider):
    ada = person(cast.ada)
    ada.post(PATH, htmx=True)

    answer = ada.post(PATH, htmx=True)

    assert answer.status_code == 200
    assert "ChartMogul disconnected" in answer.text
    assert connection(cast).generation == 2
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "provider:disconnected")).all()
    assert len(entries) == 1


def test_without_scripts_it_redirects_and_says_so(person, cast: Cast, provider):
    ada = person(cast.ada)

    answer = ada.post(PATH)

    assert (answer.status_code, answer.location) == (303, "/settings/providers")
    assert "ChartMogul disconnected" in ada.get("/settings/providers").text


def test_disconnect_while_setting_up(person, cast: Cast):
    make_provider(cast.acme, ProviderState.SETTING_UP)

    person(cast.ada).post(PATH)

    assert connection(cast).state == ProviderState.DISCONNECTED
    assert "Nobody is waiting" in person(cast.sam).get("/support").text


def test_store_that_is_down_does_not_stop_it(person, cast: Cast, provider, settings):
    """The reconciler of the clock finds the key later."""
    vault = settings.data_dir / "vault.json"
    vault.chmod(0o644)

    answer = person(cast.ada).post(PATH, htmx=True)
    vault.chmod(0o600)

    assert answer.status_code == 200
    assert connection(cast).state == ProviderState.DISCONNECTED
    assert len(kept()) == 1


def test_connecting_again_at_once_works_under_a_new_name(person, chartmogul, cast: Cast, provider):
    ada, before = person(cast.ada), kept()
    ada.post(PATH, htmx=True)

    path = "/settings/providers/chartmogul/connect"
    asked = ada.post(path, htmx=True, api_key=chartmogul.key).text
    confirmed = asked.split('name="account_confirmed" value="')[1].split('"')[0]
    answer = ada.post(path, htmx=True, api_key=chartmogul.key, account_confirmed=confirmed)

    assert answer.status_code == 200
    assert len(kept()) == 1
    assert kept() != before


def test_neighbour_and_member_disconnect_nothing(person, cast: Cast, provider):
    assert person(cast.max).post(PATH).status_code == 403
    person(cast.gil).post(PATH)

    assert connection(cast).state == ProviderState.CONNECTED


def test_next_import_is_never_due_again(person, cast: Cast, provider):
    person(cast.ada).post(PATH)
    with acting_for(cast.acme.id):
        found = Provider.current()
        found.schedule_next(now() + timedelta(days=1))

        assert found.next_import_at is None


@pytest.mark.parametrize("database_url", set(DATABASES) & {"postgresql"}, indirect=True)  # SQLite locks no rows
def test_disconnecting_while_a_page_is_saved_waits_for_no_worker_that_waits_for_it(app, person, cast: Cast, chartmogul):
    """The page's new customers refer to the connection, whose row disconnecting locks after the import's."""
    provider = syncing.connect(cast.acme, chartmogul)
    ada, answers, inserted = person(cast.ada), [], []

    def press() -> None:
        with app.app_context():
            answers.append(ada.post(PATH).status_code)

    pressing = Thread(target=press)

    def look(_connection, _cursor, statement: str, *_) -> None:
        if statement.startswith("INSERT INTO customers"):
            inserted.append(statement)
        elif inserted and statement.startswith("UPDATE imports") and pressing.ident is None:
            pressing.start()
            pressing.join(0.7)

    with syncing.listening(look):
        import_ = syncing.run(app, provider)
        pressing.join()

    assert (answers, import_.state, import_.reason) == ([303], ImportState.CANCELLED, Reason.DISCONNECTED)
