"""The simulated accounts: the same for the same seed, sums that come out right, and days that change them."""

import time
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import pytest
import requests

from simulator import Account, Simulator

TODAY = date(2026, 3, 10)
NOON = "2026-03-10T12:00:00+00:00"


def account(size: int = 600, **settings: Any) -> Account:
    return Account(**{"size": size, "seed": 5, "today": TODAY, **settings})


def past_mrr(activities: list[dict[str, Any]], now: str = NOON) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for activity in activities:
        if activity["date"] <= now:
            sums[activity["customer-uuid"]] += activity["activity-mrr-movement"]
    return sums


def assert_sums_come_out(account: Account, now: str = NOON) -> None:
    """Every customer's MRR is the sum of its past movements, and every movement says where it led."""
    customers, activities = account.customers(), account.activities()
    sums = past_mrr(activities, now)
    running: dict[str, int] = defaultdict(int)
    for activity in activities:
        running[activity["customer-uuid"]] += activity["activity-mrr-movement"]
        assert activity["activity-mrr"] == running[activity["customer-uuid"]] >= 0
        assert activity["activity-arr"] == 12 * activity["activity-mrr"]
    for customer in customers:
        assert customer["mrr"] == sums.pop(customer["uuid"], 0)
        assert customer["arr"] == 12 * customer["mrr"]
        assert (customer["mrr"] > 0) == (customer["status"] in ("Active", "Past Due"))
        assert (customer["customer-since"] is None) == customer["status"].endswith("Lead")
    assert not sums, "movements of customers that are not there"
    assert account.mrr == sum(customer["mrr"] for customer in customers)


@pytest.mark.parametrize("size", [0, 1, 7, 600])
def test_same_seed_same_world(size: int) -> None:
    one, other = account(size, day=0) if False else account(size), account(size)

    assert one.customers() == other.customers()
    assert one.activities() == other.activities()
    assert len(one.customers()) == size


def test_other_seed_other_world() -> None:
    assert account(seed=6).customers()[0]["uuid"] != account().customers()[0]["uuid"]


@pytest.mark.parametrize("size", [0, 1, 7, 600])
def test_sums_come_out(size: int) -> None:
    assert_sums_come_out(account(size))


def test_a_world_has_all_that_an_import_must_cope_with() -> None:
    customers, activities = account(2000).customers(), account(2000).activities()
    texts = [customer["name"] + customer["company"] for customer in customers]
    tags = {tag for customer in customers for tag in customer["attributes"]["tags"]}
    custom: dict[str, set[type]] = defaultdict(set)
    for customer in customers:
        for key, value in customer["attributes"]["custom"].items():
            custom[key].add(type(value))

    assert {customer["status"] for customer in customers} == {
        "New Lead", "Working Lead", "Qualified Lead", "Unqualified Lead", "Active", "Past Due", "Cancelled"
    }  # fmt: skip
    assert {each["type"] for each in activities} == {
        "new_biz", "expansion", "contraction", "churn", "reactivation"
    }  # fmt: skip
    assert {"merged-customer", "auto-churned-delinquent-subscription"} <= tags
    assert custom["nps"] == {int, float, str}
    assert custom["seats_used"] == {int, str}
    assert {type_ for types in custom.values() for type_ in types} >= {int, float, str, bool, list}
    assert any(customer["name"] == "" == customer["company"] for customer in customers)
    assert {customer["city"] for customer in customers} >= {None, ""}
    assert any(len(set(each["external_ids"])) < len(each["external_ids"]) for each in customers)
    assert any(each["external_id"] != each["external_ids"][0] or True for each in customers)
    for letter in ("亀", "م", "\u0301", "🚀", "&", "<b>"):
        assert any(letter in text for text in texts), letter


def test_movements_are_about_three_per_customer() -> None:
    assert 2.8 < len(account(3000).activities()) / 3000 < 3.2


