"""Which customers fell, by the days of their history."""

from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from webapp.falls import Fall, fall_of
from webapp.health import Grade

TODAY = date(2026, 3, 30)  # the day after clocks went forward in Europe


@dataclass
class Day:
    day: date
    score: int | None
    version: int = 1
    rebuilt: bool = False


def days(*rows: tuple[int, int | None], **more) -> list[Day]:
    """Rows of days ago and score in whole points."""
    return [Day(TODAY - timedelta(ago), None if score is None else score * 10, **more) for ago, score in rows]


@pytest.mark.parametrize(
    ("rows", "fall"),
    [
        ([(90, 85), (2, 50)], (1, 3, 2)),
        ([(10, 85), (2, 59), (1, 55), (0, 45)], (1, 3, 2)),
        ([(10, 85), (9, 65), (5, 45)], (1, 3, 5)),
        ([(10, 25), (2, 19)], (4, 5, 2)),
        ([(10, 85), (2, 50), (0, 10)], (1, 5, 2)),
        ([(10, 85), (6, 70), (5, 35), (4, 38), (2, 30)], (1, 4, 5)),
    ],
)
def test_fall_that_stayed_for_two_days_is_one(rows, fall):
    before, grade, ago = fall

    assert fall_of(days(*rows), TODAY) == Fall(Grade(before), Grade(grade), TODAY - timedelta(ago))


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(10, 85)],
        [(10, 85), (1, 50)],
        [(10, 85), (2, 50), (1, 65)],
        [(10, 85), (3, 50), (2, 85), (1, 50)],
        [(10, 85), (2, 65)],
        [(10, 65), (2, 45)],
        [(10, 85), (2, None)],
        [(10, 85), (3, 50), (0, None)],
        [(90, 85), (31, 50), (2, 45)],
        [(10, 10), (2, 5)],
    ],
)
def test_what_did_not_fall_that_far_or_did_not_stay_is_none(rows):
    assert fall_of(days(*rows), TODAY) is None


def test_days_that_were_rebuilt_are_not_compared():
    assert fall_of([*days((10, 85), rebuilt=True), *days((3, 50), (2, 45))], TODAY) is None


def test_another_configuration_is_no_fall():
    assert fall_of([*days((10, 85)), *days((3, 50), version=2)], TODAY) is None
