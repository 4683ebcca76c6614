"""What a customer subscribes to, made of its subscriptions. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from webapp.chartmogul.records import SubscriptionRecord

# More than a property's value has room for.
PLANS_KEPT = 100


class Subscribed(NamedTuple):
    """What the active subscriptions of a customer come to; what none of them says is None.

    `plans`: each name once, the one with the most MRR first. `billing_interval_months`: the interval that most of the
    MRR is billed in; of several with as much the shortest. `quantity`: the sum.
    """

    plans: tuple[str, ...] | None = None
    billing_interval_months: int | None = None
    quantity: int | None = None

    @classmethod
    def to(cls, subscriptions: Iterable[SubscriptionRecord]) -> "Subscribed":
        """One that came twice, on pages that had moved, counts once, as it came last; without a uuid each counts."""
        known = {each.uuid or number: each for number, each in enumerate(subscriptions)}
        active = [each for each in known.values() if each.active]
        quantities = [each.quantity for each in active if each.quantity is not None]
        return cls(_plans(active), _interval(active), sum(quantities) if quantities else None)


def _plans(active: list[SubscriptionRecord]) -> tuple[str, ...] | None:
    mrr: dict[str, int] = defaultdict(int)
    for each in active:
        if each.plan is not None:
            mrr[each.plan] += each.mrr_minor or 0
    return tuple(sorted(mrr, key=lambda plan: (-mrr[plan], plan))[:PLANS_KEPT]) or None


def _interval(active: list[SubscriptionRecord]) -> int | None:
    mrr: dict[int | None, int] = defaultdict(int)
    for each in active:
        mrr[each.interval_months] += each.mrr_minor or 0
    return min(mrr, key=lambda months: (-mrr[months], months is None, months or 0), default=None)
