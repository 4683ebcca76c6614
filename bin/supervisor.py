"""Keeps processes running on one machine, and takes every one of them down when it ends.

A process that dies is started again after 1, 2, 4 ... 30 seconds. Nothing outlives the supervisor: `guarded`
splits this program in two, a guardian and the supervisor proper. When the supervisor dies, the guardian, to
which Linux hands every orphan, kills what is left. When the guardian dies, the supervisor gets a SIGTERM and
stops as usual. When both die at once, Linux kills the supervisor's children.

Only the standard library is used here.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NoReturn

GRACE = 10.0  # seconds between asking a process to end and ending it
HEALTHY = 60.0  # a process that lived this long is forgiven its earlier deaths
LONGEST_PAUSE = 30

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
_libc = ctypes.CDLL(None)


def procfile(path: Path) -> dict[str, str]:
    """The processes of a Procfile: name to shell command."""
    lines = (line.strip() for line in path.read_text().splitlines())
    entries = (line.partition(":") for line in lines if line and not line.startswith("#"))
    return {name.strip(): command.strip() for name, _, command in entries}


def pause_after(deaths: int) -> int:
    """Seconds to wait before starting a process again that has died this often in a row."""
    return int(min(LONGEST_PAUSE, 2 ** (deaths - 1)))


def guarded(run: Callable[[], int]) -> NoReturn:
    """Run the supervisor in a child of this process, pass signals on to it, clean up whatever it leaves."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    signals = _stop_signals()
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # none may be lost between the fork and its handler
    guardian = os.getpid()
    child = os.fork()
    if child == 0:
        os.setsid()  # Ctrl-C reaches the guardian alone, which passes it on: one signal, not two
        die_with(guardian, signal.SIGTERM)
        os._exit(run())
    for number in signals:
        signal.signal(number, lambda received, _frame: _pass_on(child, received))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    code = _wait_for(child)
    _kill_orphans()
    if code < 0:
        sys.exit(f"The supervisor was killed by signal {-code}; everything that it ran was stopped.")
    sys.exit(code)


class Supervisor:
    """The running processes, their output, and the one way in which they all end."""

    def __init__(self, env: dict[str, str], folder: Path, names: Iterable[str] = ()) -> None:
        self._env, self._folder = env, folder
        self._width = max(map(len, names), default=0)
        self._output = Output()
        self._running: list[Running] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._work: asyncio.Task[int]
        self._deadline: asyncio.Timeout | None = None

    def run(self, work: Callable[[Supervisor], Awaitable[int | None]]) -> int:
        """Do `work`. If it returns a number, stop and return it; else go on until a signal, and return 0."""
        return asyncio.run(self._run(work))

    def say(self, message: str) -> None:
        self._output.write(message.encode() + b"\n")

    def keep(self, name: str, command: str | Sequence[str], *, stop_last: bool = False) -> None:
        """Start a process, and start it again whenever it ends."""
        self._keepers.append(asyncio.create_task(self._keep(name, command, stop_last)))

    async def once(self, name: str, command: str | Sequence[str]) -> int:
        """Run a process to its end and return its exit code. Without a name its lines come as they are."""
        return await self._spawn(name, command).end()

    async def _run(self, work: Callable[[Supervisor], Awaitable[int | None]]) -> int:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        self._work = asyncio.create_task(self._until_stopped(work))
        for number in _stop_signals():
            loop.add_signal_handler(number, self._asked_to_stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _stop_signals())
        try:
            return await self._work
        except asyncio.CancelledError:
            return 0
        finally:
            await self._stop()

    async def _until_stopped(self, work: Callable[[Supervisor], Awaitable[int | None]]) -> int:
        code = await work(self)
        if code is None:
            await asyncio.Event().wait()
        return code or 0

    def _asked_to_stop(self) -> None:
        """Stop; the second time, at once."""
        if self._deadline is None:
            self._work.cancel()
        else:
            self._deadline.reschedule(0)

    async def _keep(self, name: str, command: str | Sequence[str], stop_last: bool) -> None:
        deaths = 0
        while True:
            started = time.monotonic()
            try:
                end = f"ended with {await self._spawn(name, command, stop_last).end()}"
            except OSError as error:
                end = f"could not be started ({error.strerror})"
            deaths = 1 if time.monotonic() - started >= HEALTHY else deaths + 1
            self.say(f"{name} {end}; starting it again in {pause_after(deaths)} s.")
            await asyncio.sleep(pause_after(deaths))

    def _spawn(self, name: str, command: str | Sequence[str], stop_last: bool = False) -> Running:
        argv = ["/bin/sh", "-c", command] if isinstance(command, str) else command
        read_end, write_end = os.pipe()
        try:
            process = subprocess.Popen(
                argv,
                cwd=self._folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,
                preexec_fn=partial(die_with, os.getpid(), signal.SIGKILL),
            )
        except OSError:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        running = Running(process, stop_last)
        self._running.append(running)
        prefix = f"{name:{self._width}} | ".encode() if name else b""
        lines = Lines(prefix, self._output.write)
        asyncio.get_running_loop().add_reader(read_end, self._read, read_end, lines, running)
        return running

    def _read(self, source: int, lines: Lines, running: Running) -> None:
        chunk = os.read(source, 65536)
        lines.feed(chunk)
        if not chunk:
            asyncio.get_running_loop().remove_reader(source)
            os.close(source)
            running.silent.set()

    def _reap(self) -> None:
        for running in self._running.copy():
            if running.process.poll() is not None:
                self._running.remove(running)
                kill_session(running.process.pid)  # what it leaves would be in its successor's way
                running.ended.set()

    async def _stop(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        for last in (False, True):
            await self._end([running for running in self._running if running.stop_last is last])
        self._output.close()

    async def _end(self, processes: list[Running]) -> None:
        """Ask nicely, wait, then make an end of each whole session."""
        for running in processes:
            running.process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE) as self._deadline:
                for running in processes:
                    await running.ended.wait()
        for running in processes:
            if not running.ended.is_set():
                kill_session(running.process.pid)
            await running.end()


