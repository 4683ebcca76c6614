"""Connecting ChartMogul: which keys are taken, and what each outcome says."""

import pytest
from sqlalchemy import func, select

from simulator import KeyState
from tests.factories import Cast, make_provider
from webapp import credentials, queue
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.models import Provider, ProviderState
from webapp.tenancy import acting_for, owned

PATH = "/settings/providers/chartmogul/connect"


def connection(cast: Cast) -> Provider | None:
    with acting_for(cast.acme.id):
        return Provider.current()


def kept() -> list[str]:
    return sorted(credentials.store().names())


def test_dialog_asks_for_one_key_and_says_what_becomes_of_it(person, cast: Cast):
    answer = person(cast.ada).htmx(PATH)

    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert '<h2 id="dlg-t">Connect to ChartMogul</h2>' in answer.text
    assert 'autocomplete="new-password"' in answer.text
    assert "It is stored encrypted; only a masked preview is ever displayed." in answer.text
    assert f'data-hx-post="{PATH}"' in answer.text


def test_without_scripts_the_form_is_a_page(person, cast: Cast):
    answer = person(cast.ada).get(PATH)

    assert answer.text.count("<h1") == 1
    assert "<h1>Connect to ChartMogul</h1>" in answer.text
    assert "data-hx-post" not in answer.text
    assert f'action="{PATH}"' in answer.text


def test_accepted_key_closes_the_dialog_and_brings_card_and_toast(person, chartmogul, cast: Cast):
    answer = person(cast.ada).post(PATH, htmx=True, api_key=chartmogul.key)

    assert answer.status_code == 200
    assert answer.headers["HX-Reswap"] == "none"
    assert answer.headers["HX-Trigger"] == '{"closeDialog":true}'
    assert 'id="provider-chartmogul"' in answer.text
    assert 'data-hx-swap-oob="true"' in answer.text
    assert "Setting up" in answer.text
    assert "Credentials uploaded" in answer.text
    assert "Our team now completes the data sync setup. Your imports will appear in Imports overview." in answer.text
    assert "ChartMogul account: Acme Analytics, currency EUR, time zone Europe/Berlin." in answer.text


def test_without_scripts_the_confirmation_is_on_the_page_after_the_redirect(person, chartmogul, cast: Cast):
    ada = person(cast.ada)

    answer = ada.post(PATH, api_key=chartmogul.key)

    assert (answer.status_code, answer.location) == (303, "/settings/providers")
    page = ada.get("/settings/providers").text
    assert "Credentials uploaded" in page
    assert "Acme Analytics, currency EUR" in page
    assert "Credentials uploaded" not in ada.get("/settings/providers").text


def test_what_is_kept_of_a_key(person, chartmogul, cast: Cast):
    person(cast.ada).post(PATH, api_key=f"  {chartmogul.key}\n")

    provider = connection(cast)
    assert provider is not None
    assert provider.state == ProviderState.SETTING_UP
    assert provider.key_mask == f"{chartmogul.key[:3]}...{chartmogul.key[-3:]}"
    assert (provider.account_name, provider.currency) == ("Acme Analytics", "EUR")
    assert provider.connected_by == "ada@acme.example"
    assert kept() == [provider.secret_name]
    assert str(cast.acme.id) in kept()[0]
    assert credentials.store().read(kept()[0]) == chartmogul.key
    assert cast.acme.time_zone == "Europe/Berlin"
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "provider:connected")).one()
    assert (entry.tenant_id, entry.actor) == (cast.acme.id, "ada@acme.example")


def test_a_time_zone_that_was_chosen_stays(person, chartmogul, cast: Cast):
    cast.acme.time_zone = "Asia/Tokyo"
    db.session.commit()

    person(cast.ada).post(PATH, api_key=chartmogul.key)

    assert cast.acme.time_zone == "Asia/Tokyo"


def test_a_worker_is_asked_to_look_at_what_the_key_gives(person, chartmogul, cast: Cast):
    person(cast.ada).post(PATH, api_key=chartmogul.key)

    (job,) = queue.redis().lrange("rq:queue:imports", 0, -1)
    assert job.startswith(b"probe-")
    assert chartmogul.key.encode() not in queue.redis().dump(b"rq:job:" + job)
    assert connection(cast).probing


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "Enter the API key."),
        ("  \t ", "Enter the API key."),
        ("abc...xyz", "This is the masked preview"),
        ("••••••••", "This is the masked preview"),
        ("0123456789abcdef 0123456789abcdef", "blanks or line breaks inside"),
        ("0123456789abcdef\r\n0123456789abcdef", "blanks or line breaks inside"),
        ("0123456789abcdef\x000123456789abcdef", "blanks or line breaks inside"),
        ("0123456789abcdéf0123456789abcdef", "characters that no API key has"),
        ("x" * 201, "too long"),
        ("x" * 10_000, "too long"),
        ("abc", "too short"),
    ],
)
@pytest.mark.parametrize("htmx", [True, False])
def test_what_cannot_be_a_key_is_refused_before_anybody_is_asked(person, chartmogul, cast: Cast, key, words, htmx):
    answer = person(cast.ada).post(PATH, htmx=htmx, api_key=key)

    assert answer.status_code == 422
    assert words in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "value=" not in answer.text.split('name="api_key"')[1].split(">")[0]
    assert ("<title>Error: Connect to ChartMogul" in answer.text) is not htmx
    assert len(chartmogul.log) == 0
    assert kept() == []
    assert connection(cast) is None


