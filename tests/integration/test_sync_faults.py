"""What an import does when ChartMogul, or what lies between, does not do what it should."""

from datetime import timedelta
from functools import partial
from itertools import pairwise
from uuid import UUID

import pytest
from sqlalchemy import delete, event, func, select, update
from sqlalchemy.orm import Session

from simulator import Account
from tests import expected, factories, syncing
from tests.conftest import on_sqlite
from webapp import credentials
from webapp.chartmogul.client import Client
from webapp.chartmogul.records import Doubt, Refusal
from webapp.extensions import db
from webapp.models import (
    CustomerValues,
    Import,
    ImportPage,
    ImportState,
    ImportWarning,
    Property,
    Provider,
    ProviderState,
    Reason,
)
from webapp.models.types import now
from webapp.tenancy import across_tenants, acting_for
from worker import fetch, limits, refresh


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    """Between tries, and for whoever asks next after a 429; that they grow is tested by itself."""
    monkeypatch.setattr(fetch, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(limits, "LONGEST_PAUSE", 0.1)


@pytest.fixture
def connected(app, chartmogul, cast):
    account = Account(name="Acme Analytics", seed=9, size=450)
    return syncing.connect_only(cast.acme, chartmogul, account), account


def reloaded(provider: Provider) -> Provider:
    with across_tenants():
        return db.session.scalars(select(Provider).execution_options(populate_existing=True)).one()


PASSING = [
    {"kind": "truncated", "match": "/customers", "times": 2},
    {"kind": "wrong_length", "match": "/activities", "times": 1},
    {"kind": "broken_gzip", "match": "/customers", "times": 1},
    {"kind": "html_200", "match": "/activities", "times": 1},
    {"kind": "not_json", "match": "/customers", "times": 1},
    {"kind": "close", "match": "/activities", "times": 2},
    {"kind": "reset", "match": "/customers", "times": 1},
    {"kind": "status", "status": 500, "match": "/customers", "times": 2},
    {"kind": "status", "status": 502, "match": "/activities", "times": 1},
    {"kind": "status", "status": 504, "match": "/metrics", "times": 1},
    {"kind": "status", "status": 429, "match": "/customers", "times": 1, "retry_after": 0},
    {"kind": "status", "status": 503, "match": "/activities", "times": 1, "retry_after": 0},
    {"kind": "empty_page", "match": "/customers", "after": 1, "times": 1},
    {"kind": "repeat_rows", "match": "/customers", "after": 1, "times": 1},
    {"kind": "repeat_rows", "match": "/activities", "after": 1, "times": 2},
    {"kind": "entries_null", "match": "/customers", "times": 1},
    {"kind": "ends_early", "match": "/customers", "times": 1},
    {"kind": "ends_early", "match": "/activities", "nth": 1},
    {"kind": "skip_row", "match": "/customers", "times": 1},
    {"kind": "no_uuid", "match": "/activities", "row": 199, "times": 1},
    {"kind": "unknown_fields", "match": "/", "times": 5},
]


def name_of(value: object) -> str:
    return f"{value['kind']}{value.get('status', '')}{value['match']}" if isinstance(value, dict) else ""


@on_sqlite
@pytest.mark.parametrize("fault", PASSING, ids=name_of)
def test_fault_that_passes_changes_nothing_of_the_result(app, connected, chartmogul, fault):
    provider, account = connected
    struck = chartmogul.faults.add(**fault)

    import_ = syncing.run(app, provider)

    assert struck.fired > 0
    assert (import_.state, import_.reason) == (ImportState.DONE, None)
    assert expected.held_customers(provider) == expected.expected_customers(account)
    assert expected.held_movements(provider) == expected.expected_movements(account)


@on_sqlite
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "status", "status": 401, "match": "/activities", "after": 2}, Reason.KEY_REFUSED),
        ({"kind": "status", "status": 402, "match": "/customers", "after": 1}, Reason.KEY_REFUSED),
        ({"kind": "status", "status": 403, "match": "/account"}, Reason.KEY_REFUSED),
        ({"kind": "loop", "match": "/customers"}, Reason.BROKEN_ANSWER),
        ({"kind": "loop", "match": "/activities"}, Reason.BROKEN_ANSWER),
        ({"kind": "circle", "match": "/customers"}, Reason.BROKEN_ANSWER),
        ({"kind": "ends_early", "match": "/activities"}, Reason.BROKEN_ANSWER),
        ({"kind": "missing_cursor", "match": "/customers"}, Reason.BROKEN_ANSWER),
        ({"kind": "empty_page", "match": "/customers"}, Reason.BROKEN_ANSWER),
        ({"kind": "empty_page", "match": "/activities"}, Reason.BROKEN_ANSWER),
        ({"kind": "truncated", "match": "/activities", "after": 1}, Reason.UNAVAILABLE),
        ({"kind": "html_200", "match": "/customers", "after": 1}, Reason.UNAVAILABLE),
        ({"kind": "status", "status": 500, "match": "/activities", "after": 1}, Reason.UNAVAILABLE),
        ({"kind": "redirect", "match": "/customers"}, Reason.UNAVAILABLE),
    ],
    ids=name_of,
)
def test_fault_that_stays_fails_the_import_and_keeps_the_older_data(app, connected, chartmogul, fault, reason):
    provider, account = connected
    syncing.run(app, provider)
    before = expected.held_movements(provider)
    account.advance(3)
    chartmogul.faults.add(**fault)

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.reason) == (ImportState.FAILED, reason)
    assert expected.held_movements(provider) == before
    assert before != expected.expected_movements(account)
    assert import_.gone == 0
    chartmogul.faults.clear()
    if reason != Reason.KEY_REFUSED:
        assert syncing.run(app, provider).state == ImportState.DONE


