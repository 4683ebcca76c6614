"""Faults on demand: which request they hit, and what they do to its answer.

A fault is data: `{"kind": "truncated", "match": "/activities", "after": 2, "times": 1}`. The first fault that
applies to a request wins. Three families, by the moment at which they act:

- instead of an answer (INSTEAD): the account isn't even asked;
- on the rows of a page (ON_ROWS): what a list says is wrong in itself;
- on the wire (ON_THE_WIRE): a right answer arrives broken.
"""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from typing import Any

from simulator.account import Account, customer_key
from simulator.paging import Page, Query
from simulator.records import Record
from simulator.world import Customer, Movement

INSTEAD = ("status", "html_200", "not_json", "redirect", "hang", "close", "reset")
ON_THE_WIRE = ("truncated", "wrong_length", "broken_gzip", "slow_drip", "slow_headers", "stall")

# What stands for the account's money, name and date in a customer and in a movement
_MONEY = ("mrr", "activity-mrr-movement")
_NAME = ("name", "customer-name")
_DATE = ("customer-since", "date")


@dataclass
class Fault:
    """`match` is a regular expression for the beginning of path and query without /v1 (`/customers(\\?|$)`).

    Of the requests that match, the first `after` pass unharmed; `nth` picks a single one; `times` limits how
    often the fault strikes (None: for ever).
    """

    kind: str
    match: str = "/"
    key: str | None = None
    after: int = 0
    nth: int | None = None
    times: int | None = None
    status: int = 500
    retry_after: int | str | None = None
    seconds: float = 1.0
    url: str = "http://127.0.0.1:9/"
    body: str = ""
    rows: int = 2
    row: int = 0
    set: dict[str, Any] = field(default_factory=dict)
    drop: list[str] = field(default_factory=list)
    seen: int = 0
    fired: int = 0
    memory: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault: {self.kind}")
        re.compile(self.match)

    def strikes(self, target: str, key: str) -> bool:
        if not re.match(self.match, target) or self.key not in (None, key):
            return False
        self.seen += 1
        if self.seen <= self.after or self.nth not in (None, self.seen):
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        self.fired += 1
        return True

    @property
    def on_rows(self) -> bool:
        return self.kind in _ON_ROWS

    @property
    def label(self) -> str:
        return str(self.status) if self.kind == "status" else self.kind

    def state(self) -> Record:
        state = asdict(self)
        del state["memory"]
        return state


class Faults:
    """The faults in force: `add("truncated", match="/activities")`, `add(429, retry_after=2, times=3)`."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._aliases: dict[str, Query] = {}
        self._tokens = count(1)

    def __iter__(self) -> Iterator[Fault]:
        return iter(list(self._faults))

    def __len__(self) -> int:
        return len(self._faults)

    def add(self, kind: str | int, **spec: Any) -> Fault:
        """A number stands for the kind `status` with that status."""
        if str(kind).isdecimal():
            spec["status"], kind = int(kind), "status"
        unknown = spec.keys() - _SETTABLE
        if unknown:
            raise ValueError(f"unknown setting of a fault: {', '.join(sorted(unknown))}")
        fault = Fault(str(kind), **spec)
        with self._lock:
            self._faults.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        with self._lock:
            self._faults.remove(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def strike(self, target: str, key: str) -> Fault | None:
        """The fault for this request. Every fault counts the requests it matches, also when another wins."""
        with self._lock:
            striking = [fault for fault in self._faults if fault.strikes(target, key)]
            for unused in striking[1:]:
                unused.fired -= 1
            return striking[0] if striking else None

    def place_behind(self, query: Query) -> str:
        """A cursor that leads to where `query` leads, for an empty page that loses no row."""
        cursor = f"ZW1wdHk{next(self._tokens)}="
        self._aliases[cursor] = {name: query[name] for name in ("cursor", "start-after") if name in query}
        return cursor

    def real_query(self, query: Query, fault: Fault | None) -> Query:
        """What to look up for `query`: places behind empty pages are resolved, a loop stays at its start."""
        if query.get("cursor") in self._aliases:
            rest = {name: value for name, value in query.items() if name != "cursor"}
            query = rest | self._aliases[query["cursor"]]
        if fault and fault.kind == "loop":
            query = fault.memory.setdefault("query", query)
        return query


@dataclass
class Struck:
    """A page under a fault: `payload` is what will be sent."""

    fault: Fault
    page: Page
    payload: Record
    query: Query
    account: Account
    faults: Faults

    @property
    def rows(self) -> list[Any]:
        rows: list[Any] = self.payload[self.page.key]
        return rows

    def row(self) -> Record | None:
        return self.rows[min(self.fault.row, len(self.rows) - 1)] if self.rows else None


def strike_rows(struck: Struck) -> Record:
    _ON_ROWS[struck.fault.kind](struck)
    return struck.payload


def retry_after(value: int | str | None) -> str | None:
    """Seconds; `date` for an HTTP date two seconds ahead, `date:30` for thirty; or any other text."""
    if isinstance(value, str) and value.startswith("date"):
        seconds = float(value.partition(":")[2] or 2)
        return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    return None if value is None else str(value)


def _empty_page(struck: Struck) -> None:
    struck.rows.clear()
    struck.payload |= {"has_more": True, "cursor": struck.faults.place_behind(struck.query)}


def _repeat_rows(struck: Struck) -> None:
    struck.rows[:0] = struck.page.rows_before(struck.fault.rows)


def _skip_row(struck: Struck) -> None:
    if struck.rows:
        del struck.rows[min(struck.fault.row, len(struck.rows) - 1)]


def _loop(struck: Struck) -> None:
    struck.payload["has_more"] = True


def _missing_cursor(struck: Struck) -> None:
    struck.payload["has_more"] = True
    struck.payload.pop("cursor", None)


def _null_cursor(struck: Struck) -> None:
    struck.payload |= {"has_more": True, "cursor": None}


def _entries_null(struck: Struck) -> None:
    struck.payload[struck.page.key] = None


def _entries_missing(struck: Struck) -> None:
    del struck.payload[struck.page.key]


def _kill_row(struck: Struck) -> None:
    """The row after this page's last is deleted while the list is being read; at the end, the last itself."""
    page = struck.page
    if page.items:
        _kill(struck.account, page.items[min(page.stop, len(page.items) - 1)])


