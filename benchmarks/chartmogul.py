"""The simulated ChartMogul in a process of its own, so that what it costs is not counted as ours."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

KEY = "5d0c9f6a1b7e4c2f8a3d6e9b0f1c2a47"


class ChartMogul:
    def __init__(self, url: str, pid: int) -> None:
        self.url, self.pid = url, pid

    def control(self, what: str, **body: Any) -> Any:
        """Ask one of the simulator's controls; with a body, POST."""
        data = json.dumps(body).encode() if body else None
        address = self.url.removesuffix("/v1") + f"/_control/{what}"
        with urlopen(Request(address, data=data), timeout=300) as answer:
            return json.load(answer)

    def behave(self, latency_ms: float, rate_limit: int, parallel_limit: int) -> None:
        self.control("settings", latency_ms=latency_ms, rate_limit=rate_limit, parallel_limit=parallel_limit)
        with urlopen(Request(self.url.removesuffix("/v1") + "/_control/log", method="DELETE"), timeout=60):
            pass


@contextmanager
def serving(customers: int) -> Iterator[ChartMogul]:
    """An account of so many customers, with three movements each or so."""
    command = [sys.executable, "-m", "simulator", "--size", str(customers), "--key", KEY, "--rate-limit", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield ChartMogul(process.stdout.readline().split()[1], process.pid)
        finally:
            process.terminate()
