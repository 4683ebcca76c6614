"""The simulated metrics agree with the simulated customers."""

from itertools import pairwise

import pytest
import requests

from simulator import Simulator
from tests.unit.test_simulator_world import account


def test_metrics_agree_with_the_customers() -> None:
    world = account(time_zone="America/New_York", currency="USD")
    with Simulator(world) as sim:
        query = {"start-date": "2026-01-01", "end-date": "2026-03-10", "interval": "month"}
        answers = {
            name: requests.get(f"{sim.url}/metrics/{name}", params=query, auth=(sim.key, ""), timeout=30).json()
            for name in ("all", "mrr", "customer-count")
        }

    last = answers["all"]["entries"][-1]
    assert [each["date"] for each in answers["all"]["entries"]] == ["2026-01-31", "2026-02-28", "2026-03-10"]
    assert last["mrr"] == world.mrr == answers["mrr"]["entries"][-1]["mrr"]
    assert last["customers"] == sum(each["mrr"] > 0 for each in world.customers())
    assert last["customers"] == answers["customer-count"]["entries"][-1]["customers"]
    assert answers["all"]["summary"]["current-mrr"] == world.mrr


def test_movements_of_the_metrics_lead_from_one_entry_to_the_next() -> None:
    with Simulator(account()) as sim:
        query = {"start-date": "2025-01-01", "end-date": "2026-03-10", "interval": "week"}
        answer = requests.get(f"{sim.url}/metrics/mrr", params=query, auth=(sim.key, ""), timeout=30).json()

    entries = answer["entries"]
    for before, after in pairwise(entries):
        moved = sum(value for name, value in after.items() if name.startswith("mrr-"))
        assert after["mrr"] == before["mrr"] + moved
        assert after["mrr-churn"] <= 0 <= after["mrr-expansion"]


@pytest.mark.parametrize(
    "query", ["", "start-date=2026-01-01", "start-date=x&end-date=y", "start-date=2026-02-01&end-date=2026-01-01"]
)
def test_metrics_need_sensible_dates(query: str) -> None:
    with Simulator(account(7)) as sim:
        answer = requests.get(f"{sim.url}/metrics/all?{query}", auth=(sim.key, ""), timeout=30)

    assert answer.status_code == 400
