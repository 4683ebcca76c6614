"""Watching an import: the piece that polls, the row that ends it, the status line, and rows that appear."""

import re
from datetime import timedelta

import pytest

from tests.factories import Cast, make_import, make_provider
from tests.person import Person
from tests.texts import without_tokens, words_of
from webapp.extensions import db
from webapp.models import Import, ImportState, Provider, ProviderState, UserSession
from webapp.models.types import now
from webapp.tenancy import acting_for, owned_update


@pytest.fixture
def provider(cast: Cast) -> Provider:
    return make_provider(cast.acme)


@pytest.fixture
def running(provider: Provider) -> Import:
    return make_import(provider, ImportState.RUNNING, customers_read=100, customers_expected=1000)


@pytest.fixture
def ada(person, cast: Cast) -> Person:
    return person(cast.ada)


def change(cast: Cast, import_: Import, **changes) -> None:
    """What a worker writes into the row."""
    with acting_for(cast.acme.id):
        db.session.execute(owned_update(Import).where(Import.id == import_.id).values(**changes))
        db.session.commit()


def polled_by(page: str) -> str | None:
    found = re.search(r'data-hx-get="(/imports/[^"]*/live[^"]*)" data-hx-trigger="every 2s"', page)
    return found[1] if found else None


def test_only_the_piece_without_controls_polls(ada: Person, running: Import):
    page = ada.get("/imports").text
    piece = page.split('id="run-1-live"')[1].split('<div class="acts">')[0]

    assert f"/imports/{running.id}/live" in (polled_by(page) or "")
    assert 'data-hx-target="this" data-hx-swap="outerHTML"' in piece
    assert not re.search(r"<(a|button|form|input|details)\b", piece)


def test_poll_answers_the_same_piece_and_is_small(ada: Person, cast: Cast, running: Import):
    address = polled_by(ada.get("/imports").text)
    change(cast, running, customers_read=101)

    answer = ada.htmx(address)

    assert answer.text.startswith('<div class="live" id="run-1-live"')
    assert "Customers: 101 of 1,000" in answer.text
    assert answer.text.strip() in ada.get("/imports").text
    assert len(answer.data) <= 1500
    assert "HX-Retarget" not in answer.headers


def test_poll_is_empty_while_nothing_is_new(ada: Person, running: Import):
    answer = ada.htmx(polled_by(ada.get("/imports").text))

    assert (answer.status_code, answer.data) == (204, b"")


@pytest.mark.parametrize(
    "state", [ImportState.DONE, ImportState.PARTLY_DONE, ImportState.FAILED, ImportState.CANCELLED]
)
def test_end_answers_the_whole_row_once_and_for_all(ada: Person, cast: Cast, running: Import, state: str):
    address = polled_by(ada.get("/imports").text)
    change(cast, running, state=state, ended_at=now(), customers_read=1000, created=1000)

    answer = ada.htmx(address)

    assert answer.headers["HX-Retarget"] == "#run-1"
    assert answer.headers["HX-Reswap"] == "outerHTML"
    assert answer.text.startswith('<li id="run-1">')
    assert "data-hx-trigger" not in answer.text
    assert without_tokens(answer.text.split("</li>")[0]) in without_tokens(ada.get("/imports").text)
    assert re.search(r'<p id="run-announce" data-hx-swap-oob="innerHTML">Import #1: \w+', answer.text)


def test_end_gives_the_admin_the_sync_button_back_and_the_member_none(ada: Person, person, cast: Cast, running: Import):
    address = polled_by(ada.get("/imports").text)
    change(cast, running, state=ImportState.DONE, ended_at=now())

    button = re.search(r'<button[^>]*id="sync-now"[^>]*>', ada.htmx(address).text)

    assert button
    assert "disabled" not in button[0]
    assert "sync-now" not in person(cast.max).htmx(address).text


def test_status_line_speaks_at_each_quarter_and_not_at_each_poll(ada: Person, cast: Cast, running: Import):
    said, address = [], polled_by(ada.get("/imports").text)
    for read in (150, 249, 250, 260, 499, 510, 740, 760, 999):
        change(cast, running, customers_read=read)
        answer = ada.htmx(address).text
        address = polled_by(answer)
        said += re.findall(r'id="run-announce"[^>]*>([^<]*)', answer)

    assert said == [f"Import #1: {percent} percent done." for percent in (25, 50, 75)]


