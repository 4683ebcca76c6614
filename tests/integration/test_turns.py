"""Whose turn it is: an import that had none yet goes before those that were handed on, which make room for it."""

from datetime import timedelta
from threading import Event
from time import monotonic
from types import SimpleNamespace

import pytest
from redis import Redis
from rq import Queue

from simulator import Account
from tests import expected, factories, syncing
from webapp import queue
from webapp.extensions import db
from webapp.models import Import, ImportState
from webapp.models.types import now
from webapp.queue import LATER_TURNS, QUEUE, QUEUES
from webapp.tenancy import acting_for, owned
from worker import refresh, schedule, turn
from worker.sync import sync


@pytest.fixture
def connected(app, chartmogul, cast):
    account = Account(name="Acme Analytics", seed=9, size=450)
    return syncing.connect_only(cast.acme, chartmogul, account), account


@pytest.fixture
def waiting(connected, cast) -> Import:
    """An import of another tenant that has had no turn yet, in the queue."""
    import_ = factories.make_import(factories.make_provider(cast.globex), ImportState.WAITING)
    queue.enqueue_import(import_)
    return import_


def queued(settings, name: str) -> list[str]:
    return Queue(name, connection=Redis.from_url(settings.redis), serializer="json").job_ids


def taken_next(settings) -> str:
    connection = Redis.from_url(settings.redis)
    queues = [Queue(name, connection=connection, serializer="json") for name in QUEUES]
    job, _ = Queue.dequeue_any(queues, None, connection=connection, serializer="json")
    return job.id


def after_one_turn(app, provider, import_id) -> Import:
    tenant_id = provider.tenant_id
    db.session.commit()
    syncing.turn(app, tenant_id, import_id)
    with acting_for(tenant_id):
        return db.session.scalars(
            owned(Import).where(Import.id == import_id).execution_options(populate_existing=True)
        ).one()


def test_import_without_a_turn_goes_before_twenty_that_were_handed_on(settings, cast):
    for number in range(20):
        large = factories.make_provider(factories.make_tenant(f"Large {number}"))
        queue.enqueue_import(factories.make_import(large, ImportState.RUNNING))
    small = factories.make_import(factories.make_provider(cast.globex), ImportState.WAITING)
    queue.enqueue_import(small)

    assert taken_next(settings) == f"imp-{small.id}-0"
    assert len(queued(settings, LATER_TURNS)) == 20


def test_import_whose_worker_died_goes_before_those_that_were_handed_on(settings, cast):
    """Its turn was cut off, not used up."""
    lease = {"lease_until": now() - timedelta(seconds=1), "sent_at": now() - timedelta(minutes=1)}
    factories.make_import(factories.make_provider(cast.acme), ImportState.RUNNING, **lease)

    schedule.resume_stalled()

    assert (len(queued(settings, QUEUE)), len(queued(settings, LATER_TURNS))) == (1, 0)


def test_import_that_lies_in_a_queue_is_not_sent_again(settings, cast):
    """However long the line is: with each name more of one import, the line would grow by itself."""
    handed_on = factories.make_import(factories.make_provider(cast.acme), ImportState.RUNNING)
    new = factories.make_import(factories.make_provider(cast.globex), ImportState.WAITING)
    for import_ in (handed_on, new):
        with acting_for(import_.tenant_id):
            import_.sent_at = now() - timedelta(minutes=5)
            db.session.commit()
            queue.enqueue_import(import_)

    schedule.resume_stalled()

    assert queued(settings, QUEUE) == [f"imp-{new.id}-0"]
    assert queued(settings, LATER_TURNS) == [f"imp-{handed_on.id}-0"]


def test_turn_ends_early_for_an_import_that_had_none(app, settings, connected, waiting, monkeypatch):
    monkeypatch.setattr(queue, "FIRST_TURN_SECONDS", 0)
    provider, _ = connected

    import_ = after_one_turn(app, provider, syncing.start(provider))

    assert (import_.state, import_.lease_until, import_.attempt) == (ImportState.RUNNING, None, 1)
    assert 0 < import_.customers_read + import_.movements_read < 1000
    assert queued(settings, QUEUE) == [f"imp-{waiting.id}-0"]
    assert queued(settings, LATER_TURNS) == [f"imp-{import_.id}-{import_.sent}"]


