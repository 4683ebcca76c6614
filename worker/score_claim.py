"""Who may write a tenant's scores: one at a time, an import before a job. All times are the database's own."""

from typing import Any

from sqlalchemy import SQLColumnExpression, exists, or_, select

from webapp.extensions import db
from webapp.models import Import, ImportState, Scoring
from webapp.models.types import database_now
from webapp.tenancy import owned, owned_update
from worker.lease import LEASE_SECONDS, Lease


class Taken(Exception):
    """The scores are somebody else's to make, or what they are made of has changed: what was read is not written."""


# Whether one of the tenant's imports runs: it makes the scores at its end.
IMPORT_RUNS = exists(
    select(Import.id).where(Import.tenant_id == Scoring.tenant_id, Import.state == ImportState.RUNNING)
)
NOBODYS = or_(Scoring.lease_until.is_(None), Scoring.lease_until < database_now())


class Claim:
    """The right to write scores until another claim, or something that makes them old, takes it away. `lease`: that
    of the import at whose end they are made, which is asked for and kept alive with every write; None for a job."""

    def __init__(self, lease: Lease | None, fence: int, scoring: Scoring) -> None:
        self.lease, self.fence, self.scoring = lease, fence, scoring

    @classmethod
    def take(cls, lease: Lease | None = None) -> "Claim | None":
        """An import takes them from whoever has them. A job has them only when there is something to do, nobody is at
        it and no import runs."""
        free = [Scoring.due_at <= database_now(), NOBODYS, ~IMPORT_RUNS] if lease is None else []
        if lease is not None:
            lease.write()
        taken = {"fence": Scoring.fence + 1, "lease_until": database_now(LEASE_SECONDS)}
        claim = owned_update(Scoring).where(*free).values(**taken).returning(Scoring.fence)
        fence = db.session.scalar(claim.execution_options(synchronize_session=False))
        scoring = db.session.scalars(owned(Scoring).execution_options(populate_existing=True)).first()
        db.session.expunge_all()
        db.session.commit()
        if fence is None or scoring is None:
            return None
        return cls(lease, fence, scoring)

    def write(self, **changes: Any) -> None:
        """Change the row and stay its owner, in the running transaction, before any score is written in it. Raises
        Taken, and undoes the transaction, when the scores are no longer this claim's; Lost when the import is not."""
        if self.lease is not None:
            self.lease.write(attempt=1)
        mine = [Scoring.fence == self.fence] + ([~IMPORT_RUNS] if self.lease is None else [])
        values = {"lease_until": database_now(LEASE_SECONDS), **changes}
        statement = owned_update(Scoring).where(*mine).values(**values).execution_options(synchronize_session=False)
        if db.session.execute(statement).rowcount != 1:  # type: ignore[attr-defined]
            db.session.rollback()
            raise Taken
        for name, value in changes.items():
            if not isinstance(value, SQLColumnExpression):
                setattr(self.scoring, name, value)
