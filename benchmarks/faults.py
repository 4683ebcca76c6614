"""The kill series: imports of many tenants, one after the other, while processes are killed at random moments.

    bin/bench faults [--kills 200] [--databases sqlite,postgresql] [--seed 1] [--every 2.7] [--workers 12]

Starts workers and two clocks under the project's supervisor, a Valkey, a simulated ChartMogul, and for
PostgreSQL a server that may be killed; the app is the role without rights. A
worker, a worker's child, a clock, Valkey, PostgreSQL or one of its backends then gets SIGKILL, SIGTERM, or
SIGSTOP and after a while SIGCONT: for a child also so much later that somebody else has its import by then.
Such a stale writer wakes up while every other process is stopped: whatever changes then is its doing.

After every import its customers and movements are compared, field by field, with the account. A silence is
measured between two signs of life in an import's row, so it is never shorter than the time since a kill.

On SQLite a child is not stopped inside a transaction: it would keep the database's one lock.

Prints a table in Markdown; ends with 1 if anything was lost, doubled, late, or ended twice.
"""

import argparse
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from pathlib import Path
from statistics import quantiles
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError
from rq import Worker
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from benchmarks.witness import Subject, Witness, rows_of
from simulator import Account
from tests import factories, postgresql
from tests.e2e.holdings import connect
from tests.e2e.house import House
from tests.e2e.people import Company
from tests.e2e.processes import children, descendants
from webapp import queue
from webapp.extensions import db
from webapp.models import ImportState, Provider, Trigger
from webapp.models.types import now

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bin"))
from postgres import FAST, Server, throwaway_server

SMALLEST, LARGEST = 300, 1500  # customers of an account
LATENCY_MS = 1500  # of an answer, so that an import lasts a few seconds
RESUMED_WITHIN = 60.0
PATIENCE = 240.0  # after the last kill, for everything to have ended
FRESH = 5.0  # an import whose last sign of life is older than these seconds was hit


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


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/bench faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--seed", type=int, default=1, help="which kills, in which order")
    parser.add_argument("--every", type=float, default=2.7, help="seconds between two kills, on average")
    parser.add_argument("--workers", type=int, default=12, help="a quarter of them has something to do at any time")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by an exception, so that all that was started goes too
    print("| database | what | measured | target |\n|---|---|---|---|")
    violations = []
    for database in options.databases.split(","):
        with _opened(database, options.workers) as (house, server):
            series = Series(house, server, options)
            series.run()
            for line in series.figures():
                print(f"| {database} | {line} |", flush=True)
            violations += series.witness.violations
    print(*violations, sep="\n", file=sys.stderr)
    return 1 if violations else 0


@contextmanager
def _opened(database: str, workers: int) -> Iterator[tuple[House, Server | None]]:
    wanted = throwaway_server(FAST) if database == "postgresql" else nullcontext()
    with tempfile.TemporaryDirectory() as folder, wanted as server:
        if server:
            postgresql.SERVER = server.address
        house = House(Path(folder), database, [*["worker"] * workers, "clock", "clock"])
        try:
            house.open()
            house.chartmogul.set(latency_ms=LATENCY_MS)
            yield house, server
        finally:
            house.close()


