"""The kill series: imports of many tenants, one after the other, while processes are killed at random moments.

    bin/bench faults [--kills 200] [--databases sqlite,postgresql] [--seed 1] [--every 2.7] [--workers 12]

Starts workers and three clocks under the project's supervisor, a Valkey, a simulated ChartMogul, and for
PostgreSQL a server that may be killed; the app is the role without rights. A worker, a worker's child, a clock,
Valkey, PostgreSQL or one of its backends then gets SIGKILL, SIGTERM, or SIGSTOP and after a while SIGCONT: for a
child also so much later that somebody else has its import by then. Such a stale writer wakes up while every other
process is stopped: whatever changes then is its doing.

After every import its customers and movements are compared, field by field, with the account. A silence is
measured between two signs of life in an import's row, so it is never shorter than the time since a kill.

On SQLite a child is not stopped inside a transaction: it would keep the database's one lock.

Prints a table in Markdown; ends with 1 if anything was lost, doubled, late, or ended twice.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from itertools import count
from pathlib import Path
from statistics import quantiles

from sqlalchemy.exc import DBAPIError

from benchmarks.kills import KILL, STOP, TERM, Kill, Killer, plan
from benchmarks.witness import Subject, Witness
from simulator import Account
from tests import factories, postgresql
from tests.e2e.holdings import connect
from tests.e2e.house import House
from tests.e2e.people import Company
from webapp import queue
from webapp.models import ImportState, Provider, Trigger
from webapp.models.types import now

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bin"))
from postgres import FAST, Server, throwaway_server

SMALLEST, LARGEST = 300, 1500  # customers of an account
LATENCY_MS = 1500  # of an answer, so that an import lasts a few seconds
RESUMED_WITHIN = 60.0
PATIENCE = 240.0  # after the last kill, for everything to have ended
FRESH = 5.0  # an import whose last sign of life is older than these seconds was hit


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
        house = House(Path(folder), database, [*["worker"] * workers, *["clock"] * 3])
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
        self.seconds = 0.0
        self.killer = Killer(house, server, self.witness, self.chance)
        self._kills = plan(options.kills, server is not None, self.chance)
        self._numbers = count(1)

    def run(self) -> None:
        began = next_kill = last_kill = time.monotonic()
        while self._kills or self.killer.waits or self.witness.expects:
            self.killer.wake_who_is_due()
            with suppress(DBAPIError):
                self.witness.look()
                self._start_imports()
            running = any(row.heartbeat_at for row in self.witness.under_way)
            if running and time.monotonic() >= next_kill and self._kill_next():
                last_kill = time.monotonic()
                next_kill += self.chance.expovariate(1 / self.every)
            if time.monotonic() > last_kill + PATIENCE:
                self.witness.violations += [f"has not ended: {row}" for row in self.witness.under_way]
                break
            time.sleep(0.1)
        self.seconds = time.monotonic() - began
        while self.killer.waits:
            self.killer.wake_who_is_due()
        self.witness.conclude()

    def figures(self) -> Iterator[str]:
        """What was measured, the figure, the target."""
        seen = self.witness
        by_signal = Counter(dict.fromkeys((KILL, TERM, STOP), 0))
        by_victim: Counter[str] = Counter()
        for kill, times in self.done.items():
            by_signal[kill.number] += times
            by_victim[kill.victim] += times
        if not self.killer.hit:
            seen.violations.append("no kill hit a process that ran an import")
        late = max(seen.longest_silence, *seen.taken_up, 0)
        if late > RESUMED_WITHIN:
            seen.violations.append(f"an import was silent for {late:.1f} s")
        ended = [row for row in seen.imports.values() if row.state == ImportState.DONE]
        p95 = quantiles(seen.taken_up, n=20)[-1] if len(seen.taken_up) > 1 else late
        signals = ", ".join(f"{number.name} {times}" for number, times in by_signal.items())
        victims = ", ".join(f"{victim} {times}" for victim, times in by_victim.most_common())
        yield f"kills in {self.seconds:.0f} s | {self.done.total()}: {victims}; {signals} | |"
        yield f"of them of a process that ran an import | {self.killer.hit} | |"
        yield f"imports of {len(seen.subjects)} tenants, ended as done | {len(ended)} of {len(seen.imports)} | all |"
        yield f"rows compared, field by field | {seen.rows_compared:,} | |"
        yield f"rows lost / doubled | {seen.lost} / {seen.doubled} | 0 / 0 |"
        yield f"imports taken up again | {len(seen.taken_up)} times | |"
        yield f"silence before it, p95 / longest | {p95:.1f} s / {late:.1f} s | ≤ 60 s |"
        yield f"stale writers woken, rows that they changed | {seen.stale_woken}, {seen.stale_changed} | 0 |"
        yield f"violations | {len(seen.violations)} | 0 |"

    def _kill_next(self) -> bool:
        """The first kill of the plan whose victim is there."""
        for kill in self._kills[:8]:
            if self.killer.strike(kill):
                self._kills.remove(kill)
                self.done[kill] += 1
                return True
        return False

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


if __name__ == "__main__":
    sys.exit(main())
