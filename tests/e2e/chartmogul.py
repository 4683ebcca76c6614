"""The simulated ChartMogul as a process of its own, and its controls."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.e2e.processes import Process, free_port


@dataclass(frozen=True)
class Account:
    """An account over there and the key that opens it."""

    name: str
    key: str
    customers: int
    movements: int

    @property
    def mask(self) -> str:
        return f"{self.key[:3]}...{self.key[-3:]}"


class ChartMogul:
    """What tests tell it to be: accounts of any size, slow, broken, or gone."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.address = f"http://127.0.0.1:{(port := free_port())}"
        command = [sys.executable, "-m", "simulator", "--size", "0", "--port", str(port)]
        self._process = Process(command, env, folder / "simulator.log")
        self._http = requests.Session()
        self._made: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"{self.address}/v1"

    def start(self) -> None:
        self._process.start()
        self._process.wait_until(self._answers)

    def stop(self) -> None:
        self._process.stop()
        self._http.close()

    @contextmanager
    def down(self) -> Iterator[None]:
        """Nobody listens there for as long as this lasts. The accounts outlive it, faults and counts do not."""
        self.stop()
        try:
            yield
        finally:
            self.start()
            for asked in self._made:
                self._control("POST", "accounts", asked)

    def reset(self) -> None:
        self._control("POST", "reset")
        self._made.clear()

    def account(self, name: str, size: int, seed: int = 1, key: str | None = None) -> Account:
        """Make an account; the same seed and size give the same customers and movements."""
        asked = {"name": name, "seed": seed, "size": size, "currency": "EUR", "time_zone": "Europe/Berlin"}
        made = self._control("POST", "accounts", asked | ({"key": key} if key else {}))
        self._made.append({**asked, "key": made["key"]})
        return Account(name, made["key"], made["customers"], made["movements"])

    def another_key(self, account: Account, key: str) -> None:
        self._control("POST", "keys", {"account": account.name, "key": key})

    def revoke(self, key: str) -> None:
        self._control("POST", "keys", {"key": key, "state": "revoked"})

    def fault(self, kind: str, **spec: Any) -> None:
        self._control("POST", "faults", {"kind": kind, **spec})

    def heal(self) -> None:
        self._control("DELETE", "faults")

    def set(self, **settings: Any) -> None:
        self._control("POST", "settings", settings)

    def a_day_passes(self, account: Account) -> None:
        self._control("POST", "day", {"account": account.name, "advance": 1})

    @property
    def state(self) -> dict[str, Any]:
        """What was asked so far, counted."""
        found: dict[str, Any] = self._control("GET", "state")
        return found

    def all(self, path: str, key: str) -> list[dict[str, Any]]:
        """Every entry of a list, read through the API as anybody would."""
        found: list[dict[str, Any]] = []
        asked: dict[str, Any] = {"per_page": 200}
        while True:
            answer = self._http.get(f"{self.url}{path}", params=asked, auth=(key, ""), timeout=10).json()
            found += answer["entries"]
            if not answer["has_more"]:
                return found
            if path == "/activities":  # its cursor leaves rows out between pages
                asked["start-after"] = found[-1]["uuid"]
            else:
                asked["cursor"] = answer["cursor"]

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.address}/_control/kinds", timeout=5).ok
        except requests.ConnectionError:
            return False

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, f"{self.address}/_control/{path}", json=body or {}, timeout=30)
        assert answer.ok, answer.text
        return answer.json()
