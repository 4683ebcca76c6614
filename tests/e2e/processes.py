"""Processes that a test starts: each in a session of its own, ended by its id, and never left behind."""

import ctypes
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PR_SET_PDEATHSIG = 1
PATIENCE = 60.0
GRACE = 15.0
_libc = ctypes.CDLL(None)


class Process:
    """One program of ours. What it writes goes to a file; when the tests die, so does it."""

    def __init__(self, command: list[str], env: dict[str, str], log: Path, with_us: int = signal.SIGKILL) -> None:
        self.command, self.env, self.log, self.with_us = command, env, log, with_us
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._running, "it was not started"
        return self._running.pid

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=partial(_libc.prctl, PR_SET_PDEATHSIG, self.with_us),
            )

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it; by force if it takes too long."""
        if self._running is None:
            return
        self._running.send_signal(number)
        try:
            self._running.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._running.kill()
            self._running.wait()
        self._running = None

    def wait_until(self, answers: Callable[[], bool]) -> None:
        """Wait until it does what it was started for; if it ends instead, say what it wrote."""
        give_up_at = time.monotonic() + PATIENCE
        while not answers():
            ended = self._running is None or self._running.poll() is not None
            if ended or time.monotonic() > give_up_at:
                raise RuntimeError(f"{self.command} does not answer:\n{self.words()}")
            time.sleep(0.05)

    def words(self, most: int = 4000) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-most:] if self.log.exists() else ""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def descendants(pid: int) -> Iterator[tuple[int, list[str]]]:
    """Every process below this one, with its command line."""
    for child, command in children(pid):
        yield child, command
        yield from descendants(child)


def children(pid: int) -> Iterator[tuple[int, list[str]]]:
    """The processes that this one started, with their command lines."""
    with suppress(OSError):
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            with suppress(OSError):
                yield child, Path(f"/proc/{child}/cmdline").read_text().split("\0")[:-1]
