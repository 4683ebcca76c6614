"""Tables as CSV files that a spreadsheet opens without taking a text for a formula."""

import csv
import io
from collections.abc import Iterable
from datetime import datetime

from flask import Response

# A spreadsheet takes a cell that begins like this for a formula.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_file(name: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Response:
    """An answer that a browser saves as a file."""
    page = io.StringIO()
    writer = csv.writer(page)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    response = Response(page.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def streamed_csv(name: str, lines: Iterable[str]) -> Response:
    """An answer that a browser saves as a file while it is still being made."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _cell(value: object) -> object:
    """Empty is empty, times are ISO in UTC, and a text that begins like a formula gets an apostrophe."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, str):
        return harmless(value)
    return "" if value is None else value


def harmless(text: str) -> str:
    """A text that a spreadsheet takes for nothing else: an apostrophe goes before what begins like a formula."""
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text
