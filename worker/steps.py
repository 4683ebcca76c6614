"""The steps of an import, with their states and times."""

import time
from typing import Any

STEPS = ("check_key", "customers", "movements", "match", "properties")


class Steps:
    """The steps of an import with their states and how long each took, also over several turns."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        known = {row["name"]: dict(row) for row in rows}
        new: dict[str, Any] = {"state": "waiting", "seconds": None}
        self._rows = {name: known.get(name, {"name": name, **new}) for name in STEPS}
        self._began: dict[str, float] = {}

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
        return [{**row, "seconds": self._seconds(name)} for name, row in self._rows.items()]

    def _seconds(self, name: str) -> float | None:
        before: float | None = self._rows[name]["seconds"]
        began = self._began.get(name)
        return before if began is None else round((before or 0.0) + time.monotonic() - began, 2)
