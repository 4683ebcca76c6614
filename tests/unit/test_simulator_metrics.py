"""The simulated metrics agree with the simulated customers."""

from collections import Counter
from datetime import date, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

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


def test_months_agree_with_the_movements_of_the_account() -> None:
    """Added up anew from what the lists say, by the account's own days: a movement at night is of its local month."""
    world = account(time_zone="America/New_York")
    query = {"start-date": "2025-03-01", "end-date": "2026-03-10", "interval": "month"}
    with Simulator(world) as sim:
        of_all, of_mrr = (
            requests.get(f"{sim.url}/metrics/{name}", params=query, auth=(sim.key, ""), timeout=30).json()["entries"]
            for name in ("all", "mrr")
        )

    mrr, churned, churns = Counter[str](), Counter[str](), Counter[str]()
    for activity in world.activities():
        day = datetime.fromisoformat(activity["date"]).astimezone(ZoneInfo("America/New_York"))
        if day.date() <= date(2026, 3, 10):
            month = f"{day:%Y-%m}"
            mrr[month] += activity["activity-mrr-movement"]
            churned[month] += activity["activity-mrr-movement"] if activity["type"] == "churn" else 0
            churns[month] += activity["type"] == "churn"
    assert len(of_all) == len(of_mrr) == 13
    for entry, moved in zip(of_all, of_mrr, strict=True):
        month = entry["date"][:7]
        assert entry["mrr"] == moved["mrr"] == sum(mrr[each] for each in mrr if each <= month)
        assert sum(value for name, value in moved.items() if name.startswith("mrr-")) == mrr[month]
        assert moved["mrr-churn"] == churned[month]
    for before, after in pairwise(of_all):
        assert after["customer-churn-rate"] == round(100 * churns[after["date"][:7]] / before["customers"], 2)
        net = 100 * (before["mrr"] - after["mrr"] + _sold(of_mrr, after["date"])) / before["mrr"]
        assert after["mrr-churn-rate"] == pytest.approx(net, abs=0.01)


def _sold(entries: list[dict[str, Any]], day: str) -> int:
    """New business, which no churn rate counts."""
    return next(entry["mrr-new-business"] for entry in entries if entry["date"] == day)


@pytest.mark.parametrize(
    "query", ["", "start-date=2026-01-01", "start-date=x&end-date=y", "start-date=2026-02-01&end-date=2026-01-01"]
)
def test_metrics_need_sensible_dates(query: str) -> None:
    with Simulator(account(7)) as sim:
        answer = requests.get(f"{sim.url}/metrics/all?{query}", auth=(sim.key, ""), timeout=30)

    assert answer.status_code == 400
