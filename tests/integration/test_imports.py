"""The overview: what a row says in each state, what stands where no row does, and who may press what."""

from datetime import timedelta

import pytest

from tests.factories import Cast, make_import, make_provider
from tests.texts import words_of
from webapp.models import ImportState, Provider, ProviderState, Reason
from webapp.models.types import now
from webapp.wording import CAUSES


@pytest.fixture
def provider(cast: Cast) -> Provider:
    return make_provider(cast.acme)


@pytest.fixture
def row(person, cast: Cast, provider: Provider):
    """What the overview says of an import, made as given."""

    def said(state: str, **changes) -> str:
        number = make_import(provider, state, **changes).number
        page = person(cast.ada).get("/imports").text
        return words_of(page.split(f'id="run-{number}"')[1].split("</ol>")[0])

    return said


def test_waiting_row_says_since_when_and_for_whom(row):
    words = row(ImportState.WAITING, trigger="scheduled", waiting_since=now() - timedelta(minutes=3))

    assert "Queued 3 minutes ago by schedule" in words
    assert "Waiting Starts as soon as a worker is free" in words
    assert "Cancel import #1" in words


def test_row_that_was_slowed_down_says_when_it_goes_on(row, cast: Cast):
    at = now() + timedelta(minutes=2)
    words = row(ImportState.WAITING, reason=Reason.BUSY, not_before=at)

    day = "" if at.date() == now().date() else "tomorrow "
    assert f"ChartMogul asked us to slow down: goes on {day}at {at:%H:%M}" in words


def test_running_row_counts_towards_a_known_total(row):
    words = row(ImportState.RUNNING, customers_read=820, customers_expected=1284, updated=31, movements_read=2100)

    assert "by ada@acme.example Running Customers: 820 of 1,284 63% Movements: 2,100 so far" in words
    assert "820 read 31 changed · 0 errors" in words


def test_running_row_without_a_total_counts_what_is_there(row):
    assert "Running Customers: 820 so far 820 read" in row(ImportState.RUNNING, customers_read=820)


def test_running_row_names_the_list_or_step_it_is_at(row):
    steps = [{"name": "customers", "state": "done"}, {"name": "movements", "state": "running"}]
    counts = {"customers_read": 3, "customers_expected": 200, "movements_read": 5, "movements_expected": 9}
    words = row(ImportState.RUNNING, steps=steps, **counts)
    assert "Movements: 5 of 9 55% Customers: 3" in words
    assert "of 200" not in words


def test_row_in_its_last_steps_names_the_step(row):
    steps = [{"name": "movements", "state": "done"}, {"name": "match", "state": "running"}]

    assert "Running Match customers 1,284 customers read" in row(ImportState.RUNNING, customers_read=1284, steps=steps)


def test_cancelling_row_has_no_button_left(row):
    words = row(ImportState.CANCELLING)

    assert "Cancelling… Stops in a moment" in words
    assert "import #1" not in words.split("Cancelling…")[1]


def test_done_row_says_what_it_did_and_how_long_it_took(row):
    words = row(ImportState.DONE, customers_read=1279, created=4, updated=40, unchanged=1235, trigger="first")

    assert ", first import · took 12 s Done 1,279 of 1,279 customers imported" in words
    assert words.endswith("1,279 read 44 changed · 0 errors")


def test_done_row_says_how_many_leads_were_left_out(row):
    assert "Done 1,000 of 1,284 customers imported; 284 leads left out" in row(
        ImportState.DONE, customers_read=1284, customers_expected=1284, unchanged=1000
    )


def test_partly_done_row_opens_to_the_reason_and_the_errors(row):
    words = row(ImportState.PARTLY_DONE, customers_read=1284, unchanged=1281, skipped=3, warnings=3)

    assert "Partly done 1,281 of 1,284 customers imported" in words
    assert "3 records were skipped" in words
    assert words.endswith("See the 3 errors")
    assert "Retry import #1" in words


