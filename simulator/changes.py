"""What happens to an account from one day to the next: about one customer in a hundred changes."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from simulator.history import WARN, Life, settle, wavers
from simulator.people import draw_custom, draw_customer, draw_names
from simulator.spelling import DAY, midnight, new_uuid
from simulator.world import Change, Customer, Movement, World

_SHARE = 0.01


def pass_a_day(world: World, size: int) -> None:
    """Move `world` on by one day. An account without customers stays without."""
    world.day += 1
    day = Day(world, random.Random(f"{world.seed}:day:{world.day}"))
    for _ in range(max(1, round(size * _SHARE)) if size else 0):
        day.change_something()


@dataclass(slots=True)
class Day:
    """One day's changes. They are dated on the day before, and never later than the day before today."""

    world: World
    rng: random.Random

    def change_something(self) -> None:
        kind, suits, act = self._draw_kind()
        customer = self._find(suits)
        if customer is None:
            kind, customer, act = "attributes", self._find(_anyone), _change_attributes
        if customer is None:
            kind, customer, act = "arrives", _nobody(), _arrive
        uuid = act(self, customer) or customer.uuid
        self.world.changes.append(Change(self.world.day, kind, uuid))

    def _draw_kind(self) -> "tuple[str, Suits, Act]":
        draw = self.rng.random() * _TOTAL
        for weight, kind, suits, act in _KINDS[:-1]:
            draw -= weight
            if draw < 0:
                return kind, suits, act
        return _KINDS[-1][1:]

    def _find(self, suits: "Suits") -> Customer | None:
        customers, now = self.world.customers, self.now
        for _ in range(40 if customers else 0):
            customer = customers[int(self.rng.random() * len(customers))]
            if suits(customer, now):
                return customer
        return None

    @property
    def now(self) -> int:
        return self.world.now(min(self.world.epoch + timedelta(days=self.world.day), self.world.today))

    def life(self, customer: Customer) -> Life:
        return Life(self.rng, customer, self.world.catalogue, self.world.serials)

    def moment(self, customer: Customer) -> int:
        """A time on the day that has just passed, after all that has happened to `customer`."""
        now = self.now
        at = now - 60 - DAY + int(self.rng.random() * 20 * 3600)
        past = [movement.at for movement in customer.movements if movement.at <= now]
        return max(at, past[-1] + 60) if past else at

    def soon(self) -> int:
        """A midnight in the next weeks."""
        return midnight(self.world.today) + (2 + int(self.rng.random() * 45)) * DAY


def merge(survivor: Customer, other: Customer) -> None:
    """Give `survivor` all that `other` had; whoever calls drops `other` from the world."""
    offset = len(survivor.subscriptions)
    for movement in other.movements:
        movement.subscription += offset
    survivor.movements += other.movements
    survivor.subscriptions += other.subscriptions
    survivor.external_ids += other.external_ids
    survivor.sources += other.sources
    if "merged-customer" not in survivor.tags:
        survivor.tags.append("merged-customer")
    settle(survivor)


def recalculate(customer: Customer, rng: random.Random, world: World) -> None:
    """History computed anew: the same movements under other uuids and ids."""
    for movement in customer.movements:
        movement.uuid = new_uuid(rng)
        movement.serial = next(world.serials.movements)


Suits = Callable[[Customer, int], bool]
Act = Callable[[Day, Customer], str | None]


def _pays(customer: Customer, now: int) -> bool:
    return customer.mrr(now) > 0


def _lost(customer: Customer, now: int) -> bool:
    return bool(customer.movements) and customer.movements[-1].at <= now and customer.mrr(now) == 0


def _unscheduled(customer: Customer, now: int) -> bool:
    return _pays(customer, now) and not customer.scheduled(now)


def _is_scheduled(customer: Customer, now: int) -> bool:
    return bool(customer.scheduled(now))


def _is_lead(customer: Customer, now: int) -> bool:
    return not customer.movements


def _had_changes(customer: Customer, now: int) -> bool:
    return any(_vanishable(movement, now) for movement in customer.movements[1:])


def _vanishable(movement: Movement, now: int) -> bool:
    return movement.kind in ("expansion", "contraction") and not movement.closing and movement.at <= now


