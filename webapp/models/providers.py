"""A tenant's connection to ChartMogul."""

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import (
    JSON,
    Index,
    String,
    UniqueConstraint,
    func,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, object_session

from webapp.chartmogul.records import AccountRecord, MonthRecord
from webapp.extensions import Base, db
from webapp.models.accounts import Tenant
from webapp.models.imports import COMPLETE, LIVE_IMPORT_STATES, Import, ImportState, Reason, Trigger
from webapp.models.types import UtcDateTime
from webapp.tenancy import TenantOwned, owned, owned_update

FAILURES_BEFORE_ACTION = 3


class ProviderState(StrEnum):
    SETTING_UP = "setting_up"
    CONNECTED = "connected"
    PAUSED = "paused"
    ACTION_NEEDED = "action_needed"
    DISCONNECTED = "disconnected"


class Provider(TenantOwned, Base):
    """A tenant's connection to one ChartMogul account. `generation` counts its connections: a write of an
    import carries the generation it began under, and one of an older connection is refused."""

    __tablename__ = "providers"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        Index(
            "uq_providers_live",
            "tenant_id",
            "kind",
            unique=True,
            sqlite_where=text("state <> 'disconnected'"),
            postgresql_where=text("state <> 'disconnected'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    kind: Mapped[str] = mapped_column(String(20), default="chartmogul")
    state: Mapped[str] = mapped_column(String(20), default=ProviderState.DISCONNECTED)
    generation: Mapped[int] = mapped_column(default=0)

    secret_name: Mapped[str | None] = mapped_column(String(300))
    key_mask: Mapped[str | None] = mapped_column(String(20))
    account_id: Mapped[str | None] = mapped_column(String(255))
    account_name: Mapped[str | None] = mapped_column(String(255))
    currency: Mapped[str | None] = mapped_column(String(10))
    time_zone: Mapped[str | None] = mapped_column(String(64))

    connected_by: Mapped[str | None] = mapped_column(String(254))
    connected_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    set_up_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disconnected_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    every_hours: Mapped[int | None]
    daily_at: Mapped[str | None] = mapped_column(String(5))
    # The time zone of `daily_at`: the tenant's, as it was when the schedule was set.
    schedule_zone: Mapped[str | None] = mapped_column(String(64))
    import_leads: Mapped[bool] = mapped_column(default=True)
    next_import_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)

    last_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_success_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(default=0)
    action_reason: Mapped[str | None] = mapped_column(String(30))
    action_since: Mapped[datetime | None] = mapped_column(UtcDateTime)

    # What the key gives, as support's probe found it: {"state", "customers", "movements", "rows", "error"}.
    probe: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    probed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    probe_wanted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Custom attributes seen by the last import: {key: {"type", "mixed", "count", "samples"}}.
    attributes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # How many customers we hold, also of those no longer in ChartMogul; unknown while an import is changing that.
    customers_held: Mapped[int | None]
    # Which statuses its customers have.
    statuses: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    # Those that no property was wanted of, by their keys: they are not offered again.
    dismissed_attributes: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    # Codenames of the fields of which the last import found that no customer has a value.
    fields_without_values: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    # The account's last months, oldest first, as /metrics/all and /metrics/mrr gave them: rows of MonthRecord.
    months: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list, server_default="[]")
    months_read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    movements_read: Mapped[int] = mapped_column(default=0)
    # When a read of all of them counted last.
    movements_read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Days that cut the movements, as they were last read, into parts of equally many: where the next read begins.
    movement_borders: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")

    @classmethod
    def current(cls, lock: bool = False) -> "Provider | None":
        """This tenant's connection: the live one, else the one that was disconnected last. The lock lets rows that
        refer to it be inserted: a worker in the middle of a page would else wait for who waits for it."""
        live_first = (cls.state == ProviderState.DISCONNECTED, cls.disconnected_at.desc())
        newest = owned(cls).order_by(*live_first).limit(1)
        if lock:
            newest = newest.with_for_update(key_share=True).execution_options(populate_existing=True)
        found: Provider | None = db.session.scalar(newest)
        return found

    @classmethod
    def before_of(cls, account: AccountRecord) -> "Provider | None":
        """This tenant's ended connection to an account, which a new one takes up again."""
        newest_first = owned(cls).order_by(cls.disconnected_at.desc())
        return next((row for row in db.session.scalars(newest_first) if row.opens(account)), None)

    def opens(self, account: AccountRecord) -> bool:
        """Whether this is the connection's account. Old answers carry no id: then its facts decide."""
        if self.account_id and account.id:
            return self.account_id == account.id
        facts = account.name, account.currency, account.time_zone
        return (self.account_name, self.currency, self.time_zone) == facts

    @property
    def live(self) -> bool:
        return self.state != ProviderState.DISCONNECTED

    @property
    def awaits_set_up(self) -> bool:
        return self.live and self.set_up_at is None

    @property
    def imports_may_run(self) -> bool:
        allowed = (ProviderState.CONNECTED, ProviderState.ACTION_NEEDED)
        return self.set_up_at is not None and self.state in allowed

    @property
    def probing(self) -> bool:
        """Whether a probe was asked for and has not answered yet."""
        return self.probe_wanted_at is not None

    @property
    def key_check(self) -> str | None:
        """What the last probe said of the key: `ok`, `refused`, `unavailable`; None before the first."""
        return self.probe.get("state") if self.probe else None

    @property
    def zone(self) -> ZoneInfo:
        """The account's time zone: its days are the days of every dated field."""
        return ZoneInfo(self.time_zone or "UTC")

    @property
    def account(self) -> str:
        """The ChartMogul account as people know it."""
        return self.account_name or "without a name"

    @property
    def tenant_zone(self) -> ZoneInfo:
        """The tenant's own time zone, in which a daily schedule is meant."""
        return ZoneInfo(db.session.scalar(select(Tenant.time_zone).where(Tenant.id == self.tenant_id)) or "UTC")

    def connect(self, secret_name: str, key_mask: str, by: str, at: datetime) -> None:
        self.state = ProviderState.SETTING_UP
        self.generation += 1
        self.secret_name, self.key_mask = secret_name, key_mask
        self.connected_by, self.connected_at = by, at
        self.set_up_at = self.disconnected_at = self.paused_at = None
        self.action_reason = self.action_since = self.next_import_at = None
        self.failures = 0
        self.ask_probe(at)

    def describe(self, account: AccountRecord) -> None:
        """Note which account the key opens."""
        self.account_id = account.id or self.account_id
        self.account_name, self.currency, self.time_zone = account.name, account.currency, account.time_zone

    def keep_months(self, months: list[MonthRecord], at: datetime) -> None:
        """Note what the account's last months were."""
        self.months = [{**month._asdict(), "last_day": str(month.last_day)} for month in months]
        self.months_read_at = at

    @property
    def account_months(self) -> list[MonthRecord]:
        return [MonthRecord(**{**kept, "last_day": date.fromisoformat(kept["last_day"])}) for kept in self.months]

    def ask_probe(self, at: datetime) -> None:
        """Have a worker look at what the key gives; what an older key gave is forgotten."""
        self.probe = self.probed_at = None
        self.probe_wanted_at = at

    def replace_key(self, secret_name: str, key_mask: str, by: str, at: datetime) -> None:
        """Go on with a new key of the same account; before the set-up it is waited for with this one."""
        self.secret_name, self.key_mask = secret_name, key_mask
        self.recover(at)
        if self.awaits_set_up:
            self.connected_by, self.connected_at = by, at
            self.ask_probe(at)

    def ask_for_new_key(self, at: datetime) -> None:
        """Tell the tenant that its key is refused, before the set-up is complete."""
        self.state, self.action_reason = ProviderState.ACTION_NEEDED, Reason.KEY_REFUSED
        self.action_since = self.action_since or at

    def complete_set_up(self, every_hours: int | None, daily_at: str | None, leads: bool, at: datetime) -> None:
        """Set the schedule and let imports run; the first one is started by the caller."""
        self.state = ProviderState.CONNECTED
        self.set_up_at = at
        self.every_hours, self.daily_at, self.import_leads = every_hours, daily_at, leads
        self.schedule_zone = self.tenant_zone.key
        self.schedule_next(at)

    def schedule_next(self, after: datetime) -> None:
        """Set the next time an import is due, strictly after a moment; None while nothing is scheduled."""
        self.next_import_at = None
        if self.state == ProviderState.PAUSED or not self.live:
            return
        if self.every_hours:
            self.next_import_at = after + timedelta(hours=self.every_hours)
        elif self.daily_at:
            zone = ZoneInfo(self.schedule_zone or "UTC")
            self.next_import_at = next_daily(time.fromisoformat(self.daily_at), zone, after)

    def pause(self, at: datetime) -> None:
        self.state, self.paused_at, self.next_import_at = ProviderState.PAUSED, at, None

    def resume(self, at: datetime) -> None:
        self.state, self.paused_at = ProviderState.CONNECTED, None
        self.schedule_next(at)

    def need_action(self, reason: str, at: datetime) -> None:
        """Stop imports until somebody acts; the card says why, and since when."""
        if self.state in (ProviderState.CONNECTED, ProviderState.ACTION_NEEDED):
            self.action_since = self.action_since or at
            self.state, self.action_reason, self.next_import_at = ProviderState.ACTION_NEEDED, reason, None

    def recover(self, at: datetime) -> None:
        """Take up the schedule again after an import succeeded or a new key was accepted."""
        self.failures = 0
        if self.state == ProviderState.ACTION_NEEDED:
            self.state = ProviderState.CONNECTED if self.set_up_at else ProviderState.SETTING_UP
        self.action_reason = self.action_since = None
        if self.state == ProviderState.CONNECTED and self.next_import_at is None:
            self.schedule_next(at)

    def disconnect(self, at: datetime) -> None:
        """End the connection: no import of it may write from now on. The secret is deleted by the caller."""
        self.state = ProviderState.DISCONNECTED
        self.generation += 1
        self.secret_name = self.next_import_at = self.action_reason = self.action_since = None
        self.probe_wanted_at = None
        self.disconnected_at = at

    def cancel_live_import(self, by: str, at: datetime) -> int | None:
        """End a live import at once, without waiting for its worker, whose next write finds that it lost its
        place; gives the import's number."""
        live = Import.provider_id == self.id, Import.state.in_(LIVE_IMPORT_STATES)
        ended = {
            "state": ImportState.CANCELLED,
            "reason": Reason.DISCONNECTED,
            "cancelled_by": by,
            "ended_at": at,
        }
        return db.session.scalar(owned_update(Import).where(*live).values(**ended).returning(Import.number))

    def live_import(self) -> "Import | None":
        session = object_session(self)
        assert session is not None
        return (
            session.query(Import)
            .filter(
                Import.tenant_id == self.tenant_id,
                Import.provider_id == self.id,
                Import.state.in_(LIVE_IMPORT_STATES),
            )
            .one_or_none()
        )

    def newest_complete_import(self) -> "Import | None":
        """The import that last went through all of the account. One that was taken up again ends after later ones."""
        complete = owned(Import).where(Import.provider_id == self.id, Import.state.in_(COMPLETE))
        return db.session.scalars(complete.order_by(Import.ended_at.desc(), Import.number.desc()).limit(1)).first()

    def start_import(self, trigger: Trigger, by: str | None, at: datetime) -> "Import":
        """A new import, waiting. The database refuses it while another one of this provider is live."""
        session = object_session(self)
        assert session is not None
        newest = session.query(func.max(Import.number)).filter(Import.tenant_id == self.tenant_id).scalar()
        import_ = Import(
            tenant_id=self.tenant_id,
            provider_id=self.id,
            generation=self.generation,
            number=(newest or 0) + 1,
            trigger=trigger,
            requested_by=by,
            created_at=at,
            waiting_since=at,
        )
        session.add(import_)
        return import_


def next_daily(at: time, zone: ZoneInfo, after: datetime) -> datetime:
    """The next moment strictly after `after` at which clocks in `zone` show `at`. A time that a day skips
    (clocks go forward) falls on the moment right after the gap; one that a day has twice, on the first."""
    day = after.astimezone(zone).date()
    while True:
        local = datetime.combine(day, at, zone)
        moment = local.astimezone(ZoneInfo("UTC"))
        if moment > after:
            return moment
        day += timedelta(days=1)
