"""Sync now, Cancel and Retry: what they do, what they answer, and when they do nothing."""

import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from rq import Queue
from sqlalchemy import select

from tests.factories import Cast, make_import, make_provider
from tests.person import Person
from webapp import queue
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.models import Import, ImportState, Provider, ProviderState, Reason
from webapp.models.types import now
from webapp.tenancy import across_tenants


@pytest.fixture
def provider(cast: Cast) -> Provider:
    return make_provider(cast.acme)


@pytest.fixture
def ada(person, cast: Cast) -> Person:
    ada = person(cast.ada)
    ada.csrf()
    return ada


def imports() -> list[Import]:
    with across_tenants():
        return list(db.session.scalars(select(Import).order_by(Import.number)))


def state_of(id_: UUID) -> str:
    return next(import_.state for import_ in imports() if import_.id == id_)


def recorded() -> list[str]:
    of_imports = select(AuditEntry.action).where(AuditEntry.action.startswith("import:"))
    return list(db.session.scalars(of_imports.order_by(AuditEntry.at)))


def sent() -> list[str]:
    return Queue(queue.QUEUE, connection=queue.redis(), serializer="json").job_ids


def toast(page: str) -> str:
    found = re.search(r'id="toasts"[^>]*>.*?<strong>(.*?)</strong>', page, re.S)
    return found[1] if found else ""


def test_sync_now_starts_an_import_and_wakes_a_worker(ada: Person, provider: Provider):
    answer = ada.post("/imports")
    [import_] = imports()

    assert (answer.status_code, answer.location) == (303, "/imports")
    assert (import_.number, import_.state, import_.trigger) == (1, "waiting", "manual")
    assert import_.requested_by == "ada@acme.example"
    assert sent() == [f"imp-{import_.id}-0"]
    assert recorded() == ["import:started"]
    assert toast(ada.get("/imports").text) == "Import #1 started"


def test_sync_now_on_the_overview_adds_the_row(ada: Person, provider: Provider):
    make_import(provider)

    answer = ada.post("/imports", htmx=True, after="1")

    assert answer.headers["HX-Reswap"] == "none"
    assert re.findall(r'<li id="run-(\d+)"', answer.text) == ["2"]
    assert answer.text.startswith('<ol data-hx-swap-oob="afterbegin:#runs">')
    assert toast(answer.text) == "Import #2 started"


def test_sync_now_on_a_page_without_a_place_for_the_row_answers_the_first_page(ada: Person, provider: Provider):
    answer = ada.post("/imports", htmx=True, after="")

    assert (answer.headers["HX-Retarget"], answer.headers["HX-Push-Url"]) == ("#import-list", "/imports")
    assert 'id="run-1"' in answer.text


def test_sync_now_on_another_page_leads_to_the_overview(ada: Person, provider: Provider):
    headers = {"HX-Request": "true", "HX-Target": "dialog"}
    answer = ada.client.post("/imports", data={"csrf_token": ada.csrf()}, headers=headers)

    assert (answer.status_code, answer.data, answer.headers["HX-Redirect"]) == (200, b"", "/imports")


def test_second_click_finds_the_first_ones_import(ada: Person, provider: Provider):
    ada.post("/imports")

    assert ada.post("/imports").location == "/imports"
    assert "An import is running already" in ada.get("/imports").text
    htmx = ada.post("/imports", htmx=True, after="1")

    assert len(imports()) == 1
    assert (htmx.status_code, toast(htmx.text)) == (200, "An import is running already")
    assert "run-1" not in htmx.text
    assert recorded() == ["import:started"]


@pytest.mark.parametrize("state", [ProviderState.SETTING_UP, ProviderState.PAUSED, ProviderState.DISCONNECTED, None])
def test_sync_now_says_why_it_cannot(ada: Person, cast: Cast, state: str | None):
    if state:
        make_provider(cast.acme, state)

    plain, htmx = ada.post("/imports"), ada.post("/imports", htmx=True, after="1")

    assert plain.status_code == htmx.status_code == 422
    assert "<title>Error: Imports overview" in plain.text
    assert "No import was started" in plain.text
    assert htmx.headers["HX-Retarget"] == "#import-list"
    assert "No import was started" in htmx.text
    assert imports() == []


def test_fields_nobody_asked_for_are_ignored(ada: Person, cast: Cast, provider: Provider):
    ada.post("/imports", tenant_id=str(cast.globex.id), state="done", id=str(uuid4()), number="99", trigger="first")
    [import_] = imports()

    assert (import_.tenant_id, import_.state, import_.number) == (cast.acme.id, "waiting", 1)


def test_cancel_ends_a_waiting_import(ada: Person, provider: Provider):
    import_ = make_import(provider, ImportState.WAITING)

    answer = ada.post(f"/imports/{import_.id}/cancel", htmx=True)

    assert state_of(import_.id) == "cancelled"
    assert answer.headers["HX-Retarget"] == "#run-1"
    assert "stopped by ada@acme.example" in answer.text
    assert toast(answer.text) == "Import #1 cancelled"
    assert recorded() == ["import:cancelled"]


