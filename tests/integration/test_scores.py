"""Scores of all customers: after imports, publishing and midnight, whatever is cut off; and their past."""

import gc
import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Queue
from sqlalchemy import select

from simulator import Account
from tests import factories, syncing
from webapp import queue, scoring
from webapp.extensions import db
from webapp.health import Facts, score_of
from webapp.models import (
    Customer,
    CustomerValues,
    HealthVersion,
    ImportState,
    Property,
    ScoreDay,
    Scoring,
    Source,
    Tenant,
)
from webapp.models.types import now
from webapp.tenancy import across_tenants, acting_for, insert_rows, owned
from worker import rebuild_scores, schedule, scores
from worker.score_claim import Claim, Taken


def today(tenant):
    with acting_for(tenant.id):
        return now().astimezone(scoring.tenant_zone()).date()


@pytest.fixture
def account(app, chartmogul, cast):
    """Acme's imported account, with a version that was just published."""
    provider = syncing.connect_only(cast.acme, chartmogul, Account(name="Acme Analytics", seed=3, size=40))
    change = factories.make_property(cast.acme, "Change", type="percent", field="cm_mrr_change_90d_pct")
    peak = factories.make_property(cast.acme, "Peak", type="percent", field="cm_mrr_vs_peak_pct")
    fit = factories.make_property(cast.acme, "Fit", type="number", source=Source.BY_HAND, field=None)
    syncing.run(app, provider)
    rows = (
        scoring.row_of(change, 3, -2500, 0),
        scoring.row_of(peak, 2, 5000, 10_000),
        scoring.row_of(fit, 1, 0, 100_000),
    )
    factories.make_health_version(cast.acme, *rows)
    publish(cast.acme, 1)
    return provider


def publish(tenant, number):
    with acting_for(tenant.id):
        scoring.want_scores(number)
        db.session.commit()


def job(app: Flask, tenant_id: Any) -> None:
    """One job, in a session of its own."""
    db.session.rollback()
    with app.app_context(), acting_for(tenant_id):
        try:
            scores.score_tenant(threading.Event())
        finally:
            db.session.remove()
    db.session.expire_all()


def state_of(tenant) -> Scoring:
    with acting_for(tenant.id):
        found = db.session.scalars(owned(Scoring).execution_options(populate_existing=True)).one()
        db.session.expunge(found)
        db.session.rollback()
        return found


def held(tenant, version: int = 1) -> dict[str, tuple[Any, ...]]:
    """The scores that are kept, each of which is the one of the values that are kept."""
    with acting_for(tenant.id):
        of = db.session.scalars(owned(HealthVersion).where(HealthVersion.number == version)).one()
        basis = scoring.Basis.of(of, list(db.session.scalars(owned(Property))))
        facts = CustomerValues.uuid, CustomerValues.status, CustomerValues.gone
        kept = CustomerValues.score, CustomerValues.score_state, CustomerValues.trend
        found = {}
        for uuid, status, gone, score, state, trend, *values in db.session.execute(
            owned(CustomerValues, *facts, *kept, *basis.columns)
        ):
            found[uuid] = (score, state, trend)
            expected = score_of(basis.config, values, Facts(status, "scheduled_churn" in (state or ""), gone))
            assert (score, (state or "").partition("|")[0]) == (expected.score, str(version)), uuid
        db.session.rollback()
    return found


def days_of(tenant) -> list[tuple[Any, ...]]:
    with acting_for(tenant.id):
        columns = ScoreDay.customer_uuid, ScoreDay.day, ScoreDay.version, ScoreDay.score, ScoreDay.points
        order = ScoreDay.customer_uuid, ScoreDay.day
        rows = db.session.execute(owned(ScoreDay, *columns, ScoreDay.rebuilt).order_by(*order)).all()
        db.session.rollback()
        return [tuple(row) for row in rows]


def test_published_version_is_scored_by_a_job_and_the_past_is_rebuilt(app, cast, account):
    job(app, cast.acme.id)

    found, days, state = held(cast.acme), days_of(cast.acme), state_of(cast.acme)
    assert (state.scored, state.day, state.place, state.lease_until) == (1, today(cast.acme), {}, None)
    assert state.rebuilt_at is not None
    assert state.due_at == scoring.midnight_after(state.day, scoring.ZoneInfo(cast.acme.time_zone))
    assert any(score for score, *_ in found.values())
    assert {rebuilt for *_, day, _, _, _, rebuilt in days if day == today(cast.acme)} == {False}
    assert {rebuilt for *_, day, _, _, _, rebuilt in days if day < today(cast.acme)} == {True}
    assert any(trend is not None for _, _, trend in found.values())  # on the first day


