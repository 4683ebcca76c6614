"""What an account consists of, before anything is spelled as JSON."""

from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import Any

from simulator.spelling import midnight


@dataclass(frozen=True, slots=True)
class Source:
    """A data source. `system` is what the source list says, `billing_system` what its customers say,
    `currency` what its plans are priced in (no MRR figure is ever in it)."""

    number: int
    uuid: str
    name: str
    system: str
    billing_system: str
    currency: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Plan:
    """`price` is in hundredths of the account currency for one seat and one interval."""

    number: int
    uuid: str
    external_id: str
    name: str
    source: Source
    interval_count: int
    interval_unit: str
    price: int
    tier: int
    created_at: int

    def mrr(self, quantity: int, discount: int) -> int:
        """Monthly value of `quantity` seats at `discount` percent off, at least one hundredth."""
        gross = self.price * quantity * (100 - discount) / 100
        if self.interval_unit == "day":
            return max(1, round(gross * 30.4375 / self.interval_count))
        months = self.interval_count * (12 if self.interval_unit == "year" else 1)
        return max(1, round(gross / months))

    def same_interval(self, other: "Plan") -> bool:
        return (self.interval_count, self.interval_unit) == (other.interval_count, other.interval_unit)


@dataclass(frozen=True, slots=True)
class PlanGroup:
    number: int
    uuid: str
    name: str
    plans: tuple[Plan, ...]
    created_at: int


@dataclass(slots=True, eq=False)
class Movement:
    """One MRR movement of one subscription.

    The `opening` one begins its subscription. The `closing` one ends it, so its `delta` is settled from what
    came before.
    `kind`, `delta` of closings, `before` and `after` are filled in by `history.settle`.
    """

    serial: int
    uuid: str
    at: int
    delta: int
    subscription: int
    plan: Plan
    quantity: int
    discount: int = 0
    opening: bool = False
    closing: bool = False
    kind: str = ""
    before: int = 0
    after: int = 0
    customer: "Customer" = field(default=None, repr=False)  # type: ignore[assignment]


@dataclass(slots=True)
class Subscription:
    id: int
    uuid: str
    external_id: str
    set_external_id: str


@dataclass(slots=True, eq=False)
class Customer:
    """One customer. `movements` are kept in order of time; the future ones are scheduled.

    `sources` runs parallel to `external_ids`; `main` says which of them is the main one.
    """

    id: int
    uuid: str
    external_ids: list[str]
    sources: list[Source]
    name: str
    email: str
    company: str
    country: str | None
    state: str | None
    city: str | None
    zip: str | None
    lead_status: str
    lead_created_at: int | None
    free_trial_started_at: int | None
    tags: list[str]
    custom: dict[str, Any]
    owner: str | None
    website_url: str | None
    main: int = 0
    past_due: bool = False
    since: int | None = None
    movements: list[Movement] = field(default_factory=list)
    subscriptions: list[Subscription] = field(default_factory=list)

    @property
    def source(self) -> Source:
        return self.sources[self.main]

    @property
    def external_id(self) -> str:
        return self.external_ids[self.main]

    def mrr(self, now: int) -> int:
        """The sum of the movements dated up to `now`."""
        for movement in reversed(self.movements):
            if movement.at <= now:
                return movement.after
        return 0

    def status(self, now: int) -> str:
        if not self.movements or self.movements[0].at > now:
            return self.lead_status
        if self.mrr(now) == 0:
            return "Cancelled"
        return "Past Due" if self.past_due else "Active"

    def scheduled(self, now: int) -> list[Movement]:
        return [movement for movement in self.movements if movement.at > now]


@dataclass(slots=True)
class Serials:
    """Hands out the numbers of one world, so that none repeats."""

    customers: "count[int]" = field(default_factory=lambda: count(1))
    movements: "count[int]" = field(default_factory=lambda: count(1))
    subscriptions: "count[int]" = field(default_factory=lambda: count(1))


@dataclass(frozen=True, slots=True)
class Change:
    """What a later day did to a customer; `day` 0 stands for a change made by hand or by a fault."""

    day: int
    kind: str
    uuid: str


@dataclass(slots=True)
class Catalogue:
    """Sources with their share of the customers, plans in order of source, tier and interval, and groups."""

    sources: tuple[Source, ...]
    shares: tuple[float, ...]
    plans: tuple[Plan, ...]
    groups: tuple[PlanGroup, ...]

    def pick_source(self, chance: float) -> Source:
        for source, share in zip(self.sources, self.shares, strict=True):
            chance -= share
            if chance < 0:
                return source
        return self.sources[0]

    def plans_of(self, source: Source) -> tuple[Plan, ...]:
        each = len(self.plans) // len(self.sources)
        return self.plans[source.number * each : (source.number + 1) * each]

    def next_tier(self, plan: Plan) -> Plan | None:
        """The same interval one tier up: the plans of a source stand in order of tier, then interval."""
        for better in self.plans_of(plan.source):
            if better.tier == plan.tier + 1 and plan.tier >= 0 and better.same_interval(plan):
                return better
        return None


@dataclass(slots=True)
class World:
    """An account's contents after `day` days of changes, seen from `today`."""

    seed: int
    epoch: date
    today: date
    catalogue: Catalogue
    customers: list[Customer] = field(default_factory=list)
    serials: Serials = field(default_factory=Serials)
    changes: list[Change] = field(default_factory=list)
    day: int = 0

    def now(self, today: date | None = None) -> int:
        """The border between past and scheduled.

        Nothing but scheduled movements of the first minute is ever dated on `today` itself, so every clock of
        that day that is past the minute draws the same border.
        """
        return midnight(today or self.today) + 60
