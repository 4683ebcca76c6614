"""The clock: due imports once, lost ones again, nothing of what is over left behind."""

import threading
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from redis import Redis
from rq import Queue
from sqlalchemy import select

from tests import factories
from tests.texts import words_of
from webapp import credentials
from webapp.extensions import db
from webapp.models import (
    Impersonation,
    Import,
    ImportPage,
    ImportState,
    ImportWarning,
    ProviderState,
    Trigger,
    UserSession,
)
from webapp.models.providers import next_daily
from webapp.models.types import now
from webapp.queue import QUEUES
from webapp.tenancy import across_tenants, acting_for
from worker import notices, schedule

LONG_AGO = timedelta(minutes=5)
TASKS_IN_TIME = schedule.TASKS


@pytest.fixture
def queued(settings):
    queues = [Queue(name, connection=Redis.from_url(settings.redis), serializer="json") for name in QUEUES]
    return lambda: [job.args for queue in queues for job in queue.jobs]


def imports() -> list[Import]:
    with across_tenants():
        return list(db.session.scalars(select(Import).execution_options(populate_existing=True)))


def test_due_import_is_started_once_however_many_clocks_run(cast, queued):
    provider = factories.make_provider(cast.acme, next_import_at=now() - timedelta(seconds=1), every_hours=6)

    schedule.queue_due_imports()
    schedule.queue_due_imports()

    (import_,) = imports()
    assert (import_.trigger, import_.state) == (Trigger.SCHEDULED, ImportState.WAITING)
    assert queued() == [(str(cast.acme.id), str(import_.id))] or queued() == [[str(cast.acme.id), str(import_.id)]]
    db.session.refresh(provider)
    assert timedelta(hours=5) < provider.next_import_at - now() <= timedelta(hours=6)


def test_many_due_imports_are_started_oldest_first_and_not_in_one_go(cast, monkeypatch):
    """Between two lots the clock sees to everything else: to imports whose worker died, before all."""
    monkeypatch.setattr(schedule, "DUE_AT_ONCE", 1)
    late, later = now() - timedelta(hours=2), now() - timedelta(hours=1)
    for tenant, due in ((cast.acme, later), (cast.globex, late)):
        factories.make_provider(tenant, next_import_at=due, every_hours=6)

    schedule.queue_due_imports()
    first = [import_.tenant_id for import_ in imports()]
    schedule.queue_due_imports()

    assert first == [cast.globex.id]
    assert {import_.tenant_id for import_ in imports()} == {cast.acme.id, cast.globex.id}


def test_daily_time_is_of_the_tenants_zone_not_of_its_accounts(cast):
    cast.acme.time_zone = "America/New_York"
    provider = factories.make_provider(cast.acme, ProviderState.SETTING_UP, time_zone="Asia/Tokyo")
    at = datetime.fromisoformat("2026-11-22T12:00:00+00:00")

    with acting_for(cast.acme.id):
        provider.complete_set_up(None, "06:00", True, at)

    assert provider.next_import_at == datetime.fromisoformat("2026-11-23T06:00:00-05:00")


def test_due_import_waits_for_none_that_is_running_and_does_not_pile_up(cast):
    provider = factories.make_provider(cast.acme, next_import_at=now() - timedelta(seconds=1))
    factories.make_import(provider, ImportState.RUNNING, lease_until=now() + timedelta(minutes=1))

    schedule.queue_due_imports()

    assert len(imports()) == 1
    db.session.refresh(provider)
    assert provider.next_import_at > now()


@pytest.mark.parametrize("state", [ProviderState.PAUSED, ProviderState.ACTION_NEEDED, ProviderState.SETTING_UP])
def test_only_connected_accounts_are_imported_by_schedule(cast, state):
    factories.make_provider(cast.acme, state, next_import_at=now() - timedelta(seconds=1))

    schedule.queue_due_imports()

    assert imports() == []


@pytest.mark.parametrize(
    ("state", "changes", "sent_again"),
    [
        (ImportState.WAITING, {}, True),
        (ImportState.WAITING, {"not_before": timedelta(minutes=5)}, False),
        (ImportState.WAITING, {"not_before": -timedelta(seconds=1)}, True),
        (ImportState.RUNNING, {"lease_until": -timedelta(seconds=1)}, True),
        (ImportState.RUNNING, {"lease_until": timedelta(seconds=30)}, False),
        (ImportState.RUNNING, {}, True),
        (ImportState.DONE, {}, False),
        (ImportState.CANCELLING, {}, False),
    ],
)
def test_import_that_nobody_took_is_sent_again(cast, queued, state, changes, sent_again):
    provider = factories.make_provider(cast.acme)
    times = {name: now() + delta for name, delta in changes.items()}
    import_ = factories.make_import(provider, state, sent_at=now() - LONG_AGO, **times)

    schedule.resume_stalled()
    schedule.resume_stalled()

    assert [list(args)[1] for args in queued()] == ([str(import_.id)] if sent_again else [])


def test_import_told_to_stop_without_a_worker_ends(cast):
    provider = factories.make_provider(cast.acme)
    factories.make_import(provider, ImportState.CANCELLING, lease_until=now() - timedelta(seconds=1))

    schedule.close_cancelled()

    assert [import_.state for import_ in imports()] == [ImportState.CANCELLED]


