"""A factor as it is typed: what is kept of it, and what is said of every mistake."""

from types import SimpleNamespace
from uuid import UUID

import pytest

from webapp.factor_form import Typed, anchors_typed, pair_rows, read_factor
from webapp.factor_values import Frequent
from webapp.values import PropertyType

ID = UUID(int=7)


def property_of(type_: str):
    return SimpleNamespace(id=ID, version=1, codename="it", name="It", type=type_)


def typed(**said):
    return Typed(**{"weight": "2", "zero": "0", "hundred": "10", **said})


@pytest.mark.parametrize(
    ("type_", "zero", "hundred", "kept"),
    [
        ("number", "0", "180", (0, 1_800_000)),
        ("number", "180", "-1.5", (1_800_000, -15_000)),
        ("money", "100", "12.50", (10_000, 1_250)),
        ("percent", "-25", "0 %", (-2_500, 0)),
        ("date", "2026-01-01", "1970-01-02", (20_454, 1)),
        ("boolean", "no", "yes", (0, 1)),
        ("boolean", "yes", "no", (1, 0)),
    ],
)
def test_anchors_are_read_as_a_person_types_values(type_, zero, hundred, kept):
    row, problems = read_factor(property_of(type_), typed(zero=zero, hundred=hundred))

    assert problems == {}
    assert row is not None
    assert (row["zero"], row["hundred"]) == kept
    assert (row["weight"], row["by_text"], row["empty"]) == (2, None, None)


@pytest.mark.parametrize("type_", ["number", "money", "percent", "date", "boolean", "text"])
def test_kept_factor_is_typed_as_it_was(type_):
    by_value = type_ == "text"
    anchors = {"date": ("2026-01-01", "2026-02-01"), "boolean": ("no", "yes"), "text": ("", "")}.get(type_, ("1", "2"))
    said = typed(zero=anchors[0], hundred=anchors[1], empty="5", by_value=by_value, pairs=(("Gold", "9"),))
    row, _ = read_factor(property_of(type_), said)
    assert row is not None

    again, problems = read_factor(property_of(type_), Typed.of_row(row))

    assert (again, problems) == (row, {})


@pytest.mark.parametrize(
    ("said", "field", "words"),
    [
        ({"zero": "10"}, "hundred", "The two values are equal."),
        ({"zero": ""}, "zero", "Enter the value that gives 0 points."),
        ({"hundred": " "}, "hundred", "Enter the value that gives 100 points."),
        ({"zero": "ten"}, "zero", "Enter a plain number, for example 1234.5."),
        ({"zero": "9" * 30}, "zero", "Enter a smaller number"),
        ({"empty": "101"}, "empty", "Enter a whole number from 0 to 100."),
        ({"empty": "-1"}, "empty", "Enter a whole number from 0 to 100."),
        ({"empty": "²"}, "empty", "Enter a whole number from 0 to 100."),
        ({"weight": "4"}, "weight", "Choose an importance."),
        ({"weight": ""}, "weight", "Choose an importance."),
    ],
)
def test_mistake_is_told_at_its_field(said, field, words):
    row, problems = read_factor(property_of("number"), typed(**said))

    assert row is None
    assert list(problems) == [field]
    assert words in problems[field]


def test_several_mistakes_are_told_together():
    _, problems = read_factor(property_of("number"), Typed())

    assert list(problems) == ["weight", "zero", "hundred"]


def test_boolean_needs_a_side():
    assert list(read_factor(property_of("boolean"), typed(zero="", hundred=""))[1]) == ["good"]


def test_list_cannot_be_a_factor():
    assert "It is a list" in read_factor(property_of("list"), typed())[1]["property"]


def by_value(*pairs):
    return Typed("1", by_value=True, pairs=pairs)


def test_texts_are_kept_folded_and_numbers_as_they_are_kept():
    text, _ = read_factor(property_of("text"), by_value(("Past Due", "20"), (" Ähnlich ", "0"), ("Rare", "")))
    number, _ = read_factor(property_of("number"), by_value(("1", "40"), ("12", "100")))

    assert text is not None
    assert number is not None
    assert text["by_text"] == {"past due": 20, "ahnlich": 0}
    assert number["by_text"] == {"10000": 40, "120000": 100}


@pytest.mark.parametrize(
    ("pairs", "field", "words"),
    [
        ((), "points-0", "Give points to at least one value."),
        ((("Gold", ""),), "points-0", "Give points to at least one value."),
        ((("Gold", "1"), ("GOLD", "2")), "text-1", "GOLD has points already."),
        ((("", "1"),), "text-0", "Enter the value that gets these points."),
        ((("Gold", "many"),), "points-0", "Enter a whole number from 0 to 100."),
        (tuple((str(n), "1") for n in range(51)), "points-0", "Give points to at most 50 values."),
    ],
)
def test_mistake_among_values_is_told_at_its_row(pairs, field, words):
    row, problems = read_factor(property_of("text"), by_value(*pairs))

    assert row is None
    assert words in problems[field]


def test_form_offers_frequent_values_with_their_points_then_the_others_and_room_for_more():
    frequent = [Frequent("active", "Active", 12), Frequent("past due", "Past Due", 3)]

    rows = pair_rows(PropertyType.TEXT, by_value(("past due", "20"), ("old", "5")), frequent, blank=True)

    assert [(row.text, row.points, row.customers) for row in rows] == [
        ("Active", "", 12),
        ("Past Due", "20", 3),
        ("old", "5", None),
        ("", "", None),
        ("", "", None),
    ]


def test_form_that_was_refused_shows_what_was_sent():
    rows = pair_rows(PropertyType.TEXT, by_value(("ACTIVE", "x"), ("", "")), [Frequent("active", "Active", 12)], False)

    assert [(row.text, row.points, row.customers) for row in rows] == [("ACTIVE", "x", 12), ("", "", None)]


def test_anchors_are_drawn_as_far_as_they_can_be_read():
    assert anchors_typed(PropertyType.NUMBER, typed(zero="1", hundred="?")) == (10_000, None)
    assert anchors_typed(PropertyType.NUMBER, Typed()) == (None, None)
