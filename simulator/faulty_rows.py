"""Faults in the rows of a page: what a list says is wrong in itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.account import Account
from simulator.faults import Fault, Faults
from simulator.paging import Page, Query
from simulator.records import Record
from simulator.snapshot import customer_key
from simulator.world import Customer, Movement

# What stands for money, name and date in a customer and in a movement
_MONEY = ("mrr", "activity-mrr-movement")
_NAME = ("name", "customer-name")
_DATE = ("customer-since", "date")


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


def _circle(struck: Struck) -> None:
    """The cursor leads back to the beginning, and is another one each time."""
    struck.payload |= {"has_more": True, "cursor": struck.faults.place_behind({})}


def _missing_cursor(struck: Struck) -> None:
    struck.payload["has_more"] = True
    struck.payload.pop("cursor", None)


def _null_cursor(struck: Struck) -> None:
    struck.payload |= {"has_more": True, "cursor": None}


def _ends_early(struck: Struck) -> None:
    """The list says that this page is its last, whatever follows."""
    struck.payload["has_more"] = False


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


def _change_status(struck: Struck) -> None:
    """The row after this page's last becomes past due, or is so no longer: of lists by status, none may hold it."""
    page = struck.page
    if page.stop < len(page.items) and isinstance(page.items[page.stop], Customer):
        changed = page.items[page.stop]
        struck.account.edit(changed.uuid, past_due=not changed.past_due)


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
        row["attributes"]["custom"]["blob"] = "x" * 5_000_000


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
    "circle": _circle,
    "missing_cursor": _missing_cursor,
    "null_cursor": _null_cursor,
    "ends_early": _ends_early,
    "entries_null": _entries_null,
    "entries_missing": _entries_missing,
    "kill_row": _kill_row,
    "kill_served_row": _kill_served_row,
    "move_row": _move_row,
    "change_status": _change_status,
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