class Series:
    """One database's turn. Everything happens in one loop: looking, starting imports, killing, waking up."""

    def __init__(self, house: House, server: Server | None, options: argparse.Namespace) -> None:
        self.house, self.server, self.every = house, server, options.every
        # Imports on their way at any time: few, because workers are held up or gone when another import is resumed.
        self.busy = max(2, options.workers // 4)
        self.chance = random.Random(options.seed)
        self.witness = Witness(house)
        self.done: Counter[Kill] = Counter()
        self.hit, self.seconds = 0, 0.0
        self._kills = self._shuffled(options.kills)
        self._numbers = count(1)
        self._later: list[tuple[float, Callable[[], object]]] = []
        self._stopped: set[int] = set()
        self._away: set[Victim] = set()

    def run(self) -> None:
        began = next_kill = last_kill = time.monotonic()
        while self._kills or self._later or any(subject.under_way for subject in self.witness.subjects.values()):
            self._do_what_is_due()
            with suppress(DBAPIError):
                self.witness.look()
                self._start_imports()
            running = any(row.heartbeat_at for row in self.witness.under_way)
            if self._kills and running and time.monotonic() >= next_kill and self._kill_next():
                last_kill = time.monotonic()
                next_kill = last_kill + self.chance.expovariate(1 / self.every)
            if time.monotonic() > last_kill + PATIENCE:
                self.witness.violations += [f"has not ended: {row}" for row in self.witness.under_way]
                break
            time.sleep(0.1)
        self.seconds = time.monotonic() - began
        while self._later:
            self._later.pop()[1]()
        self.witness.conclude()

    def figures(self) -> Iterator[str]:
        """What was measured, the figure, the target."""
        seen = self.witness
        by_signal = Counter(dict.fromkeys((KILL, TERM, STOP), 0))
        by_victim: Counter[str] = Counter()
        for kill, times in self.done.items():
            by_signal[kill.number] += times
            by_victim[kill.victim] += times
        late = max(seen.longest_silence, *seen.taken_up, 0)
        if late > RESUMED_WITHIN:
            seen.violations.append(f"an import was silent for {late:.1f} s")
        ended = [row for row in seen.imports.values() if row.state == ImportState.DONE]
        p95 = quantiles(seen.taken_up, n=20)[-1] if len(seen.taken_up) > 1 else late
        signals = ", ".join(f"{number.name} {times}" for number, times in by_signal.items())
        victims = ", ".join(f"{victim} {times}" for victim, times in by_victim.most_common())
        yield f"kills in {self.seconds:.0f} s | {self.done.total()}: {victims}; {signals} | |"
        yield f"of them of a process that ran an import | {self.hit} | |"
        yield f"imports of {len(seen.subjects)} tenants, ended as done | {len(ended)} of {len(seen.imports)} | all |"
        yield f"rows compared, field by field | {seen.rows_compared:,} | |"
        yield f"rows lost / doubled | {seen.lost} / {seen.doubled} | 0 / 0 |"
        yield f"imports taken up again | {len(seen.taken_up)} times | |"
        yield f"silence before it, p95 / longest | {p95:.1f} s / {late:.1f} s | ≤ 60 s |"
        yield f"stale writers woken, rows that they changed | {seen.stale_woken}, {seen.stale_changed} | 0 |"
        yield f"violations | {len(seen.violations)} | 0 |"

    def _shuffled(self, count: int) -> list[Kill]:
        """So many kills, deck by deck, each with its time."""
        deck = [kill for kill in DECK if self.server or kill.victim not in (Victim.POSTGRESQL, Victim.BACKEND)]
        kills: list[Kill] = []
        while len(kills) < count:
            kills += self.chance.sample(deck, len(deck))
        return kills[:count]

    def _do_what_is_due(self) -> None:
        for entry in [entry for entry in self._later if entry[0] <= time.monotonic()]:
            self._later.remove(entry)
            entry[1]()

    def _start_imports(self) -> None:
        """Have as many imports on their way as there are workers for, not counting those that were hit."""
        at = now()
        ages = [(at - row.heartbeat_at).total_seconds() for row in self.witness.under_way if row.heartbeat_at]
        if self._kills and len(self.witness.under_way) - sum(age > FRESH for age in ages) < self.busy:
            self._wanted().under_way = True
        for subject in self.witness.waiting:  # also those whose start the database did not live to tell of
            with self.house.rows(subject.company.id):
                provider = Provider.current(lock=True)
                assert provider
                queue.commit_and_wake(provider.start_import(Trigger.MANUAL, "the kill series", now()))

    def _wanted(self) -> Subject:
        """A tenant without an import: most times an old one whose account has moved on by a day, else a new one."""
        idle = [subject for subject in self.witness.subjects.values() if not subject.under_way]
        if not idle or self.chance.random() < 0.3:
            return self._make_subject()
        subject = self.chance.choice(idle)
        self.house.chartmogul.a_day_passes(subject.opened)
        subject.account.advance()
        return subject

    def _make_subject(self) -> Subject:
        number = next(self._numbers)
        name, size = f"Tenant {number}", self.chance.randint(SMALLEST, LARGEST)
        with self.house.rows():
            company = Company(factories.make_tenant(name).id, name)
        opened = self.house.chartmogul.account(name, size, seed=number)
        connect(self.house, company, opened)
        subject = Subject(company, opened, Account(name, seed=number, size=size))
        self.witness.subjects[company.id] = subject
        return subject

    # Who is killed, and how.

    def _kill_next(self) -> bool:
        """The first kill of the plan whose victim is there."""
        for kill in self._kills[:8]:
            with suppress(ProcessLookupError):
                if self._strike(kill, self.chance.uniform(*kill.seconds)):
                    self._kills.remove(kill)
                    self.done[kill] += 1
                    return True
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


if __name__ == "__main__":
    sys.exit(main())
