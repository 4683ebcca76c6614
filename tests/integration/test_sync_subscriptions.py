"""Reading subscriptions: only for who needs it, each live subscriber once, and whatever goes wrong on the way."""

from collections import Counter
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, update

from simulator import Account, Simulator
from tests import expected, factories, syncing
from tests.conftest import on_sqlite
from tests.texts import words_of
from webapp import queue
from webapp.chartmogul.client import Client
from webapp.chartmogul.fields import FIELDS
from webapp.extensions import db
from webapp.models import Customer, CustomerValues, Import, ImportState, ImportWarning, Property, Provider, Reason
from webapp.models.types import now
from webapp.tenancy import across_tenants
from worker import fetch, limits, refresh, subscriptions, turn
from worker.lease import Lease

LIVE = ("Active", "Past Due")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(fetch, "FIRST_PAUSE", 0.02)


@pytest.fixture
def account(app, chartmogul) -> Account:
    return Account(name="Acme Analytics", seed=9, size=24)


@pytest.fixture
def provider(account, chartmogul, cast) -> Provider:
    return syncing.connect_only(cast.acme, chartmogul, account)


@pytest.fixture
def costly(cast) -> list[Property]:
    return [make_property(cast.acme, field) for field in expected.COSTLY_FIELDS]


def make_property(tenant, field: str) -> Property:
    return factories.make_property(tenant, field, codename=field, field=field, type=FIELDS[field].type)


def live(account: Account) -> list[str]:
    return sorted(raw["uuid"] for raw in account.customers() if raw["status"] in LIVE)


def asked(chartmogul: Simulator) -> Counter[str]:
    """Whose subscriptions were asked for, and how often."""
    return Counter(seen.path.split("/")[2] for seen in chartmogul.log if seen.path.endswith("/subscriptions"))


def wanted(account: Account) -> dict[str, dict[str, Any]]:
    values = expected.expected_values(account, expected.COSTLY_FIELDS, now(), len(account.customers()))
    return {uuid: of_customer for uuid, of_customer in values.items() if of_customer}


def warnings(import_: Import) -> set[tuple[str, str | None]]:
    with across_tenants():
        of_it = ImportWarning.import_id == import_.id
        return {(row.kind, row.customer_uuid) for row in db.session.scalars(select(ImportWarning).where(of_it))}


def step(import_: Import, name: str = "subscriptions") -> dict[str, Any] | None:
    return next((row for row in import_.steps if row["name"] == name), None)


def kept(provider: Provider, uuid: str) -> tuple[Any, ...]:
    with across_tenants():
        of_it = Customer.provider_id == provider.id, Customer.uuid == uuid
        return tuple(db.session.execute(select(*subscriptions.SUBSCRIBED).where(*of_it)).one())


def reloaded(import_id) -> Import:
    with across_tenants():
        found = select(Import).where(Import.id == import_id).execution_options(populate_existing=True)
        return db.session.scalars(found).one()


def one_turn(app, provider: Provider, import_id) -> Import:
    tenant_id = provider.tenant_id
    db.session.commit()
    syncing.turn(app, tenant_id, import_id)
    return reloaded(import_id)


def killed_at_save(number: int):
    """Cut off whatever runs when it saves the n-th lot of subscribers."""
    left = [number]

    def look(_connection, _cursor, statement: str, *_) -> None:
        if "subscribers_read=(imports.subscribers_read" in statement:
            left[0] -= 1
            if left[0] == 0:
                raise syncing.Killed

    return syncing.listening(look)


def test_import_with_such_a_property_asks_for_each_live_subscriber_once(app, provider, account, chartmogul, costly):
    import_ = syncing.run(app, provider)

    assert (import_.state, import_.warnings) == (ImportState.DONE, 0)
    assert expected.held_values(provider) == wanted(account)
    assert len(wanted(account)) == len(live(account)) > 8
    assert asked(chartmogul) == Counter(live(account))
    assert (import_.subscribers_read, import_.subscribers_expected) == (len(live(account)), len(live(account)))
    assert [row["name"] for row in import_.steps][-3:] == ["match", "subscriptions", "properties"]
    assert step(import_)["state"] == "done"
    assert step(import_)["seconds"] > 0


