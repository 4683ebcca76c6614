"""What of a page a person reads."""

import html
import re

TOKEN = re.compile(r'(name="csrf_token"[^>]*value=")[^"]*')
UNREAD = re.compile(r"<(svg|template|style|script)\b.*?</\1>", re.S)


def words_of(page: str) -> str:
    """The words of a page or a part of one, in order, with single blanks between them."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", UNREAD.sub(" ", page))).split()).replace(" .", ".")


def without_tokens(page: str) -> str:
    """A page to compare with another: the forms' tokens change with the clock."""
    return TOKEN.sub(r"\1", page)
