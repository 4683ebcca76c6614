"""The plan of a read: every row of a list falls to exactly one chain, whatever was cut and whenever it stopped."""

import threading
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.histories import PATIENT
from webapp.chartmogul.records import YEARS, Page
from worker.plan import PARTS, STATUSES, Chain, FetchedPage, Plan, equal_parts

BEGAN = datetime(2021, 3, 1, 12, tzinfo=UTC)
NOT_STOPPED = threading.Event()


class Activities:
    """A list of movements as ChartMogul serves it: in order of date, filtered by days, a page after a row."""

    def __init__(self, hours: list[int], size: int) -> None:
        moments = sorted(BEGAN + timedelta(hours=hour) for hour in hours)
        self.rows = [{"uuid": str(number), "date": at.isoformat()} for number, at in enumerate(moments)]
        self.size = size

    def page(self, chain: Chain) -> tuple[Page, str | None]:
        params = chain.params()
        after = int(params.get("start-after", -1))
        first, last = params.get("start-date", ""), params.get("end-date", "9999")
        rows = [row for row in self.rows[after + 1 :] if first <= row["date"][:10] <= last]
        page = Page(list(rows[: self.size]), None, len(rows) > self.size)
        return page, rows[: self.size][-1]["uuid"] if rows else chain.at


def owned(fetched: FetchedPage) -> list[str]:
    rows: list[Any] = fetched.entries
    return [row["uuid"] for row in rows if fetched.owns(datetime.fromisoformat(row["date"]))]


def without_customers() -> dict[str, Any]:
    done = {"status": "", "since": None, "until": None, "at": None, "done": True, "aside": False}
    return {"customers": {"chains": [done]}}


@PATIENT
@given(
    hours=st.lists(st.integers(0, 24 * 900), max_size=120),
    size=st.integers(1, 7),
    turns=st.lists(st.integers(0, 5), min_size=1, max_size=40),
    borders=st.lists(st.integers(-10, 910), max_size=7, unique=True),
)
def test_every_movement_falls_to_one_chain(hours: list[int], size: int, turns: list[int], borders: list[int]) -> None:
    """Several readers take chains and hand their pages in, in any interleaving, wherever the list was cut before."""
    cuts = [BEGAN.date() + timedelta(day) for day in sorted(borders)]
    activities, plan, taken = Activities(hours, size), Plan(without_customers(), cuts), list[Chain]()
    found: list[str] = []
    step = 0
    while True:
        step += 1
        if turns[step % len(turns)] < 3 and len(taken) < 4 and (chain := take_now(plan)):
            taken.append(chain)
        elif taken:
            chain = taken.pop(turns[step % len(turns)] % len(taken))
            page, at = activities.page(chain)
            found += owned(plan.advance(chain, page, at))
            plan.free(chain)
        elif not (chain := take_now(plan)):
            break
        else:
            taken.append(chain)

    assert sorted(found, key=int) == [row["uuid"] for row in activities.rows]


class Once(threading.Event):
    """Lets the plan look once, and not wait for chains that others read."""

    looked = False

    def is_set(self) -> bool:
        looked, self.looked = self.looked, True
        return looked


def take_now(plan: Plan) -> Chain | None:
    plan._change.wait = lambda timeout=None: True  # type: ignore[method-assign]
    return plan.take(Once())


@PATIENT
@given(hours=st.lists(st.integers(0, 24 * 900), min_size=20, max_size=120), stops=st.integers(1, 30))
def test_read_that_is_taken_up_again_misses_nothing(hours: list[int], stops: int) -> None:
    """What was saved counts, what was fetched and not saved is fetched again."""
    activities, checkpoint, found = Activities(hours, 3), without_customers(), set[str]()
    for _ in range(300):
        plan = Plan(checkpoint)
        for number in range(stops + 1):
            chain = plan.take(NOT_STOPPED)
            if chain is None:
                assert found == {row["uuid"] for row in activities.rows}
                assert not plan.open("movements")
                return
            page, at = activities.page(chain)
            fetched = plan.advance(chain, page, at)
            plan.free(chain)
            if number < stops:
                new = set(owned(fetched)) - found
                found |= new
                before = checkpoint.get("movements", {})
                checkpoint["movements"] = plan.place(fetched, before, len(owned(fetched)), len(new))
    pytest.fail("the read does not end")


def test_pages_without_a_new_row_are_counted_from_one_turn_to_the_next() -> None:
    checkpoint: dict[str, Any] = {}
    counted = []
    for rows, new in ((3, 3), (3, 0), (3, 0), (0, 0), (3, 0), (3, 1), (3, 0)):
        plan = Plan(checkpoint)
        chain = next(each for each in plan._chains if each.stream == "movements")
        page = plan.advance(chain, Page([{}] * rows, None, True, None), "a place")
        checkpoint["movements"] = plan.place(page, checkpoint.get("movements", {}), rows, new)
        counted.append(chain.stale)

    assert counted == [0, 1, 2, 2, 3, 0, 1]


def test_long_list_of_customers_is_cut_by_status_and_a_short_one_is_not() -> None:
    for pages, statuses in ((9, [""]), (10, [*STATUSES])):
        plan = Plan({"movements": without_customers()["customers"]})
        chain = plan.take(NOT_STOPPED)
        assert chain is not None
        plan.advance(chain, Page([], "next", True, pages), "next")
        plan.free(chain)

        assert [each.status for each in plan._chains if each.open] == statuses
        assert plan.cut_by_status == (pages == 10)


def test_movements_read_before_are_cut_into_parts_of_equally_many() -> None:
    days = {date(2024, 1, 1) + timedelta(day): 100 + 900 * (day >= 90) for day in range(100)}  # most at the end

    borders = equal_parts(days)

    parts = [
        sum(number for day, number in days.items() if since <= day < until)
        for since, until in pairwise([date.min, *borders, date.max])
    ]
    assert len(parts) == PARTS
    assert max(parts) - min(parts) <= 2 * max(days.values())
    assert [chain.since for chain in Plan(without_customers(), borders)._chains if chain.open] == [None, *borders]


def test_short_or_broken_list_of_movements_is_not_cut_beforehand() -> None:
    whole = {**without_customers(), "movements": {"whole": 1}}

    assert equal_parts({}) == []
    assert equal_parts(dict.fromkeys([date(2024, 1, 1), date(2024, 1, 2)], 700)) == []
    assert [chain.until for chain in Plan(whole, [date(2024, 1, 2)])._chains if chain.open] == [None]


def test_each_chain_asks_for_a_day_more_on_either_side() -> None:
    chain = Chain("movements", since=date(2024, 3, 1), until=date(2024, 4, 1), at="x")

    assert chain.params() == {"start-date": "2024-02-29", "end-date": "2024-04-02", "start-after": "x"}
    assert chain.owner()(datetime(2024, 3, 1, tzinfo=UTC))
    assert chain.owner()(datetime(2024, 3, 31, 23, 59, 59, tzinfo=UTC))
    assert not chain.owner()(datetime(2024, 4, 1, tzinfo=UTC))


def test_parts_together_ask_for_every_day_that_a_movement_can_have() -> None:
    first, last = Chain("movements", until=date(2024, 3, 1)), Chain("movements", since=date(2024, 3, 1))

    assert first.params()["start-date"] == date(YEARS[0], 1, 1).isoformat()
    assert last.params()["end-date"] == date(YEARS[-1], 12, 31).isoformat()