def test_trend_is_the_difference_to_the_score_that_held_30_days_ago(app, cast, account):
    with acting_for(cast.acme.id):
        fit = db.session.scalars(owned(Property).where(Property.name == "Fit")).one()
        rated = db.session.scalars(owned(Customer).where(Customer.status == "Active").limit(5)).all()
    for customer in rated:
        factories.make_value(fit, customer, number=50_000)

    job(app, cast.acme.id)

    then, before = today(cast.acme) - timedelta(days=30), dict[str, Any]()
    for uuid, day, _, score, *_ in days_of(cast.acme):
        if day <= then:
            before[uuid] = score
    told = set()
    for uuid, (score, state, trend) in held(cast.acme).items():
        # What movements do not tell of that day is not compared: a value by hand, who is past due, who is leaving.
        alike = state and state.endswith(",||") and uuid in active(cast.acme)
        known = alike and score is not None and before.get(uuid) is not None
        assert trend == (score - before[uuid] if known else None)
        told.add((bool(known), score is not None and before.get(uuid) is not None))
    assert told >= {(True, True), (False, True)}


def active(tenant) -> set[str]:
    with acting_for(tenant.id):
        return set(
            db.session.scalars(owned(CustomerValues, CustomerValues.uuid).where(CustomerValues.status == "Active"))
        )


def test_job_that_has_nothing_to_do_writes_nothing(app, cast, account):
    job(app, cast.acme.id)
    before = state_of(cast.acme)

    job(app, cast.acme.id)

    after = state_of(cast.acme)
    assert (after.fence, after.scored_at) == (before.fence, before.scored_at)


def test_import_scores_at_its_end_and_shows_it_as_its_last_step(app, cast, account):
    import_ = syncing.run(app, account)

    assert import_.state == ImportState.DONE
    assert (import_.steps[-1]["name"], import_.steps[-1]["state"]) == ("scores", "done")
    assert state_of(cast.acme).scored == 1
    assert state_of(cast.acme).place == {"past": ""}  # which is a job's
    held(cast.acme)


def test_import_without_a_published_version_has_no_such_step(app, cast, chartmogul):
    provider = syncing.connect_only(cast.acme, chartmogul, Account(name="Acme Analytics", seed=3, size=7))

    import_ = syncing.run(app, provider)

    assert "scores" not in [row["name"] for row in import_.steps]


def test_job_stays_away_while_an_import_runs(app, cast, account):
    running = factories.make_import(account, ImportState.RUNNING, lease_until=now() + timedelta(minutes=1))
    db.session.commit()

    job(app, cast.acme.id)
    assert state_of(cast.acme).scored == 0

    with across_tenants():
        running.state = ImportState.FAILED
        db.session.commit()
    job(app, cast.acme.id)
    assert state_of(cast.acme).scored == 1


@pytest.mark.parametrize("seed", range(4))
def test_job_that_is_cut_off_anywhere_is_taken_up_again(app, cast, account, monkeypatch, seed):
    monkeypatch.setattr(scores, "IN_A_SLICE", 7)
    monkeypatch.setattr(rebuild_scores, "IN_A_SLICE", 6)
    tenant_id, chance = cast.acme.id, random.Random(seed)
    for _ in range(8):
        try:
            with syncing.killed_at_statement(chance.randrange(5, 60)):
                job(app, tenant_id)
        except syncing.Killed:
            db.session.rollback()
        let_claim_run_out(cast.acme)
    job(app, tenant_id)

    cut_off, days = held(cast.acme), days_of(cast.acme)
    with acting_for(tenant_id):
        scoring.want_scores(1)
        db.session.commit()
    job(app, tenant_id)
    assert (held(cast.acme), days_of(cast.acme)) == (cut_off, days)
    assert state_of(cast.acme).rebuilt_at


def let_claim_run_out(tenant) -> None:
    with acting_for(tenant.id):
        row = db.session.scalars(owned(Scoring)).one()
        if row.lease_until:
            row.lease_until = now() - timedelta(seconds=1)
        db.session.commit()


