"""Values: each field by example."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.histories import Customer, Movement
from webapp.chartmogul.fields import FIELDS, PropertyType, custom_field
from webapp.values import Moment, custom_as_text, field_values, mrr_by_day

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MOMENT = Moment(NOW, BERLIN, 1_000_00)


def ago(days: float, type_: str, minor: int) -> Movement:
    return Movement(NOW - timedelta(days=days), type_, minor)


def value(codename: str, *movements: Movement, moment: Moment = MOMENT, **customer: Any) -> Any:
    return field_values([codename], Customer(**customer), movements, moment).get(codename)


NEW = ago(400, "new_biz", 100_00)
BACK = [ago(days, "reactivation", 1) for days in (900, 8, -1)]
UP, DOWN = ago(9, "expansion", 50_00), ago(9, "contraction", -50_00)


@pytest.mark.parametrize(
    ("codename", "movements", "expected"),
    [
        ("cm_mrr_change_30d", [NEW], 0),
        ("cm_mrr_change_30d", [NEW, ago(29, "expansion", 5_00), ago(30, "expansion", 7_00)], 5_00),
        ("cm_mrr_change_30d", [NEW, ago(1, "contraction", -5_00), ago(-1, "churn", -95_00)], -5_00),
        ("cm_mrr_change_90d_pct", [NEW, ago(89, "contraction", -12_00)], Decimal("-12.00")),
        ("cm_mrr_change_90d_pct", [NEW, ago(90, "contraction", -12_00)], Decimal("0.00")),
        ("cm_mrr_change_90d_pct", [ago(10, "new_biz", 5)], None),
        ("cm_mrr_change_90d_pct", [ago(99, "new_biz", 3), ago(1, "contraction", -2)], Decimal("-66.67")),
        ("cm_mrr_change_90d_pct", [ago(99, "churn", -24), ago(1, "reactivation", 50_00)], None),
        ("cm_mrr_vs_peak_pct", [NEW, ago(300, "expansion", 100_00), ago(9, "churn", -36_00)], Decimal(82)),
        ("cm_mrr_vs_peak_pct", [NEW, UP, DOWN], Decimal(100)),
        ("cm_mrr_vs_peak_pct", [ago(9, "churn", -24)], None),
        ("cm_mrr_vs_first_pct", [NEW, ago(400, "expansion", 100_00), ago(9, "churn", -200_00)], Decimal(0)),
        ("cm_mrr_vs_first_pct", [ago(400, "new_biz", 0), UP, ago(8, "expansion", 25_00)], Decimal(150)),
        ("cm_contraction_12m", [NEW, ago(364, "contraction", -7_00), ago(365, "contraction", -9_00)], 7_00),
        ("cm_contraction_12m", [NEW, ago(3, "churn", -7_00)], 0),
        ("cm_expansion_12m", [NEW, ago(364, "expansion", 7_00), ago(365, "expansion", 9_00)], 7_00),
        ("cm_contractions_180d", [NEW, ago(179, "contraction", -1), ago(180, "contraction", -1)], 1),
        ("cm_days_since_contraction", [NEW], None),
        ("cm_days_since_contraction", [NEW, ago(40, "contraction", -1), ago(50, "contraction", -1)], 40),
        ("cm_days_since_expansion", [NEW, ago(0, "expansion", 1), ago(-2, "expansion", 1)], 0),
        ("cm_last_movement", [ago(1, "expansion", 1), NEW, ago(-1, "churn", -1)], "expansion"),
        ("cm_last_movement_on", [ago(1, "expansion", 1), NEW, ago(-1, "churn", -1)], date(2026, 11, 21)),
        ("cm_scheduled_churn_on", [NEW, ago(-9, "churn", -1), ago(-5, "churn", -1)], date(2026, 11, 27)),
        ("cm_scheduled_churn_on", [NEW, ago(-5, "churn", -1), ago(-6, "reactivation", 1)], None),
        ("cm_scheduled_churn_on", [ago(-3, "reactivation", 1), ago(-5, "churn", 0)], date(2026, 11, 27)),
        ("cm_scheduled_churn_on", [NEW, ago(5, "churn", -1)], None),
        ("cm_scheduled_mrr_change", [NEW, ago(-5, "churn", -9_00), ago(-6, "reactivation", 2_00)], -7_00),
        ("cm_scheduled_mrr_change", [NEW], 0),
        ("cm_churned_on", [NEW, ago(9, "churn", -100_00)], date(2026, 11, 13)),
        ("cm_churned_on", [NEW, ago(9, "churn", -100_00), ago(8, "reactivation", 1)], None),
        ("cm_churned_on", [NEW, ago(9, "churn", -1), ago(-8, "reactivation", 1)], date(2026, 11, 13)),
        ("cm_churned_on", [NEW, ago(9, "churn", -1), *BACK, ago(7, "churn", -1)], date(2026, 11, 15)),
        ("cm_churned_on", [NEW, ago(-9, "churn", -100_00)], None),
        ("cm_reactivations", [NEW], 0),
        ("cm_reactivations", [NEW, *BACK], 2),
        ("cm_recurring_revenue", [ago(364, "new_biz", 100_00)], 1200_00),
        ("cm_recurring_revenue", [ago(0, "new_biz", 100_00)], 3_29),
        ("cm_recurring_revenue", [NEW, ago(35, "churn", -100_00)], 1200_00),
    ],
)  # fmt: skip
def test_movement_fields(codename: str, movements: list[Movement], expected: Any) -> None:
    assert value(codename, *movements) == expected


@pytest.mark.parametrize(
    ("codename", "customer", "expected"),
    [
        ("cm_status", {"status": "Past Due"}, "Past Due"),
        ("cm_churned", {"status": "Cancelled"}, True),
        ("cm_churned", {"status": "New Lead"}, False),
        ("cm_churned", {"status": None}, None),
        ("cm_mrr", {"mrr_minor": 0}, 0),
        ("cm_mrr_share", {"mrr_minor": 1_00}, Decimal("0.10")),
        ("cm_customer_since", {"customer_since": datetime(2024, 2, 29, 23, tzinfo=UTC)}, date(2024, 3, 1)),
        ("cm_tenure_days", {"customer_since": NOW - timedelta(days=3)}, 3),
        ("cm_tenure_days", {"customer_since": NOW + timedelta(days=3)}, None),
        (
            "cm_trial_to_paid_days",
            {"customer_since": NOW, "free_trial_started_at": NOW - timedelta(days=14)},
            14,
        ),
        (
            "cm_trial_to_paid_days",
            {"customer_since": NOW, "free_trial_started_at": NOW + timedelta(days=1)},
            None,
        ),
        ("cm_trial_to_paid_days", {"customer_since": NOW}, None),
        ("cm_days_past_due", {"status": "Past Due", "past_due_since": NOW - timedelta(days=5)}, 5),
        ("cm_days_past_due", {"status": "Active", "past_due_since": NOW - timedelta(days=5)}, None),
        ("cm_days_past_due", {"status": "Past Due"}, None),
        ("cm_country", {"country": ""}, None),
        ("cm_tags", {"tags": ()}, None),
        ("cm_tags", {"tags": ["vip", "beta"]}, ("vip", "beta")),
    ],
)
def test_customer_fields(codename: str, customer: dict[str, Any], expected: Any) -> None:
    assert value(codename, **customer) == expected


def test_without_any_mrr_there_is_no_share() -> None:
    assert value("cm_mrr_share", moment=Moment(NOW, BERLIN, 0)) is None


def test_a_customer_without_movements_has_no_history() -> None:
    movement_fields = [codename for codename, field in FIELDS.items() if field.cost == "B"]

    assert field_values(movement_fields, Customer(status="New Lead"), [], MOMENT) == {}


def test_scheduled_movements_alone_are_no_history() -> None:
    found = field_values(list(FIELDS), Customer(status=None), [ago(-3, "new_biz", 9_00)], MOMENT)

    assert found == {
        "cm_mrr": 100_00,
        "cm_arr": 1200_00,
        "cm_mrr_share": Decimal(10),
        "cm_scheduled_mrr_change": 9_00,
    }


def test_a_movement_at_this_very_moment_is_past() -> None:
    assert value("cm_mrr_change_30d", ago(0, "new_biz", 5)) == 5
    assert value("cm_mrr_change_30d", Movement(NOW + timedelta(microseconds=1), "new_biz", 5)) is None


def test_days_are_those_of_the_account_also_when_clocks_change() -> None:
    late = Movement(datetime(2026, 10, 24, 22, 30, tzinfo=UTC), "new_biz", 100_00)  # 00:30 on a day of 25 hours
    moment = Moment(datetime(2026, 10, 25, 22, 59, tzinfo=UTC), BERLIN, 1)

    assert value("cm_last_movement_on", late, moment=moment) == date(2026, 10, 25)
    assert value("cm_recurring_revenue", late, moment=moment) == 3_29
    assert mrr_by_day([late], moment) == [(date(2026, 10, 25), 100_00)]


@pytest.mark.parametrize(
    ("sent", "type_", "expected"),
    [
        (213, PropertyType.NUMBER, 213),
        (0.1, PropertyType.NUMBER, Decimal("0.1")),
        (True, PropertyType.BOOLEAN, True),
        ("gold", PropertyType.TEXT, "gold"),
        ("", PropertyType.TEXT, None),
        (None, PropertyType.TEXT, None),
        (["a", 5, 0.5, True, None], PropertyType.LIST, ("a", "5", "0.5", "Yes")),
        ([], PropertyType.LIST, None),
        ({"nested": 1}, PropertyType.TEXT, None),
        ("2026-07-01T22:30:00.000Z", PropertyType.DATE, date(2026, 7, 2)),
        ("2016-01-31T00:00:00.000Z", PropertyType.DATE, date(2016, 1, 31)),
        ("2016-01-31T00:00:00.000Z", PropertyType.TEXT, "2016-01-31T00:00:00.000Z"),
        ("soon", PropertyType.DATE, "soon"),
        (5678, PropertyType.TEXT, "5678"),
        (True, PropertyType.TEXT, "Yes"),
        ("5678", PropertyType.NUMBER, Decimal(5678)),
        ("many", PropertyType.NUMBER, "many"),
        ("f", PropertyType.BOOLEAN, False),
        ("one", PropertyType.LIST, ("one",)),
    ],
)
def test_custom_attributes(sent: object, type_: PropertyType, expected: Any) -> None:
    field = custom_field("Plan Tier", type_)

    found = field_values([field], Customer(custom={"Plan Tier": sent, "plan_tier": "another"}), [], MOMENT)

    assert found.get(field.codename) == expected


def test_a_custom_codename_finds_its_own_key() -> None:
    codename = custom_field("Plan Tier", PropertyType.TEXT).codename

    found = field_values([codename, "cm_custom_x"], Customer(custom={"plan_tier": 1, "Plan Tier": 2}), [], MOMENT)

    assert found == {codename: 2}


def test_unknown_codenames_and_times_without_a_zone_are_mistakes() -> None:
    with pytest.raises(KeyError):
        value("cm_nonsense")
    with pytest.raises(ValueError, match="zone"):
        value("cm_tenure_days", customer_since=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="zone"):
        Moment(datetime(2026, 1, 1), BERLIN, 0)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("value", "text"),
    [("Gold", "Gold"), (True, "Yes"), (1234.5, "1234.5"), (["a", "b"], "a; b"), ([], ""), ({"odd": 1}, ""), (None, "")],
)
def test_custom_attribute_is_shown_as_the_text_that_it_would_be(value: object, text: str) -> None:
    assert custom_as_text(value) == text