def _anyone(customer: Customer, now: int) -> bool:
    return True


def _nobody() -> Customer:
    return Customer(0, "", [], [], "", "", "", None, None, None, None, "", None, None, [], {}, None, None)


def _arrive(day: Day, _: Customer) -> str:
    world = day.world
    at = day.moment(_nobody())
    customer = draw_customer(day.rng, next(world.serials.customers), world.catalogue, at)
    if day.rng.random() < 0.7:
        customer.free_trial_started_at = None
        day.life(customer).start(at)
        settle(customer)
    world.customers.append(customer)
    return customer.uuid


def _expand(day: Day, customer: Customer) -> None:
    day.life(customer).change(day.moment(customer), grow=True)
    settle(customer)


def _contract(day: Day, customer: Customer) -> None:
    day.life(customer).change(day.moment(customer), grow=False)
    settle(customer)


def _churn(day: Day, customer: Customer) -> str:
    """Most of those who leave have shrunk before, see `history.Life.leave`."""
    if day.rng.random() < WARN:
        customer = day._find(wavers) or customer
    day.life(customer).cancel(day.moment(customer))
    customer.past_due = False
    settle(customer)
    return customer.uuid


def _start(day: Day, customer: Customer) -> None:
    day.life(customer).start(day.moment(customer))
    settle(customer)


def _rename(day: Day, customer: Customer) -> None:
    customer.name, customer.company = draw_names(day.rng, int(day.rng.random() * 1000))


def _change_attributes(day: Day, customer: Customer) -> None:
    customer.custom = {**customer.custom, **draw_custom(day.rng, day.now)}
    if "beta" in customer.tags:
        customer.tags.remove("beta")
    else:
        customer.tags.append("beta")


def _toggle_past_due(day: Day, customer: Customer) -> None:
    customer.past_due = not customer.past_due


def _schedule_churn(day: Day, customer: Customer) -> None:
    day.life(customer).cancel(day.soon())
    settle(customer)


def _unschedule(day: Day, customer: Customer) -> None:
    customer.movements = [movement for movement in customer.movements if movement.at <= day.now]
    settle(customer)


def _change_the_past(day: Day, customer: Customer) -> None:
    movement = next(movement for movement in customer.movements[1:] if _vanishable(movement, day.now))
    movement.delta = movement.delta // 2 or movement.delta * 2
    settle(customer)


def _vanish(day: Day, customer: Customer) -> None:
    gone = next(movement for movement in customer.movements[1:] if _vanishable(movement, day.now))
    if not any(movement is not gone and movement.subscription == gone.subscription for movement in customer.movements):
        return
    customer.movements = [movement for movement in customer.movements if movement is not gone]
    settle(customer)


def _recalculate(day: Day, customer: Customer) -> None:
    recalculate(customer, day.rng, day.world)


def _delete(day: Day, customer: Customer) -> None:
    day.world.customers.remove(customer)


def _merge(day: Day, customer: Customer) -> str | None:
    survivor = day._find(lambda other, _: other is not customer)
    if survivor is None:
        return None
    day.world.customers.remove(customer)
    merge(survivor, customer)
    return survivor.uuid


_KINDS: tuple[tuple[int, str, Suits, Act], ...] = (
    (12, "arrives", _anyone, _arrive),
    (18, "expands", _pays, _expand),
    (10, "contracts", _pays, _contract),
    (8, "churns", _pays, _churn),
    (4, "returns", _lost, _start),
    (4, "converts", _is_lead, _start),
    (8, "renamed", _anyone, _rename),
    (14, "attributes", _anyone, _change_attributes),
    (8, "past_due", _pays, _toggle_past_due),
    (4, "schedules_churn", _unscheduled, _schedule_churn),
    (3, "unschedules", _is_scheduled, _unschedule),
    (3, "past_changed", _had_changes, _change_the_past),
    (2, "movement_vanished", _had_changes, _vanish),
    (3, "recalculated", _anyone, _recalculate),
    (1, "deleted", _anyone, _delete),
    (1, "merged", _anyone, _merge),
)
_TOTAL = sum(kind[0] for kind in _KINDS)
