"""What the days, and changes by hand, do to a simulated account."""

from datetime import date, timedelta
from typing import Any

import pytest

from tests.unit.test_simulator_world import NOON, TODAY, account, assert_sums_come_out


def test_a_day_changes_about_one_customer_in_a_hundred() -> None:
    world = account(2000)
    before = {each["uuid"]: each for each in world.customers()}
    world.advance()
    after = {each["uuid"]: each for each in world.customers()}

    different = [uuid for uuid in before | after if before.get(uuid) != after.get(uuid)]
    assert 10 <= len(different) <= 30


@pytest.mark.parametrize("size", [1, 7, 300])
def test_sums_come_out_on_every_day(size: int) -> None:
    world = account(size)
    for _ in range(25):
        world.advance()
        assert_sums_come_out(world)


def test_active_subscriptions_add_up_to_the_customer_on_every_day() -> None:
    world = account(60)
    one, other = (world.activities()[place]["customer-uuid"] for place in (0, -1))
    world.merge(one, other)
    for _ in range(25):
        world.advance()
        for customer in world.customers():
            running = [each for each in world.subscriptions(customer["uuid"]) if each["status"] == "active"]

            assert sum(each["mrr"] for each in running) == customer["mrr"]
            assert bool(running) == (customer["status"] in ("Active", "Past Due"))


def test_a_day_is_the_same_however_it_is_reached() -> None:
    stepwise, at_once = account(300), account(300)
    for _ in range(12):
        stepwise.advance()
        stepwise.customers()
    at_once.day = 12

    assert stepwise.customers() == at_once.customers()
    assert stepwise.activities() == at_once.activities()

    at_once.day = 3
    fresh = account(300)
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


def test_what_a_day_brings_comes_after_all_that_went_before() -> None:
    world = account()
    known = {each["uuid"] for each in world.activities()}
    for _ in range(25):
        count = len(world.changes)
        world.advance()
        after = world.activities()
        grown = {each.uuid for each in world.changes[count:] if each.kind in ("expands", "churns", "returns")}
        for uuid in grown:
            dates = [
                (each["date"], each["uuid"] in known)
                for each in after
                if each["customer-uuid"] == uuid and each["date"] <= NOON
            ]
            assert dates == sorted(dates, key=lambda each: (each[0], not each[1]))
            assert [old for _, old in dates] == sorted((old for _, old in dates), reverse=True)
        known = {each["uuid"] for each in after}
