"""The life of a customer as movements: drawn at random, then settled so that every sum comes out right."""

import random
from math import log

from simulator.spelling import DAY, new_uuid
from simulator.world import Catalogue, Customer, Movement, Plan, Serials, Subscription

_MEAN_GAP = 220 * DAY
# Of those who leave, how many shrink first.
WARN = 0.85


class Life:
    """Writes the movements of one customer, one after the other."""

    def __init__(self, rng: random.Random, customer: Customer, catalogue: Catalogue, serials: Serials) -> None:
        self.rng = rng
        self.customer = customer
        self.catalogue = catalogue
        self.serials = serials

    def live(self, born: int, end: int) -> None:
        """From a first subscription at `born` on, things happen until `end`."""
        chance = self.rng.random
        self.start(born)
        at, paying = born, True
        while True:
            at += 3600 + int(-_MEAN_GAP * log(1.0 - chance()) * (1.0 if paying else 0.6))
            if at >= end:
                return
            draw = chance()
            if not paying:
                if draw > 0.45:
                    return
                self.start(at)
                paying = True
            elif draw < 0.22:
                at = self.leave(at, end)
                if at >= end:
                    return
                paying = False
            elif draw < 0.36:
                self.start(at)
            else:
                self.change(at, grow=draw < 0.84)

    def leave(self, at: int, end: int) -> int:
        """Most shrink before they go, once or twice, as it is with real companies: so a good score warns of them.
        Answers when it is over; whoever would go after `end` is still there."""
        chance = self.rng.random
        if chance() < WARN:
            for _ in range(1 if chance() < 0.8 else 2):
                if at >= end:
                    return at
                self.shrink(at)
                at += int((32 + chance() * 60) * DAY)
        if at < end:
            self.cancel(at)
        return at

    def shrink(self, at: int) -> None:
        """Less than half of the seats of all that runs; far cheaper where there is but one."""
        for offset, last in enumerate(self.running(at)):
            before = last.plan.mrr(last.quantity, last.discount)
            seats = max(1, int(last.quantity * (0.25 + self.rng.random() * 0.3)))
            discount = last.discount if seats < last.quantity else 60
            delta = last.plan.mrr(seats, discount) - before
            if delta:
                moment = at + offset
                self._add(Movement(*self._identity(), moment, delta, last.subscription, last.plan, seats, discount))

    def start(self, at: int) -> None:
        """A new subscription: new business, a reactivation, or an expansion when another one runs."""
        chance = self.rng.random
        plans = self.catalogue.plans_of(self.customer.source)
        plan = plans[int(chance() * len(plans))]
        quantity = 1 + int(chance() ** 3 * 25)
        discount = 20 if chance() < 0.08 else 0
        number = len(self.customer.subscriptions)
        self.customer.subscriptions.append(self._new_subscription(plan))
        value = plan.mrr(quantity, discount)
        self._add(Movement(*self._identity(), at, value, number, plan, quantity, discount, opening=True))

    def change(self, at: int, *, grow: bool) -> None:
        """More or fewer seats, or the next tier up, on a running subscription."""
        running = self.running(at)
        if not running:
            return
        last = running[int(self.rng.random() * len(running))]
        before = last.plan.mrr(last.quantity, last.discount)
        plan, quantity = self._changed(last, grow)
        delta = plan.mrr(quantity, last.discount) - before
        if delta:
            self._add(Movement(*self._identity(), at, delta, last.subscription, plan, quantity, last.discount))

    def cancel(self, at: int) -> None:
        """End everything: contractions for all subscriptions but the last, whose end is the churn."""
        for offset, last in enumerate(self.running(at)):
            number, seats = last.subscription, last.quantity
            self._add(
                Movement(*self._identity(), at + offset, 0, number, last.plan, seats, last.discount, closing=True)
            )

    def running(self, at: int) -> list[Movement]:
        """The last movement of every subscription that runs at `at`."""
        last: dict[int, Movement] = {}
        for movement in self.customer.movements:
            if movement.at <= at:
                last[movement.subscription] = movement
        return [movement for movement in last.values() if not movement.closing]

    def _changed(self, last: Movement, grow: bool) -> tuple[Plan, int]:
        seats = 1 + int(self.rng.random() * 4)
        if not grow:
            return last.plan, max(1, last.quantity - seats)
        better = self.catalogue.next_tier(last.plan)
        if better and self.rng.random() < 0.3:
            return better, last.quantity
        return last.plan, last.quantity + seats

    def _new_subscription(self, plan: Plan) -> Subscription:
        number = next(self.serials.subscriptions)
        external_id = f"sub_{number}" if plan.source.system == "Stripe" else f"{plan.source.number}-{number}"
        return Subscription(2_184_000_000 + number, new_uuid(self.rng), external_id, f"set_{number}")

    def _add(self, movement: Movement) -> None:
        self.customer.movements.append(movement)

    def _identity(self) -> tuple[int, str]:
        return next(self.serials.movements), new_uuid(self.rng)


def wavers(customer: Customer, now: int) -> bool:
    """Whether the last that happened was that the customer shrank, a month to four ago: perhaps it leaves next."""
    last = next((movement for movement in reversed(customer.movements) if movement.at <= now), None)
    return last is not None and last.kind == "contraction" and 30 * DAY < now - last.at < 120 * DAY


def settle(customer: Customer) -> None:
    """Put the movements in order and derive what follows from the deltas: ends, types, running MRR, since."""
    movements = customer.movements
    movements.sort(key=lambda movement: (movement.at, movement.serial))
    total, seen, per_subscription = 0, False, dict.fromkeys(range(len(customer.subscriptions)), 0)
    for movement in movements:
        running = per_subscription[movement.subscription]
        if movement.closing:
            movement.delta = -running
        elif running + movement.delta <= 0:
            movement.delta = -(running // 2)
        movement.before, total = total, total + movement.delta
        movement.after = total
        movement.kind = _kind(movement.before, total, seen)
        movement.customer = customer
        per_subscription[movement.subscription] = running + movement.delta
        seen = True
    customer.movements = [movement for movement in movements if movement.delta]
    customer.since = customer.movements[0].at if customer.movements else None


def _kind(before: int, after: int, seen: bool) -> str:
    if before == 0:
        return "reactivation" if seen else "new_biz"
    if after == 0:
        return "churn"
    return "expansion" if after > before else "contraction"
