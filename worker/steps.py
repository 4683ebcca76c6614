"""The steps of an import, with their states and times."""

import time
from typing import Any

STEPS = ("check_key", "customers", "movements", "match", "subscriptions", "properties", "scores")
# Those that an import has only if something needs them.
SOMETIMES = frozenset(("subscriptions", "scores"))


class Steps:
    """The steps of an import with their states and how long each took, also over several turns."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        known = {row["name"]: dict(row) for row in rows}
        self._rows = {name: known.get(name, _waiting(name)) for name in STEPS if name in known or name not in SOMETIMES}
        self._began: dict[str, float] = {}

    def expect(self, name: str, needed: bool = True) -> None:
        """Show one of the steps that not every import has, or do not."""
        if needed:
            self._rows.setdefault(name, _waiting(name))
        else:
            self._rows.pop(name, None)

    def begin(self, name: str) -> None:
        self._began[name] = time.monotonic()
        self._rows[name]["state"] = "running"

    def done(self, name: str) -> None:
        self._stop(name, "done")

    def fail(self) -> None:
        for name in list(self._began):
            self._stop(name, "failed")

    def _stop(self, name: str, state: str) -> None:
        self._rows[name].update(state=state, seconds=self._seconds(name))
        self._began.pop(name, None)

    def rows(self) -> list[dict[str, Any]]:
        """The steps as they stand; of those that run, with the time until now, so that the next turn adds its own."""
        return [{**self._rows[name], "seconds": self._seconds(name)} for name in STEPS if name in self._rows]

    def _seconds(self, name: str) -> float | None:
        before: float | None = self._rows[name]["seconds"]
        began = self._began.get(name)
        return before if began is None else round((before or 0.0) + time.monotonic() - began, 2)


def _waiting(name: str) -> dict[str, Any]:
    return {"name": name, "state": "waiting", "seconds": None}
