"""Faults on demand: which request they hit, and what they do to its answer.

A fault is data: `{"kind": "truncated", "match": "/activities", "after": 2, "times": 1}`. The first fault that
applies to a request wins. Three families, by the moment at which they act:

- instead of an answer (INSTEAD): the account isn't even asked;
- on the rows of a page (ON_ROWS): what a list says is wrong in itself;
- on the wire (ON_THE_WIRE): a right answer arrives broken.
"""

import re
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from typing import Any

from simulator.paging import Query
from simulator.records import Record

INSTEAD = ("status", "html_200", "not_json", "redirect", "hang", "close", "reset")
ON_ROWS = (
    "empty_page",
    "repeat_rows",
    "skip_row",
    "loop",
    "circle",
    "missing_cursor",
    "null_cursor",
    "ends_early",
    "entries_null",
    "entries_missing",
    "kill_row",
    "kill_served_row",
    "move_row",
    "change_status",
    "edit_row",
    "mrr_string",
    "mrr_null",
    "bad_date",
    "no_uuid",
    "no_customer",
    "row_not_object",
    "nul_name",
    "surrogate_name",
    "big_attributes",
    "unknown_fields",
    "float_mrr",
)
ON_THE_WIRE = ("truncated", "wrong_length", "broken_gzip", "slow_drip", "slow_headers", "stall")

KINDS = (*INSTEAD, *ON_ROWS, *ON_THE_WIRE)


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
    memory: dict[str, Query] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault: {self.kind}")
        try:
            re.compile(self.match)
        except re.error as error:
            raise ValueError(f"match is no regular expression: {error}") from None

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

    def real_query(self, path: str, query: Query, fault: Fault | None = None) -> Query:
        """What to look up for `query`: places behind empty pages are resolved, a loop stays at its start."""
        if query.get("cursor") in self._aliases:
            rest = {name: value for name, value in query.items() if name != "cursor"}
            query = rest | self._aliases[query["cursor"]]
        if fault and fault.kind == "loop":
            query = fault.memory.setdefault(path, query)
        return query


def retry_after(value: int | str | None) -> str | None:
    """Seconds; `date` for an HTTP date two seconds ahead, `date:30` for thirty; or any other text."""
    if isinstance(value, str) and value.startswith("date"):
        seconds = float(value.partition(":")[2] or 2)
        return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    return None if value is None else str(value)


_SETTABLE = {each.name for each in fields(Fault)} - {"kind", "seen", "fired", "memory"}
