"""Pages and cursors: where a page begins, what it carries, and how the place of the next one is written."""

from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from simulator.records import Record
from simulator.snapshot import NEVER
from simulator.spelling import nano_time

MOST = 200
T = TypeVar("T")
Query = dict[str, str]


class Refusal(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, payload: Any) -> None:
        super().__init__(payload)
        self.status = status
        self.payload = payload


def refusal(status: int, message: str, param: str | None = None) -> Refusal:
    return Refusal(status, {"code": status, "message": message, "param": param})


@dataclass
class Page:
    """Rows `start` to `stop` of `items`, and what the answer says besides them."""

    items: Sequence[Any]
    start: int
    stop: int
    record: Callable[[Any], Record]
    cursor: str | None
    has_more: bool
    counters: Record = field(default_factory=dict)
    key: str = "entries"

    def rows(self) -> list[Record]:
        return [self.record(item) for item in self.items[self.start : self.stop]]

    def rows_before(self, count: int) -> list[Record]:
        return [self.record(item) for item in self.items[max(0, self.start - count) : self.start]]

    def payload(self) -> Record:
        return {self.key: self.rows(), **self.counters, "has_more": self.has_more, "cursor": self.cursor}


def per_page(query: Query) -> int:
    """200 unless told, never more. The answer to 0 or nonsense isn't confirmed; here it is a 400."""
    text = query.get("per_page") or query.get("per-page") or str(MOST)
    if not text.isdecimal() or int(text) == 0:
        raise refusal(400, "per_page is invalid", "per_page")
    return min(int(text), MOST)


@dataclass(frozen=True)
class Order:
    """An order by time and id, and the cursor that names a place in it: `<time, ns>Z&<id>` in base64."""

    time: Callable[[Any], int]
    id: Callable[[Any], int]
    newest_first: bool = True

    def key(self, item: Any) -> tuple[int, int]:
        return self._directed(self.time(item), self.id(item))

    def cursor(self, item: Any) -> str:
        at = self.time(item)
        text = f"{'' if at == NEVER else nano_time(at)}&{self.id(item)}"
        return b64encode(text.encode()).decode()

    def after(self, items: Sequence[Any], cursor: str) -> int:
        """The first place after the one that `cursor` names, whether or not that row is still there."""
        return bisect_right(items, self._place(cursor), key=self.key)

    def _directed(self, at: int, number: int) -> tuple[int, int]:
        return (-at, -number) if self.newest_first else (at, number)

    def _place(self, cursor: str) -> tuple[int, int]:
        try:
            time, _, number = b64decode(cursor, validate=True).decode().rpartition("&")
            at = int(datetime.fromisoformat(time[:19]).replace(tzinfo=UTC).timestamp()) if time else NEVER
            return self._directed(at, int(number))
        except (BadBase64, ValueError):
            raise bad_cursor() from None


def bad_cursor(param: str = "cursor") -> Refusal:
    """What ChartMogul says to a malformed or stale cursor isn't confirmed; here it is a 400."""
    return refusal(400, "Cursor is invalid", param)


def cut(
    items: Sequence[Any],
    query: Query,
    order: Order,
    record: Callable[[Any], Record],
    *,
    counters: str,
    key: str = "entries",
) -> Page:
    """The page that `query` asks for.

    `counters` names the extra keys of a list's first page. The last page still carries a cursor; only a page
    without rows has none.
    """
    most = per_page(query)
    cursor = query.get("cursor")
    start = order.after(items, cursor) if cursor else 0
    stop = min(start + most, len(items))
    return Page(
        items, start, stop, record,
        cursor=order.cursor(items[stop - 1]) if stop > start else None,
        has_more=stop < len(items),
        counters={} if cursor else _counters(counters.split(), len(items), most),
        key=key,
    )  # fmt: skip


def _counters(names: Sequence[str], total: int, most: int) -> Record:
    values: Record = {
        "current_page": 1, "page": 1, "per_page": most, "total_pages": max(1, -(-total // most)),
    }  # fmt: skip
    return {name.rstrip("?"): None if name.endswith("?") else values[name] for name in names}


def cut_numbered(rows: Sequence[Record], query: Query) -> Page:
    """The metrics subscriptions: cursors count pages and never end, not even after the last page."""
    most = per_page(query)
    cursor = query.get("cursor")
    page = _page_number(cursor) if cursor else 1
    start = min((page - 1) * most, len(rows))
    stop = min(start + most, len(rows))
    following = b64encode(f"subscriptions_next_page={page + 1}".encode()).decode()
    counters = {} if cursor else {"per_page": most, "page": 1}
    return Page(rows, start, stop, lambda row: row, following, stop < len(rows), counters)


def _page_number(cursor: str) -> int:
    try:
        name, _, number = b64decode(cursor, validate=True).decode().partition("=")
        if name == "subscriptions_next_page" and int(number) > 0:
            return int(number)
    except (BadBase64, ValueError):
        pass
    raise bad_cursor()
