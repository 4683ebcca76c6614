"""The back-test: who is counted, who was warned of, and what is not known of the past."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from webapp.back_test import DAYS_BEFORE, Tally
from webapp.chartmogul.fields import FIELDS, PropertyType
from webapp.health import Config, Factor
from webapp.score_past import Past, has_history

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
STATUS = Factor("s", "Status", PropertyType.TEXT, 1, by_text={"active": 100, "past due": 20})
PEAK = Factor("p", "MRR vs peak", PropertyType.PERCENT, 3, zero=5_000, hundred=10_000)
NOTE = Factor("n", "Note", PropertyType.TEXT, 1, by_text={"fine": 100})
OF = {"s": FIELDS["cm_status"], "p": FIELDS["cm_mrr_vs_peak_pct"], "n": None}
NOBODY_SPECIAL = SimpleNamespace(customer_since=None)


def moved(days_ago: int, amount: int, after: int, type_: str = "new_biz"):
    return SimpleNamespace(at=NOW - timedelta(days_ago), type=type_, movement_minor=amount, mrr_minor=after)


BEGAN = moved(400, 10_000, 10_000)
SHRANK = moved(80, -6_000, 4_000, "contraction")
LEFT = moved(0, -4_000, 0, "churn")


def tallied(*movements, factors=(STATUS, PEAK)):
    tally = Tally()
    past = Past(Config(0, factors, {"past_due": 39}), [OF.get(each.key) for each in factors], ZONE)
    tally.add(past, NOBODY_SPECIAL, movements, NOW)
    return tally


def test_who_shrank_before_churning_was_warned_of_from_then_on():
    tally = tallied(BEGAN, SHRANK, LEFT)

    # 80 days before, MRR fell to 40 % of its peak: 0 points of 3, all of 1, so 25.
    assert {days: tally.warned[days] for days in DAYS_BEFORE} == {30: 1, 60: 1, 90: 0}
    assert {days: tally.scored[days] for days in DAYS_BEFORE} == {30: 1, 60: 1, 90: 1}
    assert tally.customers == 1


def test_points_of_each_factor_are_those_of_the_fewest_days_before():
    tally = tallied(BEGAN, SHRANK, LEFT, factors=(STATUS, PEAK, NOTE))

    assert [tally.mean_points(place) for place in range(3)] == [1000, 0, None]


def test_who_churned_within_30_days_is_not_counted():
    tally = tallied(moved(29, 10_000, 10_000), LEFT)

    assert (tally.too_new, tally.customers, tally.scored) == (1, 0, {})
    assert tallied(LEFT).too_new == 1


def test_who_was_no_customer_at_60_days_is_of_the_30_days_alone():
    tally = tallied(moved(45, 10_000, 10_000), LEFT)

    assert (tally.customers, tally.scored[30], tally.scored[60]) == (1, 1, 0)


def test_who_had_left_and_come_back_was_no_customer_between():
    gone, back = moved(100, -10_000, 0, "churn"), moved(50, 8_000, 8_000, "reactivation")

    tally = tallied(BEGAN, gone, back, moved(0, -8_000, 0, "churn"))

    assert {days: tally.scored[days] for days in DAYS_BEFORE} == {30: 1, 60: 0, 90: 0}


@pytest.mark.parametrize(("weight", "scored"), [(4, 1), (5, 0)])
def test_without_half_of_the_weights_nobody_had_a_number(weight, scored):
    note = Factor("n", "Note", PropertyType.TEXT, weight, by_text={"fine": 100})

    assert tallied(BEGAN, LEFT, factors=(STATUS, PEAK, note)).scored[30] == scored


def test_history_is_there_for_status_and_for_what_movements_tell():
    told = {codename for codename, field in FIELDS.items() if has_history(field)}

    assert {"cm_status", "cm_mrr", "cm_customer_since", "cm_mrr_vs_peak_pct", "cm_days_since_contraction"} <= told
    assert not {"cm_billing_interval_months", "cm_scheduled_churn_on", "cm_days_past_due", "cm_city"} & told
    assert not has_history(None)