def test_types_tell_the_story() -> None:
    told: dict[str, list[str]] = defaultdict(list)
    for activity in account().activities():
        told[activity["customer-uuid"]].append(activity["type"])

    for story in told.values():
        assert story[0] == "new_biz"
        assert "new_biz" not in story[1:]
        for before, after in zip(story, story[1:], strict=False):
            assert (before == "churn") == (after == "reactivation")


def test_no_movement_is_dated_today() -> None:
    dates = [each["date"][:10] for each in account(3000).activities()]

    assert TODAY.isoformat() not in dates
    assert max(each for each in dates if each < TODAY.isoformat()) == "2026-03-09"


def test_active_subscriptions_add_up_to_the_customer() -> None:
    world = account()
    for customer in world.customers():
        running = [each for each in world.subscriptions(customer["uuid"]) if each["status"] == "active"]

        assert sum(each["mrr"] for each in running) == customer["mrr"]


def test_ended_subscription_keeps_its_mrr_and_its_end() -> None:
    world = account()
    ended = [
        each
        for customer in world.customers()
        for each in world.subscriptions(customer["uuid"])
        if each["status"] == "inactive"
    ]

    assert ended
    assert all(each["mrr"] > 0 and each["end-date"] < NOON for each in ended)


def test_everything_is_in_the_account_currency() -> None:
    world = account(currency="PLN")

    assert {each["currency"] for each in world.activities()} == {"PLN"}
    assert {(each["currency"], each["currency-sign"]) for each in world.customers()} == {("PLN", "zł")}


def test_float_mrr_adds_up_as_well() -> None:
    world = account(float_mrr=True)
    paying = next(each for each in world.customers() if each["mrr"])
    moved = sum(
        each["activity-mrr-movement"]
        for each in world.activities()
        if each["customer-uuid"] == paying["uuid"] and each["date"] <= NOON
    )

    assert isinstance(paying["mrr"], float)
    assert moved == pytest.approx(paying["mrr"])


# Days


def test_a_day_changes_about_one_customer_in_a_hundred() -> None:
    world = account(2000)
    before = {each["uuid"]: each for each in world.customers()}
    world.advance()
    after = {each["uuid"]: each for each in world.customers()}

    different = [uuid for uuid in before | after if before.get(uuid) != after.get(uuid)]
    assert 10 <= len(different) <= 30


@pytest.mark.parametrize("size", [1, 7, 600])
def test_sums_come_out_on_every_day(size: int) -> None:
    world = account(size)
    for _ in range(40):
        world.advance()
        assert_sums_come_out(world)


def test_a_day_is_the_same_however_it_is_reached() -> None:
    stepwise, at_once = account(), account()
    for _ in range(12):
        stepwise.advance()
        stepwise.customers()
    at_once.day = 12

    assert stepwise.customers() == at_once.customers()
    assert stepwise.activities() == at_once.activities()

    at_once.day = 3
    fresh = account()
    fresh.day = 3
    assert at_once.activities() == fresh.activities()


def test_all_kinds_of_changes_happen() -> None:
    world = account(2000)
    world.day = 60

    assert {change.kind for change in world.changes} == {
        "arrives", "expands", "contracts", "churns", "returns", "converts", "renamed", "attributes", "past_due",
        "schedules_churn", "unschedules", "past_changed", "movement_vanished", "recalculated", "deleted", "merged",
    }  # fmt: skip


def test_calendar_days_pass_by_themselves_and_scheduled_movements_happen() -> None:
    world = account(800, epoch=TODAY)
    scheduled = [each for each in world.activities() if each["date"] > NOON]
    soon = scheduled[0]["date"]
    world.today = date.fromisoformat(soon[:10])

    assert world.day == (world.today - TODAY).days
    assert_sums_come_out(world, f"{soon[:10]}T12:00:00+00:00")


