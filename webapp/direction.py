"""Names in the middle of sentences: whichever way one runs, the words beside it stay in their order. Pure."""

from unicodedata import bidirectional

# What runs from right to left, and the signs that turn whatever follows them.
TURNING = frozenset(("R", "AL", "AN", "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"))
ISOLATE, END = "\u2068", "\u2069"
# These of its own would have to be closed, and could end what is put around it.
OWN_ISOLATES = dict.fromkeys(map(ord, "\u2066\u2067\u2068\u2069"))


def apart(name: str) -> str:
    """The name for a sentence; one that turns nothing is left as it is."""
    if not any(bidirectional(sign) in TURNING for sign in name):
        return name
    return f"{ISOLATE}{name.translate(OWN_ISOLATES)}{END}"