def test_stale_job_that_wakes_up_writes_nothing(app, cast, account):
    with acting_for(cast.acme.id):
        stale = Claim.take()
        assert stale is not None
        assert Claim.take() is None  # never two at once
    let_claim_run_out(cast.acme)
    job(app, cast.acme.id)
    before = held(cast.acme), days_of(cast.acme)

    with acting_for(cast.acme.id), pytest.raises(Taken):
        scores.score_customers(stale, lambda: None)

    assert (held(cast.acme), days_of(cast.acme)) == before


def test_version_published_while_a_job_is_at_it_wins(app, cast, account):
    with acting_for(cast.acme.id):
        stale = Claim.take()
        first = HealthVersion.published()
        db.session.rollback()
    factories.make_health_version(cast.acme, *first.factors[:2], number=2)
    publish(cast.acme, 2)

    job(app, cast.acme.id)

    with acting_for(cast.acme.id), pytest.raises(Taken):
        scores.score_customers(stale, lambda: None)
    assert state_of(cast.acme).scored == 2
    held(cast.acme, version=2)


def test_later_version_rebuilds_what_was_rebuilt_and_leaves_what_was_recorded(app, cast, account):
    job(app, cast.acme.id)
    recorded = now().date() - timedelta(days=3)
    customer = next(row[0] for row in days_of(cast.acme) if row[5] and row[1] < recorded)
    with acting_for(cast.acme.id):
        first = HealthVersion.published()
        row = {"provider_id": account.id, "customer_uuid": customer, "day": recorded, "version": 1, "score": 111}
        insert_rows(ScoreDay, [{**row, "points": "111,,", "caps": "", "why_none": None, "rebuilt": False}])
        db.session.commit()
    factories.make_health_version(cast.acme, *first.factors[:2], number=2)
    publish(cast.acme, 2)

    job(app, cast.acme.id)

    days = days_of(cast.acme)
    assert (customer, recorded, 1, 111, "111,,", False) in days
    assert {version for _, _, version, *_, rebuilt in days if rebuilt} == {2}
    assert not [row for row in days if row[0] == customer and row[5] and row[1] > recorded]


def test_value_that_is_edited_is_scored_at_once(app, cast, account, person):
    job(app, cast.acme.id)
    with acting_for(cast.acme.id):
        fit = db.session.scalars(owned(Property).where(Property.name == "Fit")).one()
        live = owned(CustomerValues).where(CustomerValues.status == "Active").limit(1)
        customer = db.session.scalars(live).one()
        uuid, before, address = (
            customer.uuid,
            customer.score_state,
            f"/customers/{customer.customer_id}/values/{fit.id}",
        )
        db.session.rollback()

    person(cast.ada).post(address, value="10")

    after = held(cast.acme)[uuid][1]
    assert after != before
    assert after.split("|")[1].endswith(",1000")
    assert [row[4] for row in days_of(cast.acme) if row[0] == uuid][-1] == after.split("|")[1]
    held(cast.acme)


def test_edit_in_the_middle_of_a_slice_is_not_overwritten(app, cast, account, person):
    ada = person(cast.ada)
    with acting_for(cast.acme.id):
        claim = Claim.take()
        fit = db.session.scalars(owned(Property).where(Property.name == "Fit")).one()
        customer = db.session.scalars(owned(CustomerValues).where(CustomerValues.status == "Active").limit(1)).one()
        address = f"/customers/{customer.customer_id}/values/{fit.id}"
        tenant_id = cast.acme.id
        db.session.rollback()
    ada.post(address, value="10")

    with acting_for(tenant_id), pytest.raises(Taken):
        claim.write(place={})
    job(app, tenant_id)
    acme = db.session.get(Tenant, tenant_id)
    assert state_of(acme).scored == 1
    held(acme)


def test_factor_whose_property_is_deleted_is_not_counted_any_more(app, cast, account, person):
    job(app, cast.acme.id)
    with acting_for(cast.acme.id):
        fit = db.session.scalars(owned(Property).where(Property.name == "Fit")).one()
        db.session.rollback()

    person(cast.ada).post(f"/properties/{fit.id}/delete")
    assert state_of(cast.acme).scored == 0

    job(app, cast.acme.id)
    assert state_of(cast.acme).scored == 1
    held(cast.acme)