@on_sqlite
def test_broken_answer_is_asked_for_five_times_with_growing_pauses(app, connected, chartmogul, monkeypatch):
    provider, _ = connected
    monkeypatch.setattr(fetch, "FIRST_PAUSE", 0.1)
    chartmogul.faults.add(500, match="/account")

    syncing.run(app, provider)

    moments = [seen.at for seen in chartmogul.log if seen.fault]
    pauses = [later - earlier for earlier, later in pairwise(moments)]
    assert len(moments) == 5
    assert all(pause > 0.075 * 2**number for number, pause in enumerate(pauses))


def test_refused_key_needs_somebody_and_asks_no_more(app, connected, chartmogul):
    provider, _ = connected
    chartmogul.revoke("0123456789abcdef0123456789abcdef")
    asked = chartmogul.log.total

    syncing.run(app, provider)

    assert chartmogul.log.total == asked + 1
    card = reloaded(provider)
    assert (card.state, card.action_reason, card.next_import_at) == (ProviderState.ACTION_NEEDED, "key_refused", None)


def test_three_failures_in_a_row_need_somebody(app, connected, chartmogul):
    provider, _ = connected
    chartmogul.faults.add("loop", match="/customers")

    states = []
    for _ in range(3):
        syncing.run(app, provider)
        states.append(reloaded(provider).state)

    assert states == [ProviderState.CONNECTED, ProviderState.CONNECTED, ProviderState.ACTION_NEEDED]


def test_long_wait_frees_the_worker_and_says_until_when(app, connected, chartmogul):
    provider, account = connected
    chartmogul.faults.add(429, match="/customers", retry_after=86400, times=1)

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.reason) == (ImportState.WAITING, Reason.BUSY)
    assert import_.not_before > now() + timedelta(minutes=10)
    let_it_go_on()
    again = syncing.run(app, provider, import_.id)
    assert again.state == ImportState.DONE
    assert expected.held_customers(provider) == expected.expected_customers(account)


def test_waiting_ends_after_six_hours(app, connected, chartmogul):
    provider, _ = connected
    chartmogul.faults.add(429, match="/customers|/activities", retry_after=86400)
    waiting = syncing.run(app, provider)
    let_it_go_on(started_at=now() - timedelta(hours=7))

    import_ = syncing.run(app, provider, waiting.id)

    assert (import_.state, import_.reason) == (ImportState.FAILED, Reason.BUSY)


@on_sqlite
def test_old_import_that_gets_somewhere_goes_on_waiting(app, connected, chartmogul):
    provider, account = connected
    chartmogul.faults.add(429, match="/activities", nth=5, retry_after=86400)
    import_id = syncing.start(provider)
    with across_tenants():
        db.session.execute(update(Import).values(started_at=now() - timedelta(hours=7)))
        db.session.commit()

    import_ = syncing.run(app, provider, import_id)

    assert (import_.state, import_.reason) == (ImportState.WAITING, Reason.BUSY)
    assert import_.movements_read > 0
    let_it_go_on()
    assert syncing.run(app, provider, import_id).state == ImportState.DONE
    assert expected.held_movements(provider) == expected.expected_movements(account)


