"""The back-test on the demo's customers: the default score finds those who churn, and a factor that has nothing to do
with it is seen to be useless."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from simulator.demo import ACME, demo_accounts
from webapp.back_test import DAYS_BEFORE, Tally
from webapp.chartmogul.fields import FIELDS
from webapp.default_score import DEFAULT, OPTIONAL
from webapp.health import Config, Factor
from webapp.score_past import Past

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
USELESS = Factor("cm_tenure_days", "Tenure", FIELDS["cm_tenure_days"].type, 2, 0, 1_000 * 10_000)


def of_default(codename: str) -> Factor:
    facts = DEFAULT[codename]
    return Factor(codename, codename, FIELDS[codename].type, **{**facts, "weight": int(facts["weight"])})


DEFAULTS = [of_default(codename) for codename in DEFAULT if codename not in OPTIONAL]


@pytest.fixture(scope="module")
def people():
    """Who churned in the last year and when, and who stayed: (customer, movements, end)."""
    account = next(each for each in demo_accounts(date(2026, 11, 1), NOW.date()) if each.name == ACME)
    movements, churned, stayed = defaultdict(list), [], []
    for each in account.activities():
        at, minor, mrr = datetime.fromisoformat(each["date"]), each["activity-mrr-movement"], each["activity-mrr"]
        moved = SimpleNamespace(at=at, type=each["type"], movement_minor=minor, mrr_minor=mrr)
        movements[each["customer-uuid"]].append(moved)
    for each in account.customers():
        of, since = movements[each["uuid"]], each["customer-since"]
        customer = SimpleNamespace(customer_since=datetime.fromisoformat(since) if since else None)
        left = [moved.at for moved in of if moved.type == "churn" and NOW - timedelta(365) < moved.at <= NOW]
        if left:
            churned.append((customer, of, max(left)))
        elif each["mrr"]:
            stayed.append((customer, of, NOW))
    return churned, stayed


def tallied(people, *factors: Factor) -> list[Tally]:
    past = Past(Config(1, factors, {}), [FIELDS[factor.key] for factor in factors], ZoneInfo("Europe/Berlin"))
    tallies = []
    for some in people:
        tallies.append(Tally())
        for customer, movements, end in some:
            tallies[-1].add(past, customer, movements, end)
    return tallies


def shares(tally: Tally) -> list[float]:
    return [tally.warned[days] / tally.scored[days] for days in DAYS_BEFORE]


def test_default_score_finds_those_who_churn_and_few_others(people):
    churned, stayed = tallied(people, *DEFAULTS)

    assert churned.customers > 150
    assert shares(churned)[0] > 0.5
    assert max(shares(stayed)) < 0.1
    assert all(left > 5 * there for left, there in zip(shares(churned), shares(stayed), strict=True))


def test_useless_factor_is_seen_not_to_help(people):
    churned, stayed = tallied(people, *DEFAULTS, USELESS)
    alone, others = tallied(people, USELESS, USELESS)

    apart = [stayed.mean_points(place) - churned.mean_points(place) for place in range(len(churned.counted))]
    status, *useful, useless = apart
    assert min(useful) > 400
    assert abs(useless) < 50
    assert status == 0  # who paid counts as Active
    assert shares(churned)[0] <= shares(tallied(people, *DEFAULTS)[0])[0]
    assert abs(shares(alone)[0] - shares(others)[0]) < 0.1
