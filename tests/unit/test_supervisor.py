"""bin/supervisor.py with small real processes: it restarts the dead, and nothing outlives it."""

import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

BIN = Path(__file__).resolve().parents[2] / "bin"
MODULE = runpy.run_path(str(BIN / "supervisor.py"))

# Runs the Procfile of the folder it is started in; the process "last" is stopped after the others.
DRIVER = f"""
import os, sys
from pathlib import Path
sys.path.insert(0, {str(BIN)!r})
import supervisor
supervisor.GRACE = float(os.environ["GRACE"])
processes = supervisor.procfile(Path("Procfile"))
async def work(running):
    for name, command in processes.items():
        running.keep(name, command, stop_last=name == "last")
supervisor.guarded(lambda: supervisor.Supervisor(dict(os.environ), Path.cwd(), processes).run(work))
"""
NOTE_ITS_END = (
    'exec python -c "import signal, sys, time; from pathlib import Path;'
    " signal.signal(signal.SIGTERM, lambda *_: (Path('ends').open('a').write('{0}'), sys.exit()));"
    " Path('{0}').touch(); time.sleep(60)\""
)
STUBBORN = (
    'exec python -c "import signal, time; from pathlib import Path;'
    " signal.signal(signal.SIGTERM, signal.SIG_IGN); Path('ready').touch(); time.sleep(60)\""
)
# A child and a grandchild, the latter in a process group of its own, as RQ's work horse is.
FAMILY = (
    'exec python -c "import os, time; from pathlib import Path;'
    " os.fork() or (os.setpgrp(), Path('ready').touch()); time.sleep(60)\""
)


class Started:
    """A supervisor at work in a folder, and what can be known about it from outside."""

    def __init__(self, folder: Path, procfile: str, grace: float) -> None:
        (folder / "Procfile").write_text(procfile)
        self.folder, self.mark = folder, f"MARK={uuid4()}"
        bin_folder = os.path.dirname(sys.executable)
        env = {"PATH": f"{bin_folder}:{os.environ['PATH']}", "GRACE": str(grace), "MARK": self.mark[5:]}
        command = [sys.executable, "-c", DRIVER]
        self.process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE)

    def wait_for(self, *names: str) -> None:
        until(lambda: all((self.folder / name).exists() for name in names))

    def alive(self) -> list[int]:
        """Every living process of this supervisor: all inherit its mark."""
        pids = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
        return [pid for pid in pids if self.mark in _environment(pid)]

    def inner(self) -> int:
        """The supervisor proper, below its guardian."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(5)


def _environment(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/environ").read_text(errors="replace").split("\0")
    except OSError:  # it has ended; or it has, and nobody has taken note yet
        return []


def until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not fact():
        assert time.monotonic() < deadline, "waited for 10 s in vain"
        time.sleep(0.01)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Started]]:
    started: list[Started] = []

    def start(procfile: str, grace: float = 5) -> Started:
        started.append(Started(tmp_path, procfile, grace))
        return started[-1]

    yield start
    for supervisor in started:
        for pid in supervisor.alive():
            with suppress(ProcessLookupError):  # it ended while we looked at the next
                os.kill(pid, signal.SIGKILL)
        supervisor.process.wait()
        supervisor.process.stdout.close()


def test_pauses_double_up_to_thirty_seconds() -> None:
    assert [MODULE["pause_after"](deaths) for deaths in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]


def test_output_is_cut_into_named_lines() -> None:
    written: list[bytes] = []
    lines = MODULE["Lines"](b"web | ", written.append)

    for chunk in (b"one\ntw", b"o\n\nthr", b"ee", b""):
        lines.feed(chunk)

    assert written == [b"web | one\n", b"web | two\n", b"web | \n", b"web | three\n"]


def test_dead_process_is_started_again_after_a_second(start: Callable[..., Started]) -> None:
    supervisor = start("mayfly: date +%s.%N >> births; exit 3\nother: touch ready; exec sleep 60\n")
    supervisor.wait_for("births")

    until(lambda: len((supervisor.folder / "births").read_text().split()) == 2)

    first, second = map(float, (supervisor.folder / "births").read_text().split())
    assert 0.9 < second - first < 2
    assert supervisor.stop() == 0
    said = supervisor.process.stdout.read().decode()
    assert "mayfly ended with 3; starting it again in 1 s." in said


def test_what_a_dead_process_leaves_is_gone_before_its_successor(start: Callable[..., Started]) -> None:
    look = "test -f left && kill -0 $(cat left) && touch overlap"
    supervisor = start(f"parent: {look}; test -f left && touch successor; sleep 60 & echo $! > left; false\n")

    supervisor.wait_for("successor")

    assert not (supervisor.folder / "overlap").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_everything(start: Callable[..., Started], number: int) -> None:
    supervisor = start(f"family: {FAMILY}\n")
    supervisor.wait_for("ready")

    code = supervisor.stop(number)

    assert (code, supervisor.alive()) == (0, [])


def test_stop_ends_the_last_one_last(start: Callable[..., Started]) -> None:
    names = ("last", "web", "worker")
    supervisor = start("".join(f"{name}: {NOTE_ITS_END.format(name)}\n" for name in names))
    supervisor.wait_for(*names)

    supervisor.stop()

    assert (supervisor.folder / "ends").read_text().endswith("last")
    assert len((supervisor.folder / "ends").read_text()) == len("".join(names))


def test_process_that_will_not_stop_is_killed(start: Callable[..., Started]) -> None:
    supervisor = start(f"stubborn: {STUBBORN}\n", grace=0.3)
    supervisor.wait_for("ready")

    code = supervisor.stop()

    assert (code, supervisor.alive()) == (0, [])


def test_second_signal_stops_at_once(start: Callable[..., Started]) -> None:
    supervisor = start(f"stubborn: {STUBBORN}\n", grace=60)
    supervisor.wait_for("ready")

    supervisor.process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    code = supervisor.stop(signal.SIGINT)

    assert (code, supervisor.alive()) == (0, [])


def test_reader_that_stopped_reading_does_not_hold_it_up(start: Callable[..., Started]) -> None:
    supervisor = start("chatter: touch ready; exec yes\n")
    supervisor.wait_for("ready")
    time.sleep(0.3)

    assert supervisor.stop() == 0


@pytest.mark.parametrize("victims", ["guardian", "supervisor", "both"])
def test_nothing_outlives_a_kill(start: Callable[..., Started], victims: str) -> None:
    supervisor = start("web: touch web; exec sleep 60\nworker: touch worker; exec sleep 60\n")
    supervisor.wait_for("web", "worker")
    inner, guardian = supervisor.inner(), supervisor.process.pid

    for pid in {"guardian": [guardian], "supervisor": [inner], "both": [guardian, inner]}[victims]:
        os.kill(pid, signal.SIGKILL)

    until(lambda: supervisor.alive() == [])
    assert supervisor.process.wait(5) != 0


def test_kill_of_the_supervisor_takes_grandchildren_too(start: Callable[..., Started]) -> None:
    supervisor = start(f"family: {FAMILY}\n")
    supervisor.wait_for("ready")

    os.kill(supervisor.inner(), signal.SIGKILL)

    until(lambda: supervisor.alive() == [])
