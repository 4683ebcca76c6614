"""Ranges that hold all values, are few and round, and have names."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.histogram import EPOCH, FIRST_DAY, LAST_DAY, MOST_BARS, edges, labels
from webapp.values import PropertyType

LARGEST = 2**63 - 1
COUNTED = [PropertyType.NUMBER, PropertyType.MONEY, PropertyType.PERCENT]


@given(
    st.sampled_from(COUNTED),
    st.integers(-LARGEST, LARGEST),
    st.integers(-LARGEST, LARGEST),
    st.sampled_from([1, 10_000]),
)
def test_numbers_lie_in_few_ranges_of_equal_width(type_, one, other, unit):
    low, high = (number // unit * unit for number in sorted((one, other)))

    borders = edges(type_, low, high, unit)

    assert borders[0] <= low
    assert borders[-2] <= high < borders[-1]
    assert 2 <= len(borders) <= MOST_BARS + 2
    assert len({after - before for before, after in pairwise(borders)}) == 1
    assert len(set(labels(type_, borders, unit, "EUR"))) == len(borders) - 1


@given(st.integers(FIRST_DAY, LAST_DAY), st.integers(FIRST_DAY, LAST_DAY))
def test_days_lie_in_few_ranges_in_order(one, other):
    low, high = sorted((one, other))

    borders = edges(PropertyType.DATE, low, high, 1)

    assert borders[0] <= low
    assert borders[-2] <= high < borders[-1]
    assert 2 <= len(borders) <= MOST_BARS + 3
    assert borders == sorted(set(borders))
    assert len(set(labels(PropertyType.DATE, borders, 1, None))) == len(borders) - 1


@pytest.mark.parametrize(
    ("type_", "low", "high", "unit", "first"),
    [
        (PropertyType.NUMBER, 0, 30_000, 10_000, "0"),
        (PropertyType.NUMBER, 0, 950_000, 10_000, "0 to 9"),
        (PropertyType.NUMBER, 5_000, 300_000_000, 1, "0 to under 5,000"),
        (PropertyType.MONEY, 0, 3_100_00, 1, "0.00 to under 500.00\u00a0EUR"),
        (PropertyType.PERCENT, -10_000, 5_000, 1, "-100.00 to under -80.00\u00a0%"),
    ],
)
def test_names_of_ranges(type_, low, high, unit, first):
    assert labels(type_, edges(type_, low, high, unit), unit, "EUR")[0] == first


@pytest.mark.parametrize(
    ("first", "last", "names"),
    [
        (date(2026, 1, 1), date(2026, 1, 2), ["1 Jan 2026", "2 Jan 2026"]),
        (date(2026, 1, 1), date(2026, 1, 20), ["1 Jan 2026 to 7 Jan 2026"]),
        (date(2025, 11, 20), date(2026, 3, 1), ["Nov 2025", "Dec 2025", "Jan 2026", "Feb 2026", "Mar 2026"]),
        (date(2025, 2, 1), date(2026, 8, 1), ["Jan 2025 to Mar 2025"]),
        (date(2019, 5, 5), date(2026, 5, 5), ["2019", "2020"]),
        (date(1970, 1, 1), date(2026, 5, 5), ["1970 to 1979"]),
    ],
)
def test_names_of_ranges_of_days(first, last, names):
    low, high = ((day - EPOCH).days for day in (first, last))

    assert labels(PropertyType.DATE, edges(PropertyType.DATE, low, high, 1), 1, None)[: len(names)] == names
