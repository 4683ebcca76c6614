"""The health score: the worked example to the digit, and rules that hold for every configuration and value."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.histories import PATIENT
from webapp.chartmogul.fields import PropertyType
from webapp.health import (
    CAPS,
    Config,
    Factor,
    Facts,
    Grade,
    change_between,
    grade_of,
    score_of,
    score_of_points,
    scores_of,
    trend_word,
    whole,
)

STATUS = Factor("status", "Subscription status", PropertyType.TEXT, 3, by_text={"past due": 20, "active": 100})
CHANGE = Factor("change", "MRR change, 90 days", PropertyType.PERCENT, 3, -2500, 0)
CONTRACTION = Factor("contraction", "Days since contraction", PropertyType.NUMBER, 2, 0, 1_800_000, empty=100)
PEAK = Factor("peak", "MRR vs peak", PropertyType.PERCENT, 2, 5000, 10_000)
INTERVAL = Factor(
    "interval", "Billing interval", PropertyType.TEXT, 1, by_text={"1": 40, "3": 60, "12": 100}
)  # fmt: skip
DEFAULT = Config(1, (STATUS, CHANGE, CONTRACTION, PEAK, INTERVAL), CAPS)
EXAMPLE = ("Active", -1200, 400_000, 8200, "1")
ACTIVE = Facts("Active")


def test_worked_example_to_the_digit():
    score = score_of(DEFAULT, EXAMPLE, ACTIVE)

    assert [line.points for line in score.lines] == [1000, 520, 222, 640, 400]
    assert (score.score, score.shown, score.grade) == (608, 61, Grade.STABLE)
    assert [line.lost for line in score.lines] == [0, 131, 141, 65, 55]
    assert sum(line.lost for line in score.lines) == 392
    assert score.coverage == 100
    assert [line.factor.key for line in score.risk_drivers] == ["contraction", "change", "peak"]
    assert [line.factor.key for line in score.health_drivers] == ["status"]


@pytest.mark.parametrize(
    ("facts", "score", "caps"),
    [
        (Facts("Active"), 608, ()),
        (Facts("Past Due"), 390, (("past_due", 218),)),
        (Facts("Active", churn_scheduled=True), 190, (("scheduled_churn", 418),)),
        (Facts("Past Due", churn_scheduled=True), 190, (("scheduled_churn", 418), ("past_due", 0))),
    ],
)
def test_caps_are_lines_of_their_own(facts, score, caps):
    found = score_of(DEFAULT, EXAMPLE, facts)

    assert (found.score, found.caps, found.uncapped) == (score, caps, 608)
    assert sum(line.lost for line in found.lines) + sum(less for _, less in caps) == 1000 - score


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (Facts("Cancelled"), "churned"),
        (Facts("Qualified Lead"), "lead"),
        (Facts(None), "lead"),
        (Facts("Active", gone=True), "gone"),
    ],
)
def test_who_is_no_customer_has_no_score(facts, why):
    found = score_of(DEFAULT, EXAMPLE, facts)

    assert (found.score, found.grade, found.why_none) == (None, None, why)


def test_under_half_of_the_weights_there_is_no_number():
    enough = score_of(DEFAULT, ("Active", -1200, None, None, None), ACTIVE)
    config = Config(1, (STATUS, CHANGE, PEAK), CAPS)
    too_few = score_of(config, (None, None, 8200), ACTIVE)

    assert [line.factor.key for line in enough.lines] == ["status", "change", "contraction"]  # never: full points
    assert (too_few.score, too_few.why_none, too_few.coverage) == (None, "not_enough_data", 25)
    assert [factor.key for factor in too_few.not_counted] == ["status", "change"]


@pytest.mark.parametrize(
    ("tenths", "grade"),
    [(1000, 1), (795, 1), (794, 2), (600, 2), (595, 2), (594, 3), (395, 3), (394, 4), (195, 4), (194, 5), (0, 5)],
)
def test_grade_is_that_of_the_number_shown(tenths, grade):
    assert grade_of(tenths) == grade == 5 - min(whole(tenths) // 20, 4)


def test_grades_are_shown_as_digit_and_word():
    words = [grade.word for grade in Grade]

    assert words == ["1 Healthy", "2 Stable", "3 Watch", "4 At risk", "5 High churn risk"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (29, "Stable"),
        (-29, "Stable"),
        (30, "Improvement"),
        (-30, "Decline"),
        (149, "Improvement"),
        (150, "Sharp improvement"),
        (-150, "Sharp decline"),
        (None, ""),
    ],
)
def test_trend_has_a_word(change, word):
    assert trend_word(change) == word


def test_inverted_and_clamped_points():
    factor = Factor("days", "Days past due", PropertyType.NUMBER, 1, 300_000, 0)

    assert [factor.points(days * 10_000) for days in (-5, 0, 15, 30, 90)] == [1000, 1000, 500, 0, 0]


parts = st.tuples(
    st.integers(1, 3),
    st.none() | st.integers(0, 100),
    st.integers(-(10**9), 10**9),
    st.integers(1, 10**9),
    st.booleans(),
    st.none() | st.floats(-0.2, 1.2),
)
known = st.builds(
    Facts,
    st.sampled_from(["Active", "Active", "Past Due", "Cancelled", "New Lead", None]),
    st.booleans(),
    st.just(False),
)
limits = st.dictionaries(st.sampled_from(sorted(CAPS)), st.integers(0, 100))


def _case(made: list, caps: dict, facts: Facts) -> tuple[Config, list[int | None], Facts]:
    """`made`: weight, points without a value, one anchor, how far the other is, whether that is lower, and where the
    value lies between them."""
    factors, kept = [], []
    for number, (weight, empty, zero, span, falling, place) in enumerate(made):
        hundred = zero - span if falling else zero + span
        factors.append(Factor(str(number), "Any", PropertyType.NUMBER, weight, zero, hundred, empty=empty))
        kept.append(None if place is None else zero + round(place * (hundred - zero)))
    return Config(1, tuple(factors), caps), kept, facts


cases = st.builds(_case, st.lists(parts, min_size=2, max_size=8), limits, known)


@PATIENT
@given(cases)
def test_everything_that_is_lost_adds_up(case):
    score = score_of(*case)

    if score.score is not None and score.uncapped is not None:
        assert sum(line.lost for line in score.lines) == 1000 - score.uncapped
        assert sum(line.gained for line in score.lines) == score.uncapped
        assert score.uncapped - sum(less for _, less in score.caps) == score.score
        assert all(line.lost >= 0 and line.gained >= 0 for line in score.lines)
        assert 0 <= score.score <= 1000


@PATIENT
@given(cases)
def test_many_at_once_score_as_one_by_one(case):
    config, kept, facts = case
    one = score_of(config, kept, facts)

    ((score, points, caps),) = scores_of(config, [[value] for value in kept], [facts])

    assert score == one.score
    assert score_of_points(config, points, caps, facts.why_none) == one


@PATIENT
@given(cases, st.data())
def test_a_score_never_falls_when_a_value_gets_better(case, data):
    config, kept, _ = case
    at = data.draw(st.integers(0, len(kept) - 1))
    factor, value = config.factors[at], kept[at]
    if value is None:
        return
    up = 1 if factor.hundred > factor.zero else -1
    better = [*kept]
    better[at] = value + up * data.draw(st.integers(0, 10**12))

    before, after = score_of(config, kept, ACTIVE), score_of(config, better, ACTIVE)

    assert (before.score is None) == (after.score is None)
    assert before.score is None or before.score <= after.score


@PATIENT
@given(cases, st.data())
def test_a_missing_value_changes_no_other_points(case, data):
    config, kept, facts = case
    at = data.draw(st.integers(0, len(kept) - 1))
    without = [None if place == at else value for place, value in enumerate(kept)]

    points, left = (
        {line.factor.key: line.points for line in score_of(config, values, facts).lines} for values in (kept, without)
    )

    mine = config.factors[at].key
    assert {key: value for key, value in points.items() if key != mine} == {
        key: value for key, value in left.items() if key != mine
    }


@PATIENT
@given(cases, cases)
def test_parts_of_a_change_add_up(one, other):
    then, now = score_of(*one), score_of(one[0], [None, *one[1][1:]], other[2])
    other_version = score_of(Config(2, other[0].factors, other[0].caps), other[1], other[2])

    for later in (now, other_version):
        change = change_between(then, later)
        if change is not None:
            parts = *change.by_factor.values(), change.by_caps, change.by_coverage, change.by_configuration
            assert sum(parts) == change.total == later.score - then.score
            assert not change.by_configuration or later is other_version
            if [line.factor.key for line in then.lines] == [line.factor.key for line in later.lines]:
                assert change.by_coverage == 0


def test_change_of_importance_is_the_configurations_doing_and_not_the_customers():
    """The same points, but what counts most has changed: no factor's line speaks of it."""
    factors = tuple(replace(factor, weight=4 - factor.weight) for factor in DEFAULT.factors)
    then, now = score_of(DEFAULT, EXAMPLE, ACTIVE), score_of(Config(2, factors, CAPS), EXAMPLE, ACTIVE)

    change = change_between(then, now)

    assert set(change.by_factor.values()) == {0}
    assert (change.by_coverage, change.by_caps) == (0, 0)
    assert change.by_configuration == change.total != 0


def test_a_factors_line_holds_what_its_value_did_under_todays_configuration():
    later = ("Active", -1200, 400_000, 9200, None)
    steeper = replace(CHANGE, zero=-5000)
    new = Config(2, (replace(PEAK, weight=3), STATUS, steeper, CONTRACTION, INTERVAL), CAPS)
    now = score_of(new, (later[3], *later[:3], later[4]), ACTIVE)
    then = score_of(DEFAULT, EXAMPLE, ACTIVE)

    change = change_between(then, now)

    assert set(change.by_factor) == {"peak", "status", "contraction"}
    # By today's weights the peak lost 36 x 3 / 12 then, and 16 x 3 / 11 now that the interval is not known.
    assert change.by_factor["peak"] == 90 - 44
    # Then, by today's configuration: (64 x 3 + 100 x 3 + 76 x 3 + 22.2 x 2 + 40 x 1) / 12 = 67.
    assert change.by_configuration == 670 - 608
    assert change.total == now.score - 608 == 141
    assert change.by_coverage == 141 - 46 - 62 - change.by_factor["contraction"]
