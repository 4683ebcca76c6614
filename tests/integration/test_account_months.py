"""The account's months: what an import keeps of them, and that none waits or fails for them."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select

from simulator import Account
from tests import factories, syncing
from tests.conftest import on_sqlite
from webapp.extensions import db
from webapp.models import ImportState, Provider
from webapp.models.types import now
from webapp.tenancy import across_tenants
from worker import fetch
from worker.accounts import months_until


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(fetch, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(fetch, "FIRST_PAUSE_WHEN_BUSY", 0.01)


@pytest.fixture
def connected(app, chartmogul, cast):
    account = Account(name="Acme Analytics", seed=9, size=120)
    return syncing.connect_only(cast.acme, chartmogul, account), account


def held(provider: Provider) -> Provider:
    provider_id = provider.id
    with across_tenants():
        of = select(Provider).where(Provider.id == provider_id).execution_options(populate_existing=True)
        return db.session.scalars(of).one()


def test_import_keeps_twelve_months_and_the_running_one(app, connected):
    provider, account = connected
    before = now()

    import_ = syncing.run(app, provider)

    total = sum(customer["mrr"] for customer in account.customers())
    months = held(provider).account_months
    assert import_.state == ImportState.DONE
    assert (import_.mrr_minor, import_.account_difference_minor, import_.chartmogul_mrr_minor) == (total, 0, total)
    assert [month.whole for month in months] == [True] * 12 + [False]
    assert months[-1].mrr_minor == total
    assert held(provider).months_read_at >= before
    for earlier, later in pairwise(months):
        assert later.mrr_minor == earlier.mrr_minor + later.movement_minor
        assert (later.last_day - earlier.last_day).days <= 31
    assert any(month.churned_minor for month in months)
    assert any(month.customer_churn_rate for month in months)


@on_sqlite  # no matter of the database
@pytest.mark.parametrize("match", ["/metrics", "/metrics/mrr"])
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 404},
        {"status": 403},
        {"status": 400},
        {"kind": "html_200"},
        {"kind": "entries_null"},
    ],
    ids=str,
)
def test_broken_answer_leaves_the_months_as_they_were_and_ends_no_import(app, connected, chartmogul, match, fault):
    provider, _ = connected
    factories.give_months(provider, now() - timedelta(days=2))
    months, read_at = provider.months, provider.months_read_at
    chartmogul.faults.add(match=match, times=None, **{"kind": "status", **fault})

    import_ = syncing.run(app, provider)

    assert import_.state == ImportState.DONE
    assert (held(provider).months, held(provider).months_read_at) == (months, read_at)
    assert (import_.account_difference_minor is None) == (match == "/metrics")


def test_long_wait_for_the_months_does_not_hold_the_import_up(app, connected, chartmogul):
    provider, _ = connected
    chartmogul.faults.add("status", status=429, match="/metrics/mrr", retry_after=86400, times=None)

    assert syncing.run(app, provider).state == ImportState.DONE
    assert held(provider).months == []


def test_months_of_an_import_replace_the_ones_before(app, connected):
    provider, _ = connected
    factories.give_months(provider, now() - timedelta(days=70))

    syncing.run(app, provider)

    assert {month.last_day.year * 12 + month.last_day.month for month in held(provider).account_months} == {
        now().year * 12 + now().month - back for back in range(13)
    }


def test_months_are_of_the_accounts_days():
    days = months_until(date(2024, 2, 29))

    assert days == {"start-date": "2023-02-01", "end-date": "2024-02-29", "interval": "month"}