def test_import_without_one_asks_for_none(app, provider, account, chartmogul, cast):
    make_property(cast.acme, "cm_mrr")
    factories.make_property(cast.acme, "Plans", source="by_hand", field="cm_plans", type="list")
    make_property(cast.globex, "cm_plans")

    import_ = syncing.run(app, provider)

    assert import_.state == ImportState.DONE
    assert (asked(chartmogul), step(import_)) == (Counter(), None)
    assert (import_.subscribers_read, import_.subscribers_expected) == (0, None)


def test_what_changed_in_chartmogul_changes_and_the_rest_is_not_written(app, provider, account, costly):
    syncing.run(app, provider)
    written: list[str] = []

    def note(_connection, _cursor, statement: str, *_) -> None:
        if statement.startswith("UPDATE customers") and "quantity IS NOT NULL" not in statement:
            written.append(statement)

    with syncing.listening(note):
        again = syncing.run(app, provider)
    assert (written, again.values_changed) == ([], 0)
    before = wanted(account)
    account.advance(20)

    import_ = syncing.run(app, provider)

    assert import_.values_changed > 0
    assert before != wanted(account)
    assert expected.held_values(provider) == wanted(account)


def test_who_is_no_longer_live_subscribes_to_nothing(app, provider, account, costly):
    syncing.run(app, provider)
    gone, lead = live(account)[:2]
    account.delete(gone)
    with across_tenants():
        cancelled = next(raw["uuid"] for raw in account.customers() if raw["status"] == "Cancelled")
        stale = {"plans": ["Gold"], "quantity": 5}
        db.session.execute(update(Customer).where(Customer.uuid == cancelled).values(**stale))
        db.session.execute(update(Customer).where(Customer.uuid == lead).values(status=None, **stale))
        db.session.execute(update(CustomerValues).where(CustomerValues.uuid == lead).values(status=None))
        db.session.commit()
    assert kept(provider, gone) != (None, None, None)

    import_ = syncing.run(app, provider)

    assert import_.state == ImportState.DONE
    assert {kept(provider, uuid) for uuid in (gone, lead, cancelled)} == {(None, None, None)}
    assert expected.held_values(provider).keys().isdisjoint({gone, lead, cancelled})


def test_save_of_the_customer_list_leaves_them_alone(app, provider, account, cast, costly):
    syncing.run(app, provider)
    uuid = live(account)[0]
    before = kept(provider, uuid)
    with across_tenants():
        db.session.execute(update(Property).values(source="by_hand"))
        db.session.commit()
    account.edit(uuid, company="Another name")

    import_ = syncing.run(app, provider)

    assert (import_.updated, step(import_)) == (1, None)
    assert kept(provider, uuid) == before


@on_sqlite
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "status", "status": 404}, "subscriptions_missing"),
        ({"kind": "status", "status": 400}, "subscriptions_unreadable"),
        ({"kind": "status", "status": 500}, "subscriptions_unreadable"),
        ({"kind": "html_200"}, "subscriptions_unreadable"),
        ({"kind": "entries_null"}, "subscriptions_unreadable"),
        ({"kind": "loop"}, "subscriptions_unreadable"),
    ],
    ids=lambda value: f"{value['kind']}{value.get('status', '')}" if isinstance(value, dict) else "",
)
def test_answer_that_cannot_be_used_is_one_customers_warning(app, provider, account, chartmogul, costly, fault, kind):
    syncing.run(app, provider)
    before_then = live(account)
    account.advance(20)
    odd = next(uuid for uuid in live(account) if uuid in before_then)
    before = kept(provider, odd)
    chartmogul.faults.add(**fault, match=f"/customers/{odd}/subscriptions")

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.warnings, warnings(import_)) == (ImportState.DONE, 1, {(kind, odd)})
    assert kept(provider, odd) == before
    held, after = expected.held_values(provider), wanted(account)
    assert {uuid: held.get(uuid) for uuid in after if uuid != odd} == {
        uuid: after[uuid] for uuid in after if uuid != odd
    }


