"""What the CSV files of imports and of their errors hold: one name and one way to get it per column."""

from collections.abc import Callable
from typing import Any

from webapp.import_list import Surroundings
from webapp.models import Import, ImportWarning
from webapp.wording import cause, trouble, trouble_detail

IMPORT: dict[str, Callable[[Import, Surroundings], Any]] = {
    "number": lambda row, _: row.number,
    "account": lambda row, around: around.providers[row.provider_id].account,
    "trigger": lambda row, _: row.trigger,
    "requested_by": lambda row, _: row.requested_by,
    "state": lambda row, _: row.state,
    "reason": lambda row, _: cause(row.reason).title if row.reason else None,
    "cancelled_by": lambda row, _: row.cancelled_by,
    "created_at": lambda row, _: row.created_at,
    "started_at": lambda row, _: row.started_at,
    "ended_at": lambda row, _: row.ended_at,
    "seconds": lambda row, _: None if row.seconds is None else round(row.seconds, 1),
    "customers_read": lambda row, _: row.customers_read,
    "customers_new": lambda row, _: row.created,
    "customers_changed": lambda row, _: row.updated,
    "customers_unchanged": lambda row, _: row.unchanged,
    "customers_gone": lambda row, _: row.gone,
    "skipped": lambda row, _: row.skipped,
    "movements_read": lambda row, _: row.movements_read,
    "movements_added": lambda row, _: row.movements_added,
    "movements_removed": lambda row, _: row.movements_removed,
    "values_changed": lambda row, _: row.values_changed,
    "errors": lambda row, _: row.warnings,
    "requests": lambda row, _: row.requests,
    "rate_limit_waits": lambda row, _: row.slowdowns,
}
ERROR: dict[str, Callable[[ImportWarning], Any]] = {
    "customer": lambda row: row.customer_name,
    "chartmogul_uuid": lambda row: row.customer_uuid,
    "what_went_wrong": lambda row: trouble(row.kind, row.detail).title,
    "detail": lambda row: trouble_detail(row.kind, row.detail),
    "what_to_do": lambda row: trouble(row.kind, row.detail).advice,
}


def import_row(import_: Import, around: Surroundings) -> list[Any]:
    return [value(import_, around) for value in IMPORT.values()]


def error_row(warning: ImportWarning) -> list[Any]:
    return [value(warning) for value in ERROR.values()]
