"""Settings → Providers: the card in every state, the connection behind it, and who sees what of them."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.factories import Cast, make_customer, make_import, make_property, make_provider
from tests.texts import words_of
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.models import Impersonation, ImportState, ProviderState, Reason
from webapp.models.types import now

INDEX = "/settings/providers"
SHOW = "/settings/providers/chartmogul"


def test_before_the_first_key_the_card_offers_to_connect(person, cast: Cast):
    page = person(cast.ada).get(INDEX).text

    assert "Not connected" in page
    assert "Customerscore only reads data from ChartMogul and never writes back to it." in page
    assert (
        f'href="{SHOW}/connect" data-hx-get="{SHOW}/connect" data-hx-target="#dialog">Connect to ChartMogul</a>' in page
    )
    assert page.count("<h1") == 1


def test_setting_up_shows_mask_who_and_how_long(person, cast: Cast):
    make_provider(cast.acme, ProviderState.SETTING_UP, connected_at=now() - timedelta(hours=3, minutes=5))

    page = person(cast.ada).get(INDEX).text

    assert "Setting up" in page
    assert "abc...xyz" in page
    assert "3 hours ago</time> by ada@acme.example" in page
    assert "<dt>Waiting for</dt><dd>3 hours</dd>" in page
    assert "Initial sync is set up manually by our team after you upload credentials." in page
    assert f'data-hx-get="{SHOW}"' in page


def test_connected_shows_the_last_import_and_the_way_to_all(person, cast: Cast):
    make_import(make_provider(cast.acme), ImportState.DONE, customers_read=1284)

    page = person(cast.ada).get(INDEX).text

    assert "circle-check" in page
    assert "done, 1,284 customers" in page
    assert 'href="/imports">Imports overview</a>' in page


def test_a_running_import_is_on_the_card(person, cast: Cast):
    import_ = make_import(make_provider(cast.acme), ImportState.RUNNING)

    page = person(cast.ada).get(INDEX).text

    assert f'<a href="/imports/{import_.id}">Import #1</a> is running' in page


def test_paused_says_who_paused(person, cast: Cast):
    make_provider(cast.acme, ProviderState.PAUSED)

    page = person(cast.ada).get(INDEX).text

    assert "Paused" in page
    assert "Our team paused the imports." in page


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason != Reason.DISCONNECTED])
def test_action_needed_says_why_in_a_sentence_and_since_when(person, cast: Cast, reason):
    provider = make_provider(
        cast.acme,
        ProviderState.ACTION_NEEDED,
        action_reason=reason,
        action_since=now() - timedelta(hours=2),
    )
    failed = make_import(provider, ImportState.FAILED, reason=reason)

    page = person(cast.ada).get(INDEX).text

    assert "Action needed" in page
    assert "<dt>Failing since</dt><dd><time" in page
    assert "to go on." in page or "to try again." in page
    assert f'data-hx-get="{SHOW}/replace" data-hx-target="#dialog">Replace API key</a>' in page
    assert f'href="/imports/{failed.id}">See the error</a>' in page
    assert reason.value not in page


def test_refused_key_is_told_from_three_failures(person, cast: Cast):
    refused = {"action_reason": Reason.KEY_REFUSED, "action_since": now()}
    make_provider(cast.acme, ProviderState.ACTION_NEEDED, **refused)
    make_provider(cast.globex, ProviderState.ACTION_NEEDED, **{**refused, "action_reason": Reason.UNAVAILABLE})

    assert "ChartMogul refused the API key. Replace the key to go on." in person(cast.ada).get(INDEX).text
    assert "ChartMogul did not answer, three imports in a row." in person(cast.gil).get(INDEX).text


def test_disconnected_with_old_data_says_what_is_kept(person, cast: Cast):
    provider = make_provider(cast.acme, ProviderState.DISCONNECTED, disconnected_at=now() - timedelta(minutes=5))
    make_customer(provider)

    page = person(cast.ada).get(INDEX).text

    assert "Not connected" in page
    assert "1 customer and their values are kept, and no longer updated." in page
    assert "abc...xyz" not in page
    assert "Connect to ChartMogul" in page


@pytest.mark.parametrize("state", list(ProviderState))
def test_member_sees_the_card_without_mask_and_actions(person, cast: Cast, state):
    make_provider(cast.acme, state, action_since=now(), disconnected_at=now())

    answer = person(cast.max).get(INDEX)

    assert answer.status_code == 200
    assert "ChartMogul" in answer.text
    assert "Only admins can configure integrations." in answer.text
    assert "abc...xyz" not in answer.text
    assert "Connect to ChartMogul" not in answer.text
    assert "Manage" not in answer.text
    assert "Support access" not in answer.text


def test_neighbour_sees_its_own_card(person, cast: Cast):
    make_provider(cast.acme)

    assert "Not connected" in person(cast.gil).get(INDEX).text


def test_connection_shows_account_times_schedule_and_use(person, cast: Cast):
    make_provider(
        cast.acme,
        last_success_at=now() - timedelta(hours=2),
        last_attempt_at=now() - timedelta(minutes=7),
    )
    make_property(cast.acme, "MRR")
    make_property(cast.acme, "Plan", source="by_hand", field=None)

    answer = person(cast.ada).htmx(SHOW)

    assert "<html" not in answer.text
    assert '<h2 id="dlg-t">ChartMogul</h2>' in answer.text
    assert "Acme Analytics, EUR, Europe/Berlin" in answer.text
    assert "<dt>Last success</dt><dd><time" in answer.text
    assert "2 hours ago" in answer.text
    assert "7 minutes ago" in answer.text
    assert "every 24 hours" in answer.text
    assert '<a href="/properties?source=chartmogul">1 property</a>' in answer.text
    assert (
        "If you rotate or revoke the API key in ChartMogul, replace it here, "
        "or disconnect and reconnect with the new key." in answer.text
    )
    for words in ("Sync now", "Replace API key", "Disconnect from ChartMogul"):
        assert words in answer.text


def test_connection_without_scripts_is_a_page_with_plain_links(person, cast: Cast):
    make_provider(cast.acme)

    page = person(cast.ada).get(SHOW).text

    assert page.count("<h1") == 1
    assert "<h1>ChartMogul</h1>" in page
    assert f'<a class="btn" href="{SHOW}/replace">' in page
    assert "dlg-t" not in page.replace('aria-labelledby="dlg-t"', "")


@pytest.mark.parametrize("state", [ProviderState.SETTING_UP, ProviderState.PAUSED])
def test_no_sync_now_where_no_import_may_run(person, cast: Cast, state):
    make_provider(cast.acme, state)

    assert "Sync now" not in person(cast.ada).htmx(SHOW).text


@pytest.mark.parametrize("path", [SHOW, f"{SHOW}/disconnect", f"{SHOW}/replace"])
def test_stale_tab_on_a_connection_that_is_gone(person, cast: Cast, path):
    answer = person(cast.ada).get(path)

    assert answer.status_code == 200
    assert "ChartMogul is not connected" in answer.text


@pytest.mark.parametrize("path", [SHOW, f"{SHOW}/connect", f"{SHOW}/disconnect", f"{SHOW}/replace"])
def test_member_is_refused_and_that_is_written_down(person, cast: Cast, path):
    make_provider(cast.acme)
    max_ = person(cast.max)

    assert max_.get(path).status_code == 403
    assert max_.htmx(path).data == b""
    if path != SHOW:
        assert max_.post(path).status_code == 403
        refused = select(AuditEntry).where(AuditEntry.action == "authz:refused")
        assert db.session.scalars(refused).one().tenant_id == cast.acme.id


def test_support_access_is_on_the_admins_page_newest_first(person, cast: Cast):
    for minutes, by in ((100, "stopped"), (50, "idle")):
        at = now() - timedelta(minutes=minutes)
        looked = Impersonation(
            staff_id=cast.sam.id,
            tenant_id=cast.acme.id,
            reason=f"ticket {minutes}",
            started_at=at,
            last_action_at=at,
            ends_at=at + timedelta(minutes=30),
            ended_at=at + timedelta(minutes=3),
            ended_by=by,
        )
        db.session.add(looked)
        db.session.commit()

    page = person(cast.ada).get(INDEX).text

    assert page.index("ticket 50") < page.index("ticket 100")
    assert "Stopped by sam@customerscore.example" in page
    assert "By itself, after 15 minutes without a click" in page
    assert "ticket" not in person(cast.gil).get(INDEX).text


@pytest.mark.parametrize(
    ("state", "self_serve", "said", "leads_there"),
    [
        (ProviderState.SETTING_UP, False, "Initial sync is set up manually by our team after you upload", False),
        (ProviderState.SETTING_UP, True, "Choose when imports run and press Complete set-up.", True),
        (ProviderState.ACTION_NEEDED, False, "ChartMogul refused the API key. Replace the key to go on.", True),
        (ProviderState.ACTION_NEEDED, True, "ChartMogul refused the API key. Replace the key to go on.", True),
    ],
)
@pytest.mark.parametrize("path", ["/", "/customers", "/account", "/imports", "/properties"])
def test_each_page_says_what_the_first_import_waits_for(app, person, cast, path, state, self_serve, said, leads_there):
    app.config["SETTINGS"].self_serve_setup = self_serve
    make_provider(cast.acme, state, set_up_at=None, action_reason=Reason.KEY_REFUSED)

    page = person(cast.ada).get(path).text

    assert said in page
    assert ("by our team" in page) == (not leads_there)
    assert (f'href="{SHOW}">View the connection</a>' in page) == (leads_there or path == "/imports")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (ProviderState.SETTING_UP, "An admin chooses when imports run and completes the set-up."),
        (ProviderState.ACTION_NEEDED, "An admin has to replace the key."),
    ],
)
@pytest.mark.parametrize("path", ["/", "/customers", "/account", "/imports", "/properties", INDEX])
def test_member_is_told_who_can_do_something_about_it(app, person, cast, path, state, said):
    app.config["SETTINGS"].self_serve_setup = True
    make_provider(cast.acme, state, set_up_at=None, action_reason=Reason.KEY_REFUSED, action_since=now())
    make_property(cast.acme)

    page = person(cast.max).get(path).text

    assert said in page
    assert "press Complete set-up" not in page
    assert "Replace the key" not in page


@pytest.mark.parametrize(
    ("state", "self_serve", "next_import", "why_not"),
    [
        (ProviderState.SETTING_UP, False, "being set up by our team", "Our team still sets up the first import."),
        (ProviderState.SETTING_UP, True, "waits for its set-up", "The set-up is not complete yet."),
        (ProviderState.ACTION_NEEDED, False, "none until the connection works again", "Replace it first."),
    ],
)
def test_connection_that_began_again_says_what_it_waits_for(app, person, cast, state, self_serve, next_import, why_not):
    app.config["SETTINGS"].self_serve_setup = self_serve
    provider = make_provider(
        cast.acme, state, set_up_at=None, action_reason=Reason.KEY_REFUSED, last_success_at=now() - timedelta(days=3)
    )
    make_import(provider)
    make_customer(provider)
    ada = person(cast.ada)

    imports, customers = ada.get("/imports").text, words_of(ada.get("/customers").text)

    assert f"Next import: {next_import}</p>" in imports
    assert why_not in imports
    assert ("ChartMogul is connected again." in customers) == (state == ProviderState.SETTING_UP)
    assert ("Choose when imports run" in customers) == self_serve
    assert ("Replace the key to go on. View the connection" in customers) == (state == ProviderState.ACTION_NEEDED)
    callout = imports.partition('<div class="callout"')[2].partition("</div>")[0]
    assert "first import" in callout
    assert ("View the connection" in callout) == (self_serve or state == ProviderState.ACTION_NEEDED)


def test_saved_property_says_that_the_set_up_is_waited_for(app, person, cast):
    app.config["SETTINGS"].self_serve_setup = True
    make_provider(cast.acme, ProviderState.SETTING_UP)
    ada = person(cast.ada)

    ada.post("/properties/new", name="MRR", source="chartmogul", field="cm_mrr")

    assert "The first import waits for its set-up." in ada.get("/properties").text


def test_saved_property_says_why_no_import_runs(person, cast):
    make_provider(cast.acme, ProviderState.ACTION_NEEDED, action_reason=Reason.KEY_REFUSED)
    ada = person(cast.ada)

    ada.post("/properties/new", name="MRR", source="chartmogul", field="cm_mrr")

    assert "No import runs: ChartMogul refused the API key." in ada.get("/properties").text


def test_dashboard_says_that_imports_have_stopped(person, cast):
    make_provider(
        cast.acme,
        ProviderState.ACTION_NEEDED,
        action_reason=Reason.KEY_REFUSED,
        last_success_at=now(),
        customers_held=0,
    )

    ada, max_ = (words_of(person(each).get("/").text) for each in (cast.ada, cast.max))

    assert "Imports have stopped ChartMogul refused the API key. Replace the key to go on. View the connection" in ada
    assert "An admin has to replace the key." in max_
    assert "The last import found no customers in ChartMogul." in ada
