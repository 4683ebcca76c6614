"""A PostgreSQL of the tests' own: a throwaway cluster on a socket, gone afterwards.

Imported after prepare.enter().
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import psycopg
from prepare import say
from services import apt_install
from supervisor import die_with

CLUSTERS = Path("/usr/lib/postgresql")  # where Debian keeps the servers, off PATH
NO_CLUSTER = Path("/etc/postgresql-common/createcluster.conf")
PATIENCE = 20.0  # seconds for it to start
FAST = ("fsync", "full_page_writes", "autovacuum")  # what is off: nobody pulls the plug of a test
FASTER = (*FAST, "synchronous_commit")  # also off where nobody kills the server: a commit may then be lost


class Server:
    """A throwaway cluster's server, which may be started again after it was killed."""

    def __init__(self, programs: Path, folder: Path, off: tuple[str, ...]) -> None:
        self.address = f"postgresql+psycopg://app@/postgres?host={folder}"
        self._programs, self._folder, self._off = programs, folder, off
        # As an ordinary user if we are root, whom PostgreSQL refuses.
        self._user = None if os.geteuid() else _ordinary_user()
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The id of the process if it lives."""
        running = self._running
        return running.pid if running and running.poll() is None else None

    def make(self) -> bool:
        """Make the cluster; False, having said why, if that fails."""
        if self._user:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        made = self._child("initdb", "-Uapp", "-Atrust", "-EUTF8", "--locale=C.UTF-8", "--no-sync").wait() == 0
        return made or self._complain()

    def start(self) -> bool:
        """Start it and wait until it answers; False, having said why, if it does not."""
        settings = ["-clisten_addresses=", *(f"-c{setting}=off" for setting in self._off)]
        give_up_at = time.monotonic() + PATIENCE
        while time.monotonic() < give_up_at:
            # It ends at once for as long as one child of a server that was killed is left.
            if self.pid is None:
                self._running = self._child("postgres", f"-k{self._folder}", *settings)
            with suppress(psycopg.OperationalError):
                psycopg.connect(host=str(self._folder), user="app", dbname="postgres").close()
                return True
            time.sleep(0.03)
        self.stop(signal.SIGKILL)
        return self._complain()

    def stop(self, number: int = signal.SIGINT) -> None:
        """End it, by default "fast": it waits for nobody."""
        if self._running:
            self._running.send_signal(number)
            self._running.wait()

    def _child(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with open(self._folder / "log", "ab") as log:
            return subprocess.Popen(
                [self._programs / program, f"-D{self._folder / 'data'}", *arguments],
                cwd=self._folder,
                stdout=log,
                stderr=log,
                preexec_fn=partial(_in_child, os.getpid(), self._user),
                start_new_session=True,  # Ctrl-C is for pytest, which still needs us while it tidies up
            )

    def _complain(self) -> bool:
        say((self._folder / "log").read_text(errors="replace"))
        return False


@contextmanager
def throwaway_postgres() -> Iterator[str | None]:
    """Yield the address of a fresh server, or None, having said why, where none can be had."""
    with throwaway_server(FASTER) as server:
        yield server.address if server else None


@contextmanager
def throwaway_server(off: tuple[str, ...]) -> Iterator[Server | None]:
    """A fresh server with some settings off; None, having said why, where none can be had."""
    programs = _programs()
    if programs is None:
        say("No PostgreSQL here and none could be installed: the tests run on SQLite only.")
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="customerscore-pg-", dir="/tmp"))  # short: it holds a socket
    server = Server(programs, folder, off)
    try:
        if server.make() and server.start():
            yield server
        else:
            say("PostgreSQL could not be started, see above: the tests run on SQLite only.")
            yield None
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """The folder with initdb and postgres."""
    if not _newest() and not shutil.which("initdb") and not os.geteuid():
        if not NO_CLUSTER.exists():  # we want the programs, not a database service on this machine
            NO_CLUSTER.parent.mkdir(exist_ok=True)
            NO_CLUSTER.write_text("create_main_cluster = false\n")
        apt_install("postgresql")
    found = shutil.which("initdb")
    return _newest() or (Path(found).parent if found else None)


def _newest() -> Path | None:
    servers = [folder for folder in CLUSTERS.glob("[0-9]*/bin") if (folder / "initdb").exists()]
    return max(servers, key=lambda folder: float(folder.parent.name), default=None)


def _ordinary_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _in_child(parent: int, user: pwd.struct_passwd | None) -> None:
    if user:
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    die_with(parent, signal.SIGINT)  # last, because Linux forgets it when the user changes
