"""Rows for tests, each with sensible defaults. Every function commits and returns what it made."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from webapp import scoring, value_history
from webapp.chartmogul.records import MonthRecord
from webapp.cli import add_tenant
from webapp.extensions import db
from webapp.health import score_of_points
from webapp.models import (
    Customer,
    CustomerValues,
    HealthVersion,
    Import,
    ImportState,
    Movement,
    Notice,
    Property,
    PropertyVersion,
    Provider,
    ProviderState,
    Role,
    ScoreDay,
    SecondOpinion,
    Source,
    Tenant,
    Trigger,
    User,
    ValueChange,
)
from webapp.models.accounts import PASSWORDS
from webapp.models.types import now
from webapp.models.values import TEXT_SLOTS
from webapp.tenancy import acting_for, insert_rows, owned, update_rows, upsert_rows

PASSWORD = "a good password"
MOVEMENTS = (60_000, 45_000, 52_300, 0, 81_200, -12_000, -95_400, -20_100, 38_800, 120_000, 64_700, 90_000, 10_000)
_HASH = PASSWORDS.hash(PASSWORD)


@dataclass
class Cast:
    acme: Tenant
    ada: User
    max: User
    globex: Tenant
    gil: User
    sam: User


def make_cast() -> Cast:
    acme, globex = add_tenant("Acme"), add_tenant("Globex")
    cast = Cast(
        acme=acme,
        ada=_user("ada@acme.example", Role.ADMIN, acme),
        max=_user("max@acme.example", Role.MEMBER, acme),
        globex=globex,
        gil=_user("gil@globex.example", Role.ADMIN, globex),
        sam=_user("sam@customerscore.example", Role.STAFF),
    )
    db.session.commit()
    return cast


def make_tenant(name: str = "Acme") -> Tenant:
    tenant = add_tenant(name)
    db.session.commit()
    return tenant


def make_user(email: str, role: Role, tenant: Tenant | None = None) -> User:
    user = _user(email, role, tenant)
    db.session.commit()
    return user


def _user(email: str, role: Role, tenant: Tenant | None = None) -> User:
    user = User(email=email, role=role, tenant_id=tenant.id if tenant else None, password_hash=_HASH)
    db.session.add(user)
    return user


def make_provider(tenant: Tenant, state: str = ProviderState.CONNECTED, **changes: Any) -> Provider:
    at = now() - timedelta(days=2)
    provider = Provider(
        tenant_id=tenant.id,
        state=state,
        generation=1,
        secret_name=f"test/{uuid4()}/key",
        key_mask="abc...xyz",
        account_id="acc_1",
        account_name=f"{tenant.name} Analytics",
        currency="EUR",
        time_zone="Europe/Berlin",
        connected_by="ada@acme.example",
        connected_at=at,
        set_up_at=None if state == ProviderState.SETTING_UP else at,
        every_hours=None if state == ProviderState.SETTING_UP else 24,
        next_import_at=now() + timedelta(hours=5) if state == ProviderState.CONNECTED else None,
    )
    return _add(provider, changes)


def make_import(provider: Provider, state: str = ImportState.DONE, **changes: Any) -> Import:
    at = now() - timedelta(hours=1)
    with acting_for(provider.tenant_id):
        import_ = provider.start_import(Trigger.MANUAL, "ada@acme.example", at)
        import_.state = state
        if state != ImportState.WAITING:
            import_.started_at = at
        if not import_.live:
            import_.ended_at = at + timedelta(seconds=12)
        return _add(import_, changes)


def give_months(provider: Provider, at: datetime | None = None) -> Provider:
    """A year of growth with a bad quarter in it, and the month that is running."""
    at = at or now()
    months, mrr, first = [], 800_000, at.date().replace(day=1)
    for back, moved in zip(range(12, -1, -1), MOVEMENTS, strict=True):
        year, month = divmod(first.year * 12 + first.month - 1 - back, 12)
        last_day = date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)
        churned, mrr = max(0, -moved) + 4_200, mrr + moved
        rates = 171, -100 * moved * 100 // mrr
        months.append(MonthRecord(min(last_day, at.date()), back > 0, mrr, moved, churned, *rates))
    provider.keep_months(months, at)
    return _add(provider, {})


def make_customer(provider: Provider, name: str | None = "Blue Finch", **changes: Any) -> Customer:
    uuid = changes.pop("uuid", f"cus_{uuid4()}")
    customer = Customer(
        id=Customer.id_for(provider.id, uuid),
        tenant_id=provider.tenant_id,
        provider_id=provider.id,
        uuid=uuid,
        external_id=f"ext-{uuid[-6:]}",
        name=name,
        email="hello@bluefinch.example",
        status="Active",
        mrr_minor=12900,
        arr_minor=154800,
        currency="EUR",
        customer_since=now() - timedelta(days=400),
        content_hash=b"0" * 16,
        changed_import_id=uuid4(),
    )
    _add(customer, changes)
    with acting_for(customer.tenant_id):
        columns = {name: getattr(customer, name) for name in Customer.__table__.c.keys()}  # noqa: SIM118
        insert_rows(CustomerValues, [CustomerValues.row_of(columns)])
        db.session.commit()
    return customer


def make_movement(customer: Customer, at: datetime, movement_minor: int, mrr_minor: int, **changes: Any) -> Movement:
    movement = Movement(
        id=uuid4(),
        tenant_id=customer.tenant_id,
        provider_id=customer.provider_id,
        customer_uuid=customer.uuid,
        at=at,
        type="new_biz" if movement_minor >= 0 else "contraction",
        movement_minor=movement_minor,
        mrr_minor=mrr_minor,
        description="purchased the Gold plan",
        currency="EUR",
        read=0,
    )
    return _add(movement, changes)


def make_property(tenant: Tenant, name: str = "MRR", **changes: Any) -> Property:
    property_ = Property(
        tenant_id=tenant.id,
        name=name,
        codename=name.lower().replace(" ", "_"),
        type="money",
        source=Source.CHARTMOGUL,
        field="cm_mrr",
    )
    with acting_for(tenant.id):
        others = list(db.session.scalars(owned(Property)))
        property_.slot = property_.slot_for(changes.get("type", "money"), others)
    return _add(property_, changes)


def make_version(property_: Property, by: str | None = "ada@acme.example", **changes: Any) -> PropertyVersion:
    """The row of a property's history that says what it is now."""
    return _add(PropertyVersion.of(property_, by, now() - timedelta(days=1)), changes)