def test_first_turn_of_an_import_may_take_its_time(app, connected, waiting, monkeypatch):
    monkeypatch.setattr(queue, "FIRST_TURN_SECONDS", 600)
    provider, _ = connected

    assert after_one_turn(app, provider, syncing.start(provider)).state == ImportState.DONE


def test_turn_goes_on_while_nobody_without_one_waits(app, connected, cast, monkeypatch):
    monkeypatch.setattr(queue, "FIRST_TURN_SECONDS", 0)
    queue.enqueue_import(factories.make_import(factories.make_provider(cast.globex), ImportState.RUNNING))
    provider, _ = connected

    assert after_one_turn(app, provider, syncing.start(provider)).state == ImportState.DONE


@pytest.mark.parametrize(
    ("minutes", "somebody_waits", "state"),
    [(1.1, False, ImportState.DONE), (1.1, True, ImportState.RUNNING), (1.6, False, ImportState.RUNNING)],
)
def test_turn_that_is_over_goes_on_by_half_when_nobody_waits(
    app, settings, connected, cast, monkeypatch, minutes, somebody_waits, state
):
    """Its next turn would load again what is held. Time passes while the first page is saved."""
    provider, _ = connected
    passed = [0.0]
    monkeypatch.setattr(turn, "time", SimpleNamespace(monotonic=lambda: monotonic() + passed[0]))
    import_id, tenant_id = syncing.start(provider), provider.tenant_id
    if somebody_waits:
        queue.enqueue_import(factories.make_import(factories.make_provider(cast.globex), ImportState.RUNNING))
    db.session.commit()

    def pass_time(_connection, _cursor, statement: str, *_) -> None:
        if statement.startswith("INSERT INTO import_pages"):
            passed[0] = minutes * queue.SLICE_SECONDS

    with syncing.listening(pass_time):
        syncing.turn(app, tenant_id, import_id)

    with acting_for(tenant_id):
        assert db.session.scalars(owned(Import, Import.state).where(Import.id == import_id)).one() == state


def test_turn_goes_on_while_the_queue_does_not_answer(app, connected, waiting, monkeypatch, tmp_path):
    monkeypatch.setattr(queue, "FIRST_TURN_SECONDS", 0)
    app.extensions["redis"] = queue.connect(f"unix://{tmp_path}/nobody")
    provider, _ = connected

    assert after_one_turn(app, provider, syncing.start(provider)).state == ImportState.DONE


def test_turn_that_only_fills_properties_does_not_load_what_was_read(app, connected, cast, waiting, monkeypatch):
    """With 100,000 customers that takes seconds, in each turn."""
    provider, _ = connected
    factories.make_property(cast.acme, "MRR")
    monkeypatch.setattr(refresh, "MOST_IN_A_SLICE", 100)
    monkeypatch.setattr(queue, "FIRST_TURN_SECONDS", 0)
    import_ = after_one_turn(app, provider, syncing.start(provider))
    while "filled" not in import_.checkpoint:
        import_ = after_one_turn(app, provider, import_.id)
    statements: list[str] = []

    with syncing.listening(lambda *call: statements.append(call[2])):
        import_ = after_one_turn(app, provider, import_.id)

    assert import_.state == ImportState.RUNNING
    assert not [statement for statement in statements if "FROM import_pages" in statement]


