"""`GET /activities`: the account's movements, with its own filters and its own two ways of paging."""

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from functools import partial

from simulator import records
from simulator.paging import Page, Query, bad_cursor, per_page, refusal
from simulator.snapshot import Snapshot, movement_key
from simulator.world import Movement

_TYPES = ("new_biz", "expansion", "contraction", "churn", "reactivation")
_FAR = 1 << 62


def activity_page(snapshot: Snapshot, query: Query, *, skips: bool) -> Page:
    """The page after `start-after` (the last uuid received) or `cursor` (a bare uuid, too).

    With `skips`, as recorded in October 2023, a cursor is the uuid of the first movement that is *not* in
    the page and the next page starts after it, so one movement per page boundary is lost. Without, the cursor
    is the last uuid of the page. Not confirmed: the answer to an unknown uuid or type (here 400), the cursor
    of the last page (here its last uuid), whether a date as `end-date` includes its day (here it does).
    """
    most = per_page(query)
    descending = _descending(query)
    items = _chosen(snapshot, query, descending)
    marker = query.get("start-after") or query.get("cursor")
    start = _after(snapshot, items, marker, descending, query) if marker else 0
    stop = min(start + most, len(items))
    record = partial(records.activity_record, style=snapshot.style)
    counters = {} if marker else {"per_page": most}
    return Page(items, start, stop, record, _cursor(items, start, stop, skips), stop < len(items), counters)


def _cursor(items: list[Movement], start: int, stop: int, skips: bool) -> str | None:
    if start == stop:
        return None
    return items[stop].uuid if skips and stop < len(items) else items[stop - 1].uuid


def _descending(query: Query) -> bool:
    order = query.get("order", "date")
    if order not in ("date", "-date"):
        raise refusal(400, "order is invalid", "order")
    return order == "-date"


def _chosen(snapshot: Snapshot, query: Query, descending: bool) -> list[Movement]:
    """The movements that the filters leave, in the order asked for; kept for the next page."""
    kind = query.get("type")
    if kind and kind not in _TYPES:
        raise refusal(400, "type is invalid", "type")
    first, last = _limits(query)
    if not kind and not descending and first == 0 and last == _FAR:
        return snapshot.movements

    def choose() -> list[Movement]:
        everything = snapshot.movements
        start = bisect_left(everything, (first, 0), key=movement_key)
        stop = bisect_right(everything, (last, _FAR), key=movement_key)
        chosen = [each for each in everything[start:stop] if not kind or each.kind == kind]
        return chosen[::-1] if descending else chosen

    return snapshot.derived(("activities", kind, first, last, descending), choose)


def _limits(query: Query) -> tuple[int, int]:
    start, end = query.get("start-date"), query.get("end-date")
    if end and not start:
        raise refusal(400, "start-date is required with end-date", "start-date")
    return (
        _moment(start, "start-date", end_of_day=False) if start else 0,
        _moment(end, "end-date", end_of_day=True) if end else _FAR,
    )


def _moment(text: str, param: str, *, end_of_day: bool) -> int:
    """ISO 8601; a `+` that came unescaped has turned into a blank."""
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise refusal(400, f"{param} is invalid", param) from None
    if len(text) <= len("2024-01-31") and end_of_day:
        moment += timedelta(days=1, seconds=-1)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _after(snapshot: Snapshot, items: list[Movement], uuid: str, descending: bool, query: Query) -> int:
    marker = snapshot.movement(uuid)
    if marker is None:
        raise bad_cursor("start-after" if query.get("start-after") else "cursor")
    place = movement_key(marker)
    if not descending:
        return bisect_right(items, place, key=movement_key)
    return bisect_right(items, (-place[0], -place[1]), key=lambda each: (-each.at, -each.serial))
