"""A read in many chains at a time: exact, and whole also where the cut does not hold."""

import pytest
from rq.timeouts import JobTimeoutException

from simulator import Account
from tests import expected, syncing
from tests.conftest import on_sqlite
from webapp.extensions import db
from webapp.models import ImportState
from worker.plan import PARTS, ROWS_A_PAGE, STATUSES


@pytest.fixture
def connected(app, chartmogul, cast):
    account = Account(name="Acme Analytics", seed=4, size=2_100)
    return syncing.connect_only(cast.acme, chartmogul, account), account


def assert_whole(provider, account, import_) -> None:
    assert (import_.state, import_.skipped) == (ImportState.DONE, 0)
    assert import_.customers_read == import_.created == len(account.customers())
    assert import_.movements_read == import_.movements_added == len(account.activities())
    assert expected.held_customers(provider) == expected.expected_customers(account)
    assert expected.held_movements(provider) == expected.expected_movements(account)


def asked(chartmogul, path: str, name: str) -> list[str]:
    return [seen.query[name] for seen in chartmogul.log if seen.path == path and name in seen.query]


def test_lists_are_cut_and_every_row_counts_once(app, connected, chartmogul):
    provider, account = connected

    import_ = syncing.run(app, provider)

    assert_whole(provider, account, import_)
    assert set(asked(chartmogul, "/customers", "status")) == set(STATUSES)
    assert len(set(asked(chartmogul, "/activities", "start-date"))) > 3
    fewest = len(account.customers()) // 200 + len(account.activities()) // 200
    assert import_.requests < 2 * fewest


@on_sqlite
def test_budget_of_the_key_is_kept_to(app, connected, chartmogul):
    """How closely requests follow each other at ChartMogul is the network's as well: what counts is their number."""
    provider, account = connected
    allowed = {"chartmogul_requests_per_second": 36, "chartmogul_parallel": 3}
    app.config["SETTINGS"] = app.config["SETTINGS"].model_copy(update=allowed)
    chartmogul.latency_ms = 50

    assert_whole(provider, account, syncing.run(app, provider))

    moments = [seen.at for seen in chartmogul.log]
    assert len(moments) > 40
    assert (len(moments) - 2) / (moments[-1] - moments[0]) < 40
    assert chartmogul.log.max_parallel == 3


@on_sqlite
@pytest.mark.parametrize("list_", ["/customers", "/activities"])
def test_list_whose_cut_is_refused_is_read_whole(app, connected, chartmogul, list_):
    provider, account = connected
    chartmogul.faults.add(400, match=list_, after=2, times=1)

    assert_whole(provider, account, syncing.run(app, provider))


def reads_of_all_customers(chartmogul) -> int:
    """How often the list of customers was begun without a cut."""
    begun = (seen.query for seen in chartmogul.log if seen.path == "/customers" and "cursor" not in seen.query)
    return sum("status" not in query and query["per_page"] == "200" for query in begun)


@on_sqlite
@pytest.mark.parametrize(
    ("fault", "status", "reads"),
    [
        # By its movements, behind the end of the status, or, a lead, in the whole list.
        ("skip_row", "Active", 1),
        ("change_status", "Active", 1),
        ("ends_early", "Cancelled", 1),
        ("skip_row", "New_Lead", 2),
    ],
)
def test_customer_that_no_status_held_is_found(app, connected, chartmogul, fault, status, reads):
    provider, account = connected
    chartmogul.faults.add(fault, match=rf"/customers\?.*status={status}", times=1)

    assert_whole(provider, account, syncing.run(app, provider))
    assert reads_of_all_customers(chartmogul) == reads


@on_sqlite
def test_customer_is_not_lost_where_another_one_was_deleted_meanwhile(app, connected, chartmogul):
    """Then the list is as long as ChartMogul's own count, and yet not whole."""
    provider, account = connected
    before = {raw["uuid"] for raw in account.customers()}
    chartmogul.faults.add("skip_row", match=r"/customers\?.*status=Active", times=1)
    chartmogul.faults.add("kill_served_row", match=r"/customers\?.*status=Cancelled", times=1)

    import_ = syncing.run(app, provider)

    assert import_.state == ImportState.DONE
    assert len(account.customers()) == len(before) - 1
    assert expected.held_customers(provider).keys() == before


def test_what_was_found_is_not_questioned_once_it_counts(app, connected, chartmogul):
    """A turn that fills values must not read the lists again because a customer has been added meanwhile."""
    provider, _ = connected
    tenant_id, import_id = provider.tenant_id, syncing.start(provider)
    db.session.commit()
    with syncing.listening(_run_out), pytest.raises(JobTimeoutException):
        syncing.turn(app, tenant_id, import_id)
    syncing.let_lease_run_out(import_id)
    before = len(chartmogul.log)
    chartmogul.faults.add("edit_row", match="/customers", set={"uuid": "cus_new"})

    import_ = syncing.run(app, provider, import_id)

    assert import_.state == ImportState.DONE
    first, *others = [seen.path for seen in list(chartmogul.log)[before:]]
    assert first == "/account"
    assert sorted(others) == ["/metrics/all", "/metrics/mrr"]  # side by side: either may come first


def _run_out(_connection, _cursor, statement: str, *_) -> None:
    """The job's time is over as soon as the attributes of customers are looked for."""
    if statement.startswith("SELECT customers.status, customers.custom"):
        raise JobTimeoutException


def test_second_import_begins_in_as_many_parts_as_the_first_one_found_worth_it(app, connected, chartmogul):
    provider, account = connected
    syncing.run(app, provider)
    db.session.refresh(provider)
    borders, before = provider.movement_borders, len(chartmogul.log)
    account.advance(2)

    syncing.run(app, provider)

    assert len(borders) == min(PARTS, len(account.activities()) // (4 * ROWS_A_PAGE)) - 1
    assert sorted(borders) == borders
    first = [seen.query for seen in list(chartmogul.log)[before:] if seen.path == "/activities"]
    begun = {query.get("start-date") for query in first if "start-after" not in query}
    assert len(begun) > len(borders)
    assert expected.held_movements(provider) == expected.expected_movements(account)