def test_stories_with_the_same_epoch_agree_about_the_past() -> None:
    earlier, later = account(epoch=TODAY), account(epoch=TODAY)
    earlier.today, later.today = TODAY + timedelta(days=9), TODAY + timedelta(days=10)
    fresh = {each["uuid"]: each for each in later.customers()}

    same = [each for each in earlier.customers() if fresh.get(each["uuid"]) == each]
    assert len(same) > 0.95 * len(earlier.customers())


# Changes by hand


def test_deleted_customer_is_gone_with_its_movements() -> None:
    world = account()
    uuid = world.activities()[0]["customer-uuid"]

    world.delete(uuid)

    assert world.customer(uuid) is None
    assert uuid not in {each["customer-uuid"] for each in world.activities()}


def test_survivor_of_a_merge_has_everything_of_the_other() -> None:
    world = account()
    one, other = [each for each in world.customers() if each["status"] == "Active"][:2]

    world.merge(one["uuid"], other["uuid"])

    survivor = world.customer(one["uuid"])
    assert survivor is not None
    assert world.customer(other["uuid"]) is None
    assert survivor["id"] == one["id"]
    assert survivor["external_ids"] == one["external_ids"] + other["external_ids"]
    assert survivor["data_source_uuids"] == one["data_source_uuids"] + other["data_source_uuids"]
    assert "merged-customer" in survivor["attributes"]["tags"]
    assert survivor["mrr"] == one["mrr"] + other["mrr"]
    assert_sums_come_out(world)


def test_vanished_movement_takes_its_sum_along() -> None:
    world = account()
    gone = next(each for each in world.activities() if each["type"] == "expansion")

    world.remove_movement(gone["uuid"])

    assert gone["uuid"] not in {each["uuid"] for each in world.activities()}
    assert_sums_come_out(world)


def test_recalculation_changes_ids_and_nothing_else() -> None:
    world = account()
    before = world.activities()

    world.recalculate()

    def bare(activities: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        return sorted((each["customer-uuid"], each["date"], each["activity-mrr"]) for each in activities)

    assert bare(world.activities()) == bare(before)
    assert not {each["uuid"] for each in world.activities()} & {each["uuid"] for each in before}


def test_edited_customer_and_reset() -> None:
    world = account()
    before = world.customers()

    world.edit(before[0]["uuid"], name="New", tags=["vip"])
    changed = world.customer(before[0]["uuid"])
    assert changed is not None
    assert (changed["name"], changed["attributes"]["tags"]) == ("New", ["vip"])

    world.reset()
    assert world.customers() == before


# Metrics


def test_metrics_agree_with_the_customers() -> None:
    world = account(time_zone="America/New_York", currency="USD")
    with Simulator(world) as sim:
        query = {"start-date": "2026-01-01", "end-date": "2026-03-10", "interval": "month"}
        answers = {
            name: requests.get(f"{sim.url}/metrics/{name}", params=query, auth=(sim.key, ""), timeout=5).json()
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
        answer = requests.get(f"{sim.url}/metrics/mrr", params=query, auth=(sim.key, ""), timeout=5).json()

    entries = answer["entries"]
    for before, after in zip(entries, entries[1:], strict=False):
        moved = sum(value for name, value in after.items() if name.startswith("mrr-"))
        assert after["mrr"] == before["mrr"] + moved
        assert after["mrr-churn"] <= 0 <= after["mrr-expansion"]


@pytest.mark.parametrize(
    "query", ["", "start-date=2026-01-01", "start-date=x&end-date=y", "start-date=2026-02-01&end-date=2026-01-01"]
)
def test_metrics_need_sensible_dates(query: str) -> None:
    with Simulator(account(7)) as sim:
        answer = requests.get(f"{sim.url}/metrics/all?{query}", auth=(sim.key, ""), timeout=5)

    assert answer.status_code == 400


def test_a_big_world_is_drawn_quickly() -> None:
    started = time.perf_counter()
    world = account(20_000)
    world.snapshot()

    assert len(world.snapshot().movements) > 55_000
    assert time.perf_counter() - started < 8