def test_import_that_ends_early_leaves_the_scores_to_the_clock(app, cast, account):
    job(app, cast.acme.id)
    tenant_id, import_id = account.tenant_id, syncing.start(account)
    db.session.commit()
    try:
        with syncing.killed_at_statement(45):
            syncing.turn(app, tenant_id, import_id)
    except syncing.Killed:
        db.session.rollback()

    assert state_of(cast.acme).due_at <= now()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("seed", range(3))
def test_import_that_is_cut_off_has_scored_everybody_in_the_end(app, cast, account, monkeypatch, seed):
    monkeypatch.setattr(scores, "IN_A_SLICE", 7)

    import_, _ = syncing.run_cut_off(app, account, 6, seed)
    gc.collect()  # of the cursors that were cut off

    assert import_.state == ImportState.DONE
    assert state_of(cast.acme).scored == 1
    held(cast.acme)


@pytest.fixture
def queued(settings):
    queues = [Queue(name, connection=Redis.from_url(settings.redis), serializer="json") for name in queue.QUEUES]
    return lambda: [job.args for queue in queues for job in queue.jobs]


def made(tenant, **changes: Any) -> Scoring:
    day = now().date()
    facts = {"wanted": 1, "scored": 1, "day": day, "scored_at": now(), "rebuilt_at": now()}
    facts |= {"due_at": now() + timedelta(hours=1), "sent_at": now() - timedelta(minutes=5), **changes}
    with acting_for(tenant.id):
        row = Scoring(tenant_id=tenant.id, **facts)
        db.session.add(row)
        db.session.commit()
    return row


def test_clock_sends_what_is_due_once_and_again_when_it_was_lost(app, cast, queued):
    made(cast.acme, due_at=now() - timedelta(seconds=1))
    made(cast.globex)

    schedule.send_scores()
    schedule.send_scores()
    assert [list(args) for args in queued()] == [[str(cast.acme.id)]]

    queue.redis().flushall()
    with across_tenants():
        for row in db.session.scalars(select(Scoring)):
            row.sent_at = now() - timedelta(minutes=1)
        db.session.commit()
    schedule.send_scores()
    assert [list(args) for args in queued()] == [[str(cast.acme.id)]]


@pytest.mark.parametrize("why", ["somebody is at it", "an import runs"])
def test_clock_waits_for_who_is_at_it(app, cast, queued, why):
    lease = now() + timedelta(minutes=1)
    made(cast.acme, due_at=now() - timedelta(hours=1), lease_until=lease if why == "somebody is at it" else None)
    if why == "an import runs":
        factories.make_import(factories.make_provider(cast.acme), ImportState.RUNNING, lease_until=lease)

    schedule.send_scores()

    assert queued() == []


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/New_York"])
def test_scores_are_due_again_at_the_tenants_own_midnight(app, cast, account, zone):
    cast.acme.time_zone = zone
    db.session.commit()

    job(app, cast.acme.id)

    state = state_of(cast.acme)
    there = state.due_at.astimezone(scoring.ZoneInfo(zone))
    assert (there.hour, there.minute) == (0, 0)
    assert there.date() == state.day + timedelta(days=1)
    assert now() < state.due_at <= now() + timedelta(hours=25)


def test_old_history_goes_but_for_what_holds_from_before(app, cast, account):
    job(app, cast.acme.id)
    with acting_for(cast.acme.id):
        customer = db.session.scalars(owned(CustomerValues, CustomerValues.uuid).limit(1)).one()
        db.session.execute(db.delete(ScoreDay).where(ScoreDay.tenant_id == cast.acme.id))
        row = {"provider_id": account.id, "customer_uuid": customer, "version": 1, "score": 500, "points": "500,,"}
        row |= {"caps": "", "why_none": None, "rebuilt": False}
        ages = (900, 500, 401, 399, 10)
        insert_rows(ScoreDay, [{**row, "day": today(cast.acme) - timedelta(days=age)} for age in ages])
        state = db.session.scalars(owned(Scoring)).one()
        state.day, state.due_at = state.day - timedelta(days=1), datetime.now(UTC)
        db.session.commit()

    job(app, cast.acme.id)

    kept = [(today(cast.acme) - day).days for uuid, day, *_ in days_of(cast.acme) if uuid == customer]
    assert kept == [401, 399, 10]
