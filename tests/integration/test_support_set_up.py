"""The set-up step: what the key gives, the schedule, and the first import; by support or by the admin."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from tests.conftest import make_settings
from tests.factories import Cast, make_provider
from tests.integration.test_support import connection, entry, imports
from webapp import queue
from webapp.extensions import db
from webapp.models import ImportState, Provider, ProviderState, Tenant, Trigger
from webapp.models.types import now
from webapp.tenancy import acting_for, owned_update

HOURS = {"schedule": "hours", "every_hours": "6", "import_leads": "y"}
OWN = "/settings/providers/chartmogul/set-up"
FOUND = {
    "state": "ok",
    "customers": 1284,
    "customers_at_least": False,
    "movements": 200,
    "movements_at_least": True,
    "rows": [{"name": "<b>Blue</b> Finch", "status": "Active", "mrr_minor": 12900}],
}


@pytest.fixture
def path(cast: Cast) -> str:
    """The address of Acme's set-up, which waits."""
    make_provider(cast.acme, ProviderState.SETTING_UP)
    return f"/support/tenants/{cast.acme.id}/set-up"


def change(tenant: Tenant, **columns) -> None:
    with acting_for(tenant.id):
        db.session.execute(owned_update(Provider).values(**columns))
        db.session.commit()


def test_page_asks_for_the_probe_by_itself_and_changes_nothing_by_being_read(person, cast: Cast, path):
    page = person(cast.sam).get(path).text

    assert "<h1>Set up Acme</h1>" in page
    assert f'data-hx-post="{path}/probe"' in page
    assert 'data-hx-trigger="load, submit"' in page
    assert "Check the key" in page
    assert not connection(cast.acme).probing
    assert queue.redis().llen("rq:queue:imports") == 0


def test_probe_is_handed_to_a_worker_and_the_piece_asks_again(person, cast: Cast, path):
    answer = person(cast.sam).post(f"{path}/probe", htmx=True)

    assert answer.status_code == 200
    assert f'data-hx-get="{path}/probe" data-hx-trigger="every 2s"' in answer.text
    assert "<html" not in answer.text
    assert connection(cast.acme).probing
    (job,) = queue.redis().lrange("rq:queue:imports", 0, -1)
    assert job.startswith(b"probe-")


def test_without_scripts_the_probe_is_a_button_and_a_redirect(person, cast: Cast, path):
    answer = person(cast.sam).post(f"{path}/probe")

    assert (answer.status_code, answer.location) == (303, path)
    assert "A worker asks ChartMogul." in person(cast.sam).get(path).text


def test_poll_says_nothing_until_there_is_an_answer(person, cast: Cast, path):
    sam = person(cast.sam)
    sam.post(f"{path}/probe", htmx=True)

    waiting = sam.htmx(f"{path}/probe")
    change(cast.acme, probe=FOUND, probed_at=now(), probe_wanted_at=None)
    answered = sam.htmx(f"{path}/probe")

    assert waiting.status_code == 204
    assert answered.status_code == 200
    assert "every 2s" not in answered.text
    for words in ("1,284 customers", "at least 200 movements", "Accepted", "129.00\u00a0EUR"):
        assert words in answered.text
    assert "&lt;b&gt;Blue&lt;/b&gt; Finch" in answered.text
    assert 'id="support-schedule"' not in answered.text


def test_refused_key_takes_the_schedules_place(person, cast: Cast, path):
    change(cast.acme, probe={"state": "refused"}, probed_at=now())

    answer = person(cast.sam).htmx(f"{path}/probe")

    assert "ChartMogul refuses this key" in answer.text
    assert 'id="support-schedule"' in answer.text
    assert 'data-hx-swap-oob="true"' in answer.text
    assert "Ask for a new key" in answer.text
    assert "Complete set-up" not in answer.text


def test_chartmogul_that_did_not_answer_is_asked_again(person, cast: Cast, path):
    change(cast.acme, probe={"state": "unavailable", "error": "Busy"}, probed_at=now())

    page = person(cast.sam).get(path).text

    assert "ChartMogul did not answer" in page
    assert "Complete set-up" in page
    assert "Busy" not in page


def test_complete_set_up_queues_the_first_import(person, cast: Cast, path):
    sam = person(cast.sam)

    answer = sam.post(path, **HOURS)

    assert (answer.status_code, answer.location) == (303, f"/support/tenants/{cast.acme.id}")
    assert "Set-up completed" in sam.get(answer.location).text
    provider, (import_,) = connection(cast.acme), imports(cast.acme)
    assert (provider.state, provider.every_hours, provider.daily_at) == (ProviderState.CONNECTED, 6, None)
    assert provider.import_leads
    assert timedelta(hours=5) < provider.next_import_at - now() <= timedelta(hours=6)
    assert (import_.trigger, import_.state) == (Trigger.FIRST, ImportState.WAITING)
    assert queue.redis().llen("rq:queue:imports") == 1
    assert entry("provider:set_up").details == {"every_hours": 6, "daily_at": None, "leads": True}
    assert entry("provider:set_up").actor == "sam@customerscore.example"


def test_import_of_an_account_that_was_connected_before_is_not_called_the_first(person, cast: Cast, path):
    change(cast.acme, last_success_at=now() - timedelta(days=3))

    person(cast.sam).post(path, **HOURS)

    (import_,) = imports(cast.acme)
    assert (import_.trigger, import_.requested_by) == (Trigger.MANUAL, "sam@customerscore.example")