def let_it_go_on(**changes) -> None:
    with across_tenants():
        db.session.execute(update(Import).values(not_before=now(), **changes))
        db.session.commit()


def test_wait_that_is_too_long_for_a_worker_is_shown_as_waiting(app, connected, chartmogul):
    provider, _ = connected
    chartmogul.faults.add(429, match="/customers", retry_after=25)

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.reason) == (ImportState.WAITING, Reason.BUSY)
    assert timedelta(seconds=15) < import_.not_before - now() <= timedelta(seconds=60)


def test_turns_that_get_nowhere_end_the_import(app, connected, chartmogul, monkeypatch):
    provider, _ = connected
    monkeypatch.setattr("webapp.queue.SLICE_SECONDS", 0.3)
    monkeypatch.setattr(fetch, "LOOK_UP_SECONDS", 0.1)
    chartmogul.faults.add("hang", match="/customers|/activities", seconds=60)

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.reason) == (ImportState.FAILED, Reason.UNAVAILABLE)

    with across_tenants():
        again = db.session.scalars(select(Import)).one()
        again.retry("ada@acme.example", again.generation, now())
        db.session.commit()
    turns = []
    with syncing.listening(lambda *call: turns.append(1) if "fence=(imports.fence" in call[2] else None):
        syncing.run(app, provider, import_.id)
    assert len(turns) == 3


@on_sqlite
def test_turns_that_get_nowhere_are_counted_anew_after_one_that_did(app, connected, chartmogul, monkeypatch):
    provider, account = connected
    monkeypatch.setattr("webapp.queue.SLICE_SECONDS", 0.3)
    monkeypatch.setattr(fetch, "LOOK_UP_SECONDS", 0.1)
    hanging = chartmogul.faults.add("hang", match="/customers|/activities", seconds=60)
    tenant_id, import_id = provider.tenant_id, syncing.start(provider)
    for _ in range(2):
        db.session.commit()
        syncing.turn(app, tenant_id, import_id)
    assert the_import().checkpoint["idle"] == 2
    chartmogul.faults.remove(hanging)
    monkeypatch.setattr("webapp.queue.SLICE_SECONDS", 60)
    chartmogul.faults.add(429, match="/activities", nth=5, retry_after=86400)

    assert syncing.run(app, provider, import_id).state == ImportState.WAITING

    assert "idle" not in the_import().checkpoint
    let_it_go_on()
    assert syncing.run(app, provider, import_id).state == ImportState.DONE
    assert expected.held_customers(provider) == expected.expected_customers(account)


def the_import() -> Import:
    with across_tenants():
        return db.session.scalars(select(Import).execution_options(populate_existing=True)).one()


@on_sqlite
@pytest.mark.parametrize("path", ["/metrics", r"/customers\?per_page=1&?"])
def test_what_an_import_can_do_without_is_not_waited_for_turn_after_turn(app, connected, chartmogul, monkeypatch, path):
    """Two tries end within a turn, five would not: here 25 s are 1.3, and the turn's minute is 4 s."""
    provider, account = connected
    monkeypatch.setattr(fetch, "Client", partial(Client, total_seconds=1.3))
    monkeypatch.setattr("webapp.queue.SLICE_SECONDS", 4)
    chartmogul.faults.add("hang", match=path, seconds=60)

    import_ = syncing.run(app, provider)

    assert import_.state == ImportState.DONE
    assert expected.held_movements(provider) == expected.expected_movements(account)


def test_key_replaced_during_a_turn_is_no_refused_key(app, connected, chartmogul):
    provider, account = connected
    key, provider_id = "fedcba9876543210fedcba9876543210", provider.id
    chartmogul.add_key(key, account)
    new_name = credentials.store_key(provider.tenant_id, key)
    chartmogul.faults.add(401, match="/activities", after=1, times=1)
    swapped: list[int] = []
    asked = chartmogul.log.total

    def replace(_session: Session) -> None:
        if not swapped and chartmogul.log.total > asked + 1:
            swapped.append(1)
            with db.engine.begin() as other, across_tenants():
                mine = Provider.__table__.c.id == provider_id
                other.execute(update(Provider.__table__).where(mine).values(secret_name=new_name))

    import_id = syncing.start(provider)
    event.listen(Session, "after_commit", replace)
    try:
        import_ = syncing.run(app, provider, import_id)
    finally:
        event.remove(Session, "after_commit", replace)

    assert (swapped, import_.state) == ([1], ImportState.DONE)


