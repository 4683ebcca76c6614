"""Tables as CSV files that a spreadsheet opens without taking a text for a formula."""

import csv
import io
from collections.abc import Iterable
from datetime import datetime

from flask import Response

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def csv_file(name: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Response:
    """An answer that a browser saves as a file."""
    page = io.StringIO()
    writer = csv.writer(page)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    response = Response(page.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _cell(value: object) -> object:
    """Empty is empty, times are ISO in UTC, and a text that begins like a formula gets an apostrophe."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, str) and value.startswith(FORMULA_SIGNS):
        return f"'{value}"
    return "" if value is None else value
