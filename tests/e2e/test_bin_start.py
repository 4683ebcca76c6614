"""bin/start and bin/flask as a person runs them: one command, everything up, nothing left afterwards."""

import os
import signal
import socket
import stat
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Started:
    """A bin/start of our own: its folder, its address, and the processes that carry its mark."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir, self.port, self.mark = data_dir, free_port(), str(uuid4())
        self.process = subprocess.Popen(
            [ROOT / "bin" / "start"], env=self.env(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: list[str] = []
        self.up = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def env(self, **changes: str) -> dict[str, str]:
        own = {"DATA_DIR": str(self.data_dir), "PORT": str(self.port), "MARK": self.mark, "WEB_WORKERS": "1"}
        not_ours = ("REDIS_URL", "DATABASE_URL", "HOST", "TEST_POSTGRES_URL")
        inherited = {name: value for name, value in os.environ.items() if name not in not_ours}
        return {**inherited, "SECRET_KEY": "a secret key for tests", **own, **changes}

    def wait(self) -> None:
        assert self.up.wait(60), "".join(self.lines)

    def run(self, *command: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run a command of bin/ in the same settings, or with some of them changed."""
        program, *arguments = command
        return subprocess.run(
            [ROOT / "bin" / program, *arguments], env=self.env(**changes), capture_output=True, text=True, timeout=60
        )

    def alive(self) -> list[str]:
        """The commands of every process that inherited our mark."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if f"MARK={self.mark}" in (entry / "environ").read_text(errors="replace").split("\0"):
                    found.append((entry / "cmdline").read_text(errors="replace").replace("\0", " "))
            except OSError:
                continue
        return found

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        code = self.process.wait(30)
        self._reader.join(5)
        return code

    def _read(self) -> None:
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line)
                if line == f"Customerscore runs at http://127.0.0.1:{self.port}\n":
                    self.up.set()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Started]]:
    started: list[Started] = []

    def start() -> Started:
        started.append(Started(tmp_path_factory.mktemp("data")))
        started[-1].wait()
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop()


@pytest.fixture(scope="module")
def running(start: Callable[[], Started]) -> Started:
    return start()


def test_address_it_prints_answers(running: Started) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{running.port}/login") as page:
        assert page.status == 200


def test_redis_listens_to_this_user_only(running: Started) -> None:
    mode = (running.data_dir / "valkey.sock").stat().st_mode

    assert stat.S_IMODE(mode) == 0o700


def test_commands_work_beside_it(running: Started) -> None:
    done = running.run("flask", "tenants", "create", "Acme")

    assert (done.returncode, done.stdout.strip()) == (0, "acme"), done.stderr


def test_second_one_on_the_same_data_is_refused(running: Started) -> None:
    second = running.run("start", PORT=str(free_port()))

    assert second.returncode == 1
    assert f"is running already on {running.data_dir}" in second.stderr


def test_taken_port_is_named(running: Started, tmp_path: Path) -> None:
    second = running.run("start", DATA_DIR=str(tmp_path))

    assert second.returncode == 1
    assert f"port {running.port} is taken by another program" in second.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_leaves_nothing(start: Callable[[], Started], number: int) -> None:
    running = start()
    assert running.alive()

    code = running.stop(number)

    assert (code, running.alive()) == (0, []), "".join(running.lines)