@on_sqlite
def test_customer_who_never_gets_an_answer_is_one_warning(app, provider, account, chartmogul, costly, monkeypatch):
    """Two tries end within a turn, five would not: here 25 s are 1.3, and the turn's minute is 4 s."""
    monkeypatch.setattr(fetch, "Client", partial(Client, total_seconds=1.3))
    monkeypatch.setattr("webapp.queue.SLICE_SECONDS", 4)
    odd = live(account)[0]
    chartmogul.faults.add("hang", match=f"/customers/{odd}/subscriptions", seconds=60)

    import_ = syncing.run(app, provider)

    assert (import_.state, warnings(import_)) == (ImportState.DONE, {("subscriptions_unreadable", odd)})


def test_import_shows_that_it_lives_while_answers_come_that_cannot_be_saved_yet(
    app, provider, account, chartmogul, costly, monkeypatch
):
    """They are saved in order, and the first one is late."""
    monkeypatch.setattr(turn, "SIGN_OF_LIFE_SECONDS", 0.05)
    chartmogul.latency_ms = 20
    first = min(live(account))
    chartmogul.faults.add("stall", match=f"/customers/{first}/subscriptions", seconds=0.5)
    beats, beat = [], Lease.beat
    monkeypatch.setattr(Lease, "beat", lambda lease: beats.append(1) or beat(lease))

    import_ = syncing.run(app, provider)

    assert import_.state == ImportState.DONE
    assert beats


@on_sqlite
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "edit_row", "set": {"quantity": "many"}}, "wrong_type"),
        ({"kind": "edit_row", "set": {"plan": {"name": "Gold"}}}, "wrong_type"),
        ({"kind": "edit_row", "set": {"status": "paused"}}, "unknown_status"),
        ({"kind": "row_not_object"}, "not_an_object"),
        ({"kind": "edit_row", "drop": ["uuid", "mrr", "currency"]}, None),
        ({"kind": "unknown_fields"}, None),
    ],
)
def test_odd_subscription_is_told_by_its_customer(app, provider, account, chartmogul, costly, fault, kind):
    odd = next(uuid for uuid in live(account) if len(account.subscriptions(uuid)) == 1)
    chartmogul.faults.add(**fault, match=f"/customers/{odd}/subscriptions")

    import_ = syncing.run(app, provider)

    assert import_.state == ImportState.DONE
    assert warnings(import_) == ({(kind, odd)} if kind else set())
    held, whole = expected.held_values(provider).get(odd, {}), wanted(account)[odd]
    assert held.items() <= whole.items()
    assert len(held) == {"wrong_type": 2, None: 3}.get(kind, 0)


@on_sqlite
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 502},
        {"kind": "status", "status": 429, "retry_after": 0},
        {"kind": "truncated"},
        {"kind": "entries_null"},
    ],
)
def test_fault_that_passes_changes_nothing_of_the_result(app, provider, account, chartmogul, costly, fault):
    """One for each of some subscribers: of a number that strikes anybody, one of them could get both of its tries."""
    faults = [
        chartmogul.faults.add(**fault, match=f"/customers/{uuid}/subscriptions", times=1)
        for uuid in sorted(live(account))[:6]
    ]

    import_ = syncing.run(app, provider)

    assert [fault.fired for fault in faults] == [1] * 6
    assert (import_.state, import_.warnings) == (ImportState.DONE, 0)
    assert expected.held_values(provider) == wanted(account)


@on_sqlite
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "status", "status": 401, "after": 9}, Reason.KEY_REFUSED),
        ({"kind": "status", "status": 403, "after": 9}, Reason.KEY_REFUSED),
        ({"kind": "status", "status": 500, "after": 9}, Reason.UNAVAILABLE),
        ({"kind": "close", "after": 9}, Reason.UNAVAILABLE),
        ({"kind": "entries_null", "after": 9}, Reason.BROKEN_ANSWER),
    ],
)
def test_what_keeps_chartmogul_from_answering_anybody_fails_the_import(
    app, provider, chartmogul, costly, fault, reason
):
    chartmogul.rate_limit = 0  # tried again after pauses this short, a few requests would come too fast
    chartmogul.faults.add(**fault, match="/customers/cus_.*/subscriptions")

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.reason, import_.warnings) == (ImportState.FAILED, reason, 0)
    assert step(import_)["state"] == "failed"
    assert expected.held_values(provider) == {}


