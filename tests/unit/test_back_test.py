"""The back-test: grades of the past from movements, and who is counted."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from webapp.back_test import DAYS_BEFORE, BackTest, Past, Tally, has_history
from webapp.chartmogul.fields import FIELDS, PropertyType
from webapp.health import Config, Factor, Grade
from webapp.rebuilt import can_be_rebuilt, value_at
from webapp.values import Moment

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
STATUS = Factor("s", "Status", PropertyType.TEXT, 1, by_text={"active": 100, "past due": 20})
PEAK = Factor("p", "MRR vs peak", PropertyType.PERCENT, 3, zero=5_000, hundred=10_000)
NOTE = Factor("n", "Note", PropertyType.TEXT, 1, by_text={"fine": 100})
OF = {"s": FIELDS["cm_status"], "p": FIELDS["cm_mrr_vs_peak_pct"], "n": None}


def back_test(*factors):
    return BackTest(Config(0, factors, {"past_due": 39}), [OF.get(each.key) for each in factors], ZONE)


def moved(days_ago: int, amount: int, after: int, type_: str = "new_biz"):
    return SimpleNamespace(at=NOW - timedelta(days_ago), type=type_, movement_minor=amount, mrr_minor=after)


BEGAN = moved(400, 10_000, 10_000)
SHRANK = moved(80, -6_000, 4_000, "contraction")
LEFT = moved(0, -4_000, 0, "churn")


def tallied(*movements, factors=(STATUS, PEAK)):
    tally = Tally()
    back_test(*factors).add(tally, Past(None), movements, NOW)
    return tally


def test_who_shrank_before_churning_was_warned_of_from_then_on():
    tally = tallied(BEGAN, SHRANK, LEFT)

    # 80 days before, MRR fell to 40 % of its peak: 0 points of 3, all of 1, so 25.
    assert {days: tally.warned[days] for days in DAYS_BEFORE} == {30: 1, 60: 1, 90: 0}
    assert {days: tally.scored[days] for days in DAYS_BEFORE} == {30: 1, 60: 1, 90: 1}
    assert tally.customers == 1


@pytest.mark.parametrize(("days", "grade"), [(30, Grade.AT_RISK), (81, Grade.HEALTHY), (401, None), (0, None)])
def test_grade_is_that_of_what_had_happened_by_then(days, grade):
    found = back_test(STATUS, PEAK).grade_at(Past(None), [BEGAN, SHRANK, LEFT], NOW - timedelta(days))

    assert found == grade


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


def test_factors_without_history_are_named_and_not_counted():
    test = back_test(STATUS, NOTE, PEAK)

    assert [factor.name for factor in test.left_out] == ["Note"]
    assert test.config.factors == (STATUS, PEAK)
    assert test.config.caps == {}
    assert test.grade_at(Past(None), [BEGAN], NOW) is Grade.HEALTHY


@pytest.mark.parametrize("codename", [codename for codename, field in FIELDS.items() if can_be_rebuilt(field)])
def test_values_are_those_that_history_pages_show(codename):
    field = FIELDS[codename]
    at, customer, movements = NOW - timedelta(30), Past(NOW - timedelta(400)), [BEGAN, SHRANK, LEFT]
    test = BackTest(Config(0, (Factor("x", "X", field.type, 1, hundred=1),), {}), [field], ZONE)

    assert test.values_at(customer, movements, at) == [value_at(field, customer, movements, Moment(at, ZONE, 0))]


def test_history_is_there_for_status_and_for_what_movements_tell():
    told = {codename for codename, field in FIELDS.items() if has_history(field)}

    assert {"cm_status", "cm_mrr", "cm_customer_since", "cm_mrr_vs_peak_pct", "cm_days_since_contraction"} <= told
    assert not {"cm_billing_interval_months", "cm_scheduled_churn_on", "cm_days_past_due", "cm_city"} & told
    assert not has_history(None)