def test_daily_in_the_tenants_time_zone_and_without_leads(person, cast: Cast, path):
    cast.acme.time_zone = "America/New_York"
    db.session.commit()
    page = person(cast.sam).get(path).text
    person(cast.sam).post(path, schedule="daily", daily_at="06:30", every_hours="24")

    provider = connection(cast.acme)
    assert "In the time zone America/New_York." in page
    assert (provider.every_hours, provider.daily_at, provider.import_leads) == (None, "06:30", False)
    assert provider.next_import_at.astimezone(ZoneInfo("America/New_York")).strftime("%H:%M") == "06:30"


def test_second_submit_starts_no_second_import(person, cast: Cast, path):
    sam = person(cast.sam)
    sam.post(path, **HOURS)

    answer = sam.post(path, schedule="hours", every_hours="48")

    assert answer.status_code == 303
    assert len(imports(cast.acme)) == 1
    assert connection(cast.acme).every_hours == 6
    assert "The set-up is already complete" in sam.get(answer.location).text


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "Choose when imports run."),
        ({"schedule": "weekly"}, "Choose when imports run."),
        ({"schedule": "hours", "every_hours": ""}, "Enter a whole number of hours from 1 to 168."),
        ({"schedule": "hours", "every_hours": "0"}, "from 1 to 168."),
        ({"schedule": "hours", "every_hours": "169"}, "from 1 to 168."),
        ({"schedule": "hours", "every_hours": "-1"}, "from 1 to 168."),
        ({"schedule": "hours", "every_hours": "1.5"}, "from 1 to 168."),
        ({"schedule": "hours", "every_hours": "٣"}, "from 1 to 168."),
        ({"schedule": "daily", "daily_at": ""}, "Enter a time of day as HH:MM"),
        ({"schedule": "daily", "daily_at": "24:00"}, "Enter a time of day as HH:MM"),
        ({"schedule": "daily", "daily_at": "6:30\n"}, "Enter a time of day as HH:MM"),
    ],
)
def test_nonsense_in_the_schedule_is_422_and_starts_nothing(person, cast: Cast, path, sent, words):
    answer = person(cast.sam).post(path, **sent)

    assert answer.status_code == 422
    assert words in answer.text
    assert "<title>Error: Set up Acme" in answer.text
    assert connection(cast.acme).state == ProviderState.SETTING_UP
    assert imports(cast.acme) == []


def test_set_up_that_is_complete_or_gone_has_no_page(person, cast: Cast, path):
    change(cast.acme, set_up_at=now(), state=ProviderState.CONNECTED)

    answer = person(cast.sam).get(path)

    assert (answer.status_code, answer.location) == (303, f"/support/tenants/{cast.acme.id}")
    assert person(cast.sam).htmx(f"{path}/probe").status_code == 404
    assert person(cast.sam).post(f"/support/tenants/{cast.globex.id}/set-up", **HOURS).status_code == 404


def test_set_up_waits_while_a_new_key_is_asked_for(person, cast: Cast, path):
    sam = person(cast.sam)
    sam.post(f"{path}/new-key")

    answer = sam.post(path, **HOURS)

    assert "The set-up waits for a new API key" in sam.get(answer.location).text
    assert imports(cast.acme) == []
    assert "The set-up goes on when the tenant has uploaded it." in sam.get(path).text


def test_admin_cannot_do_the_step_unless_the_setting_allows_it(person, cast: Cast, path):
    assert person(cast.ada).post(OWN, **HOURS).status_code == 404
    assert "Complete set-up" not in person(cast.ada).htmx("/settings/providers/chartmogul").text


class TestSelfServe:
    @pytest.fixture
    def settings(self, tmp_path, database_url, redis_url, chartmogul):
        return make_settings(
            tmp_path,
            database_url=database_url,
            redis_url=redis_url,
            chartmogul_api_url=chartmogul.url,
            self_serve_setup=True,
        )

    def test_admin_completes_the_set_up_in_the_connections_dialog(self, app: Flask, person, cast, path):
        ada = person(cast.ada)
        dialog = ada.htmx("/settings/providers/chartmogul").text
        card = ada.get("/settings/providers").text

        answer = ada.post(OWN, htmx=True, **HOURS)

        assert f'data-hx-post="{OWN}"' in dialog
        assert "press Complete set-up" in card
        assert "Connected" in answer.text
        assert answer.headers["HX-Trigger"] == '{"closeDialog":true}'
        assert "Set-up completed" in answer.text
        assert imports(cast.acme)[0].requested_by == "ada@acme.example"

    def test_nonsense_brings_the_form_back(self, app: Flask, person, cast, path):
        answer = person(cast.ada).post(OWN, htmx=True, schedule="hours", every_hours="999")

        assert answer.status_code == 422
        assert "Enter a whole number of hours from 1 to 168." in answer.text
        assert 'value="999"' in answer.text

    def test_confirmation_of_the_key_names_the_next_step(self, app: Flask, person, chartmogul, cast):
        connect = "/settings/providers/chartmogul/connect"

        answer = person(cast.ada).post(connect, htmx=True, api_key=chartmogul.key)

        assert "choose when imports run and press Complete set-up" in answer.text

    def test_member_may_not(self, app: Flask, person, cast, path):
        assert person(cast.max).post(OWN, **HOURS).status_code == 403
