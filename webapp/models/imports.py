"""Imports: each one run of a sync, what its pages held, and what it has to say of single records."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, object_session

from webapp.extensions import Base
from webapp.models.types import UtcDateTime, now
from webapp.tenancy import TenantOwned

MAX_ATTEMPTS = 3
# How often in a row a run may be cut off before anything of it is saved: bad luck comes in threes.
MOST_CUT_OFFS = 6
CHECKPOINT_GOOD_FOR = timedelta(hours=1)


class ImportState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    PARTLY_DONE = "partly_done"
    FAILED = "failed"
    CANCELLED = "cancelled"


LIVE_IMPORT_STATES = (ImportState.WAITING, ImportState.RUNNING, ImportState.CANCELLING)
# It went through all of the account.
COMPLETE = (ImportState.DONE, ImportState.PARTLY_DONE)


class Trigger(StrEnum):
    FIRST = "first"
    SCHEDULED = "scheduled"
    MANUAL = "manual"


class Reason(StrEnum):
    """Why an import failed or is waiting: a closed set, each with its sentence in the templates."""

    KEY_REFUSED = "key_refused"
    KEY_MISSING = "key_missing"
    OTHER_ACCOUNT = "other_account"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    BROKEN_ANSWER = "broken_answer"
    SECRET_STORE = "secret_store"
    DATABASE = "database_down"
    STOPPED_TOO_OFTEN = "stopped_too_often"
    DISCONNECTED = "disconnected"
    UNEXPECTED = "unexpected"


_LIVE = "state IN ('waiting', 'running', 'cancelling')"


class Import(TenantOwned, Base):
    """One run of a sync. This row is the truth: the queue only wakes a worker to look at it."""

    __tablename__ = "imports"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "provider_id"], ["providers.tenant_id", "providers.id"]),
        UniqueConstraint("tenant_id", "number"),
        Index(
            "uq_imports_live",
            "provider_id",
            unique=True,
            sqlite_where=text(_LIVE),
            postgresql_where=text(_LIVE),
        ),
        Index("ix_imports_state", "state"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    provider_id: Mapped[UUID]
    generation: Mapped[int]
    number: Mapped[int]
    trigger: Mapped[str] = mapped_column(String(10))
    requested_by: Mapped[str | None] = mapped_column(String(254))
    state: Mapped[str] = mapped_column(String(15), default=ImportState.WAITING)
    reason: Mapped[str | None] = mapped_column(String(30))
    detail: Mapped[str | None] = mapped_column(String(500))
    cancelled_by: Mapped[str | None] = mapped_column(String(254))

    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    waiting_since: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    # The lease: who may write. Every claim raises `fence`; a write with an older fence changes no row.
    attempt: Mapped[int] = mapped_column(default=1)
    # How often, and when last, a worker was woken for it.
    sent: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    fence: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    # What of this run is done, so that it can be taken up: each list's chains (worker/plan.py), which steps are over,
    # how far the values are filled, how many turns in a row have saved nothing.
    checkpoint: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # The steps, in order: [{"name", "state", "seconds"}].
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)

    customers_read: Mapped[int] = mapped_column(default=0)
    customers_expected: Mapped[int | None]
    movements_read: Mapped[int] = mapped_column(default=0)
    movements_expected: Mapped[int | None]
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    gone: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    movements_added: Mapped[int] = mapped_column(default=0)
    movements_removed: Mapped[int] = mapped_column(default=0)
    # Live subscribers whose subscriptions were asked for, if a property is made of them.
    subscribers_read: Mapped[int] = mapped_column(default=0)
    subscribers_expected: Mapped[int | None]
    values_changed: Mapped[int] = mapped_column(default=0)
    warnings: Mapped[int] = mapped_column(default=0)
    requests: Mapped[int] = mapped_column(default=0)
    slowdowns: Mapped[int] = mapped_column(default=0)
    # Account-wide reconciliation, in minor units: Σ of customers' MRR, and that less what /metrics/all says.
    mrr_minor: Mapped[int | None] = mapped_column(BigInteger)
    account_difference_minor: Mapped[int | None] = mapped_column(BigInteger)

    @property
    def live(self) -> bool:
        return self.state in LIVE_IMPORT_STATES

    @property
    def handed_on(self) -> bool:
        """Whether it has had a turn and waits for the next, with no worker at it."""
        return self.state == ImportState.RUNNING and self.lease_until is None

    @property
    def cancellable(self) -> bool:
        return self.state in (ImportState.WAITING, ImportState.RUNNING)

    @property
    def retryable(self) -> bool:
        """Whether Retry makes sense: not while it lives, not when all is well, not when the key is refused."""
        ended_badly = self.state in (ImportState.FAILED, ImportState.CANCELLED, ImportState.PARTLY_DONE)
        needs_a_person = self.reason in (Reason.KEY_REFUSED, Reason.KEY_MISSING, Reason.DISCONNECTED)
        return ended_badly and not needs_a_person

    def has_done(self, step: str) -> bool:
        """Whether a step is over; one that this import did not need never is."""
        return any(row["name"] == step and row["state"] == "done" for row in self.steps)

    @property
    def seconds(self) -> float | None:
        """How long it took or has been running; None before it starts."""
        if self.started_at is None:
            return None
        return max(0.0, ((self.ended_at or now()) - self.started_at).total_seconds())

    @property
    def chartmogul_mrr_minor(self) -> int | None:
        """The account's MRR as ChartMogul said it; None when it did not."""
        if self.mrr_minor is None or self.account_difference_minor is None:
            return None
        return self.mrr_minor - self.account_difference_minor

    @property
    def changed(self) -> int:
        return self.created + self.updated + self.gone

    def cancel(self, by: str, at: datetime) -> None:
        """Ask a running import to stop at its next page; end a waiting one at once."""
        if self.state == ImportState.WAITING:
            self.state, self.ended_at, self.cancelled_by = ImportState.CANCELLED, at, by
        elif self.state == ImportState.RUNNING:
            self.state, self.cancelled_by = ImportState.CANCELLING, by

    def retry(self, by: str, generation: int, at: datetime) -> None:
        """Wait to be run again, from where it stopped, or from the beginning where that leads nowhere: after
        an hour ChartMogul's lists have moved on, and a list that contradicted itself may have come to reason."""
        too_old = self.ended_at is not None and at - self.ended_at > CHECKPOINT_GOOD_FOR
        if too_old or self.state == ImportState.PARTLY_DONE or self.reason == Reason.BROKEN_ANSWER:
            self.checkpoint = {}
        session = object_session(self)
        assert session is not None
        newer = session.query(Import.id).filter(
            Import.tenant_id == self.tenant_id, Import.provider_id == self.provider_id, Import.number > self.number
        )
        if generation != self.generation or session.query(newer.exists()).scalar():
            self.checkpoint = {}  # what a newer import has read since must not be undone
        # Turns that got nowhere are counted anew.
        self.checkpoint = {name: kept for name, kept in self.checkpoint.items() if name not in ("idle", "in_vain")}
        self.state, self.generation, self.attempt = ImportState.WAITING, generation, 1
        self.reason = self.detail = self.started_at = self.ended_at = self.cancelled_by = self.not_before = None
        self.requested_by, self.waiting_since = by, at
        self.sent, self.sent_at = self.sent + 1, at


class ImportPage(TenantOwned, Base):
    """What a run has seen, as 16-byte hashes, so that the end of a complete read knows what was missing from it, also
    after the run was cut off and resumed: a page of a list that is saved, or what worker/save.py keeps besides."""

    __tablename__ = "import_pages"

    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    stream: Mapped[str] = mapped_column(String(20), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    seen: Mapped[bytes] = mapped_column(LargeBinary)


class ImportWarning(TenantOwned, Base):
    """Something in one record that did not stop the import but that somebody should know."""

    __tablename__ = "import_warnings"
    __table_args__ = (Index("ix_import_warnings_import", "tenant_id", "import_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    import_id: Mapped[UUID]
    customer_uuid: Mapped[str | None] = mapped_column(String(80))
    customer_name: Mapped[str | None] = mapped_column(String(500))
    kind: Mapped[str] = mapped_column(String(40))
    detail: Mapped[str | None] = mapped_column(String(500))
    # The property whose value could not be read, of a warning about that.
    property_id: Mapped[UUID | None]
