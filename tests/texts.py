"""What of a page a person reads."""

import html
import re

UNREAD = re.compile(r"<(svg|template|style|script)\b.*?</\1>", re.S)


def words_of(page: str) -> str:
    """The words of a page or a part of one, in order, with single blanks between them."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", UNREAD.sub(" ", page))).split()).replace(" .", ".")