@dataclass
class Running:
    """One process on its way: `ended` when it has, `silent` when all it wrote was read."""

    process: subprocess.Popen[bytes]
    stop_last: bool
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    silent: asyncio.Event = field(default_factory=asyncio.Event)

    async def end(self) -> int:
        await self.ended.wait()
        with suppress(TimeoutError):  # whoever it passed its output to may have left its session and live on
            async with asyncio.timeout(1):
                await self.silent.wait()
        return int(self.process.returncode)


class Lines:
    """Cuts what a process writes into lines, and puts its name before each."""

    LONGEST = 65536

    def __init__(self, prefix: bytes, write: Callable[[bytes], None]) -> None:
        self._prefix, self._write, self._rest = prefix, write, b""

    def feed(self, chunk: bytes) -> None:
        """Pass on every whole line; at the end (an empty chunk), or when it grows too long, a part of one."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if self._rest and (not chunk or len(self._rest) > self.LONGEST):
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._write(self._prefix + line + b"\n")


class Output:
    """Standard output, written by a thread: a reader that stopped reading must not stop the supervisor."""

    MOST_LINES_WAITING = 10_000

    def __init__(self) -> None:
        self._lines: queue.Queue[bytes | None] = queue.Queue(self.MOST_LINES_WAITING)
        self._thread = threading.Thread(target=self._write_all, daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> None:
        with suppress(queue.Full):
            self._lines.put_nowait(line)

    def close(self) -> None:
        with suppress(queue.Full):
            self._lines.put_nowait(None)
        self._thread.join(timeout=1)

    def _write_all(self) -> None:
        while (line := self._lines.get()) is not None:
            with suppress(OSError):  # the reader is gone; we go on
                while line:
                    line = line[os.write(1, line) :]


def die_with(parent: int, number: int) -> None:
    """Have Linux send this process a signal when its parent dies, however it dies."""
    _prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it died before we could ask
        os._exit(1)


def kill_session(session: int) -> None:
    """Kill every process of a session: also those that made a process group of their own, as RQ's do."""
    for pid, _, its_session in _processes():
        if its_session == session:
            _pass_on(pid, signal.SIGKILL)


def _kill_orphans() -> None:
    while True:
        for pid, parent, _ in _processes():
            if parent == os.getpid():
                _pass_on(pid, signal.SIGKILL)
        try:
            os.wait()
        except ChildProcessError:
            return


def _processes() -> Iterator[tuple[int, int, int]]:
    """Every process of this machine: its id, its parent's, its session's."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended while we looked
            _, parent, _, session = entry.read_bytes().rpartition(b")")[2].split()[:4]
            yield int(entry.parent.name), int(parent), int(session)


def _wait_for(child: int) -> int:
    """Wait for the supervisor; orphans that end meanwhile are ours to bury."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def _stop_signals() -> set[signal.Signals]:
    """What asks us to stop. A hang-up does not if whoever started us said so, as nohup does."""
    heeded = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    return heeded - ({signal.SIGHUP} if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else set())


def _pass_on(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        _libc.prctl(option, value, 0, 0, 0)
