"""An account: a world drawn from a seed, seen from a day, with the switches that change how it answers."""

import random
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import date
from threading import RLock
from typing import Any

from simulator import changes, history, records
from simulator.genesis import draw_world
from simulator.records import Record, Style
from simulator.snapshot import Snapshot
from simulator.spelling import Clock, midnight, new_uuid, real_today
from simulator.world import Change, Customer, World


@dataclass(eq=False)
class Account:
    """`Account("Acme", seed=1, size=300)`: the same arguments, day and date give the same answers.

    `epoch` is the date of day 0, `today` the date that everything is seen from (by default the real one,
    UTC). The calendar between the two passes by itself; `advance` and `day` add more days, whose changes
    then carry the date of yesterday. `today` never has movements of its own, so that nobody's clock disagrees
    about what is past and what is scheduled.
    """

    name: str = "Acme Analytics"
    seed: int = 1
    size: int = 50
    currency: str = "EUR"
    time_zone: str = "Europe/Berlin"
    week_start_on: str = "monday"
    epoch: date | None = None
    today: date | None = None
    cursor_skips: bool = True
    float_mrr: bool = False
    vintage: int = 2025
    clock: Clock = real_today
    lock: RLock = field(default_factory=RLock, repr=False)
    version: int = 0

    def __post_init__(self) -> None:
        self._began: date = self.epoch or self.today or self.clock()
        self._added = 0
        switches = ("today", "cursor_skips", "float_mrr", "vintage", "_added")
        self._made_with = {name: getattr(self, name) for name in switches}
        self._touched = False
        self._identity = object()  # unlike id(), none that a later account can have again
        self._world: World | None = None
        self._snapshot: Snapshot | None = None
        self._seen: tuple[Hashable, ...] = ()

    # What is served, as plain Python

    def customers(self) -> list[Record]:
        """Every customer exactly as served, in the order of the list."""
        with self.lock:
            snapshot = self.snapshot()
            return [records.customer_record(each, snapshot.style, snapshot.now) for each in snapshot.customers]

    def customer(self, uuid: str) -> Record | None:
        with self.lock:
            snapshot = self.snapshot()
            found = snapshot.customer(uuid)
            return records.customer_record(found, snapshot.style, snapshot.now) if found else None

    def activities(self) -> list[Record]:
        """Every movement exactly as served, oldest first, scheduled ones included."""
        with self.lock:
            snapshot = self.snapshot()
            return [records.activity_record(each, snapshot.style) for each in snapshot.movements]

    def subscriptions(self, uuid: str) -> list[Record]:
        with self.lock:
            snapshot = self.snapshot()
            found = snapshot.customer(uuid)
            return records.subscription_records(found, snapshot.style, snapshot.now) if found else []

    def record(self) -> Record:
        identity = new_uuid(random.Random(f"{self.seed}:account"))
        return {
            "id": f"acc_{identity}",
            "name": self.name,
            "currency": self.currency,
            "time_zone": self.time_zone,
            "week_start_on": self.week_start_on,
        }

    @property
    def mrr(self) -> int:
        """The sum of all customers' MRR, in hundredths."""
        with self.lock:
            snapshot = self.snapshot()
            return sum(customer.mrr(snapshot.now) for customer in snapshot.customers)

    @property
    def changes(self) -> list[Change]:
        """What the days after day 0 did, in order; `uuid` names the customer (of a merge: the survivor)."""
        with self.lock:
            self.snapshot()
            assert self._world is not None
            return list(self._world.changes)

    # Time

    @property
    def day(self) -> int:
        return self._calendar_days() + self._added

    @day.setter
    def day(self, day: int) -> None:
        if day < 0:
            raise ValueError("a day is 0 or more")
        with self.lock:
            self._added = day - self._calendar_days()

    def advance(self, days: int = 1) -> None:
        self.day += days

    def _calendar_days(self) -> int:
        return max(0, ((self.today or self.clock()) - self._began).days)

    # Changes by hand

    def delete(self, uuid: str) -> None:
        """The customer is gone, and its movements with it."""
        with self.lock:
            customer = self._take_out(uuid)
            self._changed("deleted", customer.uuid)

    def merge(self, survivor: str, other: str) -> None:
        with self.lock:
            kept, gone = self._find(survivor), self._take_out(other)
            changes.merge(kept, gone)
            self._changed("merged", kept.uuid)

    def edit(self, *uuids: str, **values: Any) -> None:
        """Set what `world.Customer` calls these names: `edit(uuid, name="New", tags=[])`; of several all at once,
        because each change makes the contents anew."""
        with self.lock:
            for customer in [self._find(uuid) for uuid in uuids]:
                for name, value in values.items():
                    if not hasattr(customer, name):
                        raise AttributeError(name)
                    setattr(customer, name, value)
                self._changed("edited", customer.uuid)

    def move(self, uuid: str, since: date) -> None:
        """Date the customer's beginning anew, so that it stands elsewhere in the list."""
        with self.lock:
            customer = self._find(uuid)
            if customer.movements:
                customer.movements[0].at = midnight(since)
                history.settle(customer)
            else:
                customer.since = midnight(since)
            self._changed("moved", uuid)

    def remove_movement(self, uuid: str) -> None:
        """The movement vanishes from history; the sums follow."""
        with self.lock:
            movement = self.snapshot().movement(uuid)
            if movement is None:
                raise KeyError(uuid)
            customer = movement.customer
            customer.movements = [each for each in customer.movements if each is not movement]
            history.settle(customer)
            self._changed("movement_vanished", customer.uuid)

    def recalculate(self) -> None:
        """Every movement gets another uuid and id."""
        with self.lock:
            self.snapshot()
            assert self._world is not None
            rng = random.Random(f"{self.seed}:recalculation:{len(self._world.changes)}")
            for customer in self._world.customers:
                changes.recalculate(customer, rng, self._world)
            self._changed("recalculated", "")

    def reset(self) -> None:
        """Back to the day and the switches that it was made with, and every change by hand undone."""
        with self.lock:
            if self._touched:
                self._world, self._touched = None, False
                self.version += 1
            for name, value in self._made_with.items():
                setattr(self, name, value)

    # How it is kept

    def snapshot(self) -> Snapshot:
        """The present contents. Hold `lock` for as long as the snapshot is read."""
        with self.lock:
            seen = self._state()
            if self._snapshot is None or seen != self._seen:
                style = Style(self.currency, self.vintage, self.float_mrr)
                self._snapshot = Snapshot(self._current_world(), style)
                self._seen = seen
            return self._snapshot

    @property
    def state(self) -> Hashable:
        """Changes whenever an answer may: what a cache of answers must have in its key."""
        return (self._identity, *self._state(), self.cursor_skips)

    def _state(self) -> tuple[Hashable, ...]:
        return (self.today or self.clock(), self.day, self.float_mrr, self.vintage, self.version)

    def _current_world(self) -> World:
        today = self.today or self.clock()
        world = self._world
        if world is None or world.today != today or world.day > self.day:
            world = draw_world(self.seed, self.size, self._began, self.currency)
            world.today = today
            self._world = world
        while world.day < self.day:
            changes.pass_a_day(world, self.size)
        return world

    def _find(self, uuid: str) -> Customer:
        customer = self.snapshot().customer(uuid)
        if customer is None:
            raise KeyError(uuid)
        return customer

    def _take_out(self, uuid: str) -> Customer:
        customer = self._find(uuid)
        assert self._world is not None
        self._world.customers.remove(customer)
        return customer

    def _changed(self, kind: str, uuid: str) -> None:
        assert self._world is not None
        self._world.changes.append(Change(0, kind, uuid))
        self._touched = True
        self.version += 1