def test_what_pages_held_is_kept_only_while_an_import_may_go_on_from_it(app, connected, chartmogul):
    provider, _ = connected

    def kept_of() -> set[UUID]:
        with across_tenants():
            return set(db.session.scalars(select(ImportPage.import_id)))

    chartmogul.faults.add(500, match="/activities", after=2)
    failed = syncing.run(app, provider).id
    assert kept_of() == {failed}
    chartmogul.faults.clear()

    syncing.run(app, provider)

    assert kept_of() == set()


def test_retry_of_an_older_import_undoes_nothing_of_a_newer_one(app, connected, chartmogul):
    provider, account = connected
    chartmogul.faults.add(500, match="/activities", after=2)
    older = syncing.run(app, provider)
    chartmogul.faults.clear()
    account.advance(3)
    syncing.run(app, provider)

    retried(older)
    again = syncing.run(app, provider, older.id)

    assert again.state == ImportState.DONE
    assert expected.held_movements(provider) == expected.expected_movements(account)


def test_key_of_another_account_brings_nothing_in(app, connected, chartmogul):
    provider, _ = connected
    key = "fedcba9876543210fedcba9876543210"
    chartmogul.add_key(key, Account(name="Another", seed=77, size=20))
    provider.secret_name = credentials.store_key(provider.tenant_id, key)
    with acting_for(provider.tenant_id):
        db.session.commit()

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.reason) == (ImportState.FAILED, Reason.OTHER_ACCOUNT)
    assert expected.held_customers(provider) == {}


def test_key_that_the_store_lost_is_told_apart(app, connected):
    provider, _ = connected
    credentials.delete_key(provider.secret_name)

    assert syncing.run(app, provider).reason == Reason.KEY_MISSING


def test_records_that_cannot_be_used_are_skipped_and_named(app, connected, chartmogul):
    provider, account = connected
    chartmogul.faults.add("edit_row", match="/customers", row=1, times=1, set={"mrr": "a lot"})

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.skipped) == (ImportState.PARTLY_DONE, 1)
    with across_tenants():
        warning = db.session.scalars(select(ImportWarning).where(ImportWarning.customer_uuid.is_not(None))).first()
    assert warning.customer_uuid == account.customers()[1]["uuid"]
    assert len(expected.held_customers(provider)) == len(account.customers()) - 1


def test_record_that_comes_on_two_pages_is_told_once(app, connected, chartmogul):
    provider, account = connected
    twice = {"uuid": account.customers()[1]["uuid"], "mrr": "a lot"}
    chartmogul.faults.add("edit_row", match="/customers", row=1, times=2, set=twice)
    chartmogul.faults.add("edit_row", match="/activities", row=1, times=2, set={"uuid": "once", "date": "tomorrow"})

    import_ = syncing.run(app, provider)

    assert import_.skipped == 2
    with across_tenants():
        kinds = db.session.scalars(select(ImportWarning.kind).order_by(ImportWarning.kind)).all()
    assert [kind for kind in kinds if kind in set(Refusal)] == [Refusal.NO_DATE, Refusal.NOT_MONEY]


def test_list_that_begins_again_counts_nothing_twice(app, connected, chartmogul):
    provider, account = connected
    cut = len(account.customers()) // 200
    account.edit(account.customers()[1]["uuid"], name="Nul\x00 Inc.")
    chartmogul.faults.add(400, match="/customers", after=cut, times=1)
    chartmogul.faults.add(400, match="/activities", after=2, times=1)

    import_ = syncing.run(app, provider)

    assert import_.state == ImportState.DONE
    assert import_.customers_read == len(account.customers())
    assert import_.created + import_.updated + import_.unchanged == len(expected.held_customers(provider))
    assert import_.movements_read == import_.movements_added == len(account.activities())
    assert import_.warnings == 1


def test_import_expects_as_many_movements_as_the_one_before_found(app, connected, chartmogul):
    provider, _ = connected

    first = syncing.run(app, provider)
    chartmogul.faults.add(500, match="/activities")

    second = syncing.run(app, provider)

    assert second.state == ImportState.FAILED
    assert first.movements_expected == second.movements_expected == first.movements_read


