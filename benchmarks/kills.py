"""Who is killed in the kill series, and how; who wakes up again, and what it does then."""

import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError
from rq import Worker
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from benchmarks.witness import Witness, rows_of
from tests import postgresql
from tests.e2e.house import House
from tests.e2e.processes import children, descendants
from webapp.extensions import db
from webapp.models import ImportState

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bin"))
from postgres import Server


class Victim(StrEnum):
    CHILD = "worker's child"
    WORKER = "worker"
    CLOCK = "clock"
    VALKEY = "Valkey"
    POSTGRESQL = "PostgreSQL"
    BACKEND = "PostgreSQL's backend"


@dataclass(frozen=True)
class Kill:
    """Which process gets which signal; after so many seconds it gets SIGCONT, or a server is started again."""

    victim: Victim
    number: signal.Signals
    seconds: tuple[float, float] = (0, 0)


KILL, TERM, STOP = signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP
DECK = (
    *[Kill(Victim.CHILD, KILL)] * 4,
    *[Kill(Victim.CHILD, TERM)] * 2,
    *[Kill(Victim.CHILD, STOP, (1, 42))] * 2,
    *[Kill(Victim.CHILD, STOP, (52, 58))] * 2,
    *[Kill(Victim.WORKER, KILL)] * 3,
    *[Kill(Victim.WORKER, TERM)] * 3,
    Kill(Victim.WORKER, STOP, (1, 20)),
    *(Kill(Victim.CLOCK, KILL), Kill(Victim.CLOCK, TERM), Kill(Victim.CLOCK, STOP, (1, 8))),
    *(Kill(Victim.VALKEY, KILL, (0.2, 3)), Kill(Victim.VALKEY, TERM, (0.2, 3)), Kill(Victim.VALKEY, STOP, (1, 6))),
    *(Kill(Victim.POSTGRESQL, number, (0.2, 3)) for number in (KILL, TERM, STOP)),
    *(Kill(Victim.BACKEND, KILL), Kill(Victim.BACKEND, TERM)),
)


def plan(count: int, on_postgresql: bool, chance: random.Random) -> list[Kill]:
    """So many kills, deck by deck, so that each comes up as often as it should."""
    deck = [kill for kill in DECK if on_postgresql or kill.victim not in (Victim.POSTGRESQL, Victim.BACKEND)]
    kills: list[Kill] = []
    while len(kills) < count:
        kills += chance.sample(deck, len(deck))
    return kills[:count]


