"""Values: read as another type, kept, shown."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.histories import PATIENT
from webapp.chartmogul.fields import PropertyType
from webapp.values import (
    CannotRead,
    Value,
    convert,
    csv_value,
    decode,
    encode,
    format_value,
)

BERLIN = ZoneInfo("Europe/Berlin")
N, M, P, T, B, D, L = PropertyType
DAY = date(2026, 11, 14)
CONVERSIONS: list[tuple[PropertyType, Value, dict[PropertyType, Any]]] = [
    (N, Decimal("12.345"), {M: 12_35, P: Decimal("12.35"), T: "12.345", L: ("12.345",)}),
    (N, 1, {M: 1_00, P: Decimal("1.00"), T: "1", B: True, L: ("1",)}),
    (N, Decimal("1E+2"), {M: 100_00, P: Decimal(100), T: "100", L: ("100",)}),
    (M, -12_34, {N: Decimal("-12.34"), T: "-12.34", L: ("-12.34",)}),
    (P, Decimal("-12.00"), {N: Decimal(-12), T: "-12.00", L: ("-12.00",)}),
    (T, "12.5", {N: Decimal("12.5"), M: 12_50, P: Decimal("12.50"), L: ("12.5",)}),
    (T, " -1e2 ", {N: Decimal(-100), M: -100_00, P: Decimal(-100), L: (" -1e2 ",)}),
    (T, "0", {N: Decimal(0), M: 0, P: Decimal(0), B: False, L: ("0",)}),
    (T, "12.5 %", {P: Decimal("12.50"), L: ("12.5 %",)}),
    (T, "Yes", {B: True, L: ("Yes",)}),
    (T, "f", {B: False, L: ("f",)}),
    (T, "2026-11-14", {D: DAY, L: ("2026-11-14",)}),
    (T, "2026-11-13T23:30:00Z", {D: DAY, L: ("2026-11-13T23:30:00Z",)}),
    (T, "2026-11-14T00:00:00.000Z", {D: DAY, L: ("2026-11-14T00:00:00.000Z",)}),
    (B, True, {N: 1, T: "Yes", L: ("Yes",)}),
    (B, False, {N: 0, T: "No", L: ("No",)}),
    (D, DAY, {T: "2026-11-14", L: ("2026-11-14",)}),
    (L, ("a", "b"), {T: "a; b"}),
    *((T, text, {L: (text,)}) for text in ("abc", "1,5", "1.234,5", "١٢", "1e999", "9e15", "nan", "1_0", "")),
    *((T, text, {L: (text,)}) for text in ("2026-02-30", "14.11.2026", "2026-11-14T25:00:00Z")),
]  # fmt: skip


@pytest.mark.parametrize(("from_type", "given_value", "readable"), CONVERSIONS)
def test_every_type_is_read_as_every_other_or_refused(
    from_type: PropertyType, given_value: Value, readable: dict[PropertyType, Value]
) -> None:
    for to_type in PropertyType:
        if to_type is from_type:
            assert convert(given_value, from_type, to_type) == given_value
        elif to_type in readable:
            assert convert(given_value, from_type, to_type, BERLIN) == readable[to_type]
        else:
            with pytest.raises(CannotRead):
                convert(given_value, from_type, to_type, BERLIN)


def test_midnight_utc_names_its_day_in_every_zone() -> None:
    new_york = ZoneInfo("America/New_York")

    assert convert("2026-11-14T00:00:00.000Z", T, D, new_york) == DAY
    assert convert("2026-11-14T00:00:01.000Z", T, D, new_york) == DAY - timedelta(days=1)


def test_a_value_that_is_not_of_its_fields_type_is_read_as_what_it_is() -> None:
    assert convert("seven", N, T) == "seven"
    assert convert(True, N, T) == "Yes"
    with pytest.raises(CannotRead):
        convert("seven", N, N)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
LARGEST = 2**63 - 1
KEPT = {
    N: st.integers(-(10**14), 10**14) | st.decimals(-(10**14), 10**14, places=4),
    M: st.integers(-LARGEST, LARGEST),
    P: st.decimals(-(10**16), 10**16, places=2),
    T: TEXTS.filter(bool),
    B: st.booleans(),
    D: st.dates(),
    L: st.lists(TEXTS, min_size=1, max_size=5).map(tuple),
}


@PATIENT
@given(st.sampled_from(list(PropertyType)).flatmap(lambda type_: st.tuples(st.just(type_), KEPT[type_])))
def test_what_is_kept_comes_back(kept: tuple[PropertyType, Value]) -> None:
    type_, given_value = kept

    number, text = encode(type_, given_value)

    assert decode(type_, number, text) == given_value
    assert (number is None) != (text is None)
    assert number is None or -LARGEST <= number <= LARGEST
    assert text is None or len(text) <= 2_000


@pytest.mark.parametrize(
    ("type_", "given_value", "expected"),
    [
        (N, 5, (50_000, None)),
        (N, Decimal("0.00005"), (1, None)),
        (N, Decimal("-0.00005"), (-1, None)),
        (N, Decimal("0.00004999"), (0, None)),
        (N, Decimal("1E-999999"), (0, None)),
        (N, Decimal("0E+999999"), (0, None)),
        (M, 12_34, (12_34, None)),
        (M, LARGEST, (LARGEST, None)),
        (M, -LARGEST, (-LARGEST, None)),
        (P, Decimal("-12.005"), (-12_01, None)),
        (B, True, (1, None)),
        (D, date(1969, 12, 31), (-1, None)),
        (T, "é" * 2_001, (None, "é" * 2_000)),
        (L, ("é", 'a"b'), (None, '["é","a\\"b"]')),
        *((type_, None, (None, None)) for type_ in PropertyType),
        (T, "", (None, None)),
        (L, (), (None, None)),
    ],
)
def test_columns(type_: PropertyType, given_value: Value | None, expected: tuple[Any, Any]) -> None:
    assert encode(type_, given_value) == expected


@pytest.mark.parametrize(
    ("type_", "given_value"),
    [
        (N, LARGEST // 10_000 + 1),
        (N, Decimal("1E+999999")),
        (N, Decimal("NaN")),
        (M, LARGEST + 1),
        (M, Decimal("1.5")),
        (P, Decimal(10) ** 17),
        (N, True),
        (B, 1),
        (T, 5),
        (D, "2026-11-14"),
        (L, "a"),
    ],
)
def test_what_cannot_be_kept_is_refused(type_: PropertyType, given_value: Value) -> None:
    with pytest.raises(CannotRead):
        encode(type_, given_value)


def test_a_list_that_fits_exactly_is_kept_whole() -> None:
    fits, too_long = ("a" * 990, "b" * 1_003), ("a" * 990, "b" * 1_004)

    assert len(encode(L, fits)[1] or "") == 2_000
    assert decode(L, *encode(L, fits)) == fits
    assert decode(L, *encode(L, too_long)) == too_long[:1]


@PATIENT
@given(st.lists(st.text(st.sampled_from('a"\n😀'), max_size=3_000), min_size=1, max_size=20).map(tuple))
def test_a_long_list_keeps_what_has_room(items: tuple[str, ...]) -> None:
    _, text = encode(L, items)

    assert text is not None
    assert len(text) <= 2_000
    kept = decode(L, None, text)
    assert isinstance(kept, tuple)
    assert kept == items[: len(kept)] or (len(kept) == 1 and items[0].startswith(kept[0]) and len(kept[0]) > 250)


@pytest.mark.parametrize(
    ("type_", "given_value", "shown", "in_csv"),
    [
        (M, 2_490_00, "2,490.00\u00a0EUR", "2490.00"),
        (M, -5, "-0.05\u00a0EUR", "-0.05"),
        (M, LARGEST, "92,233,720,368,547,758.07\u00a0EUR", "92233720368547758.07"),
        (P, Decimal("-12"), "-12.00\u00a0%", "-12.00"),
        (P, Decimal("1234.5"), "1,234.50\u00a0%", "1234.50"),
        (N, 12345, "12,345", "12345"),
        (N, Decimal("1234.5000"), "1,234.5", "1234.5"),
        (N, Decimal("1E+3"), "1,000", "1000"),
        (N, Decimal("-0.0"), "0", "0"),
        (T, "=1+1", "=1+1", "=1+1"),
        (B, False, "No", "false"),
        (B, True, "Yes", "true"),
        (D, date(2026, 11, 4), "4 Nov 2026", "2026-11-04"),
        (L, ("a", "b; c"), "a, b; c", "a; b; c"),
        (M, None, "", ""),
    ],
)
def test_values_for_people_and_for_csv(type_: PropertyType, given_value: Value | None, shown: str, in_csv: str) -> None:
    assert format_value(type_, given_value, "EUR") == shown
    assert csv_value(type_, given_value) == in_csv


def test_money_without_a_currency_is_only_an_amount() -> None:
    assert format_value(M, 2_490_00) == "2,490.00"