def test_the_mask_of_the_connection_before_is_no_key(person, cast: Cast):
    make_provider(cast.acme, ProviderState.DISCONNECTED, key_mask="••••••••")

    assert "masked preview" in person(cast.ada).post(PATH, api_key="••••••••").text


def test_refused_key_says_what_to_check(person, cast: Cast):
    wrong = "ffffffffffffffffffffffffffffffff"

    answer = person(cast.ada).post(PATH, htmx=True, api_key=wrong)

    assert answer.status_code == 422
    assert "Upload failed / invalid token" in answer.text
    assert "Re-check that you copied the full key and that its access level is at least Read-only." in answer.text
    assert "autofocus" in answer.text
    assert wrong not in answer.text
    assert kept() == []
    assert connection(cast) is None


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": 402}, "Set its Access Level to Read-only"),
        ({"kind": 403}, "Set its Access Level to Read-only"),
        ({"kind": 403, "match": "/account"}, "Set its Access Level to Read-only"),
        ({"kind": 429}, "ChartMogul is busy. Nothing was saved. Try again in a minute."),
        ({"kind": 503}, "ChartMogul is busy."),
        ({"kind": 500}, "ChartMogul did not answer. Nothing was saved. Try again."),
        ({"kind": "html_200"}, "ChartMogul did not answer."),
        ({"kind": "truncated", "match": "/account"}, "ChartMogul did not answer."),
        ({"kind": "not_json"}, "ChartMogul did not answer."),
        ({"kind": "redirect"}, "ChartMogul did not answer."),
        ({"kind": "close"}, "ChartMogul did not answer."),
    ],
)
def test_each_answer_of_chartmogul_has_its_words_and_nothing_is_kept(person, chartmogul, cast: Cast, fault, words):
    chartmogul.faults.add(**fault)

    answer = person(cast.ada).post(PATH, htmx=True, api_key=chartmogul.key)

    assert answer.status_code == 422
    assert words in answer.text
    assert chartmogul.key not in answer.text
    assert kept() == []
    assert connection(cast) is None


def test_expired_trial_is_told_from_a_wrong_key(person, chartmogul, cast: Cast):
    chartmogul.set_state(chartmogul.key, KeyState.TRIAL_EXPIRED)

    answer = person(cast.ada).post(PATH, htmx=True, api_key=chartmogul.key)

    assert "check that the account&#39;s trial has not ended" in answer.text.replace("'", "&#39;")


def test_chartmogul_out_of_reach_saves_nothing(person, chartmogul, cast: Cast):
    with chartmogul.down():
        answer = person(cast.ada).post(PATH, api_key=chartmogul.key)

    assert answer.status_code == 422
    assert "ChartMogul did not answer. Nothing was saved. Try again." in answer.text
    assert "<title>Error: " in answer.text


def test_second_submit_finds_the_connection_of_the_first(person, chartmogul, cast: Cast):
    ada = person(cast.ada)
    ada.post(PATH, htmx=True, api_key=chartmogul.key)

    answer = ada.post(PATH, htmx=True, api_key=chartmogul.key)

    assert answer.status_code == 422
    assert "ChartMogul is already connected" in answer.text
    assert 'href="/settings/providers/chartmogul"' in answer.text
    assert len(kept()) == 1
    with acting_for(cast.acme.id):
        assert db.session.scalar(owned(Provider, func.count())) == 1


def test_two_tenants_may_connect_the_same_account(person, chartmogul, cast: Cast):
    person(cast.ada).post(PATH, api_key=chartmogul.key)
    person(cast.gil).post(PATH, api_key=chartmogul.key)

    assert len(kept()) == 2
    assert "Setting up" in person(cast.gil).get("/settings/providers").text


def test_member_may_not_connect(person, chartmogul, cast: Cast):
    answer = person(cast.max).post(PATH, api_key=chartmogul.key)

    assert answer.status_code == 403
    assert len(chartmogul.log) == 0


def test_fields_that_the_form_does_not_have_change_nothing(person, chartmogul, cast: Cast):
    more = {"tenant_id": str(cast.globex.id), "state": "connected", "generation": "9", "role": "staff"}

    person(cast.ada).post(PATH, api_key=chartmogul.key, id=str(cast.globex.id), **more)

    provider = connection(cast)
    assert (provider.state, provider.generation) == (ProviderState.SETTING_UP, 1)
    with acting_for(cast.globex.id):
        assert Provider.current() is None
    assert cast.ada.role == "admin"


def test_json_where_a_form_is_due_is_no_key(person, chartmogul, cast: Cast):
    ada = person(cast.ada)

    answer = ada.client.post(PATH, json={"api_key": chartmogul.key}, headers={"X-CSRFToken": ada.csrf()})

    assert answer.status_code == 400
    assert len(chartmogul.log) == 0


def test_nobody_tries_out_keys_at_chartmogul_through_us(person, chartmogul, cast: Cast):
    ada, gil = person(cast.ada), person(cast.gil)
    answers = [ada.post(PATH, htmx=True, api_key=f"{number:032}") for number in range(11)]
    ada.post(PATH.replace("connect", "replace"), htmx=True, api_key="0" * 32)

    assert len(chartmogul.log) == 10
    assert {answer.status_code for answer in answers} == {422}
    assert "Upload failed / invalid token" in answers[9].text
    assert "Too many tries. Try again in 5 minutes." in answers[10].text
    assert gil.post(PATH, htmx=True, api_key=chartmogul.key).status_code == 200
