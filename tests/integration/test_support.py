"""The console of support: who waits, every tenant, and what is done for one under support's own name."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.factories import Cast, make_import, make_provider, make_tenant
from tests.texts import words_of
from webapp import queue
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.models import Import, ImportState, Provider, ProviderState, Reason
from webapp.models.types import now
from webapp.tenancy import acting_for, owned


def connection(tenant) -> Provider:
    with acting_for(tenant.id):
        return Provider.current()


def imports(tenant) -> list[Import]:
    with acting_for(tenant.id):
        return list(db.session.scalars(owned(Import).order_by(Import.number)))


def entry(action: str) -> AuditEntry:
    return db.session.scalars(select(AuditEntry).where(AuditEntry.action == action)).one()


def test_nobody_waits(person, cast: Cast):
    page = person(cast.sam).get("/support").text

    assert "Nobody is waiting" in page
    assert page.count("<h1") == 1
    assert "Acme" in page
    assert "Globex" in page


def test_who_waits_stands_oldest_first_with_mask_and_key_check(person, cast: Cast):
    make_provider(
        cast.acme, ProviderState.SETTING_UP, connected_at=now() - timedelta(minutes=34), probe={"state": "ok"}
    )
    make_provider(cast.globex, ProviderState.SETTING_UP, connected_at=now() - timedelta(days=2))
    make_provider(make_tenant("Initech"), ProviderState.CONNECTED)

    page = person(cast.sam).get("/support").text
    pending = page.split('id="tenants"')[0]

    assert pending.index("Globex") < pending.index("Acme")
    assert "Initech" not in pending
    assert '<span class="badge" data-tone="bad">2 days</span>' in pending
    assert '<span class="badge">34 minutes</span>' in pending
    assert "abc...xyz" in pending
    assert "Not checked yet" in pending
    assert "Accepted" in pending
    assert f'href="/support/tenants/{cast.acme.id}/set-up">Set up' in pending
    assert f'href="/support/tenants/{cast.acme.id}/impersonation">Impersonate' in pending


def test_refused_key_offers_to_ask_for_a_new_one_instead(person, cast: Cast):
    make_provider(cast.acme, ProviderState.SETTING_UP, probe={"state": "refused"})

    page = person(cast.sam).get("/support").text

    assert "Refused" in page
    assert "Ask for a new key" in page
    assert ">Set up" not in page


def test_asking_for_a_new_key_tells_the_tenants_admin(person, cast: Cast):
    make_provider(cast.acme, ProviderState.SETTING_UP, probe={"state": "refused"})
    sam, path = person(cast.sam), f"/support/tenants/{cast.acme.id}/set-up/new-key"

    first, second = sam.post(path), sam.post(path)

    assert (first.status_code, second.status_code) == (303, 303)
    page = sam.get("/support").text
    assert "New API key asked for" in page
    assert "New key asked for" in page
    card = person(cast.ada).get("/settings/providers").text
    assert "Action needed" in card
    assert "ChartMogul refused the API key. Replace the key to go on." in card
    assert (entry("provider:new_key_asked").tenant_id, entry("provider:new_key_asked").actor_id) == (
        cast.acme.id,
        cast.sam.id,
    )


def test_tenants_are_searched_by_name(person, cast: Cast):
    make_tenant("100% Pure_")
    sam = person(cast.sam)

    assert "Globex" not in sam.get("/support?q=acm").text
    assert "100% Pure_" in sam.get("/support?q=%25").text
    assert "Acme" not in sam.get("/support?q=%25").text
    assert "No tenants match" in sam.get("/support?q=nobody").text


def test_tenants_come_in_pages_of_fifty(person, cast: Cast):
    for number in range(60):
        make_tenant(f"Tenant {number:02}")
    sam = person(cast.sam)

    first, second = sam.get("/support").text, sam.get("/support?page=2").text

    assert "Tenant 47" in first
    assert "Tenant 48" not in first
    assert "Tenant 48" in second
    assert "Page 2 of 2" in second


@pytest.mark.parametrize("page", ["0", "-1", "3", "x", "", "9223372036854775808", "1e9", "%00", "²"])
def test_a_page_that_is_not_there_is_404(person, cast: Cast, page):
    assert person(cast.sam).get(f"/support?page={page}").status_code == 404


def test_tenants_page_shows_people_connection_imports_and_looks(person, cast: Cast):
    provider = make_provider(cast.acme)
    make_import(provider, ImportState.FAILED, reason=Reason.UNAVAILABLE)

    page = person(cast.sam).get(f"/support/tenants/{cast.acme.id}").text

    for words in ("<h1>Acme</h1>", "ada@acme.example", "max@acme.example", "Connected", "every 24 hours"):
        assert words in page
    for words in ("Failed", "ChartMogul did not answer", "Retry", "Sync now", "Pause", "Impersonate"):
        assert words in page
    assert "Nobody of support has looked yet." in page
    assert "gil@globex.example" not in page


def test_tenant_without_a_connection_has_a_page_too(person, cast: Cast):
    assert "No key has been uploaded yet." in person(cast.sam).get(f"/support/tenants/{cast.acme.id}").text


@pytest.mark.parametrize("id_", ["1", "x", "00000000-0000-0000-0000-000000000000", "..%2f", "%00"])
def test_tenant_that_never_was_is_404(person, cast: Cast, id_):
    assert person(cast.sam).get(f"/support/tenants/{id_}").status_code == 404


def test_sync_now_starts_an_import_under_supports_name(person, cast: Cast):
    make_provider(cast.acme)

    answer = person(cast.sam).post(f"/support/tenants/{cast.acme.id}/imports")

    assert (answer.status_code, answer.location) == (303, f"/support/tenants/{cast.acme.id}")
    (import_,) = imports(cast.acme)
    assert (import_.state, import_.requested_by) == (ImportState.WAITING, "sam@customerscore.example")
    assert queue.redis().llen("rq:queue:imports") == 1
    started = entry("import:started")
    assert (started.tenant_id, started.actor_id) == (cast.acme.id, cast.sam.id)


def test_second_sync_now_starts_no_second_import(person, cast: Cast):
    make_provider(cast.acme)
    sam = person(cast.sam)
    sam.post(f"/support/tenants/{cast.acme.id}/imports")

    sam.post(f"/support/tenants/{cast.acme.id}/imports")

    assert len(imports(cast.acme)) == 1
    assert "An import is running already" in sam.get(f"/support/tenants/{cast.acme.id}").text


@pytest.mark.parametrize("state", [ProviderState.SETTING_UP, ProviderState.PAUSED, ProviderState.DISCONNECTED])
def test_no_sync_where_no_import_may_run(person, cast: Cast, state):
    make_provider(cast.acme, state, disconnected_at=now())

    answer = person(cast.sam).post(f"/support/tenants/{cast.acme.id}/imports")

    assert answer.status_code == 422
    assert "Nothing was changed." in answer.text
    assert "<title>Error: Acme" in answer.text
    assert imports(cast.acme) == []


def test_retry_lets_a_failed_import_go_on(person, cast: Cast):
    failed = make_import(make_provider(cast.acme), ImportState.FAILED, reason=Reason.UNAVAILABLE)
    sam, path = person(cast.sam), f"/support/tenants/{cast.acme.id}/imports/{failed.id}/retry"

    first, second = sam.post(path), sam.post(path)

    assert (first.status_code, second.status_code) == (303, 303)
    (import_,) = imports(cast.acme)
    assert (import_.state, import_.reason) == (ImportState.WAITING, None)
    assert entry("import:retried").tenant_id == cast.acme.id


def test_retry_of_a_refused_key_is_refused(person, cast: Cast):
    failed = make_import(make_provider(cast.acme), ImportState.FAILED, reason=Reason.KEY_REFUSED)

    answer = person(cast.sam).post(f"/support/tenants/{cast.acme.id}/imports/{failed.id}/retry")

    assert answer.status_code == 422
    assert "This import cannot be retried." in answer.text


def test_import_of_another_tenant_is_not_found_at_this_one(person, cast: Cast):
    failed = make_import(make_provider(cast.acme), ImportState.FAILED)

    answer = person(cast.sam).post(f"/support/tenants/{cast.globex.id}/imports/{failed.id}/retry")

    assert answer.status_code == 404


def test_pause_and_resume(person, cast: Cast):
    make_provider(cast.acme)
    sam, path = person(cast.sam), f"/support/tenants/{cast.acme.id}"

    assert [sam.post(f"{path}/pause").status_code for _ in range(2)] == [303, 303]
    paused = connection(cast.acme)
    assert (paused.state, paused.next_import_at) == (ProviderState.PAUSED, None)
    assert "Resume" in sam.get(path).text
    assert [sam.post(f"{path}/resume").status_code for _ in range(2)] == [303, 303]
    resumed = connection(cast.acme)
    assert resumed.state == ProviderState.CONNECTED
    assert resumed.next_import_at is not None
    assert entry("provider:paused").actor_id == entry("provider:resumed").actor_id == cast.sam.id


@pytest.mark.parametrize("action", ["pause", "resume"])
def test_neither_pause_nor_resume_without_a_connection(person, cast: Cast, action):
    assert person(cast.sam).post(f"/support/tenants/{cast.acme.id}/{action}").status_code == 422


@pytest.mark.parametrize("who", ["ada", "max", "gil"])
@pytest.mark.parametrize("path", ["", "/set-up", "/impersonation", "/set-up/probe"])
def test_for_others_the_console_does_not_exist(person, cast: Cast, who, path):
    make_provider(cast.acme, ProviderState.SETTING_UP)
    somebody = person(getattr(cast, who))

    assert somebody.get("/support").status_code == 404
    assert somebody.get(f"/support/tenants/{cast.acme.id}{path}").status_code == 404
    assert somebody.post(f"/support/tenants/{cast.acme.id}/imports").status_code == 404


def test_last_imports_refresh_themselves_while_one_is_live(person, cast: Cast):
    import_ = make_import(make_provider(cast.acme), ImportState.RUNNING)
    sam, address = person(cast.sam), f"/support/tenants/{cast.acme.id}"

    assert f'data-hx-get="{address}/live"' in sam.get(address).text
    assert f'data-hx-get="{address}/live"' in sam.get(f"{address}/live", headers={"HX-Request": "true"}).text
    assert "<h1>Acme</h1>" in sam.get(f"{address}/live").text

    with acting_for(cast.acme.id):
        import_.state = ImportState.DONE
        db.session.commit()
    assert "data-hx-get" not in sam.get(f"{address}/live", headers={"HX-Request": "true"}).text


def test_tenants_admins_read_what_support_did(person, cast: Cast):
    make_provider(cast.acme)
    sam, ada = person(cast.sam), person(cast.ada)
    sam.post(f"/support/tenants/{cast.acme.id}/pause")
    ada.post("/imports")

    page = words_of(ada.get("/settings/providers").text)

    assert "Imports paused by sam@customerscore.example, just now" in page
    assert "Our team paused the imports just now." in page
    assert "by ada@acme.example" not in page
    assert "Imports paused" not in words_of(person(cast.gil).get("/settings/providers").text)
