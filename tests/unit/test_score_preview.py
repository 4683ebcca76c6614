"""What the preview looks for while customers pass by: causes of moves, and factors that are not worth their place."""

import random
from dataclasses import replace
from types import SimpleNamespace

import pytest

from webapp.health import Config, Factor, Score, score_of_points
from webapp.score_draft import moved, with_factor
from webapp.score_preview import NO_GRADE, Check, largest_cause
from webapp.values import PropertyType

CAPS = {"scheduled_churn": 19, "past_due": 39}


def factor(key: str, weight: int = 1) -> Factor:
    return Factor(key, key.upper(), PropertyType.NUMBER, weight, 0, 10)


def config(*weights: int) -> Config:
    return Config(1, tuple(factor("abcdefgh"[place], weight) for place, weight in enumerate(weights)), CAPS)


def check_of(of: Config, *rows, known=None) -> Check:
    check = Check(SimpleNamespace(config=of, known=lambda: known or [True] * len(of.factors)))  # type: ignore[arg-type]
    for points in rows:
        check.look_at_values([[each] for each in points])
        check.look_at_points(points, (), grade_of(score_of_points(of, points)))
    return check


def grade_of(score: Score) -> int:
    return int(score.grade) if score.grade else NO_GRADE


def test_factor_that_moves_grades_is_not_warned_of():
    assert check_of(config(1, 1), (1000, 0), (0, 1000), (1000, 1000)).warnings(3) == []


@pytest.mark.parametrize(
    ("rows", "known", "words"),
    [
        ([(None, 0), (None, 1000)], [True, True], "A has no values: no customer has one."),
        ([(None, 0), (None, 1000)], [False, True], "A waits to be filled"),
        ([(250, 0), (250, 1000)], [True, True], "A gives the same points to everybody: 25."),
        ([(250, 0), (None, 1000)], [True, True], "A gives the same points to everybody: 25."),
    ],
)
def test_factor_that_says_nothing_is_warned_of(rows, known, words):
    assert words in check_of(config(1, 1), *rows, known=known).warnings(2)[0]


def test_values_that_are_all_not_counted_are_told():
    of = config(1, 1)
    check = Check(SimpleNamespace(config=of, known=lambda: [True, True]))  # type: ignore[arg-type]
    check.look_at_values([["gold", "silver"], [1, 2]])
    for points in ((None, 0), (None, 1000)):
        check.look_at_points(points, (), grade_of(score_of_points(of, points)))

    assert "A gives points to nobody: none of the values that customers have is counted." in check.warnings(2)


def test_nothing_is_warned_of_without_customers():
    assert check_of(config(1, 1)).warnings(0) == []


def test_idle_factor_is_one_without_which_every_grade_is_the_same():
    """Worked out a factor at a time, by scoring everybody without it."""
    pick = random.Random(7)
    for _ in range(300):
        of = config(*(pick.randint(1, 3) for _ in range(pick.randint(2, 5))))
        rows = [tuple(pick.choice((None, 0, 400, 990, 1000)) for _ in of.factors) for _ in range(3)]
        expected = {
            place
            for place in range(len(of.factors))
            if all(grade_of(score_of_points(of, row)) == grade_of(without(of, row, place)) for row in rows)
        }

        assert check_of(of, *rows).idle == expected


def without(of: Config, points, place: int) -> Score:
    rest = replace(of, factors=of.factors[:place] + of.factors[place + 1 :])
    return score_of_points(rest, points[:place] + points[place + 1 :])


def test_cause_is_the_factor_that_gave_most_of_the_move():
    of = config(1, 1, 2)
    before, after = score_of_points(of, (1000, 0, 400)), score_of_points(of, (500, 1000, 1000))

    assert largest_cause(before, after) == "C"


def test_cause_can_be_a_factor_that_was_not_there_before():
    before, after = score_of_points(config(1), (1000,)), score_of_points(config(1, 3), (1000, 0))

    assert largest_cause(before, after) == "B"


@pytest.mark.parametrize("rises", [True, False])
def test_cause_is_never_a_factor_that_is_as_it_was(rises):
    """A weighs more: that B, whose points are low, loses the largest part of its loss by it, is not B's doing."""
    light, heavy = score_of_points(config(1, 3, 3), (1000, 0, 900)), score_of_points(config(3, 3, 3), (1000, 0, 900))

    before, after = (light, heavy) if rises else (heavy, light)

    assert largest_cause(before, after) == "A"


def test_cause_can_be_other_points_for_the_same_value():
    of = config(1, 1)
    moved_anchor = replace(of, factors=(of.factors[0], replace(of.factors[1], hundred=20)))

    before, after = score_of_points(of, (300, 1000)), score_of_points(moved_anchor, (300, 500))

    assert largest_cause(before, after) == "B"


def test_cause_can_be_a_factor_that_is_gone():
    before, after = score_of_points(config(1, 3), (1000, 0)), score_of_points(config(1), (1000,))

    assert largest_cause(before, after) == "B"


def test_cause_can_be_a_cap():
    of = config(1, 1)

    before, after = score_of_points(of, (900, 900)), score_of_points(of, (900, 900), ["past_due"])

    assert largest_cause(before, after) == "Caps"
    assert largest_cause(after, before) == "Caps"


def test_cause_is_measured_under_the_caps_that_hold():
    """A cap was raised, or lowered: what a factor gained above it, or lost, is not what moved the score."""
    low, high = (replace(config(1, 1), caps={"past_due": limit}) for limit in (19, 39))

    raised = score_of_points(low, (1000, 216), ["past_due"]), score_of_points(high, (1000, 800), ["past_due"])
    lowered = score_of_points(high, (1000, 800), ["past_due"]), score_of_points(low, (600, 0), ["past_due"])

    assert [score.score for score in (*raised, *lowered)] == [190, 390, 390, 190]
    assert largest_cause(*raised) == largest_cause(*lowered) == "Caps"


def test_causes_of_one_name_are_told_apart():
    of = Config(1, (factor("a", 3), replace(factor("b"), name="A"), factor("c", 2)), CAPS)
    called_caps = Config(1, (replace(factor("a"), name="Caps"), factor("b")), CAPS)

    assert largest_cause(score_of_points(of, (1000, 500, 500)), score_of_points(of, (0, 510, 400))) == "A"
    assert largest_cause(score_of_points(called_caps, (1000, 500)), score_of_points(called_caps, (0, 490))) == "Caps"


def test_factor_keeps_its_place_when_it_is_changed_and_a_new_one_comes_last():
    rows = [{"property": key, "weight": 1} for key in "ab"]

    assert with_factor(rows, {"property": "a", "weight": 3}) == [{"property": "a", "weight": 3}, rows[1]]
    assert with_factor(rows, {"property": "c", "weight": 1}) == [*rows, {"property": "c", "weight": 1}]


@pytest.mark.parametrize(("place", "order"), [(0, "cab"), (1, "acb"), (2, "abc"), (9, "abc")])
def test_factor_is_moved_to_a_place(place, order):
    rows = [{"property": key} for key in "abc"]

    assert "".join(row["property"] for row in moved(rows, rows[2], place)) == order