def _kill_served_row(struck: Struck) -> None:
    """The last row of this page is deleted just after it was served."""
    if struck.rows:
        _kill(struck.account, struck.page.items[struck.page.stop - 1])


def _kill(account: Account, item: Any) -> None:
    if isinstance(item, Customer):
        account.delete(item.uuid)
    elif isinstance(item, Movement):
        account.remove_movement(item.uuid)


def _move_row(struck: Struck) -> None:
    """The row after this page's last moves to the front of the list, so that this reading never meets it."""
    page = struck.page
    if page.stop < len(page.items) and isinstance(page.items[page.stop], Customer):
        moved, first = page.items[page.stop], page.items[0]
        before = datetime.fromtimestamp(min(customer_key(first)[0], 1_500_000_000), UTC).date()
        struck.account.move(moved.uuid, before - timedelta(days=1))


def _edit_row(struck: Struck) -> None:
    row = struck.row()
    if row is not None:
        row.update(struck.fault.set)
        for name in struck.fault.drop:
            row.pop(name, None)


def _put(names: tuple[str, ...], value: Any) -> Callable[[Struck], None]:
    """Put `value` in the row's field of that meaning."""

    def strike(struck: Struck) -> None:
        row = struck.row() or {}
        for name in names:
            if name in row:
                row[name] = value

    return strike


def _no_uuid(struck: Struck) -> None:
    (struck.row() or {}).pop("uuid", None)


def _no_customer(struck: Struck) -> None:
    (struck.row() or {}).pop("customer-uuid", None)


def _row_not_object(struck: Struck) -> None:
    if struck.rows:
        struck.rows[min(struck.fault.row, len(struck.rows) - 1)] = "not an object"


def _big_attributes(struck: Struck) -> None:
    row = struck.row()
    if row and "attributes" in row:
        custom = {**row["attributes"]["custom"], "blob": "x" * 5_000_000}
        row["attributes"] = {**row["attributes"], "custom": custom}


def _unknown_fields(struck: Struck) -> None:
    struck.payload["new_in_this_version"] = {"at": 1}
    for row in struck.rows:
        row |= {"new-figure": 1.5, "new_list": [None], "new_object": {"uuid": None}}


def _float_mrr(struck: Struck) -> None:
    for row in struck.rows:
        for name in ("mrr", "arr", "activity-mrr-movement", "activity-mrr", "activity-arr"):
            if row.get(name):
                row[name] += 0.61093020998


_ON_ROWS: dict[str, Callable[[Struck], None]] = {
    "empty_page": _empty_page,
    "repeat_rows": _repeat_rows,
    "skip_row": _skip_row,
    "loop": _loop,
    "missing_cursor": _missing_cursor,
    "null_cursor": _null_cursor,
    "entries_null": _entries_null,
    "entries_missing": _entries_missing,
    "kill_row": _kill_row,
    "kill_served_row": _kill_served_row,
    "move_row": _move_row,
    "edit_row": _edit_row,
    "mrr_string": _put(_MONEY, "12.5"),
    "mrr_null": _put(_MONEY, None),
    "bad_date": _put(_DATE, "yesterday"),
    "no_uuid": _no_uuid,
    "no_customer": _no_customer,
    "row_not_object": _row_not_object,
    "nul_name": _put(_NAME, "Nul\x00 Inc."),
    "surrogate_name": _put(_NAME, "Lone \ud83d Surrogate"),
    "big_attributes": _big_attributes,
    "unknown_fields": _unknown_fields,
    "float_mrr": _float_mrr,
}
ON_ROWS = tuple(_ON_ROWS)
KINDS = (*INSTEAD, *ON_ROWS, *ON_THE_WIRE)
_SETTABLE = {each.name for each in fields(Fault)} - {"kind", "seen", "fired", "memory"}