def test_customer_deleted_while_the_list_is_read_is_not_marked_by_guess(app, connected, chartmogul):
    provider, account = connected
    syncing.run(app, provider)
    chartmogul.faults.add("move_row", match="/customers", times=1)

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.gone) == (ImportState.DONE, 0)
    assert expected.held_customers(provider).keys() == {raw["uuid"] for raw in account.customers()}


@on_sqlite
def test_list_that_ends_early_marks_nobody_and_says_how_many_are_missing(app, connected, chartmogul):
    provider, account = connected
    syncing.run(app, provider)
    chartmogul.faults.add("ends_early", match=r"/customers(\?|$)")

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.gone) == (ImportState.DONE, 0)
    assert expected.held_customers(provider) == expected.expected_customers(account)
    with across_tenants():
        warning = db.session.scalars(select(ImportWarning).where(ImportWarning.kind == "customers_missing")).one()
    assert warning.detail == "ChartMogul counts 450 customers, its list held 200."


@on_sqlite
def test_page_that_is_too_large_is_read_in_parts(app, connected, chartmogul, monkeypatch):
    provider, account = connected
    monkeypatch.setattr("webapp.chartmogul.client.LARGEST_ANSWER", 60_000)

    import_ = syncing.run(app, provider)

    sizes = {seen.query.get("per_page") for seen in chartmogul.log if seen.path in ("/customers", "/activities")}
    assert {"200", "100", "50"} <= sizes
    assert (import_.state, import_.warnings) == (ImportState.DONE, 0)
    assert expected.held_customers(provider) == expected.expected_customers(account)
    assert expected.held_movements(provider) == expected.expected_movements(account)


@on_sqlite
def test_list_of_movements_that_is_empty_all_at_once_takes_nothing_away(app, connected, chartmogul):
    provider, _ = connected
    syncing.run(app, provider)
    before = expected.held_movements(provider)
    chartmogul.faults.add("not_json", match="/activities", body='{"entries": [], "has_more": false}')

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.reason) == (ImportState.FAILED, Reason.BROKEN_ANSWER)
    assert import_.detail == "the list of movements ends early"
    assert len(before) > 1000
    assert expected.held_movements(provider) == before


@on_sqlite
def test_history_that_went_with_its_customers_is_believed(app, connected):
    """Its list is shorter by far, but what is left adds up."""
    provider, account = connected
    syncing.run(app, provider)
    for customer in account.customers()[:200]:
        account.delete(customer["uuid"])

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.gone) == (ImportState.DONE, 200)
    assert import_.movements_removed > 400
    assert expected.held_movements(provider) == expected.expected_movements(account)


@on_sqlite
def test_movement_that_one_read_leaves_out_is_looked_for_again(app, connected, chartmogul):
    """The customer's movements add up with it, and not without."""
    provider, account = connected
    syncing.run(app, provider)
    chartmogul.faults.add("skip_row", match="/activities", row=0, times=1)

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.movements_removed, import_.warnings) == (ImportState.DONE, 0, 0)
    assert import_.movements_read == len(account.activities())
    assert expected.held_movements(provider) == expected.expected_movements(account)


@on_sqlite
def test_movement_that_each_read_leaves_out_is_gone_and_told(app, connected, chartmogul):
    provider, account = connected
    syncing.run(app, provider)
    first = account.activities()[0]
    chartmogul.faults.add("edit_row", match="/activities", row=0, set={"type": "something new"})

    import_ = syncing.run(app, provider)

    assert import_.state == ImportState.PARTLY_DONE
    assert 0 < import_.movements_removed < len(account.activities()) / 10
    differs = ImportWarning.kind == "mrr_differs", ImportWarning.customer_uuid == first["customer-uuid"]
    with across_tenants():
        assert db.session.scalars(select(ImportWarning).where(*differs)).one()


@on_sqlite
def test_history_that_was_changed_is_not_read_twice(app, connected, chartmogul):
    """Customers and movements tell of it alike."""
    provider, account = connected
    syncing.run(app, provider)
    requests = syncing.run(app, provider).requests
    moved = [raw["uuid"] for raw in account.activities() if raw["type"] == "contraction"][:9]
    for uuid in moved:
        account.remove_movement(uuid)

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.requests) == (ImportState.DONE, requests)
    assert import_.movements_removed >= len(moved) > 0
    assert expected.held_movements(provider) == expected.expected_movements(account)


