"""Imports under a random mixture of faults: they end right, or fail with their reason and change nothing."""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from simulator import Account, Simulator
from tests import expected, syncing
from tests.conftest import make_settings
from webapp.chartmogul.records import Doubt, Refusal
from webapp.config import Settings
from webapp.extensions import db
from webapp.models import Customer, Import, ImportState, ImportWarning, Provider
from webapp.models.types import now
from webapp.tenancy import across_tenants
from webapp.wording import CAUSES
from worker import fetch, limits, plan

CUSTOMERS, MOVEMENTS, CUSTOMER, OTHERS = r"/customers(\?|$)", "/activities", "/customers/cus_", "/(account|metrics)"
# The faults that may befall any answer, and those of lists.
ANYWHERE: list[dict[str, Any]] = [
    *({"kind": "status", "status": status} for status in (401, 402, 403, 500, 502, 504, 520, 524)),
    *({"kind": "status", "status": 429, "retry_after": wait} for wait in (None, 0, "date:0", 60, 86400)),
    *({"kind": "status", "status": 503, "retry_after": wait} for wait in (None, 0)),
    *({"kind": kind} for kind in ("html_200", "not_json", "redirect", "close", "reset")),
    *({"kind": kind} for kind in ("truncated", "wrong_length", "broken_gzip")),
]
IN_LISTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 400},
    *({"kind": kind} for kind in ("empty_page", "repeat_rows", "loop", "circle", "missing_cursor", "null_cursor")),
    *({"kind": kind} for kind in ("entries_null", "entries_missing", "unknown_fields")),
    *({"kind": kind} for kind in ("kill_row", "kill_served_row", "move_row", "change_status")),
    *({"kind": kind, "row": 3} for kind in ("mrr_string", "mrr_null", "bad_date", "nul_name", "surrogate_name")),
    *({"kind": kind, "row": row} for kind in ("no_uuid", "no_customer") for row in (3, 19)),
]
# Lies that only the list of customers can be caught at: ChartMogul says how many there are.
IN_CUSTOMERS = [{"kind": "skip_row"}, {"kind": "ends_early"}]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`bin/test tests/integration/test_sync_mixed_faults.py --fault-cases 300` tries more mixtures."""
    metafunc.parametrize("case", range(metafunc.config.getoption("--fault-cases")))


@pytest.fixture
def settings(tmp_path: Path, database_url: str, redis_url: str, chartmogul: Simulator) -> Settings:
    """Nothing waits for the sake of ChartMogul's limits, so that a case is done in a second."""
    chartmogul.rate_limit = 0
    fast = {"chartmogul_api_url": chartmogul.url, "chartmogul_requests_per_second": 1000}
    return make_settings(tmp_path, database_url=database_url, redis_url=redis_url, **fast)


