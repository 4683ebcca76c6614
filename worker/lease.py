"""Who may write for an import. A claim raises the fence; every write of the run carries it and also asks
whether the import still runs and the connection is still the one it began under. All times are the
database's own."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, SQLColumnExpression, Update, and_, bindparam, case, exists, func, or_, select
from sqlalchemy.orm import Session

from webapp.extensions import db
from webapp.models import Import, ImportState, Provider
from webapp.models.types import database_now
from webapp.tenancy import owned, owned_update, write_rows

# With the clock's two looks, one call that got lost between them and a server that was away, an import goes on
# within a minute.
LEASE_SECONDS = 35


class Lost(Exception):
    """The import is no longer this run's: cancelled, disconnected, or taken up by another worker."""


class Lease:
    """The right to write for one import, until another claim or a cancel takes it away."""

    def __init__(self, import_id: UUID, fence: int) -> None:
        self.import_id, self.fence = import_id, fence
        self._statements: dict[tuple[tuple[str, ...], tuple[str, ...]], Update] = {}
        self._holds = and_(Import.id == import_id, Import.fence == fence, Import.state == ImportState.RUNNING)

    @classmethod
    def claim(cls, import_id: UUID) -> "Lease | None":
        """Take an import that waits or that a dead worker left behind; None when there is nothing to take.

        A run that was cut off counts as another attempt; one that gave its lease back does not.
        """
        free = or_(
            and_(
                Import.state == ImportState.WAITING,
                or_(Import.not_before.is_(None), Import.not_before <= database_now()),
            ),
            and_(
                Import.state == ImportState.RUNNING,
                or_(Import.lease_until.is_(None), Import.lease_until < database_now()),
            ),
        )
        cut_off = and_(Import.state == ImportState.RUNNING, Import.lease_until.is_not(None))
        statement = (
            owned_update(Import)
            .where(Import.id == import_id, free, same_connection())
            .values(
                state=ImportState.RUNNING,
                fence=Import.fence + 1,
                attempt=Import.attempt + case((cut_off, 1), else_=0),
                started_at=func.coalesce(Import.started_at, database_now()),
                reason=None,
                not_before=None,
                **_alive(),
            )
            .execution_options(synchronize_session=False)
        )
        claimed = db.session.execute(statement).rowcount  # type: ignore[attr-defined]
        fence = db.session.scalar(owned(Import, Import.fence).where(Import.id == import_id)) if claimed else None
        db.session.commit()
        return cls(import_id, fence) if fence is not None else None

    def write(self, added: Mapping[str, int] | None = None, /, **changes: Any) -> None:
        """Change the import's row, add to its counts, and renew the lease, in the running transaction. Raises Lost,
        and undoes the transaction, when the import is no longer this run's."""
        self._write(db.session, changes, added or {})

    def _write(self, session: Any, changes: dict[str, Any], added: Mapping[str, int]) -> None:
        computed = {name: value for name, value in changes.items() if isinstance(value, SQLColumnExpression)}
        given = {name: value for name, value in changes.items() if name not in computed}
        statement = self._statement(tuple(given), tuple(added))
        if computed:
            statement = statement.values(computed)
        values = {f"new_{name}": value for name, value in {**given, **added}.items()}
        if write_rows(session, statement, values) != 1:
            session.rollback()
            raise Lost

    def _statement(self, given: tuple[str, ...], added: tuple[str, ...]) -> Update:
        """The update of these columns and counts: made once, because every page needs it."""
        if (given, added) not in self._statements:
            of_type = {name: getattr(Import, name).type for name in (*given, *added)}
            new: dict[str, Any] = {name: bindparam(f"new_{name}", type_=type_) for name, type_ in of_type.items()}
            new |= {name: getattr(Import, name) + new[name] for name in added}
            statement = owned_update(Import).where(self._holds, same_connection()).values({**_alive(), **new})
            self._statements[given, added] = statement
        return self._statements[given, added]

    def beat(self) -> None:
        """Say that the run lives; raises Lost when it may not go on."""
        db.session.rollback()
        self.write()
        db.session.commit()

    def beat_aside(self) -> None:
        """`beat` on a connection of its own, while the run's own is in the middle of a long read."""
        with Session(db.engine) as session:
            self._write(session, {}, {})
            session.commit()

    def close_cancelled(self) -> None:
        """The run was told to stop and has: the import is cancelled. Nothing happens to one that somebody
        else has taken up."""
        db.session.rollback()
        db.session.execute(
            owned_update(Import)
            .where(
                Import.id == self.import_id,
                Import.fence == self.fence,
                Import.state == ImportState.CANCELLING,
            )
            .values(state=ImportState.CANCELLED, ended_at=database_now(), lease_until=None)
            .execution_options(synchronize_session=False)
        )
        db.session.commit()


@cache
def same_connection() -> ColumnElement[bool]:
    """Whether an import's connection is still the one that it began under."""
    return exists(
        select(Provider.id).where(
            Provider.id == Import.provider_id,
            Provider.tenant_id == Import.tenant_id,
            Provider.generation == Import.generation,
        )
    )


@cache
def _alive() -> dict[str, Any]:
    return {"lease_until": database_now(LEASE_SECONDS), "heartbeat_at": database_now()}
