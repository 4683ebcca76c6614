"""What the kill series has to say of imports: looked at from beside, row by row, while everything is being killed."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from simulator import Account
from tests import expected
from tests.e2e.chartmogul import Account as Opened
from tests.e2e.house import House
from tests.e2e.people import Company
from webapp.extensions import Base, db, reading
from webapp.models import LIVE_IMPORT_STATES, Import, ImportState, Provider
from webapp.tenancy import TenantOwned, owned

COLUMNS = (
    *(Import.id, Import.tenant_id, Import.number, Import.state, Import.reason, Import.detail),
    *(Import.fence, Import.heartbeat_at, Import.ended_at, Import.customers_read, Import.movements_read),
)


@dataclass
class Subject:
    """A tenant, the account that it imports, and the same account drawn a second time, here, to compare with."""

    company: Company
    opened: Opened
    account: Account
    ended: int = 0
    under_way: bool = False


@dataclass
class Witness:
    """Looks again and again. Everything that must not be is a sentence in `violations`."""

    house: House
    subjects: dict[UUID, Subject] = field(default_factory=dict)
    imports: dict[UUID, Row[Any]] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    # Seconds from the last sign of life under one fence to the first under a later one.
    taken_up: list[float] = field(default_factory=list)
    longest_silence: float = 0.0
    rows_compared: int = 0
    lost: int = 0
    doubled: int = 0
    stale_woken: int = 0
    stale_changed: int = 0

    @property
    def under_way(self) -> list[Row[Any]]:
        return [row for row in self.imports.values() if row.state in LIVE_IMPORT_STATES]

    @property
    def expects(self) -> bool:
        """Whether any import is yet to be seen or to end."""
        return any(subject.under_way for subject in self.subjects.values())

    @property
    def waiting(self) -> list[Subject]:
        """Those whose next import was not seen yet."""
        seen = Counter(row.tenant_id for row in self.imports.values())
        return [each for id_, each in self.subjects.items() if each.under_way and seen[id_] == each.ended]

    def look(self) -> None:
        """Note how far every import is; compare what is held with what is there when one has ended."""
        with self.house.rows(), reading():
            rows: list[Any] = list(db.session.execute(select(*COLUMNS)))
        for row in rows:
            before = self.imports.get(row.id)
            if before is not None and before.state not in LIVE_IMPORT_STATES:
                if tuple(before) != tuple(row):
                    self.violations.append(f"changed after its end: {before} is now {row}")
                continue
            if before is not None and before.heartbeat_at is not None:
                silence = (row.heartbeat_at - before.heartbeat_at).total_seconds()
                self.longest_silence = max(self.longest_silence, silence)
                if row.fence != before.fence:
                    self.taken_up.append(silence)
            if row.state not in LIVE_IMPORT_STATES:
                self._compare(row)
                subject = self.subjects[row.tenant_id]
                subject.ended, subject.under_way = subject.ended + 1, False
            self.imports[row.id] = row

    def _compare(self, row: Row[Any]) -> None:
        if row.state != ImportState.DONE:
            self.violations.append(f"did not end well: {row}")
            return
        subject = self.subjects[row.tenant_id]
        customers = expected.expected_customers(subject.account)
        movements = expected.expected_movements(subject.account)
        with self.house.rows(row.tenant_id), reading():
            provider = Provider.current()
            assert provider
            held, held_movements = expected.held_customers(provider), expected.held_movements(provider)
            reads = provider.movements_read
        lost = sum(held.get(uuid) != customer for uuid, customer in customers.items())
        self.lost += lost + (movements - held_movements).total()
        self.doubled += len(held.keys() - customers.keys()) + (held_movements - movements).total()
        self.rows_compared += len(customers) + movements.total()
        mine = [each for each in self.imports.values() if each.tenant_id == row.tenant_id and each.id != row.id]
        well = 1 + sum(each.state == ImportState.DONE for each in mine)
        counted = (row.customers_read, row.movements_read, reads)
        there = (len(customers), movements.total(), well)
        if counted != there:
            self.violations.append(f"{row}: counted {counted}, not {there}")

    def conclude(self) -> None:
        """After the last import: nothing has changed since each ended, and none was ended a second time."""
        self.look()
        for subject in self.subjects.values():
            rows = [row for row in self.imports.values() if row.tenant_id == subject.company.id]
            self._compare(max(rows, key=lambda row: row.number))
        ended = Counter(
            entry["import_id"]
            for line in self.house.processes.log.read_text(errors="replace").splitlines()
            if '"import ended"' in line and (entry := json.loads(line.partition("| ")[2]))
        )
        self.violations += [f"ended {times} times: {id_}" for id_, times in ended.items() if times > 1]
        if self.lost or self.doubled or self.stale_changed:
            self.violations.append("rows lost, doubled, or changed by a stale writer")


def rows_of(house: House, tenant_id: UUID) -> Counter[tuple[str, str]]:
    """Every row of a tenant, of every table, whole."""
    found: Counter[tuple[str, str]] = Counter()
    models: list[Any] = [each.class_ for each in Base.registry.mappers if issubclass(each.class_, TenantOwned)]
    with house.rows(tenant_id), reading():
        for model in models:
            rows = db.session.execute(owned(model, *model.__table__.c))
            found.update((model.__tablename__, repr(row)) for row in rows)
    return found
