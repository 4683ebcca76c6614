"""Charts: exact shapes for small cases, and nothing that would not be SVG for odd ones."""

import re
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from webapp.charts import Curve, Line, bar, histogram, month_bars, mrr_curve, step_line

TODAY = date(2026, 11, 22)


def day(number):
    return TODAY + timedelta(number)


def paths(curve, label="label"):
    svg = ElementTree.fromstring(str(mrr_curve(curve, label)))
    return {path.get("class", "line"): path.get("d") for path in svg.iter("path")}


def test_curve_steps_at_each_day_and_goes_on_until_today():
    drawn = paths(Curve([(day(-100), 100), (day(-50), 200)], [], TODAY))

    assert drawn["line"] == "M0 102H500V8H1000V8"
    assert drawn["area"] == "M0 102H500V8H1000V8V200H0Z"
    assert set(drawn) == {"line", "area"}


def test_what_is_scheduled_is_dashed_and_marked_after_today():
    drawn = paths(Curve([(day(-100), 100)], [(day(80), 0)], TODAY))

    assert drawn["line"].endswith("V8")
    assert drawn["today"] == "M529.1 0V200"
    assert drawn["ahead"] == "M529.1 8H952.4V196H1000V196"
    assert drawn["mark"] == "M952.4 188v16"


def test_only_scheduled_movements_make_a_curve_too():
    drawn = paths(Curve([], [(day(10), 500)], TODAY))

    assert set(drawn) == {"ahead", "mark"}


@pytest.mark.parametrize(
    "past",
    [[(TODAY, 100)], [(day(-1), 0), (TODAY, 0)], [(day(-3), -50), (TODAY, 10)], [(date.min, 1), (TODAY, 10**17)]],
)
def test_every_point_is_within_the_drawing(past):
    for path in paths(Curve(past, [], TODAY)).values():
        numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", path)]
        assert all(0 <= number <= 1000 for number in numbers)
        assert not re.search(r"nan|inf|e", path)


def test_label_is_text():
    drawn = mrr_curve(Curve([(TODAY, 1)], [], TODAY), '"><script>')

    assert 'aria-label="&#34;&gt;&lt;script&gt;"' in drawn
    assert 'role="img"' in drawn


def test_facts_of_a_curve():
    curve = Curve([(day(-9), 300), (day(-1), 100)], [(day(40), 0)], TODAY)

    assert (curve.first, curve.last, curve.peak, curve.now) == (day(-9), day(42), 300, 100)
    assert (Curve([], [], TODAY).first, Curve([], [], TODAY).last, Curve([], [], TODAY).now) == (TODAY, TODAY, 0)


@pytest.mark.parametrize(
    ("part", "whole", "width"),
    [(0, 10, "0"), (5, 10, "50"), (10, 10, "100"), (1, 100_000, "1.5"), (1, 0, "1.5"), (9, 3, "100")],
)
def test_bar_is_its_share_of_the_place(part, whole, width):
    assert f'<rect width="{width}" height="8"/>' in bar(part, whole)


def test_histogram_has_a_column_for_each_range_and_says_where_most_are():
    drawn = histogram([("0 to 9", 5), ("10 to 19", 0), ("20 to 29", 10), ('"><script>', 1)])

    shapes = [shape.attrib for shape in ElementTree.fromstring(str(drawn)).iter("rect")]
    assert [(shape["x"], shape["y"], shape["height"]) for shape in shapes] == [
        ("2", "100", "100"),
        ("252", "200", "0"),
        ("502", "0", "200"),
        ("752", "180", "20"),
    ]
    assert {shape["width"] for shape in shapes} == {"246"}
    assert 'aria-label="16 values in 4 ranges, from 0 to 9. Most, 10: 20 to 29."' in drawn
    assert "<script>" not in histogram([("<script>", 1)])


def test_few_among_many_are_still_a_sliver():
    assert 'y="198" width="496" height="2"' in histogram([("a", 1_000_000), ("b", 1)])


def bars(amounts, **more):
    svg = ElementTree.fromstring(str(month_bars(amounts, "label", **more)))
    return [(path.get("class"), path.get("d")) for path in svg.iter("path")]


def test_bars_go_up_and_down_from_zero():
    assert bars([100, -100]) == [
        ("zero", "M0 100H1000"),
        ("up", "M75 100h350v-96h-350Z"),
        ("down", "M575 100h350v96h-350Z"),
    ]


def test_month_of_which_nothing_is_known_keeps_its_place_and_has_no_bar():
    assert bars([100, None, 0, 50], running=True) == [
        ("zero", "M0 196H1000"),
        ("up", "M37.5 196h175v-192h-175Z"),
        ("up running", "M787.5 196h175v-96h-175Z"),
    ]


def test_small_amount_is_seen_all_the_same_on_its_side_of_zero():
    assert bars([1, -1, 10**17])[1:3] == [("up", "M50 196h233.3v-2h-233.3Z"), ("down", "M383.3 196h233.3v2h-233.3Z")]


@pytest.mark.parametrize("amounts", [[], [None], [0, 0], [-5], [10**17, -(10**17)]])
def test_bars_of_odd_months_are_still_a_drawing(amounts):
    drawn = bars(amounts)

    assert drawn[0][0] == "zero"
    assert len(drawn) == 1 + sum(bool(amount) for amount in amounts)
    assert not any(re.search(r"nan|inf|e", path) for _, path in drawn)


def test_movements_are_marked_where_they_happened_and_within_the_drawing():
    moved = [(day(-100), "new_biz"), (day(-50), "churn"), (day(-50), "of a later time")]
    svg = ElementTree.fromstring(str(mrr_curve(Curve([(day(-100), 100), (day(-50), 0)], [], TODAY, moved), "label")))

    drawn = {path.get("class"): path.get("d") for path in svg.iter("path")}

    assert (drawn["moved new_biz"], drawn["moved churn"]) == ("M0 0v16", "M500 184v16")


def test_rebuilt_and_recorded_lines_have_gaps_and_meet():
    drawn = str(step_line(Line([(0, 10), (25, None), (30, 5)], [(50, 20), (75, 0)], 100), "label"))

    assert '<path class="rebuilt" d="M0 102H250M300 149H500"/>' in drawn
    assert '<path class="recorded" d="M500 8H750V196H1000"/>' in drawn
    assert "path" not in step_line(Line([], [], 0), "label")
