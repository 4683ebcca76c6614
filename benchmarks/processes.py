"""Real workers and a clock beside a benchmark, and the CPU time that a process and all its children took."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from os import sysconf
from pathlib import Path

from redis import Redis

TICKS = sysconf("SC_CLK_TCK")


@contextmanager
def running(env: dict[str, str], workers: int) -> Iterator[list[int]]:
    """So many workers and a clock, ready for work; gives the workers' process ids."""
    redis = Redis.from_url(f"unix://{env['DATA_DIR']}/valkey.sock")
    with ExitStack() as stack:
        started = []
        for module in (*["worker"] * workers, "worker.schedule"):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-m", module], env=env))
            stack.callback(process.terminate)
            started.append(process.pid)
        while redis.scard("rq:workers") < workers:
            time.sleep(0.05)
        yield started[:workers]


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process took, with its children, also those that have ended."""
    try:
        own = _stat(pid)[11:15]
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, own)) / TICKS + sum(cpu_of(int(child)) for child in children)


def parent_of(pid: int) -> int:
    return int(_stat(pid)[1])


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat that come after the program's name."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
