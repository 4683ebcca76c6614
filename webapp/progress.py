"""How far an import is and how it went, in numbers and words for its row and its page. Reads one import, asks
nothing of the database."""

import json
from dataclasses import dataclass
from zlib import crc32

from webapp.models import Import, ImportState
from webapp.rendering import count
from webapp.wording import STATES, STEPS


@dataclass(frozen=True)
class Progress:
    """A bar and its words. Without `most` nobody knows how long it is."""

    words: str
    value: int = 0
    most: int | None = None
    beside: str | None = None

    @property
    def percent(self) -> int | None:
        return self.value * 100 // self.most if self.most else None


def progress(import_: Import) -> Progress:
    """What a running import is at: a list being read, else the name of its step."""
    running = [step["name"] for step in import_.steps if step["state"] == "running"]
    customers = ("Customers", import_.customers_read, import_.customers_expected)
    movements = ("Movements", import_.movements_read, import_.movements_expected)
    if "customers" in running or not running:
        return _bar(*customers, beside=_stream(*movements) if import_.movements_read else None)
    if "movements" in running:
        return _bar(*movements, beside=_stream(*customers))
    return Progress(STEPS.get(running[0], running[0]), beside=f"{count(import_.customers_read, 'customer')} read")


def _stream(name: str, read: int, expected: int | None) -> str:
    return f"{name}: {read:,} of {max(read, expected):,}" if expected else f"{name}: {read:,} so far"


def _bar(name: str, read: int, expected: int | None, beside: str | None) -> Progress:
    return Progress(_stream(name, read, expected), read, max(read, expected) if expected else None, beside)


def quarter(import_: Import) -> int:
    """How many quarters of a running import's reading are behind it: 0 to 3."""
    read, expected = import_.customers_read, import_.customers_expected
    if expected and import_.movements_expected:
        read, expected = read + import_.movements_read, expected + import_.movements_expected
    return min(3, read * 4 // expected) if expected else 0


def shown(import_: Import) -> str:
    """A mark of what a page shows of a live import, sent back with the next poll: its state, its quarter, and
    a sum over the rest."""
    facts = [
        [import_.customers_read, import_.customers_expected, import_.movements_read, import_.movements_expected],
        [import_.changed, import_.warnings, import_.steps, import_.reason, str(import_.not_before)],
    ]
    return f"{import_.state}.{quarter(import_)}.{crc32(json.dumps(facts).encode()):x}"


def announcement(import_: Import, before: str) -> str:
    """What the status line says after `before` was shown: that it runs, each quarter, and how it ended."""
    state, _, rest = before.partition(".")
    name = f"Import #{import_.number}"
    if not import_.live:
        return f"{name}: {STATES[ImportState(import_.state)].words.lower()}. {outcome(import_)}."
    if import_.state != ImportState.RUNNING:
        return ""
    if state != import_.state:
        return f"{name} goes on." if import_.customers_read else f"{name} started."
    passed = rest.partition(".")[0]
    if passed.isdecimal() and quarter(import_) > int(passed):
        return f"{name}: {quarter(import_) * 25} percent done."
    return ""


def outcome(import_: Import) -> str:
    """What an ended import did, in one line."""
    touched = import_.changed + import_.movements_added + import_.movements_removed + import_.values_changed
    whole = import_.state in (ImportState.DONE, ImportState.PARTLY_DONE)
    if not whole and not touched:
        return "No data was changed"
    expected = import_.customers_expected or 0
    if whole or expected:
        total = max(import_.customers_read, expected)
        line = f"{import_.customers_read:,} of {count(total, 'customer')} imported"
    else:
        line = f"{count(import_.customers_read, 'customer')} imported"
    return line if whole else f"{line}; these are kept"