@on_sqlite
def test_long_pause_is_waited_for_and_the_retry_goes_on(app, provider, account, chartmogul, costly, monkeypatch):
    monkeypatch.setattr(subscriptions, "IN_A_LOT", 4)
    monkeypatch.setattr(limits, "LONGEST_PAUSE", 0.1)
    # One request at a time: of several the refused one may be heard of before those that were answered.
    app.config["SETTINGS"] = app.config["SETTINGS"].model_copy(update={"chartmogul_parallel": 1})
    fault = chartmogul.faults.add(429, match="/customers/cus_.*/subscriptions", after=12, retry_after=60)
    import_ = syncing.run(app, provider)
    assert (import_.state, import_.reason) == (ImportState.WAITING, Reason.BUSY)
    saved = import_.subscribers_read
    assert 0 < saved <= 12
    chartmogul.faults.remove(fault)
    chartmogul.log.clear()
    with across_tenants():
        db.session.execute(update(Import).values(not_before=None))
        db.session.commit()

    import_ = syncing.run(app, provider, import_.id)

    assert (import_.state, import_.subscribers_read) == (ImportState.DONE, len(live(account)))
    assert not chartmogul.log.to("/activities")
    assert expected.held_values(provider) == wanted(account)


# A cut before a statement leaves the cursor open that it was for.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_import_that_was_cut_off_asks_for_nobody_again_who_was_saved(
    app, provider, account, chartmogul, costly, monkeypatch
):
    monkeypatch.setattr(subscriptions, "IN_A_LOT", 3)
    # One request at a time: of several the first may be answered last, and all be saved at once.
    app.config["SETTINGS"] = app.config["SETTINGS"].model_copy(update={"chartmogul_parallel": 1})
    import_id, tenant_id = syncing.start(provider), provider.tenant_id
    db.session.commit()

    with pytest.raises(syncing.Killed), killed_at_save(3):
        syncing.turn(app, tenant_id, import_id)
    db.session.rollback()
    import_ = reloaded(import_id)
    saved = set(live(account)[: import_.subscribers_read])
    assert len(saved) >= 6
    syncing.let_lease_run_out(import_id)
    chartmogul.log.clear()

    import_ = syncing.run(app, provider, import_id)

    assert (import_.state, import_.subscribers_read) == (ImportState.DONE, len(live(account)))
    assert saved.isdisjoint(asked(chartmogul))
    assert saved | asked(chartmogul).keys() == set(live(account))
    assert expected.held_values(provider) == wanted(account)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_import_cut_off_at_many_places_holds_what_chartmogul_has(app, provider, account, costly, monkeypatch):
    monkeypatch.setattr(subscriptions, "IN_A_LOT", 2)
    syncing.run(app, provider)
    account.advance(20)

    import_, cut_off = syncing.run_cut_off(app, provider, 12, seed=3)

    assert import_.state == ImportState.DONE
    assert cut_off > 2
    assert import_.subscribers_read == len(live(account))
    assert expected.held_values(provider) == wanted(account)


def test_turn_makes_room_after_each_lot_and_the_next_loads_nothing(
    app, provider, account, chartmogul, cast, costly, monkeypatch
):
    monkeypatch.setattr(subscriptions, "IN_A_LOT", 4)
    monkeypatch.setattr(queue, "FIRST_TURN_SECONDS", 0)
    queue.enqueue_import(factories.make_import(factories.make_provider(cast.globex), ImportState.WAITING))
    import_ = one_turn(app, provider, syncing.start(provider))
    while not import_.subscribers_read:
        import_ = one_turn(app, provider, import_.id)
    first, statements = import_.subscribers_read, list[str]()

    with syncing.listening(lambda *call: statements.append(call[2])):
        import_ = one_turn(app, provider, import_.id)

    assert (import_.state, step(import_)["state"]) == (ImportState.RUNNING, "running")
    assert 4 <= first < import_.subscribers_read < len(live(account))
    assert not [statement for statement in statements if "FROM import_pages" in statement]
    while import_.state == ImportState.RUNNING:
        import_ = one_turn(app, provider, import_.id)
    assert import_.subscribers_read == len(live(account))
    assert expected.held_values(provider) == wanted(account)


