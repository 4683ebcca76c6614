"""What bin/start does once everything is installed: migrate the database, run all processes, say where.

Imported after prepare.enter().
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import socket
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import NoReturn, TextIO

from environment import bundled_redis_url, settings, socket_path
from prepare import ROOT
from services import redis_server
from supervisor import Supervisor, guarded, procfile

PATIENCE = 30.0  # seconds until we say that something takes long
Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
HEALTH = b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"


def start(*, demo: bool) -> NoReturn:
    """Run the app until a signal; with `demo`, a simulated ChartMogul and made-up tenants as well."""
    env = settings()
    data_dir = Path(env["DATA_DIR"])
    lock = _lock(data_dir)  # held until the last of us has ended
    host, port = _free_address(env["HOST"], env["PORT"])
    simulator = _loopback_port(port + 1) if demo else None
    if simulator:
        env["CHARTMOGUL_API_URL"] = f"http://127.0.0.1:{simulator}/v1"
        env["CHARTMOGUL_ALLOW_LOOPBACK"] = "1"
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    lock.write(f"process {os.getpid()} at {address}")
    lock.flush()
    processes = procfile(ROOT / "Procfile")

    async def work(supervisor: Supervisor) -> int | None:
        if env["REDIS_URL"] == bundled_redis_url(data_dir):
            place = socket_path(data_dir)
            supervisor.keep("redis", redis_server(data_dir, place), stop_last=True)
            connect: Connect = partial(asyncio.open_unix_connection, place)
            await _answer(supervisor, "redis", connect, b"PING\r\n", b"+PONG")
        migrated = "DATABASE_URL" not in env and _migrated(data_dir / "customerscore.sqlite")
        if not migrated and await supervisor.once("migrate", ["flask", "--app", "webapp", "db", "upgrade"]):
            supervisor.say("The database could not be brought up to date; the reason is above.")
            return 1
        if simulator:
            epoch = str(data_dir / "simulator-epoch")
            supervisor.keep("simulator", ["python", "-m", "simulator", "--port", str(simulator), "--state", epoch])
        supervisor.keep("web", processes.pop("web"))
        connect = partial(asyncio.open_connection, host, port)
        await _answer(supervisor, "web", connect, HEALTH, b"HTTP/")
        for name, command in processes.items():  # only now, so that the first page comes soon
            supervisor.keep(name, command)
        supervisor.say(f"Customerscore runs at {address}")
        if simulator:
            connect = partial(asyncio.open_connection, "127.0.0.1", simulator)
            await _answer(supervisor, "simulator", connect, HEALTH, b"HTTP/")
            if await supervisor.once("", ["flask", "--app", "webapp", "demo", "seed"]):
                supervisor.say("The demo data could not be made; the reason is above.")
                return 1
            supervisor.say(_keys())
        return None

    names = ["simulator" if demo else "migrate", *processes]
    guarded(lambda: Supervisor(env, ROOT, names).run(work))


def _keys() -> str:
    """The simulated ChartMogul's keys, each with what it opens."""
    sys.path.append(str(ROOT))
    from simulator.demo import DEMO_KEYS

    return "\n".join(["ChartMogul keys to paste", *(f"  {key}  {note}" for key, note in DEMO_KEYS)])


async def _answer(supervisor: Supervisor, name: str, connect: Connect, ask: bytes, wanted: bytes) -> None:
    """Wait until a process answers, for as long as it takes: if it cannot start, its own lines say why."""
    clock = asyncio.get_running_loop().time
    complain_at = clock() + PATIENCE
    while True:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                reader, writer = await connect()
                writer.write(ask)
                answer = await reader.readline()
                writer.close()
            if answer.startswith(wanted):
                return
        if clock() > complain_at:
            complain_at = float("inf")
            supervisor.say(f"{name} has not answered yet. Waiting on; Ctrl-C stops everything.")
        await asyncio.sleep(0.03)


def _migrated(database: Path) -> bool:
    """Whether the bundled database is at the newest step: to ask it is quick, to ask Alembic is not."""
    newest = max(step.stem for step in (ROOT / "webapp" / "migrations" / "versions").glob("*.py"))
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True)) as asked:
        return asked.execute("SELECT version_num FROM alembic_version").fetchall() == [(newest.split("_")[0],)]
    return False


def _lock(data_dir: Path) -> TextIO:
    """Claim DATA_DIR, so that no two servers ever write the same files."""
    lock = open(data_dir / "start.lock", "a+")  # noqa: SIM115 — the caller keeps it open
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise SystemExit(
            f"Customerscore is running already on {data_dir} ({lock.read() or 'still starting'}). "
            "Stop that one first, or set DATA_DIR and PORT to others for a second one."
        ) from None
    lock.truncate(0)
    return lock


def _free_address(host: str, port: str) -> tuple[str, int]:
    """Refuse an address that gunicorn could not listen on. Return one at which a browser here reaches it."""
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, int(port)), family=family).close()
    except (OSError, ValueError, OverflowError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            reason = f"port {port} is taken by another program"
        else:
            reason = str(getattr(error, "strerror", None) or error)
        raise SystemExit(
            f"Customerscore cannot listen on {host}, port {port}: {reason}. "
            "Set PORT (and HOST) to others, for example: PORT=8010 bin/start"
        ) from None
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), int(port)


def _loopback_port(wanted: int) -> int:
    """The wanted port if it is free, else any free one."""
    for port in (wanted, 0):
        with suppress(OSError, OverflowError), socket.create_server(("127.0.0.1", port)) as found:
            return int(found.getsockname()[1])
    raise SystemExit("No port is free on 127.0.0.1 for the simulated ChartMogul.")