def test_turn_makes_room_while_it_loads_what_is_held_but_not_for_ever(app, connected, cast, monkeypatch):
    """Loading takes seconds with 100,000 customers; three turns may end in it, the fourth gets on."""
    monkeypatch.setattr(queue, "FIRST_TURN_SECONDS", 0)
    monkeypatch.setattr(turn, "ASKS_FOR_ROOM_EVERY", 0)
    provider, _ = connected
    syncing.run(app, provider)
    queue.enqueue_import(factories.make_import(factories.make_provider(cast.globex), ImportState.WAITING))
    import_id = syncing.start(provider)
    read, attempts = [], set()

    for _ in range(5):
        import_ = after_one_turn(app, provider, import_id)
        read.append(import_.customers_read + import_.movements_read)
        attempts.add(import_.attempt)

    assert read[:3] == [0, 0, 0]
    assert 0 < read[3] < 1000
    assert read[4] == read[3]
    assert attempts == {1}


def test_turn_shows_that_it_lives_while_it_loads_what_is_held(app, connected, monkeypatch):
    """On another connection, because its own is in the middle of a read; and so the lease does not run out."""
    monkeypatch.setattr(turn, "SIGN_OF_LIFE_SECONDS", -1)
    provider, _ = connected
    syncing.run(app, provider)
    import_id, statements = syncing.start(provider), []

    with syncing.listening(lambda *call: statements.append(call[2])):
        import_ = after_one_turn(app, provider, import_id)

    held = next(at for at, said in enumerate(statements) if said.startswith("SELECT movements.id"))
    first_page = next(at for at, said in enumerate(statements) if said.startswith("INSERT INTO import_pages"))
    assert import_.state == ImportState.DONE
    said = [said for said in statements[held:first_page] if said.startswith("UPDATE imports")]
    assert any("checkpoint" not in statement for statement in said)


def test_turn_that_loads_stops_when_the_worker_is_to_stop(app, connected, settings):
    provider, _ = connected
    syncing.run(app, provider)
    tenant_id, import_id, stopping = provider.tenant_id, syncing.start(provider), Event()
    db.session.commit()

    def stop(_connection, _cursor, statement: str, *_) -> None:
        if statement.startswith("SELECT movements.id"):
            stopping.set()

    with syncing.listening(stop), app.app_context(), acting_for(tenant_id):
        sync(import_id, stopping)
        import_ = db.session.scalars(owned(Import).where(Import.id == import_id)).one()

        assert (import_.state, import_.lease_until, import_.movements_read) == (ImportState.RUNNING, None, 0)
    assert queued(settings, LATER_TURNS) == [f"imp-{import_id}-1"]


def test_import_that_always_makes_room_gets_done_and_is_exact(app, connected, cast, waiting, monkeypatch):
    """Each turn saves something before it ends, in every step, and none counts as one that got nowhere."""
    provider, account = connected
    syncing.run(app, provider)
    for customer in account.customers()[:5]:
        account.delete(customer["uuid"])
    account.advance(3)
    factories.make_property(cast.acme, "MRR")
    monkeypatch.setattr(queue, "FIRST_TURN_SECONDS", 0)
    monkeypatch.setattr(refresh, "MOST_IN_A_SLICE", 100)

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.attempt) == (ImportState.DONE, 1)
    assert import_.sent > 15
    assert expected.held_customers(provider) == expected.expected_customers(account)
    assert expected.held_movements(provider) == expected.expected_movements(account)


def test_customers_are_counted_as_they_come_until_the_import_has_counted_them(app, connected, person, cast):
    provider, account = connected
    import_id, tenant_id, ada = syncing.start(provider), provider.tenant_id, person(cast.ada)
    pages = iter(range(3))

    def cut_off_after_two_pages(_connection, _cursor, statement, *_) -> None:
        if statement.startswith("INSERT INTO customers ") and next(pages) == 2:
            raise syncing.Killed

    db.session.commit()
    with syncing.listening(cut_off_after_two_pages), pytest.raises(syncing.Killed):
        syncing.turn(app, tenant_id, import_id)
    held = len(expected.held_customers(provider))
    assert 0 < held < len(account.customers())
    assert f"{held} customers" in ada.get("/customers").text

    syncing.let_lease_run_out(import_id)
    syncing.run(app, provider, import_id)

    db.session.refresh(provider)
    assert provider.customers_held == len(account.customers()) == 450
    assert "450 customers" in ada.get("/customers").text