@pytest.fixture
def chance(case: int, monkeypatch: pytest.MonkeyPatch) -> random.Random:
    """The luck of a case. A few rows a page make many pages of a small account; every other one is cut."""
    monkeypatch.setattr(fetch, "ROWS_A_PAGE", 20)
    monkeypatch.setattr(fetch, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(fetch, "FIRST_PAUSE_WHEN_BUSY", 0.002)
    monkeypatch.setattr(limits, "SLOWEST", 500.0)
    monkeypatch.setattr(limits, "PAUSE", 0.001)
    monkeypatch.setattr(limits, "LONGEST_PAUSE", 0.02)
    if case % 2:
        monkeypatch.setattr(plan, "CUSTOMER_PAGES_TO_CUT", 2)
        monkeypatch.setattr(plan, "MOVEMENT_PAGES_TO_CUT", 1)
    return random.Random(case)


def test_whatever_is_mixed_an_import_ends_right_or_changes_nothing(app, chartmogul, cast, case, chance):
    account = Account(name="Acme Analytics", seed=case, size=chance.randrange(40, 90))
    provider = syncing.connect_only(cast.acme, chartmogul, account)
    run_to_the_end(app, provider)
    assert_exact(provider, account)
    account.advance(chance.randrange(0, 9))
    before = Held(provider)
    changes = len(account.changes)
    for fault in mixture(chance):
        chartmogul.faults.add(**fault)

    import_ = run_to_the_end(app, provider)

    present = {raw["uuid"] for raw in account.customers()}
    assert gone(provider) & present == set()
    explained = Explained(import_, {change.uuid for change in account.changes[changes:]})
    if import_.state == ImportState.FAILED:
        assert CAUSES[import_.reason].title
        assert_kept(provider, account, before, explained, swapped="swapped" in import_.checkpoint)
    else:
        assert import_.state in (ImportState.DONE, ImportState.PARTLY_DONE)
        explained.all_of(differences(provider, account))
    chartmogul.faults.clear()
    after = run_to_the_end(app, provider)
    assert (after.state, after.warnings) == (ImportState.DONE, 0)
    assert_exact(provider, account)


def mixture(chance: random.Random) -> Iterator[dict[str, Any]]:
    """Two to five faults, each somewhere, some time, a few times or for good."""
    for _ in range(chance.randrange(2, 6)):
        match = chance.choice([CUSTOMERS, CUSTOMERS, MOVEMENTS, MOVEMENTS, CUSTOMER, OTHERS])
        kinds = list(ANYWHERE)
        if match in (CUSTOMERS, MOVEMENTS):
            kinds += 2 * IN_LISTS
        if match == CUSTOMERS:
            kinds += 2 * IN_CUSTOMERS
        times = chance.choice([1, 1, 1, 2, 4, None])
        yield {**chance.choice(kinds), "match": match, "after": chance.randrange(6), "times": times}


def run_to_the_end(app, provider: Provider) -> Import:
    """Run an import, and let an hour pass whenever it waits for ChartMogul."""
    import_ = syncing.run(app, provider)
    while import_.state == ImportState.WAITING:
        with across_tenants():
            an_hour_ago = import_.started_at - timedelta(hours=1)
            db.session.execute(update(Import).values(not_before=now(), started_at=an_hour_ago))
            db.session.commit()
        import_ = syncing.run(app, provider, import_.id)
    return import_


class Held:
    """What we hold of each customer: its record, and its movements."""

    def __init__(self, provider: Provider) -> None:
        self.customers = expected.held_customers(provider)
        self.movements = expected.held_movements(provider)


class Explained:
    """Why an import's outcome may differ from what ChartMogul has: it warned of records, by their customer's uuid
    or without one, and customers changed while it read."""

    def __init__(self, import_: Import, changed_meanwhile: set[str]) -> None:
        with across_tenants():
            of_records = ImportWarning.import_id == import_.id, ImportWarning.kind.in_([*Refusal, *Doubt])
            warned = db.session.scalars(select(ImportWarning.customer_uuid).where(*of_records)).all()
        self.uuids = {uuid for uuid in warned if uuid} | changed_meanwhile
        self.nameless = warned.count(None)

    def all_of(self, differing: set[str]) -> None:
        assert len(differing - self.uuids) <= self.nameless


def differences(provider: Provider, account: Account) -> set[str]:
    """The customers of whom we hold something else than ChartMogul has."""
    held, wanted = expected.held_customers(provider), expected.expected_customers(account)
    apart = {uuid for uuid in held.keys() | wanted.keys() if held.get(uuid) != wanted.get(uuid)}
    held_movements, wanted_movements = expected.held_movements(provider), expected.expected_movements(account)
    apart |= {row[0] for row in (held_movements - wanted_movements) + (wanted_movements - held_movements)}
    return apart


def assert_exact(provider: Provider, account: Account) -> None:
    assert differences(provider, account) == set()


def assert_kept(provider: Provider, account: Account, before: Held, explained: Explained, swapped: bool) -> None:
    """Customers are as they were or as ChartMogul has them; movements are as they were, unless their list was
    read to its end."""
    held, wanted = expected.held_customers(provider), expected.expected_customers(account)
    assert before.customers.keys() - held.keys() <= before.customers.keys() - wanted.keys()
    explained.all_of({uuid for uuid in held if held[uuid] not in (before.customers.get(uuid), wanted.get(uuid))})
    if not swapped:
        assert expected.held_movements(provider) == before.movements


def gone(provider: Provider) -> set[str]:
    with across_tenants():
        marked = select(Customer.uuid).where(Customer.provider_id == provider.id, Customer.gone_at.is_not(None))
        return set(db.session.scalars(marked))
