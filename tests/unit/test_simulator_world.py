"""The simulated accounts: the same for the same seed, sums that come out right, and days that change them."""

import time
from collections import defaultdict
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from simulator import Account

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
    one, other = account(size), account(size)

    assert one.customers() == other.customers()
    assert one.activities() == other.activities()
    assert len(one.customers()) == size


def test_account_is_never_taken_for_an_earlier_one_that_lay_in_the_same_memory() -> None:
    assert len({account(seed=seed).state for seed in range(50)}) == 50


def test_other_seed_other_world() -> None:
    assert account(seed=6).customers()[0]["uuid"] != account().customers()[0]["uuid"]


@pytest.mark.parametrize("size", [0, 1, 7, 600])
def test_sums_come_out(size: int) -> None:
    assert_sums_come_out(account(size))


def test_a_world_has_all_that_an_import_must_cope_with() -> None:
    world = account(2000)
    customers, activities = world.customers(), world.activities()
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
        for before, after in pairwise(story):
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


def test_subscriptions_of_the_same_seed_are_the_same() -> None:
    one, other = account(60), account(60)

    for customer in one.customers():
        assert one.subscriptions(customer["uuid"]) == other.subscriptions(customer["uuid"])


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


def test_a_big_world_is_drawn_quickly() -> None:
    started = time.thread_time()
    world = account(8_000)

    assert len(world.snapshot().movements) > 22_000
    assert time.thread_time() - started < 4