def test_cancel_asks_a_running_import_to_stop(ada: Person, provider: Provider):
    import_ = make_import(provider, ImportState.RUNNING)

    answer = ada.post(f"/imports/{import_.id}/cancel")

    assert (answer.status_code, answer.location) == (303, "/imports")
    assert state_of(import_.id) == "cancelling"
    assert imports()[0].cancelled_by == "ada@acme.example"


@pytest.mark.parametrize("state", [ImportState.CANCELLING, ImportState.DONE, ImportState.FAILED, ImportState.CANCELLED])
def test_cancel_leaves_what_has_ended_as_it_is(ada: Person, provider: Provider, state: str):
    import_ = make_import(provider, state, cancelled_by="bea@acme.example")

    answer = ada.post(f"/imports/{import_.id}/cancel", htmx=True)

    assert answer.status_code == 200
    assert answer.text.startswith('<li id="run-1">')
    assert (state_of(import_.id), imports()[0].cancelled_by) == (state, "bea@acme.example")
    assert recorded() == []


@pytest.mark.parametrize("state", [ImportState.FAILED, ImportState.CANCELLED, ImportState.PARTLY_DONE])
def test_retry_lets_the_same_import_go_on(ada: Person, provider: Provider, state: str):
    place = {"customers": {"number": 3, "at": "x", "done": False}}
    import_ = make_import(provider, state, reason=Reason.BUSY, attempt=3, checkpoint=place, ended_at=now())

    answer = ada.post(f"/imports/{import_.id}/retry", htmx=True)
    [row] = imports()

    assert (row.id, row.state, row.reason, row.attempt) == (import_.id, "waiting", None, 1)
    assert row.checkpoint == ({} if state == ImportState.PARTLY_DONE else place)
    assert sent() == [f"imp-{row.id}-{row.sent}"]
    assert recorded() == ["import:retried"]
    assert "Waiting</span>" in answer.text
    assert toast(answer.text) == "Import #1 waits to run again"


def test_retry_twice_is_retry_once(ada: Person, provider: Provider):
    import_ = make_import(provider, ImportState.FAILED, reason=Reason.BUSY)

    answers = [ada.post(f"/imports/{import_.id}/retry") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert recorded() == ["import:retried"]
    assert len(sent()) == 1


@pytest.mark.parametrize(
    ("state", "reason"),
    [(ImportState.DONE, None), (ImportState.FAILED, Reason.KEY_REFUSED), (ImportState.CANCELLED, Reason.DISCONNECTED)],
)
def test_retry_is_refused_where_it_cannot_help(ada: Person, provider: Provider, state: str, reason: str | None):
    import_ = make_import(provider, state, reason=reason)

    plain, htmx = (ada.post(f"/imports/{import_.id}/retry", htmx=htmx) for htmx in (False, True))

    assert plain.status_code == htmx.status_code == 422
    assert "This import cannot be retried." in plain.text
    assert htmx.headers["HX-Retarget"] == "#run-1"
    assert "This import cannot be retried." in htmx.text
    assert state_of(import_.id) == state


def test_retry_is_refused_beside_a_running_import(ada: Person, provider: Provider):
    failed = make_import(provider, ImportState.FAILED, reason=Reason.BUSY)
    make_import(provider, ImportState.RUNNING)

    answer = ada.post(f"/imports/{failed.id}/retry", htmx=True)

    assert answer.status_code == 422
    assert "Import #2 is running. Retry when it has ended." in answer.text
    assert state_of(failed.id) == "failed"


def test_retry_is_refused_for_an_account_no_longer_connected(ada: Person, cast: Cast, provider: Provider):
    old = make_provider(cast.acme, ProviderState.DISCONNECTED, disconnected_at=now())
    failed = make_import(old, ImportState.FAILED, reason=Reason.BUSY)

    answer = ada.post(f"/imports/{failed.id}/retry")

    assert answer.status_code == 422
    assert "is no longer connected" in answer.text
    assert "Retry<" not in ada.get("/imports").text


def test_buttons_lead_back_to_where_they_were_pressed(ada: Person, provider: Provider):
    import_ = make_import(provider, ImportState.WAITING, created_at=now() - timedelta(hours=1))

    def pressed_on(page: str) -> str:
        headers = {"Referer": page}
        path = f"/imports/{import_.id}/cancel"
        return ada.client.post(path, data={"csrf_token": ada.csrf()}, headers=headers).location

    assert pressed_on(f"http://localhost/imports/{import_.id}") == f"/imports/{import_.id}"
    assert pressed_on("http://localhost/imports?page=2&status=failed") == "/imports?page=2&status=failed"
    assert pressed_on("http://localhost//evil.example/imports") == "/imports"
    assert pressed_on("https://evil.example/") == "/imports"


@pytest.mark.parametrize("htmx", [False, True])
def test_member_may_press_nothing(person, cast: Cast, provider: Provider, htmx: bool):
    failed = make_import(provider, ImportState.FAILED, reason=Reason.BUSY)
    mia = person(cast.max)

    for path in ("/imports", f"/imports/{failed.id}/cancel", f"/imports/{failed.id}/retry"):
        assert mia.post(path, htmx=htmx).status_code == 403
    assert state_of(failed.id) == "failed"