def test_failed_row_says_that_nothing_changed_and_how_often_it_tried(row):
    words = row(ImportState.FAILED, reason=Reason.UNAVAILABLE, attempt=3)

    assert "stopped after 12 s Failed No data was changed 0 read tried 3 times" in words
    assert "ChartMogul did not answer It was out of reach" in words


def test_import_given_up_was_not_tried_once_more(row):
    assert "0 read tried 6 times" in row(ImportState.FAILED, reason=Reason.STOPPED_TOO_OFTEN, attempt=7)


def test_failed_row_says_what_it_had_changed(row):
    words = row(ImportState.FAILED, reason=Reason.UNEXPECTED, customers_read=7, created=7)

    assert "Failed 7 customers imported; these are kept" in words


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_its_sentence_and_a_next_step(row, reason: Reason):
    words = row(ImportState.FAILED, reason=reason)

    assert CAUSES[reason].title in words
    assert ("Retry import" in words) != (reason in (Reason.KEY_REFUSED, Reason.KEY_MISSING, Reason.DISCONNECTED))
    assert "Retry import" in words or words.endswith(f"{CAUSES[reason].link}.")


def test_reason_of_a_later_version_is_our_mistake(row):
    assert "Customerscore made a mistake" in row(ImportState.FAILED, reason="from_the_future")


def test_cancelled_row_says_by_whom_and_what_is_kept(row):
    counts = {"customers_read": 410, "customers_expected": 1276, "updated": 12, "unchanged": 398}
    words = row(ImportState.CANCELLED, cancelled_by="bea@acme.example", **counts)

    assert "· stopped by bea@acme.example Cancelled 410 of 1,276 customers imported; these are kept" in words


def test_row_cancelled_by_disconnecting_says_so(row):
    words = row(ImportState.CANCELLED, reason=Reason.DISCONNECTED, cancelled_by="bea@acme.example")

    assert "stopped: bea@acme.example disconnected ChartMogul" in words
    assert "Retry" not in words


def test_head_says_when_the_next_import_is(person, cast: Cast, provider: Provider):
    make_import(provider)

    assert "Next import: " in person(cast.max).get("/imports").text


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (ProviderState.PAUSED, "Imports are paused by our team."),
        (ProviderState.SETTING_UP, "Our team still sets up the first import."),
        (ProviderState.DISCONNECTED, "ChartMogul is not connected."),
    ],
)
def test_sync_now_is_disabled_with_its_reason(person, cast: Cast, state: str, said: str):
    make_import(make_provider(cast.acme, state))

    page = person(cast.ada).get("/imports").text

    assert f"disabled>{page.split('disabled>')[1].split('</svg>')[0]}</svg>Sync now</button>" in page
    assert said in page


def test_sync_now_waits_for_the_running_import(person, cast: Cast, provider: Provider):
    make_import(provider, ImportState.RUNNING)

    assert "Sync now An import is running already." in words_of(person(cast.ada).get("/imports").text)


def test_nothing_connected_asks_the_admin_to_connect(person, cast: Cast):
    page = person(cast.ada).get("/imports").text

    assert "No imports yet" in page
    assert 'href="/settings/providers/chartmogul/connect"' in page
    assert "Sync now" not in page
    assert "Only admins can configure integrations." in person(cast.max).get("/imports").text


def test_before_the_set_up_the_page_says_what_happens(person, cast: Cast):
    make_provider(cast.acme, ProviderState.SETTING_UP)

    words = words_of(person(cast.ada).get("/imports").text)

    assert "Your first import is being set up" in words
    assert "Initial sync is set up manually by our team after you upload credentials. Allow some time" in words
    assert "View the connection Prepare your properties" in words


def test_member_sees_everything_and_presses_nothing(person, cast: Cast, provider: Provider):
    make_import(provider, ImportState.FAILED, reason=Reason.KEY_REFUSED)
    make_import(provider, ImportState.RUNNING)

    page = person(cast.max).get("/imports").text

    assert "ChartMogul refused the API key" in page
    assert "Only admins can configure integrations." in page
    assert not [button for button in ("Sync now", "Cancel<", "Retry", "Replace") if button in page]
