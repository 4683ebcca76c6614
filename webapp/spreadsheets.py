"""Tables as CSV files that a spreadsheet opens without taking a text for a formula."""

import re
from collections.abc import Iterable
from datetime import datetime

from flask import Response

# A spreadsheet takes a cell that begins like this for a formula.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# What a cell stands in quotes for: also what a spreadsheet may take for the end of a cell, though we use commas. The
# csv module quotes for its own separator alone.
QUOTED_FOR = re.compile(r'[",;\t\r\n]')


def csv_file(name: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Response:
    """An answer that a browser saves as a file."""
    return streamed_csv(name, [csv_text([columns]), csv_text(map(_cell, row) for row in rows)])


def streamed_csv(name: str, lines: Iterable[str]) -> Response:
    """An answer that a browser saves as a file while it is still being made."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(lines, content_type="text/csv; charset=utf-8", headers=headers)


def csv_text(rows: Iterable[Iterable[str]]) -> str:
    """Lines of a file."""
    return "".join(",".join(map(_quoted, row)) + "\r\n" for row in rows)


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if QUOTED_FOR.search(cell) else cell


def _cell(value: object) -> str:
    """Empty is empty, times are ISO in UTC, and a text that begins like a formula gets an apostrophe."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, str):
        return harmless(value)
    return "" if value is None else str(value)


def harmless(text: str) -> str:
    """A text that a spreadsheet takes for nothing else: an apostrophe goes before what begins like a formula."""
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text