def test_movement_that_a_list_leaves_out_shows_as_a_difference(app, connected, chartmogul):
    provider, account = connected
    chartmogul.faults.add("skip_row", match="/activities", row=0, times=1)
    first = account.activities()[0]

    import_ = syncing.run(app, provider)

    differs = ImportWarning.kind == "mrr_differs", ImportWarning.customer_uuid == first["customer-uuid"]
    assert import_.movements_read == len(account.activities()) - 1
    with across_tenants():
        assert db.session.scalars(select(ImportWarning).where(*differs)).one()


def test_record_that_comes_again_and_says_something_odd_is_told(app, connected, chartmogul):
    provider, account = connected
    row = account.customers()[1]
    chartmogul.faults.add("edit_row", match="/customers", after=1, row=1, times=1, set={**row, "email": 7})

    import_ = syncing.run(app, provider)

    with across_tenants():
        warning = db.session.scalars(select(ImportWarning).where(ImportWarning.customer_uuid == row["uuid"])).one()
    assert warning.kind == Doubt.WRONG_TYPE
    assert import_.customers_read == len(account.customers())


@pytest.mark.parametrize("kind", ["nul_name", "surrogate_name", "big_attributes"])
def test_text_that_no_database_takes_is_cleaned_and_told(app, connected, chartmogul, kind):
    provider, account = connected
    chartmogul.faults.add(kind, match="/customers", times=1)

    import_ = syncing.run(app, provider)

    assert import_.state == ImportState.DONE
    assert import_.warnings > 0
    assert len(expected.held_customers(provider)) == len(account.customers())


def retried(import_: Import) -> None:
    with across_tenants():
        row = db.session.scalars(select(Import).where(Import.id == import_.id)).one()
        row.retry("ada@acme.example", row.generation, now())
        db.session.commit()


def test_retry_goes_on_where_the_import_stopped(app, connected, chartmogul):
    provider, account = connected
    chartmogul.faults.add(500, match="/activities", after=2)
    failed = syncing.run(app, provider)
    chartmogul.faults.clear()
    read_before, asked = failed.movements_read, chartmogul.log.total

    retried(failed)
    again = syncing.run(app, provider, failed.id)

    assert again.state == ImportState.DONE
    assert read_before > 0
    assert chartmogul.log.total - asked < 11
    assert again.movements_read == len(account.activities())
    assert expected.held_movements(provider) == expected.expected_movements(account)


def test_retry_after_a_contradiction_begins_again_and_counts_nothing_twice(app, connected, chartmogul):
    provider, account = connected
    chartmogul.faults.add("loop", match="/activities", after=2)
    chartmogul.faults.add("edit_row", match="/customers", row=1, times=1, set={"mrr": "a lot"})
    failed = syncing.run(app, provider)
    account.recalculate()
    chartmogul.faults.clear()

    retried(failed)
    again = syncing.run(app, provider, failed.id)

    assert (again.state, again.skipped, again.warnings) == (ImportState.DONE, 0, 0)
    assert again.customers_read == len(account.customers())
    assert expected.held_movements(provider) == expected.expected_movements(account)


@pytest.mark.parametrize("change", ["redefined", "deleted"])
def test_property_changed_while_it_is_filled_keeps_what_its_owner_did(app, connected, cast, monkeypatch, change):
    provider, _ = connected
    monkeypatch.setattr(refresh, "MOST_IN_A_SLICE", 100)
    property_ = factories.make_property(cast.acme, "MRR")
    property_id, version_2 = property_.id, {"version": 2}
    db.session.expunge(property_)
    changed = []

    def meddle(_session: Session) -> None:
        with db.engine.begin() as other, across_tenants():
            values = CustomerValues.__table__
            held = other.scalar(select(func.count(values.c.n1)))
            if not held or changed:
                return
            changed.append(held)
            mine = Property.__table__.c.id == property_id
            other.execute(update(values).values(n1=None))
            if change == "deleted":
                other.execute(delete(Property.__table__).where(mine))
            else:
                other.execute(update(Property.__table__).where(mine).values(version_2))

    event.listen(Session, "after_commit", meddle)
    try:
        import_ = syncing.run(app, provider)
    finally:
        event.remove(Session, "after_commit", meddle)

    assert import_.state == ImportState.DONE
    assert changed == [100]
    assert factories.values_of(property_) == []
