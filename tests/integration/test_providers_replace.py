"""Replacing an API key: the same account only, and the old key works until the new one is accepted."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from simulator import Account
from tests.factories import Cast, make_provider
from tests.integration.test_providers_connect import connection, kept
from webapp import credentials
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.models import Provider, ProviderState, Reason
from webapp.models.types import now
from webapp.tenancy import acting_for, owned_update

PATH = "/settings/providers/chartmogul/replace"
OLD = "0ld0ld0ld0ld0ld0ld0ld0ld0ld0ld00"


@pytest.fixture
def provider(cast: Cast) -> Provider:
    """Acme's connection to Acme Analytics, with a key in the store."""
    name = credentials.store_key(cast.acme.id, OLD)
    return make_provider(cast.acme, secret_name=name, key_mask="0ld...d00", account_id=None)


def change(cast: Cast, **columns) -> None:
    with acting_for(cast.acme.id):
        db.session.execute(owned_update(Provider).values(**columns))
        db.session.commit()


def in_use(cast: Cast) -> str:
    found = connection(cast)
    assert found is not None
    assert found.secret_name is not None
    return credentials.store().read(found.secret_name)


def test_form_names_the_account_and_shows_the_mask_alone(person, cast: Cast, provider):
    answer = person(cast.ada).htmx(PATH)

    assert '<h2 id="dlg-t">Replace API key</h2>' in answer.text
    assert "Acme Analytics" in answer.text
    assert "0ld...d00" in answer.text
    assert OLD not in answer.text


def test_new_key_of_the_same_account_is_used_from_now_on(person, chartmogul, cast: Cast, provider):
    answer = person(cast.ada).post(PATH, htmx=True, api_key=chartmogul.key)

    assert answer.status_code == 200
    assert answer.headers["HX-Trigger"] == '{"closeDialog":true}'
    assert "API key replaced" in answer.text
    assert in_use(cast) == chartmogul.key
    assert len(kept()) == 1
    assert connection(cast).key_mask == credentials.mask(chartmogul.key)


def test_without_scripts_it_redirects_and_says_the_same(person, chartmogul, cast: Cast, provider):
    ada = person(cast.ada)

    answer = ada.post(PATH, api_key=chartmogul.key)

    assert (answer.status_code, answer.location) == (303, "/settings/providers")
    assert "API key replaced" in ada.get("/settings/providers").text


def test_key_of_another_account_is_refused_and_both_are_named(person, chartmogul, cast: Cast, provider):
    other = chartmogul.add_key("fedcba98" * 4, Account("Beta Metrics", seed=2, size=5)).key

    answer = person(cast.ada).post(PATH, htmx=True, api_key=other)

    assert answer.status_code == 422
    assert "It opens Beta Metrics, but Acme Analytics is connected." in answer.text
    assert in_use(cast) == OLD


def test_wrong_key_leaves_the_old_one_in_use(person, cast: Cast, provider):
    answer = person(cast.ada).post(PATH, htmx=True, api_key="f" * 32)

    assert answer.status_code == 422
    assert "Upload failed / invalid token" in answer.text
    assert in_use(cast) == OLD


def test_the_mask_of_the_key_in_use_is_no_key(person, chartmogul, cast: Cast, provider):
    answer = person(cast.ada).post(PATH, htmx=True, api_key="0ld...d00")

    assert answer.status_code == 422
    assert len(chartmogul.log) == 0


def test_at_most_one_replacement_in_ten_minutes(person, chartmogul, cast: Cast, provider):
    ada = person(cast.ada)
    ada.post(PATH, htmx=True, api_key=chartmogul.key)
    chartmogul.add_key("abcdef01" * 4, chartmogul.account)

    too_soon = ada.post(PATH, htmx=True, api_key="abcdef01" * 4)
    db.session.execute(update(AuditEntry).values(at=now() - timedelta(minutes=11)))
    db.session.commit()
    later = ada.post(PATH, htmx=True, api_key="abcdef01" * 4)

    assert too_soon.status_code == 422
    assert "less than ten minutes ago" in too_soon.text
    assert later.status_code == 200


def test_a_refused_key_may_be_replaced_at_once(person, chartmogul, cast: Cast, provider):
    ada = person(cast.ada)
    ada.post(PATH, htmx=True, api_key=chartmogul.key)
    change(cast, state=ProviderState.ACTION_NEEDED, action_reason=Reason.KEY_REFUSED, action_since=now())

    answer = ada.post(PATH, htmx=True, api_key=chartmogul.key)

    assert answer.status_code == 200
    found = connection(cast)
    assert (found.state, found.action_reason, found.action_since) == (ProviderState.CONNECTED, None, None)
    assert found.next_import_at is not None


def test_during_the_set_up_the_new_key_is_looked_at_again(person, chartmogul, cast: Cast, provider):
    change(
        cast,
        state=ProviderState.ACTION_NEEDED,
        action_reason=Reason.KEY_REFUSED,
        action_since=now(),
        set_up_at=None,
        connected_by="who@left.example",
        probe={"state": "refused"},
    )

    person(cast.ada).post(PATH, htmx=True, api_key=chartmogul.key)

    found = connection(cast)
    assert (found.state, found.probing, found.probe) == (ProviderState.SETTING_UP, True, None)
    assert (found.connected_by, found.connected_at > now() - timedelta(minutes=1)) == (cast.ada.email, True)


def test_key_that_the_store_has_lost_can_be_replaced(person, chartmogul, cast: Cast, provider):
    credentials.delete_key(provider.secret_name)

    answer = person(cast.ada).post(PATH, htmx=True, api_key=chartmogul.key)

    assert answer.status_code == 200
    assert in_use(cast) == chartmogul.key


def test_store_that_is_down_leaves_everything_as_it_was(person, chartmogul, cast: Cast, provider, settings):
    vault = settings.data_dir / "vault.json"
    vault.chmod(0o644)

    answer = person(cast.ada).post(PATH, htmx=True, api_key=chartmogul.key)
    vault.chmod(0o600)

    assert answer.status_code == 422
    assert "The key could not be stored. Nothing was saved. Try again." in answer.text
    assert in_use(cast) == OLD


def test_nothing_to_replace_says_so(person, chartmogul, cast: Cast):
    answer = person(cast.ada).post(PATH, htmx=True, api_key=chartmogul.key)

    assert answer.status_code == 422
    assert "ChartMogul is not connected" in answer.text
    assert kept() == []


def test_neighbour_and_member_cannot_replace_it(person, chartmogul, cast: Cast, provider):
    assert person(cast.max).post(PATH, api_key=chartmogul.key).status_code == 403
    assert person(cast.gil).post(PATH, api_key=chartmogul.key).status_code == 422
    assert in_use(cast) == OLD
