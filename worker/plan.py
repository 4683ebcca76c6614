"""How the two lists are read by several requests at a time: cut into chains, each a sequence of pages.

Customers are cut by status as soon as the list is long; whether all were found is checked against ChartMogul's
own count afterwards. If not, who came meanwhile is looked for behind the ends of the chains, and if that is not
all, the uncut list is read. Movements are cut by days: first into parts that held equally many when they were last
read, and whenever nothing else is left to do, the longest rest is halved. Each day belongs to exactly one chain.
ChartMogul is asked for a day more on either side, because nobody has said in whose time zone its days begin; rows
of others' days are left to the others.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from webapp.chartmogul.records import YEARS, Page, read_time

LISTS = {"customers": "/customers", "movements": "/activities"}
STATUSES = (
    *("Active", "Cancelled", "Past_Due", "Lead"),
    *("New_Lead", "Working_Lead", "Qualified_Lead", "Unqualified_Lead"),
)
ROWS_A_PAGE = 200
# Shorter than this is not worth the cuts: each costs a part of a page.
CUSTOMER_PAGES_TO_CUT = 10
MOVEMENT_PAGES_TO_CUT = 4
MOST_CHAINS = 100
# Into so many parts movements are cut that were read before.
PARTS = 8
A_DAY = timedelta(days=1)
# The days that a movement can have: a list that is cut must not lack what the whole one holds.
EARLIEST, LATEST = date(YEARS[0], 1, 1), date(YEARS[-1], 12, 31)


@dataclass(eq=False)
class Chain:
    """A part of a list. `at` is where the next page begins, `saved` where it began after the last saved page.
    Movements: its own days are those from `since` to before `until`; None is the list's own end."""

    stream: str
    status: str = ""
    since: date | None = None
    until: date | None = None
    at: str | None = None
    done: bool = False
    # Another way to the same rows has been taken: customers are read by status.
    aside: bool = False
    # What the page after `at` is judged by.
    places: set[str] = field(default_factory=set)
    empty: int = 0
    reached: datetime | None = None
    days_a_page: float | None = None
    busy: bool = False
    saved: tuple[str | None, bool] = (None, False)
    # How many pages in a row were saved that held nothing but rows of before.
    stale: int = 0

    @property
    def open(self) -> bool:
        return not self.done and not self.aside

    def params(self) -> dict[str, Any]:
        """What to ask ChartMogul for, besides the size of a page."""
        if self.stream == "customers":
            return {**({"status": self.status} if self.status else {}), **({"cursor": self.at} if self.at else {})}
        after = {"start-after": self.at} if self.at else {}
        if self.since is None and self.until is None:
            return after
        first, last = (self.since or EARLIEST + A_DAY) - A_DAY, self.until + A_DAY if self.until else LATEST
        return {"start-date": first.isoformat(), "end-date": last.isoformat(), **after}

    def owner(self) -> Callable[[datetime], bool]:
        """Tells of an aware time whether it is in one of the chain's days, as these are now."""
        since, until = (datetime.combine(day, time(), UTC) for day in (self.since or date.min, self.until or date.max))
        return lambda at: since <= at < until

    def days_left(self) -> tuple[date, date] | None:
        """From where to where the rest goes, as far as it is known."""
        begin = self.reached.date() if self.reached else self.since
        return (begin, self.until or datetime.now(UTC).date()) if begin else None

    def pages_left(self) -> float:
        left = self.days_left()
        if left is None or not self.days_a_page:
            return 0
        return (left[1] - left[0]).days / self.days_a_page

    def kept(self) -> dict[str, Any]:
        at, done = self.saved
        since, until = self.since and self.since.isoformat(), self.until and self.until.isoformat()
        return {
            "status": self.status,
            "since": since,
            "until": until,
            "at": at,
            "done": done,
            "aside": self.aside,
            "stale": self.stale,
        }

    @classmethod
    def of(cls, stream: str, kept: dict[str, Any]) -> "Chain":
        since, until = (date.fromisoformat(day) if (day := kept[end]) else None for end in ("since", "until"))
        at, done, stale = kept["at"], kept["done"], kept.get("stale", 0)
        return cls(stream, kept["status"], since, until, at, done, kept["aside"], saved=(at, done), stale=stale)


@dataclass(frozen=True)
class FetchedPage:
    """A page of a chain; `at` is where to go on after it, `owns` tells the chain's rows from its neighbours'."""

    chain: Chain
    entries: list[object]
    owns: Callable[[datetime], bool]
    at: str | None
    last: bool
    total_pages: int | None

    @property
    def stream(self) -> str:
        return self.chain.stream


