"""Reading our own pages in tests: tables, problems, who sees what."""

import re
from html import unescape
from html.parser import HTMLParser

from tests.factories import Cast
from tests.person import Person
from webapp.extensions import db


class _Table(HTMLParser):
    """The cells of a page's first table, as the words that a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tables = self.depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tables += tag == "table"
        if self.tables != 1:
            return
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.depth += 1

    def handle_endtag(self, tag: str) -> None:
        if self.tables == 1 and tag in ("td", "th"):
            self.depth -= 1

    def handle_data(self, data: str) -> None:
        if self.tables == 1 and self.depth:
            self.rows[-1][-1] = " ".join(f"{self.rows[-1][-1]} {data}".split())


def table(html: str) -> list[list[str]]:
    """The first table of a page, its header included."""
    parser = _Table()
    parser.feed(html)
    return parser.rows


def column(html: str, number: int = 0) -> list[str]:
    return [row[number] for row in table(html)[1:]]


def problem(html: str, field: str) -> str:
    """What the page says is wrong with a field."""
    found = re.search(rf'id="{field}-e">.*?<span>(.*?)</span>', html, re.DOTALL)
    return unescape(found[1]) if found else ""


def value_of(html: str, id_: str) -> str:
    """What an input holds, or the option that a select has chosen."""
    chosen = re.search(rf'<select id="{id_}".*?<option value="([^"]*)" selected.*?</select>', html, re.DOTALL)
    if f'<select id="{id_}"' in html:
        return unescape(chosen[1]) if chosen else ""
    tag = re.search(rf'<input[^>]*\bid="{id_}"[^>]*>', html)
    assert tag, f"no field {id_}"
    held = re.search(r'\bvalue="([^"]*)"', tag[0])
    return unescape(held[1]) if held else ""


def look_around(sam: Person, cast: Cast) -> Person:
    """Support looks at Acme."""
    answer = sam.post(f"/support/tenants/{cast.acme.id}/impersonation", reason="Asked by Ada")
    assert answer.location == "/customers"
    sam._csrf = None
    return sam


def statements(count: list[str]) -> None:
    """Note every statement that the database gets from now on."""
    from sqlalchemy import event

    event.listen(db.engine, "before_cursor_execute", lambda _c, _cur, statement, *_: count.append(statement))