def test_import_of_a_connection_that_is_no_more_ends(cast):
    provider = factories.make_provider(cast.acme, generation=2)
    factories.make_import(provider, ImportState.WAITING, generation=1)

    schedule.close_cancelled()

    assert [(import_.state, import_.reason) for import_ in imports()] == [(ImportState.CANCELLED, "disconnected")]


def test_sessions_and_impersonations_that_are_over_are_ended(cast, person):
    person(cast.ada)
    row = db.session.scalars(select(UserSession)).one()
    row.ends_at = now()
    looking = Impersonation(
        staff_id=cast.sam.id, tenant_id=cast.acme.id, reason="look", ends_at=now() - timedelta(seconds=1)
    )
    db.session.add(looking)
    db.session.commit()

    schedule.end_what_is_over()

    assert db.session.scalars(select(UserSession)).all() == []
    db.session.refresh(looking)
    assert looking.ended_by == "expired"


def test_key_that_no_connection_refers_to_is_deleted_once_it_is_old(cast, monkeypatch):
    orphan = credentials.store_key(cast.acme.id, "a key left behind by a crash")
    kept = credentials.store_key(cast.acme.id, "a key in use")
    factories.make_provider(cast.acme, secret_name=kept)

    schedule.delete_orphaned_keys()
    still_young = orphan in credentials.store().names()
    monkeypatch.setattr(schedule, "ORPHAN_AGE", timedelta(seconds=-1))
    schedule.delete_orphaned_keys()

    assert still_young
    assert list(credentials.store().names()) == [kept]


def test_warnings_are_kept_for_a_year(cast, person):
    provider = factories.make_provider(cast.acme)
    old, young = (
        factories.make_import(provider, ended_at=now() - timedelta(days=days), warnings=1) for days in (366, 364)
    )
    with acting_for(cast.acme.id):
        for import_ in (old, young):
            of = {"tenant_id": cast.acme.id, "import_id": import_.id}
            db.session.add(ImportWarning(**of, kind="too_long", customer_name="Anna"))
        db.session.commit()

    schedule.forget_warnings()

    ada = person(cast.ada)
    assert "It had 1 warning. They are kept for a year." in words_of(ada.get(f"/imports/{old.id}").text)
    assert "Anna Too long, cut" in words_of(ada.get(f"/imports/{young.id}").text)


def test_what_an_import_read_is_forgotten_once_it_cannot_be_taken_up_from_there(cast):
    provider = factories.make_provider(cast.acme)
    ended = {"an hour and more": timedelta(minutes=61), "less": timedelta(minutes=59)}
    imports = {
        name: factories.make_import(provider, ImportState.FAILED, ended_at=now() - ago) for name, ago in ended.items()
    }
    imports["not yet"] = factories.make_import(provider, ImportState.RUNNING)
    with acting_for(cast.acme.id):
        of = {"tenant_id": cast.acme.id, "stream": "customers", "number": 0, "seen": b""}
        db.session.add_all(ImportPage(**of, import_id=import_.id) for import_ in imports.values())
        db.session.commit()

    schedule.forget_pages()

    with across_tenants():
        kept = set(db.session.scalars(select(ImportPage.import_id)))
    assert kept == {imports["less"].id, imports["not yet"].id}


def test_broken_task_is_logged_and_does_not_stop_the_others(cast):
    def broken() -> None:
        raise credentials.SecretStoreDown("away")

    ran = []
    schedule.run_due(((2, broken), (2, lambda: ran.append(1))), {}, 0.0)

    assert ran == [1]


def test_task_that_takes_long_holds_up_none_that_may_not_wait(app, monkeypatch):
    began, stop, waited = threading.Event(), threading.Event(), []

    def take_long() -> None:
        began.set()
        waited.append(stop.wait(30))

    monkeypatch.setattr(schedule, "ASIDE", ((30, take_long),))
    monkeypatch.setattr(schedule, "TASKS", ((30, lambda: began.wait(30) and stop.set()),))

    schedule.keep(stop, app)

    assert waited == [True]
    assert {task for _, task in TASKS_IN_TIME} >= {schedule.resume_stalled, schedule.queue_due_imports}
    assert {task for _, task in TASKS_IN_TIME} & {notices.watch, schedule.delete_orphaned_keys} == set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_clock_whose_thread_fails_ends_so_that_it_is_started_again(app, monkeypatch):
    def mistaken() -> None:
        raise ZeroDivisionError

    stop = threading.Event()
    monkeypatch.setattr(schedule, "ASIDE", ((30, mistaken),))

    schedule.keep(stop, app)

    assert stop.is_set()


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-11-22T05:59:00+01:00", "2026-11-22T06:00:00+01:00"),
        ("2026-11-22T06:00:00+01:00", "2026-11-23T06:00:00+01:00"),
        ("2026-03-28T06:00:00+01:00", "2026-03-29T06:00:00+02:00"),
        ("2026-10-24T06:00:00+02:00", "2026-10-25T06:00:00+01:00"),
    ],
)
def test_daily_time_is_by_the_clock_on_the_wall(after, expected):
    found = next_daily(time(6, 0), ZoneInfo("Europe/Berlin"), datetime.fromisoformat(after))

    assert found == datetime.fromisoformat(expected)


def test_time_that_a_day_skips_falls_right_after_the_gap():
    after = datetime.fromisoformat("2026-03-29T00:30:00+01:00")

    found = next_daily(time(2, 30), ZoneInfo("Europe/Berlin"), after)

    assert found == datetime.fromisoformat("2026-03-29T03:30:00+02:00")
