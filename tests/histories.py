"""Customers and their movements, made up: one by one, or many at random."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from webapp.chartmogul.records import parse_subscription
from webapp.chartmogul.subscribed import Subscribed
from webapp.values import (
    Moment,
)

# The same examples in every run, however busy the machine is.
PATIENT = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@dataclass
class Customer:
    status: str | None = "Active"
    mrr_minor: int = 100_00
    arr_minor: int = 1200_00
    customer_since: datetime | None = None
    free_trial_started_at: datetime | None = None
    past_due_since: datetime | None = None
    country: str | None = None
    city: str | None = None
    company: str | None = None
    email: str | None = None
    billing_system: str | None = None
    tags: tuple[str, ...] = ()
    custom: dict[str, Any] | None = None
    plans: tuple[str, ...] | None = None
    billing_interval_months: int | None = None
    quantity: int | None = None
    # As ChartMogul sends them; the three before are made of these.
    subscriptions: tuple[dict[str, Any], ...] = ()


@dataclass
class Movement:
    at: datetime
    type: str
    movement_minor: int
    mrr_minor: int = 0


SUBSCRIPTIONS = st.fixed_dictionaries(
    {
        "uuid": st.sampled_from((None, "", "a", "b", "c", "d")),
        "status": st.sampled_from(("active", "active", "inactive")),
        "plan": st.sampled_from((None, "", "Gold", "Silver", "Add-on", "gold")),
        "quantity": st.sampled_from((None, "")) | st.integers(0, 10**9),
        "mrr": st.none() | st.integers(-5, 5) | st.integers(-(10**12), 10**12),
        "billing-cycle": st.sampled_from((None, "day", "month", "month", "year", "week")),
        "billing-cycle-count": st.sampled_from((None, 0, 1, 3, 12, 30)),
    }
)

TEXTS = st.none() | st.text(max_size=4)
TYPES = ("new_biz", "expansion", "contraction", "churn", "reactivation")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "America/Sao_Paulo")


def subscribing(customer: Customer, subscriptions: list[dict[str, Any]]) -> Customer:
    """A customer with subscriptions as ChartMogul sends them."""
    records = [parse_subscription(raw, "cus_1") for raw in subscriptions]
    return replace(customer, subscriptions=tuple(subscriptions), **Subscribed.to(records)._asdict())


@st.composite
def histories(draw: st.DrawFn) -> tuple[Customer, list[Movement], Moment]:
    """Years in which days change length; moments near midnight and near the edges of the windows included."""
    zone = ZoneInfo(draw(st.sampled_from((*ZONES, "America/St_Johns"))))
    year = 2009 if zone.key == "America/St_Johns" else draw(st.sampled_from((2011, 2024)))
    now = datetime(year, draw(st.sampled_from((1, 3, 11))), draw(st.integers(1, 28)), tzinfo=UTC)
    now += timedelta(minutes=draw(st.integers(0, 1439)))
    edges = [edge + near for edge in (0, 30, 90, 180, 365) for near in (-1, 0, 1)]
    midnight = datetime.combine(now.astimezone(zone).date(), datetime.min.time(), zone)
    near_midnight = st.builds(
        lambda days, seconds: (midnight - timedelta(days=days)).astimezone(UTC) + timedelta(seconds=seconds),
        st.sampled_from(edges), st.integers(-1, 1),
    )  # fmt: skip
    anywhere = st.integers(-60 * 1440, 500 * 1440).map(lambda minutes: now - timedelta(minutes=minutes))
    at = st.one_of(near_midnight, anywhere, st.just(now))
    amount = st.one_of(st.integers(-300, 300), st.integers(-(10**12), 10**12))
    movement = st.builds(Movement, at, st.sampled_from(TYPES), amount, st.integers(0, 3))
    customer = st.builds(
        Customer,
        status=st.sampled_from(("Active", "Past Due", "Cancelled", "New Lead", None)),
        mrr_minor=amount,
        arr_minor=amount,
        country=TEXTS,
        city=TEXTS,
        company=TEXTS,
        email=TEXTS,
        billing_system=TEXTS,
        tags=st.lists(st.text(max_size=4), max_size=3).map(tuple),
        customer_since=st.none() | at,
        free_trial_started_at=st.none() | at,
        past_due_since=st.none() | at,
    )
    total = draw(st.integers(0, 10**13))
    return (
        subscribing(draw(customer), draw(st.lists(SUBSCRIPTIONS, max_size=6))),
        draw(st.lists(movement, max_size=8)),
        Moment(now, zone, total),
    )