def make_value(
    property_: Property, customer: Customer, number: int | None = None, text: str | None = None, by: str | None = None
) -> None:
    """Keep a value; `by` a person, who is then told as having set it."""
    kept = text if property_.slot in TEXT_SLOTS else number
    row = {"provider_id": customer.provider_id, "uuid": customer.uuid, property_.slot: kept}
    with acting_for(customer.tenant_id):
        update_rows(CustomerValues, [row], key=("provider_id", "uuid"))
        if by is not None:
            value_history.keep(property_, customer.id, None, kept, by, now())
        db.session.commit()


def make_change(
    property_: Property, customer: Customer, import_: Import, before: Any, after: Any, **changes: Any
) -> None:
    """Keep that an import changed a value, as it is kept in the property's slot."""
    row = {"property_id": property_.id, "customer_id": customer.id, "version": property_.version, "at": now()}
    told = ValueChange.told(property_.slot, before, after)
    with acting_for(customer.tenant_id):
        insert_rows(ValueChange, [{**row, "import_id": import_.id, "by": None, **told, **changes}])
        db.session.commit()


def make_health_version(tenant: Tenant, *factors: dict[str, Any], **changes: Any) -> HealthVersion:
    """A configuration of these factors (webapp.scoring.row_of): published as the first, unless said otherwise."""
    version = HealthVersion(
        tenant_id=tenant.id,
        number=1,
        factors=list(factors),
        caps={"scheduled_churn": 19, "past_due": 39},
        note="",
        changed_at=now(),
        by="ada@acme.example",
    )
    return _add(version, changes)


def give_score(customer: Customer, version: HealthVersion, points: Sequence[int | None], day: date, **at: Any) -> None:
    """Keep a score of these points (in tenths) from a day on, and as the one of now."""
    score = score_of_points(scoring.config_of(version), points, (), None)
    state = scoring.state_of(version.number, points, (), score.why_none)
    of = {"provider_id": customer.provider_id}
    now_ = {"score": score.score, "grade": score.grade, "trend": None, "score_state": state}
    kept = {"version": version.number, "score": score.score, "points": scoring.kept_points(points), "caps": ""}
    with acting_for(customer.tenant_id):
        row = {**of, "uuid": customer.uuid, **now_, **at}
        update_rows(CustomerValues, [row], key=("provider_id", "uuid"))
        dated = {**of, "customer_uuid": customer.uuid, "day": day, **kept, "why_none": score.why_none}
        upsert_rows(ScoreDay, [{**dated, "rebuilt": False}], key=("tenant_id", "provider_id", "customer_uuid", "day"))
        db.session.commit()


def make_opinion(customer: Customer, user: User, **changes: Any) -> SecondOpinion:
    opinion = SecondOpinion(
        tenant_id=customer.tenant_id,
        provider_id=customer.provider_id,
        customer_uuid=customer.uuid,
        grade=4,
        reason="Their champion has left.",
        by=user.email,
        user_id=user.id,
        at=now(),
        expires_on=now().date() + timedelta(days=30),
    )
    return _add(opinion, changes)


def make_notice(provider: Provider, kind: str, customer: Customer | None = None, **changes: Any) -> Notice:
    notice = Notice(tenant_id=provider.tenant_id, provider_id=provider.id, kind=kind, opened_at=now(), since=now())
    if customer is not None:
        notice.customer_uuid, notice.customer_id, notice.about = customer.uuid, customer.id, customer.title
        notice.grade_before, notice.grade = 2, 4
    return _add(notice, changes)


def values_of(property_: Property) -> list[Any]:
    """What is kept of a property, of whichever customers."""
    with acting_for(property_.tenant_id):
        return list(db.session.scalars(owned(CustomerValues, property_.values).where(property_.values.is_not(None))))


def _add(row: Any, changes: dict[str, Any]) -> Any:
    for name, value in changes.items():
        setattr(row, name, value)
    with acting_for(row.tenant_id):
        db.session.add(row)
        db.session.commit()
    return row