def test_start_swaps_the_row_and_says_so(ada: Person, cast: Cast, provider: Provider):
    import_ = make_import(provider, ImportState.WAITING)
    address = polled_by(ada.get("/imports").text)
    change(cast, import_, state=ImportState.RUNNING, started_at=now())

    answer = ada.htmx(address)

    assert answer.headers["HX-Retarget"] == "#run-1"
    assert "Import #1 started." in answer.text
    assert polled_by(answer.text)


def test_page_of_an_import_polls_with_its_steps(ada: Person, cast: Cast, running: Import):
    names = ("check_key", "customers", "movements", "match", "properties")
    states = ("done", "running", "running", "waiting", "waiting")
    steps = [
        {"name": name, "state": state, "seconds": None, "note": None} for name, state in zip(names, states, strict=True)
    ]
    address = polled_by(ada.get(f"/imports/{running.id}").text)
    change(cast, running, steps=steps)

    answer = ada.get(address, headers={"HX-Request": "true", "HX-Target": "import-1-live"})

    assert answer.text.startswith('<div class="panel-body stack" id="import-1-live"')
    assert "Check the API key : done Read customers : running" in words_of(answer.text)
    assert len(answer.data) <= 1500


def test_page_of_an_import_is_swapped_whole_at_the_end(ada: Person, cast: Cast, running: Import):
    address = polled_by(ada.get(f"/imports/{running.id}").text)
    change(cast, running, state=ImportState.DONE, ended_at=now())

    answer = ada.get(address, headers={"HX-Request": "true", "HX-Target": "import-1-live"})

    assert answer.headers["HX-Retarget"] == "#import-1"
    assert answer.text.startswith('<div id="import-1">')
    assert "data-hx-trigger" not in answer.text
    assert "What changed" in answer.text


def test_address_of_a_piece_opened_by_a_person_is_a_page(ada: Person, running: Import):
    for address in (f"/imports/{running.id}/live", "/imports/new-rows", "/imports/new-rows?after=1"):
        answer = ada.get(address)

        assert answer.status_code == 200
        assert answer.text.startswith("<!DOCTYPE html>")


def test_new_rows_come_on_top_and_move_the_mark(ada: Person, provider: Provider):
    make_import(provider)
    make_import(provider, ImportState.WAITING, trigger="scheduled")

    answer = ada.htmx("/imports/new-rows?after=1").text

    assert answer.startswith('<ol data-hx-swap-oob="afterbegin:#runs">')
    assert re.findall(r'<li id="run-(\d+)"', answer) == ["2"]
    assert 'id="newest-import" name="after" value="2" data-hx-swap-oob="true"' in answer


def test_no_new_rows_is_an_empty_answer(ada: Person, provider: Provider):
    assert ada.htmx("/imports/new-rows?after=").status_code == 204

    make_import(provider)

    assert ada.htmx("/imports/new-rows?after=1").status_code == 204


def test_first_import_takes_the_place_of_the_words_about_it(ada: Person, cast: Cast):
    provider = make_provider(cast.acme, ProviderState.SETTING_UP)
    assert 'name="after" value="" data-hx-get="/imports/new-rows"' in ada.get("/imports").text
    make_import(provider, ImportState.WAITING, trigger="first")

    answer = ada.htmx("/imports/new-rows?after=")

    assert answer.headers["HX-Retarget"] == "#import-list"
    assert 'id="run-1"' in answer.text


def test_filtered_and_older_pages_do_not_ask_for_new_rows(ada: Person, provider: Provider):
    for _ in range(26):
        make_import(provider)

    for address in ("/imports?page=2", "/imports?status=done", f"/imports?provider={provider.id}"):
        assert "/imports/new-rows" not in ada.get(address).text


def test_polls_do_not_keep_a_session_alive(ada: Person, running: Import):
    earlier = now() - timedelta(minutes=10)
    db.session.query(UserSession).update({"last_seen_at": earlier})
    db.session.commit()

    ada.htmx(f"/imports/{running.id}/live")
    ada.htmx("/imports/new-rows?after=0")

    assert db.session.query(UserSession).one().last_seen_at == earlier


def test_poll_of_a_neighbour_is_empty_and_404(person, cast: Cast, running: Import):
    answer = person(cast.gil).htmx(f"/imports/{running.id}/live")

    assert (answer.status_code, answer.data) == (404, b"")


def test_poll_after_the_session_sends_to_the_sign_in_page(stranger, running: Import):
    answer = stranger.get(f"/imports/{running.id}/live", headers={"HX-Request": "true"})

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/login")
