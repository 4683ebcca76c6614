"""What the app holds equals what ChartMogul has, field by field, whatever happened on the way."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from simulator import Account, Simulator
from tests import expected, factories, syncing
from webapp.chartmogul.fields import FIELDS
from webapp.extensions import db
from webapp.models import ImportState, ImportWarning, Property, Provider
from webapp.tenancy import across_tenants

# The reference walks day by day, which is what makes it obvious, and slow: a sample of a large account.
COMPARED = 150


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`bin/test tests/integration/test_exactness.py --sizes 5000,10000,20000` tries larger accounts."""
    if {"seed", "size"} <= set(metafunc.fixturenames):
        sizes = [int(size) for size in metafunc.config.getoption("--sizes").split(",")]
        metafunc.parametrize(("seed", "size"), list(enumerate(sizes, start=1)))


@pytest.fixture
def connected(app, chartmogul, cast):
    """Acme, connected to an account of a given seed and size, with a property for every field."""

    def connect(seed: int, size: int) -> tuple[Provider, Account]:
        account = Account(name="Acme Analytics", seed=seed, size=size)
        for field in expected.ALL_FIELDS:
            factories.make_property(cast.acme, field, codename=field, field=field, type=FIELDS[field].type)
        return syncing.connect_only(cast.acme, chartmogul, account), account

    return connect


def assert_exact(provider: Provider, account: Account) -> None:
    held, wanted = expected.held_customers(provider), expected.expected_customers(account)
    assert held.keys() == wanted.keys()
    assert [fields_apart(held[uuid], wanted[uuid]) for uuid in wanted if held[uuid] != wanted[uuid]] == []
    assert expected.held_movements(provider) == expected.expected_movements(account)
    with across_tenants():
        at = db.session.scalar(select(Property.filled_at).where(Property.tenant_id == provider.tenant_id).limit(1))
    held, wanted = expected.held_values(provider), expected.expected_values(account, expected.ALL_FIELDS, at, COMPARED)
    apart = [fields_apart(held.get(uuid, {}), wanted[uuid]) for uuid in wanted if held.get(uuid, {}) != wanted[uuid]]
    assert apart == []
    assert held.keys() <= {raw["uuid"] for raw in account.customers()}


def fields_apart(held: dict[str, Any], wanted: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The fields in which two records differ: (what we hold, what it should be)."""
    names = held.keys() | wanted.keys()
    return {name: (held.get(name), wanted.get(name)) for name in names if held.get(name) != wanted.get(name)}


def test_first_and_second_import_hold_what_chartmogul_has(app, connected, chartmogul: Simulator, seed, size):
    provider, account = connected(seed, size)

    first = syncing.run(app, provider)

    assert (first.state, first.detail) == (ImportState.DONE, None)
    assert first.created == size
    assert_exact(provider, account)
    account.advance(3)

    second = syncing.run(app, provider)

    assert second.state == ImportState.DONE
    assert second.created + second.updated + second.unchanged == len(account.customers())
    assert_exact(provider, account)
    assert chartmogul.log.non_get_requests == 0


# A cut before a statement leaves the cursor open that it was for.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_import_cut_off_at_many_places_still_holds_what_chartmogul_has(app, connected, chartmogul, seed, size):
    provider, account = connected(seed, size)
    syncing.run(app, provider)
    account.advance(5)

    import_, cut_off = syncing.run_cut_off(app, provider, 20, seed)

    assert import_.state == ImportState.DONE
    assert cut_off > 2
    assert_exact(provider, account)
    assert chartmogul.log.non_get_requests == 0


@pytest.mark.parametrize("large", [50_000, 1])
def test_unchanged_account_is_read_and_not_written(app, connected, monkeypatch, large):
    monkeypatch.setattr("webapp.models.movements.MOST_OF_A_FILE", large)
    provider, _ = connected(4, 450)
    syncing.run(app, provider)

    again = syncing.run(app, provider)

    assert again.unchanged == 450
    assert (again.created, again.updated, again.gone, again.movements_added, again.movements_removed) == (0, 0, 0, 0, 0)


def touches_values(statement: str) -> bool:
    return statement.startswith("UPDATE customer_values") or "customer_values.t1" in statement


def test_values_that_did_not_change_are_not_even_read(app, chartmogul, cast):
    account = Account(name="Acme Analytics", seed=4, size=30)
    provider = syncing.connect_only(cast.acme, chartmogul, account)
    for field in ("cm_status", "cm_mrr", "cm_country"):
        factories.make_property(cast.acme, field, codename=field, field=field, type=FIELDS[field].type)
    asked: list[str] = []

    with syncing.listening(lambda *told: asked.append(told[2])):
        first = syncing.run(app, provider)
        first_asked = [statement for statement in asked if touches_values(statement)]
        asked.clear()
        again = syncing.run(app, provider)

    assert (first.values_changed > 30, again.values_changed) == (True, 0)
    assert first_asked
    assert [statement for statement in asked if touches_values(statement)] == []


def test_customer_that_is_gone_is_kept_marked_and_left_out(app, connected, chartmogul):
    provider, account = connected(5, 30)
    syncing.run(app, provider)
    victim = account.customers()[3]["uuid"]
    account.delete(victim)

    import_ = syncing.run(app, provider)

    assert (import_.gone, import_.warnings) == (1, 0)
    assert victim not in expected.held_customers(provider)
    assert_exact(provider, account)


def test_movement_that_never_arrives_shows_as_a_difference_with_its_size(app, connected, chartmogul):
    provider, account = connected(6, 30)
    short = account.activities()[0]["customer-uuid"]
    chartmogul.faults.add("edit_row", match="/activities", row=0, set={"activity-mrr-movement": 1})

    syncing.run(app, provider)

    differs = ImportWarning.kind == "mrr_differs", ImportWarning.customer_uuid == short
    with across_tenants():
        warning = db.session.scalars(select(ImportWarning).where(*differs)).one()
    assert "its movements add up to" in warning.detail


def test_moment_of_values_is_the_imports_own(app, connected):
    provider, _ = connected(7, 7)

    import_ = syncing.run(app, provider)

    with across_tenants():
        at = db.session.scalar(select(Property.filled_at).limit(1))
    assert import_.started_at <= at <= import_.ended_at + timedelta(seconds=1)