class Plan:
    """The chains of both lists, shared by the threads that read them."""

    def __init__(self, checkpoint: dict[str, Any], borders: Sequence[date] = ()) -> None:
        """`borders`: the days on which the movements' parts begin, see equal_parts."""
        self._change = threading.Condition()
        self._chains: list[Chain] = []
        self._whole = {stream for stream in LISTS if checkpoint.get(stream, {}).get("whole")}
        for stream in LISTS:
            kept = checkpoint.get(stream, {}).get("chains")
            cuts = [None, *(borders if stream == "movements" and stream not in self._whole else ()), None]
            parts = [Chain(stream, since=since, until=until) for since, until in pairwise(cuts)]
            self._chains += [Chain.of(stream, each) for each in kept] if kept else parts

    def open(self, stream: str) -> bool:
        """Whether anything of a list is still to be saved."""
        with self._change:
            return any(not chain.saved[1] and not chain.aside for chain in self._chains if chain.stream == stream)

    def take(self, stopped: threading.Event) -> Chain | None:
        """The next chain to read a page of; waits while all are being read. None when nothing is left."""
        with self._change:
            while not stopped.is_set() and any(chain.open for chain in self._chains):
                chain = next((each for each in self._chains if each.open and not each.busy), None) or self._cut()
                if chain is not None:
                    chain.busy = True
                    return chain
                self._change.wait(0.1)
            return None

    def advance(self, chain: Chain, page: Page, at: str | None) -> FetchedPage:
        """Note what a page says of its chain; the chain stays taken until the page was handed over."""
        with self._change:
            chain.at = at
            chain.done = not page.has_more or (chain.stream == "movements" and self._past_the_end(chain, page))
            if chain.stream == "customers" and not chain.status and page.total_pages:
                self._cut_customers(chain, page.total_pages)
            self._change.notify_all()
            return FetchedPage(chain, page.entries, chain.owner(), at, chain.done, page.total_pages)

    def free(self, chain: Chain) -> None:
        with self._change:
            chain.busy = False
            self._change.notify_all()

    def place(self, page: FetchedPage, before: dict[str, Any], rows: int, new: int) -> dict[str, Any]:
        """A list's part of the checkpoint once a page is saved: one that held so many of its chain's rows, so many of
        them for the first time."""
        with self._change:
            page.chain.saved = (page.at, page.last)
            if rows:
                page.chain.stale = 0 if new else page.chain.stale + 1
            chains = [chain.kept() for chain in self._chains if chain.stream == page.stream]
        return {**before, "number": before.get("number", 0) + 1, "chains": chains}

    def look_behind_the_ends(self) -> bool:
        """Let the customers' chains go on where they ended, for those who came meanwhile; False if they are not cut."""
        with self._change:
            for chain in self._chains:
                if chain.status:
                    chain.done, chain.saved = False, (chain.at, False)
        return self.cut_by_status

    @property
    def cut_by_status(self) -> bool:
        return any(chain.aside for chain in self._chains)

    def _cut(self) -> Chain | None:
        """Halve the longest rest of the movements, if that is worth it."""
        rests = [chain for chain in self._chains if chain.stream == "movements" and chain.open]
        if "movements" in self._whole or not rests or len(self._chains) >= MOST_CHAINS:
            return None
        longest = max(rests, key=Chain.pages_left)
        left = longest.days_left()
        if left is None or longest.pages_left() < MOVEMENT_PAGES_TO_CUT or (left[1] - left[0]).days < 4:
            return None
        middle = left[0] + (left[1] - left[0]) / 2
        half = Chain("movements", since=middle, until=longest.until, days_a_page=longest.days_a_page)
        longest.until = middle
        self._chains.append(half)
        return half

    def _cut_customers(self, chain: Chain, pages: int) -> None:
        if chain.done or pages < CUSTOMER_PAGES_TO_CUT or "customers" in self._whole or self.cut_by_status:
            return
        chain.aside = True
        self._chains = [*(Chain("customers", status) for status in STATUSES), *self._chains]

    @staticmethod
    def _past_the_end(chain: Chain, page: Page) -> bool:
        """Note how far a page of movements led. Whether it led a day past the chain's own: then, as long as the
        list keeps to the order of its days, nothing more of it is this chain's."""
        first, last = _date(page.entries[:1]), _date(page.entries[-1:])
        if first is None or last is None or first > last or (chain.reached and first < chain.reached):
            return False
        chain.days_a_page = max((last - first) / A_DAY, 0.01)
        chain.reached = last
        return chain.until is not None and last.date() > chain.until


def equal_parts(moved: Mapping[date, int]) -> list[date]:
    """The days on which parts of equally many movements begin, the first part left out, given how many movements each
    day has. No part is so short that it would not be worth its cut."""
    total = sum(moved.values())
    parts = min(PARTS, total // (ROWS_A_PAGE * MOVEMENT_PAGES_TO_CUT))
    borders, before, last = list[date](), 0, 0
    for day in sorted(moved):
        part = before * parts // total
        if part > last:
            borders.append(day)
        before, last = before + moved[day], part
    return borders


def _date(entries: list[object]) -> datetime | None:
    entry = entries[0] if entries else None
    sent = entry.get("date") if isinstance(entry, dict) else None
    try:
        return read_time(sent) if isinstance(sent, str) else None
    except ValueError:
        return None