def test_slices_follow_each_other(app, provider, account, chartmogul, costly, monkeypatch):
    monkeypatch.setattr(subscriptions, "IN_A_SLICE", 7)

    import_ = syncing.run(app, provider)

    assert import_.subscribers_read == len(live(account))
    assert asked(chartmogul) == Counter(live(account))
    assert expected.held_values(provider) == wanted(account)


def test_property_made_while_values_are_filled_waits_for_the_next_import(
    app, provider, account, chartmogul, cast, monkeypatch
):
    """Its customers have not been asked for, so all of it would be empty, and seem to be so in ChartMogul."""
    make_property(cast.acme, "cm_mrr")
    monkeypatch.setattr(refresh, "MOST_IN_A_SLICE", 10)
    monkeypatch.setattr(queue, "FIRST_TURN_SECONDS", 0)
    queue.enqueue_import(factories.make_import(factories.make_provider(cast.globex), ImportState.WAITING))
    import_ = one_turn(app, provider, syncing.start(provider))
    while "filled" not in import_.checkpoint:
        import_ = one_turn(app, provider, import_.id)
    made = make_property(cast.acme, "cm_plans")
    while import_.state == ImportState.RUNNING:
        import_ = one_turn(app, provider, import_.id)

    assert (import_.state, step(import_), asked(chartmogul)) == (ImportState.DONE, None, Counter())
    db.session.refresh(made)
    assert made.waiting
    syncing.run(app, provider)
    db.session.refresh(made)
    assert not made.waiting
    assert made.filled_count == len(live(account))


def test_step_is_shown_from_the_start_and_left_out_when_it_is_no_longer_needed(
    app, provider, chartmogul, cast, costly, monkeypatch
):
    monkeypatch.setattr(queue, "FIRST_TURN_SECONDS", 0)
    queue.enqueue_import(factories.make_import(factories.make_provider(cast.globex), ImportState.WAITING))
    import_ = one_turn(app, provider, syncing.start(provider))
    assert step(import_) == {"name": "subscriptions", "state": "waiting", "seconds": None}
    with across_tenants():
        db.session.execute(update(Property).values(source="by_hand"))
        db.session.commit()

    while import_.state == ImportState.RUNNING:
        import_ = one_turn(app, provider, import_.id)

    assert (import_.state, step(import_), asked(chartmogul)) == (ImportState.DONE, None, Counter())


def test_page_of_the_import_shows_the_step_with_its_count_and_time(app, provider, account, person, cast, costly):
    import_ = syncing.run(app, provider)
    seconds, import_id = step(import_)["seconds"], import_.id
    db.session.commit()

    words = words_of(person(cast.ada).get(f"/imports/{import_id}").text)

    assert f"Read subscriptions : done {len(live(account))} · " in words
    assert seconds > 0
    assert words.index("Match customers") < words.index("Read subscriptions") < words.index("Fill properties")


def test_step_that_runs_has_a_bar_of_its_own(provider, person, cast):
    steps = [{"name": name, "state": "done", "seconds": 1.0} for name in ("customers", "movements", "match")]
    steps.append({"name": "subscriptions", "state": "running", "seconds": None})
    counts = {"customers_read": 1284, "subscribers_read": 250, "subscribers_expected": 1000}
    import_ = factories.make_import(provider, ImportState.RUNNING, steps=steps, **counts)

    words = words_of(person(cast.ada).get(f"/imports/{import_.id}").text)

    assert "Subscribers: 250 of 1,000 25%" in words
    assert "Read subscriptions : running 250" in words
