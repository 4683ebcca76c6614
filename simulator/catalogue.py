"""The data sources, plans and plan groups of an account, drawn from its seed."""

import random

from simulator.spelling import DAY, new_uuid
from simulator.world import Catalogue, Plan, PlanGroup, Source

CURRENCY_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "PLN": "zł", "CHF": None}
EURO_RATES = {"EUR": 1.0, "USD": 1.08, "GBP": 0.85, "JPY": 163.0, "PLN": 4.3, "CHF": 0.95}

# name of the source, its system, what its customers call it, share of the customers, currency of its prices
_SOURCES = (
    ("Stripe", "Stripe", "Stripe", 0.55, "USD"),
    ("Recurly EU", "Recurly", "Recurly", 0.20, "EUR"),
    ("Invoices by API", "Custom", "Import API", 0.15, "GBP"),
    ("Google Sheets app", "Google Sheets", "Google Sheets", 0.10, "JPY"),
)
# tier, euros for a seat and month, interval count, unit, word in the name
_TIERS = (("Starter", 9), ("Team", 19), ("Business", 39), ("Enterprise", 79))
_INTERVALS = ((1, "month", "monthly"), (3, "month", "quarterly"), (1, "year", "annual"))


def draw_catalogue(seed: int, currency: str, epoch: int) -> Catalogue:
    rng = random.Random(f"{seed}:catalogue")
    founded = epoch - 5 * 365 * DAY
    sources = tuple(
        Source(number, f"ds_{new_uuid(rng)}", name, system, billing, priced_in, founded + number * 40 * DAY)
        for number, (name, system, billing, _, priced_in) in enumerate(_SOURCES)
    )
    plans: list[Plan] = []
    for source in sources:
        plans += _plans(rng, source, currency, len(plans))
    groups = tuple(
        PlanGroup(
            21_000 + tier, f"plg_{new_uuid(rng)}", f"{name} plans",
            tuple(plan for plan in plans if plan.tier == tier), founded + tier * DAY,
        )
        for tier, (name, _) in enumerate(_TIERS)
    )  # fmt: skip
    empty = PlanGroup(21_090, f"plg_{new_uuid(rng)}", "Retired plans", (), founded + 90 * DAY)
    shares = tuple(row[3] for row in _SOURCES)
    return Catalogue(sources, shares, tuple(plans), (*groups, empty))


def _plans(rng: random.Random, source: Source, currency: str, first: int) -> list[Plan]:
    """Four tiers at three intervals, and a weekly pass; their prices turned into the account's currency."""
    to_account = EURO_RATES[currency] / EURO_RATES[source.currency]
    offers = [
        (tier, f"{word} {label}", count, unit, euros * count * (10 if unit == "year" else 1))
        for tier, (word, euros) in enumerate(_TIERS)
        for count, unit, label in _INTERVALS
    ]
    offers.append((-1, "Weekly pass", 7, "day", 4))
    plans = []
    for number, (tier, name, count, unit, euros) in enumerate(offers, first):
        tag_price = round(euros * EURO_RATES[source.currency])
        external_id = f"plan_{name}_{source.currency}".lower().replace(" ", "_")
        created_at = source.created_at + number % 97 * DAY
        price = round(tag_price * 100 * to_account)
        plans.append(
            Plan(
                1_099_000 + number,
                f"pl_{new_uuid(rng)}",
                external_id,
                name,
                source,
                count,
                unit,
                price,
                tier,
                created_at,
            )
        )
    return plans