class Killer:
    """Strikes, and remembers whom to wake or to start again."""

    def __init__(self, house: House, server: Server | None, witness: Witness, chance: random.Random) -> None:
        self.house, self.server, self.witness, self.chance = house, server, witness, chance
        self.hit = 0  # kills of a process that ran an import
        self._later: list[tuple[float, Callable[[], object]]] = []
        self._stopped: set[int] = set()
        self._away: set[Victim] = set()

    @property
    def waits(self) -> bool:
        """Whether somebody is still to be woken."""
        return bool(self._later)

    def wake_who_is_due(self) -> None:
        for entry in [entry for entry in self._later if entry[0] <= time.monotonic()]:
            self._later.remove(entry)
            entry[1]()

    def strike(self, kill: Kill) -> bool:
        """False if the victim is not there, or not in a state for this."""
        with suppress(ProcessLookupError):
            return self._strike(kill, self.chance.uniform(*kill.seconds))
        return False

    def _strike(self, kill: Kill, seconds: float) -> bool:
        match kill.victim:
            case Victim.CHILD:
                return self._strike_child(kill.number, seconds)
            case Victim.WORKER:
                awake = [pid for pid in self.house.running("worker") if not self._stopped & {pid, *_child_of(pid)}]
                return self._strike_process(awake, kill.number, seconds)
            case Victim.CLOCK:
                clocks = set(self.house.running("worker.schedule")) - self._stopped
                return self._strike_process(list(clocks), kill.number, seconds)
            case Victim.BACKEND:
                return self._strike_process(self._backends(), kill.number, seconds)
            case Victim.VALKEY | Victim.POSTGRESQL if kill.victim in self._away:
                return False
            case Victim.VALKEY:
                self._strike_valkey(kill.number, seconds)
            case Victim.POSTGRESQL:
                self._strike_postgresql(kill.number, seconds)
        self._away.add(kill.victim)
        self._in(seconds, lambda: self._away.remove(kill.victim))
        return True

    def _strike_process(self, pids: list[int], number: int, seconds: float) -> bool:
        if not pids:
            return False
        pid = self.chance.choice(pids)
        self.hit += bool(_child_of(pid))
        os.kill(pid, number)
        if number == STOP:
            self._stopped.add(pid)
            self._in(seconds, lambda: self._wake(pid))
        return True

    def _strike_child(self, number: int, seconds: float) -> bool:
        workers = {child: pid for pid in self.house.running("worker") for child in _child_of(pid)}
        children_awake = [child for child in workers if child not in self._stopped]
        if not children_awake:
            return False
        child = self.chance.choice(children_awake)
        if number == STOP:
            os.kill(child, STOP)
            import_ = self._import_of(workers[child])
            if import_ is None or (self.server is None and self._in_transaction()):
                os.kill(child, signal.SIGCONT)
                return False
            self._stopped.add(child)
            self._in(seconds, lambda: self._wake_child(child, *import_))
        else:
            os.kill(child, number)
        self.hit += 1
        return True

    def _strike_valkey(self, number: int, seconds: float) -> None:
        if number == STOP:
            os.kill(pid := self.house.valkey.pid, STOP)
            self._in(seconds, lambda: self._wake(pid))
        else:
            self.house.valkey.stop(number)
            self._in(seconds, self.house.start_valkey)

    def _strike_postgresql(self, number: int, seconds: float) -> None:
        """A SIGTERM makes it refuse newcomers; who is in stays until, as a service manager would, we insist."""
        server = self.server
        assert server
        assert server.pid
        os.kill(pid := server.pid, number)
        if number == STOP:
            self._in(seconds, lambda: self._wake(pid))
        else:
            self._in(seconds, server.stop)
            self._in(seconds, server.start)

    def _backends(self) -> list[int]:
        """PostgreSQL's processes that serve the app's connections."""
        if Victim.POSTGRESQL in self._away or self.server is None or self.server.pid is None:
            return []
        return [pid for pid, command in children(self.server.pid) if f" {postgresql.APP} " in command[0]]

    # Who wakes up, and what it does then.

    def _in(self, seconds: float, act: Callable[[], object]) -> None:
        self._later.append((time.monotonic() + seconds, act))

    def _wake(self, pid: int) -> None:
        self._stopped.discard(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def _wake_child(self, child: int, import_id: UUID, fence: int) -> None:
        """Wake a child; if somebody else has had its import since, alone, and see what it changes."""
        if self._away:  # it would wait for the server that is away, and everybody else with it
            return self._in(1, lambda: self._wake_child(child, import_id, fence))
        row = self.witness.imports[import_id]
        if row.fence > fence and child in self._children():
            for _ in range(100):
                with suppress(DBAPIError), self._alone(child):
                    if not self._in_transaction():
                        return self._watch(child, row.tenant_id)
                time.sleep(0.05)
        self._wake(child)

    def _watch(self, child: int, tenant_id: UUID) -> None:
        before = rows_of(self.house, tenant_id)
        self._wake(child)
        give_up_at = time.monotonic() + 15
        while _lives(child) and time.monotonic() < give_up_at:
            time.sleep(0.05)
        after = rows_of(self.house, tenant_id)
        self.witness.stale_woken += 1
        self.witness.stale_changed += (after - before).total() + (before - after).total()

    @contextmanager
    def _alone(self, child: int) -> Iterator[None]:
        """Everything but one child stands still."""
        others: set[int] = set()
        for _ in range(2):  # the second time finds who was just being started
            for pid, _command in descendants(self.house.processes.pid):
                if pid != child and pid not in self._stopped:
                    with suppress(ProcessLookupError):
                        os.kill(pid, STOP)
                    others.add(pid)
        try:
            yield
        finally:
            for pid in others:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _children(self) -> list[int]:
        return [child for pid in self.house.running("worker") for child in _child_of(pid)]

    def _import_of(self, worker: int) -> tuple[UUID, int] | None:
        """The import that a worker's child runs, and the fence under which."""
        with suppress(RedisError, DBAPIError), Redis.from_url(self.house.settings.redis, socket_timeout=1) as redis:
            job = next((each.get_current_job_id() for each in Worker.all(redis) if each.pid == worker), None)
            self.witness.look()
            row = job and self.witness.imports.get(UUID(job[4:40]))  # what is named imp-ID-NUMBER
            return (row.id, row.fence) if row and row.state == ImportState.RUNNING else None
        return None

    def _in_transaction(self) -> bool:
        """Whether anybody is, in the database; one who was stopped in a transaction long ago does not count."""
        if self.server is None:
            path = self.house.settings.data_dir / "customerscore.sqlite"
            with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
                try:
                    connection.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:
                    return True
            return False
        others = "usename = current_user AND pid <> pg_backend_pid() AND xact_start > now() - interval '40 s'"
        with self.house.rows():
            return bool(db.session.scalar(text(f"SELECT count(*) FROM pg_stat_activity WHERE {others}")))


def _child_of(pid: int) -> list[int]:
    return [child for child, _ in children(pid)]


def _lives(pid: int) -> bool:
    """Not so of a process that has ended and whose parent stands still."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
