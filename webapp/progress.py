"""How far an import is and how it went, in numbers and words for its row and its page. Reads one import, asks
nothing of the database."""

import json
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from webapp.models import Import, ImportState
from webapp.models.imports import COMPLETE, MOST_CUT_OFFS
from webapp.rendering import count, duration
from webapp.wording import STATES, STEP_STATES, STEPS, Look

# Steps that an import has only if something needs them.
SOMETIMES = ("subscriptions", "scores")


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


@dataclass(frozen=True)
class Step:
    """A step by its name, with its state, its count and how long it took."""

    words: str
    look: Look
    facts: str


def progress(import_: Import) -> Progress:
    """What a running import is at: a list being read, else the name of its step."""
    running = [step["name"] for step in import_.steps if step["state"] == "running"]
    # How many there will be is a guess, in whole pages, until all are read.
    all_read = import_.has_done("customers")
    expected = import_.customers_read if all_read else import_.customers_expected
    customers = ("Customers", import_.customers_read, expected)
    movements = ("Movements", import_.movements_read, import_.movements_expected)
    if "customers" in running or not running:
        return _bar(*customers, beside=_stream(*movements) if import_.movements_read else None)
    if "movements" in running:
        beside = f"Customers: {import_.customers_read:,}" if all_read else _stream(*customers)
        return _bar(*movements, beside=beside)
    if "subscriptions" in running:
        subscribers = ("Subscribers", import_.subscribers_read, import_.subscribers_expected)
        return _bar(*subscribers, beside=STEPS["subscriptions"])
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
        import_.subscribers_read,
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


def steps(import_: Import) -> list[Step]:
    """The steps in their order, as they stand; before the first one begins, the steps that every import has."""
    to_come = [{"name": name, "state": "waiting"} for name in STEPS if name not in SOMETIMES]
    return [_step(import_, row) for row in import_.steps or to_come]


def _step(import_: Import, row: dict[str, Any]) -> Step:
    name, state = row["name"], row["state"]
    if import_.state == ImportState.WAITING and state == "running":
        state = "waiting"
    elif not import_.live:
        state = {"running": "stopped", "waiting": "left out"}.get(state, state)
    if name == "match" and state == "done" and import_.skipped:
        state = "partly"
    facts = [_count_of(import_, name) if row["state"] != "waiting" else None]
    if row.get("seconds") is not None:
        facts.append(duration(row["seconds"]))
    return Step(STEPS.get(name, name), STEP_STATES[state], " · ".join(filter(None, facts)))


def _count_of(import_: Import, step: str) -> str | None:
    counts = {
        "customers": f"{import_.customers_read:,}",
        "movements": f"{import_.movements_read:,}",
        "match": f"{import_.skipped:,} skipped" if import_.skipped else None,
        "subscriptions": f"{import_.subscribers_read:,}",
        "properties": f"{import_.values_changed:,} changed",
    }
    return counts.get(step)


def tries(import_: Import) -> int:
    """How often it was tried; the last attempt only found that there had been enough."""
    return min(import_.attempt, MOST_CUT_OFFS)


def outcome(import_: Import) -> str:
    """What an ended import did, in one line."""
    whole = import_.state in COMPLETE
    moved = import_.movements_added + import_.movements_removed
    if not whole and not import_.changed + moved + import_.values_changed:
        return "No data was changed"
    imported = import_.created + import_.updated + import_.unchanged
    total = max(imported, import_.customers_read, import_.customers_expected or 0)
    if not whole and not import_.customers_expected:
        line = f"{count(imported, 'customer')} imported"
    else:
        line = f"{imported:,} of {count(total, 'customer')} imported"
    if not whole:
        return f"{line}; these are kept"
    leads = total - imported if import_.state == ImportState.DONE else 0
    return f"{line}; {count(leads, 'lead')} left out" if leads else line


def troubles(import_: Import) -> str:
    """`0 errors`, `3 errors · 2 warnings`: records left out, and those imported with something to be told."""
    told = max(0, import_.warnings - import_.skipped)
    return count(import_.skipped, "error") + (f" · {count(told, 'warning')}" if told else "")
