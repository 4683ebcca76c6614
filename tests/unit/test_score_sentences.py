"""What a score says in words, and its small line."""

import re
from dataclasses import replace
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from tests.unit.test_health import CHANGE, CONTRACTION, DEFAULT, EXAMPLE, STATUS
from webapp import score_sentences as say
from webapp.charts import Line, spark, step_line
from webapp.health import FULL, Facts, score_of, score_of_points
from webapp.values import PropertyType

SCORE = score_of(DEFAULT, EXAMPLE, Facts("Active"))


@pytest.mark.parametrize(
    ("number", "words", "with_sign"),
    [(608, "60.8", "+60.8"), (520, "52", "+52"), (0, "0", "0"), (-31, "−3.1", "−3.1"), (-5, "−0.5", "−0.5")],
)
def test_tenths_are_shown_without_more_digits_than_they_have(number, words, with_sign):
    assert (say.tenths(number), say.signed(number)) == (words, with_sign)


@pytest.mark.parametrize(
    ("type_", "value", "words"),
    [
        (PropertyType.PERCENT, Decimal("-12"), "−12\u00a0%"),
        (PropertyType.PERCENT, Decimal("-12.5"), "−12.50\u00a0%"),
        (PropertyType.MONEY, -1250, "−12.50\u00a0EUR"),
        (PropertyType.NUMBER, 1234, "1,234"),
        (PropertyType.TEXT, "go-getter", "go-getter"),
        (PropertyType.BOOLEAN, False, "No"),
        (PropertyType.NUMBER, None, "none"),
    ],
)
def test_values_are_said_as_people_write_them(type_, value, words):
    assert say.value_words(type_, value, "EUR") == words


def test_worked_example_in_sentences():
    lines = {line.factor.key: line for line in SCORE.lines}

    assert say.reason(lines["change"], "−12\u00a0%") == (
        "MRR change, 90 days is −12\u00a0%: 52 of 100 points, which costs 13.1."
    )
    assert say.reason(lines["status"], "Active") == (
        "Subscription status is Active: 100 of 100 points, which costs nothing."
    )
    assert say.sum_line(SCORE) == "100 − 39.2 lost = 60.8, shown as 61"
    assert say.coverage_words(SCORE) == "11 of 11 weights have a value"
    assert [say.weight_words(factor, 11) for factor in DEFAULT.factors] == [
        "High, 3 of 11",
        "High, 3 of 11",
        "Medium, 2 of 11",
        "Medium, 2 of 11",
        "Low, 1 of 11",
    ]


def test_factors_behind_another_configuration_and_coverage_are_named():
    status, change, contraction, peak, interval = DEFAULT.factors
    moved = replace(change, zero=-5000)
    then = score_of_points(replace(DEFAULT, factors=(status, change, contraction, peak)), [1000, 520, None, 640])
    now = score_of_points(replace(DEFAULT, factors=(status, moved, contraction, interval)), [None, 760, 222, 400])
    heavier = replace(DEFAULT, factors=(replace(status, weight=1), change, contraction, peak, interval))

    assert list(say.not_of_factors(then, score_of_points(heavier, [1000, 520, None, 640, None]))) == [
        "Weighs otherwise: Subscription status."
    ]
    assert list(say.not_of_factors(then, now)) == [
        "New: Billing interval.",
        "No longer a factor: MRR vs peak.",
        "Gives points in another way: MRR change, 90 days.",
        "Counts now and did not then: Days since contraction.",
        "Counted then and does not now: Subscription status.",
    ]
    assert list(say.not_of_factors(then, then)) == []


def test_factor_says_where_its_points_begin_and_end():
    assert say.anchors(CHANGE, None) == "0 points at −25\u00a0%, 100 at 0\u00a0%"
    assert say.anchors(CONTRACTION, None) == "0 points at 0, 100 at 180"
    assert say.anchors(STATUS, None) == ""


def test_no_value_that_counts_is_said():
    score = score_of(DEFAULT, ("Active", 0, None, 10_000, "12"), Facts("Active"))

    assert say.reason(score.lines[2], None) == (
        "Days since contraction has no value: 100 of 100 points, which costs nothing."
    )


def test_caps_are_said_with_what_they_take():
    score = score_of(DEFAULT, EXAMPLE, Facts("Past Due", churn_scheduled=True))

    assert [say.cap_line(name, DEFAULT.caps[name], taken) for name, taken in score.caps] == [
        "Churn is scheduled: the score is at most 19. That takes 41.8.",
        "Past due: the score is at most 39. That takes nothing: the score is not above it.",
    ]
    assert say.sum_line(score) == "100 − 39.2 lost = 60.8, − 41.8 by caps = 19, shown as 19"


def test_change_is_said_with_its_word():
    assert say.change_words(-123, "29 Oct 2026") == "down 12.3 since 29 Oct 2026: Decline"
    assert say.change_words(151, "29 Oct 2026") == "up 15.1 since 29 Oct 2026: Sharp improvement"
    assert say.change_words(0, "29 Oct 2026") == "the same as on 29 Oct 2026: Stable"


@pytest.mark.parametrize("reason", ["not_enough_data", "churned", "lead", "gone"])
def test_every_reason_for_no_score_is_a_sentence(reason):
    score = score_of_points(DEFAULT, [None, 100, None, None, None])

    words = say.why_none(reason, score, "Trialing")

    assert words.endswith(".")
    assert say.why_none_word(reason).lower() in words.lower()
    if reason == "not_enough_data":
        assert "3 of 11 weights have a value" in words


def shapes(svg):
    root = ElementTree.fromstring(str(svg))
    return root, [path.get("d") for path in root.iter("path")], list(root.iter("circle"))


def test_spark_goes_from_left_to_right_and_ends_with_a_dot():
    root, paths, dots = shapes(spark([620, None, 400, 340], "Score from 62 to 34 over 12 weeks"))

    assert root.get("aria-label") == "Score from 62 to 34 over 12 weeks"
    assert paths == ["M4 3M62.7 20.3L92 25"]
    assert [(dot.get("cx"), dot.get("cy")) for dot in dots] == [("92", "25")]


def test_spark_of_small_steps_stays_small_and_ends_without_a_dot_where_nothing_is_known():
    _, (path,), dots = shapes(spark([500, 510, None], "<label>"))

    assert not dots
    assert all(13 < float(y) < 15 for y in re.findall(r"[ML][\d.]+ ([\d.]+)", path))


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ([620, 400, 340], "Score from 62 to 34 over 12 weeks"),
        ([None, 400, 345], "Score 35, not known for all of 12 weeks"),
        ([400, None], "Score 40, not known for all of 12 weeks"),
    ],
)
def test_spark_is_said_in_words(scores, words):
    assert say.spark_words(scores, 12) == words


def test_score_curve_reaches_to_100_and_marks_versions():
    line = Line([(0, 500)], [(50, 750), (60, None)], 100)

    _, paths, _ = shapes(step_line(line, "label", FULL, [50]))

    assert paths == ["M0 102H500", "M500 55H600", "M500 0V200"]
