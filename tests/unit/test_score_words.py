"""What a configuration says in words, and how two differ."""

import pytest

from webapp.score_words import cap_words, differences, share_of, terms, without_value

PEAK = {
    "property": "a", "codename": "peak", "name": "MRR vs peak", "type": "percent", "weight": 2, "zero": 5_000,
    "hundred": 10_000, "by_text": None, "empty": None,
}  # fmt: skip
STATUS = {
    "property": "b", "codename": "status", "name": "Status", "type": "text", "weight": 3, "zero": 0, "hundred": 0,
    "by_text": {"past due": 20, "active": 100}, "empty": 0,
}  # fmt: skip
INTERVAL = {**STATUS, "property": "c", "name": "Interval", "type": "number", "by_text": {"10000": 40, "120000": 1}}
CAPS = {"scheduled_churn": 19, "past_due": 39}


def test_points_on_a_line_are_told_by_both_ends():
    assert terms(PEAK, "EUR") == ["0 points at 50\u00a0%", "100 points at 100\u00a0%"]
    assert terms({**PEAK, "type": "money"}, "EUR")[0] == "0 points at 50.00\u00a0EUR"
    assert terms({**PEAK, "type": "boolean", "zero": 1, "hundred": 0}, None) == ["0 points at Yes", "100 points at No"]


def test_points_by_value_are_told_best_first_and_spelled_as_customers_have_them():
    assert terms(STATUS, None, {"past due": "Past Due"}) == ["active: 100 points", "Past Due: 20 points"]
    assert terms(INTERVAL, None) == ["1: 40 points", "12: 1 point"]


def test_share_is_of_all_importance():
    assert [share_of(row, [PEAK, STATUS]) for row in (PEAK, STATUS)] == ["40 %", "60 %"]


def test_customer_without_a_value_is_told():
    assert [without_value(row) for row in (PEAK, STATUS)] == ["not counted", "0 points"]


def test_caps_are_told_with_their_limits():
    assert cap_words(CAPS) == ["Churn is scheduled: at most 19", "Past due: at most 39"]
    assert cap_words({}) == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ([PEAK], [PEAK, STATUS], ["Status added, importance High."]),
        ([PEAK, STATUS], [PEAK], ["Status removed."]),
        ([PEAK], [{**PEAK, "weight": 3}], ["MRR vs peak: importance Medium → High."]),
        (
            [PEAK],
            [{**PEAK, "zero": 0, "empty": 50}],
            [
                "MRR vs peak: 0 points at 50\u00a0%, 100 points at 100\u00a0% → 0 points at 0\u00a0%, "
                "100 points at 100\u00a0%; without a value not counted → 50 points."
            ],
        ),
        ([PEAK, STATUS], [STATUS, PEAK], ["Another order of the factors."]),
        ([PEAK], [PEAK], []),
    ],
)
def test_difference_is_told_by_factor(before, after, said):
    assert differences(before, after, CAPS, CAPS, "EUR") == said


def test_difference_of_caps_is_told():
    assert differences([PEAK], [PEAK], CAPS, {"past_due": 50}, "EUR") == [
        "Churn is scheduled: at most 19 → no cap.",
        "Past due: at most 39 → at most 50.",
    ]
