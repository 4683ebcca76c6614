"""Texts as people search and sort them: without regard to case and accents. Pure."""

import unicodedata


def fold(text: str) -> str:
    """`Ångström AG` as `angstrom ag`; what is equal but for case and accents folds to the same."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).casefold()
