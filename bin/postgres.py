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
FAST = [f"-c{setting}=off" for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum")]


@contextmanager
def throwaway_postgres() -> Iterator[str | None]:
    """Yield the address of a fresh server, or None, having said why, where none can be had."""
    programs = _programs()
    if programs is None:
        say("No PostgreSQL here and none could be installed: the tests run on SQLite only.")
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="customerscore-pg-", dir="/tmp"))  # short: it holds a socket
    try:
        server = _start(programs, folder)
        if server is None:
            say("PostgreSQL could not be started, see above: the tests run on SQLite only.")
            yield None
            return
        try:
            yield f"postgresql+psycopg://app@/postgres?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)  # "fast": it waits for nobody
            server.wait()
    finally:
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


def _start(programs: Path, folder: Path) -> subprocess.Popen[bytes] | None:
    """Start a server; as an ordinary user if we are root, whom PostgreSQL refuses."""
    user = None if os.geteuid() else _ordinary_user()
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)
    child = partial(_in_child, os.getpid(), user)
    data = f"-D{folder / 'data'}"
    make = [f"{programs}/initdb", data, "-Uapp", "-Atrust", "-EUTF8", "--locale=C.UTF-8", "--no-sync"]
    serve = [f"{programs}/postgres", data, f"-k{folder}", "-clisten_addresses=", *FAST]
    with open(folder / "log", "wb") as log:
        made = subprocess.run(make, cwd=folder, stdout=log, stderr=log, preexec_fn=child, check=False)
        if made.returncode == 0:
            server = subprocess.Popen(
                serve,
                cwd=folder,
                stdout=log,
                stderr=log,
                preexec_fn=child,
                start_new_session=True,  # Ctrl-C is for pytest, which still needs us while it tidies up
            )
            if _answers(server, folder):
                return server
            server.kill()
            server.wait()
    say((folder / "log").read_text(errors="replace"))
    return None


def _answers(server: subprocess.Popen[bytes], folder: Path) -> bool:
    give_up_at = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < give_up_at:
        with suppress(psycopg.OperationalError):
            psycopg.connect(host=str(folder), user="app", dbname="postgres").close()
            return True
        time.sleep(0.03)
    return False


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
