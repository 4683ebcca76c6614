"""Each customer's values of a tenant's properties, and how they changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Text,
    and_,
    literal,
    null,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base, db
from webapp.folding import fold
from webapp.models.customers import LIVE_STATUSES
from webapp.models.types import UtcDateTime
from webapp.tenancy import TenantOwned, insert_selected, owned, owned_update, through_its_parent
from webapp.values import WORDED

# So many properties a tenant can have of those that are kept as a number (dates and yes or no are), and as a text.
NUMBER_SLOTS = tuple(f"n{number}" for number in range(1, 61))
TEXT_SLOTS = tuple(f"t{number}" for number in range(1, 41))
# Compared byte by byte: in the same order on both databases, and much faster than by the rules of a language.
BINARY_TEXT = Text().with_variant(Text(collation="C"), "postgresql")


# What lies in a slot.
Kept = int | str | None


def slots_of(type_: str) -> tuple[str, ...]:
    """The columns of CustomerValues that can hold a type, see webapp.values."""
    return TEXT_SLOTS if type_ in WORDED else NUMBER_SLOTS


class CustomerValues(TenantOwned, Base):
    """What the table of customers shows, sorts and searches, a row for each customer: so that any filter with any order
    is at most one pass over narrow rows that lie together. `title` and `search` are folded (webapp.folding). Each
    property has a column of its own, its slot, in which a value is kept as webapp.values says. `hash`: what all values
    that ChartMogul gives came to when they were last written; as long as they hash to the same, none is compared."""

    __tablename__ = "customer_values"
    __table_args__ = (
        # Of the provider, not of the customer: PostgreSQL checks that a thousand times slower as long as it has not
        # counted a new account's customers. Both rows are written in one transaction.
        ForeignKeyConstraint(["tenant_id", "provider_id"], ["providers.tenant_id", "providers.id"]),
        PrimaryKeyConstraint("tenant_id", "provider_id", "uuid"),
        # The provider comes last, so that PostgreSQL never takes this index for the key, to find one customer.
        Index("ix_customer_values_title", "tenant_id", "title", "uuid", "provider_id"),
        {"sqlite_with_rowid": False},  # rows lie in the order of the key: a tenant's are one stretch
    )

    tenant_id: Mapped[UUID] = through_its_parent()
    provider_id: Mapped[UUID]
    uuid: Mapped[str] = mapped_column(String(80))
    customer_id: Mapped[UUID]
    title: Mapped[str] = mapped_column(BINARY_TEXT)
    search: Mapped[str] = mapped_column(BINARY_TEXT)
    status: Mapped[str | None] = mapped_column(String(100))
    mrr_minor: Mapped[int] = mapped_column(BigInteger)
    gone: Mapped[bool] = mapped_column(default=False)
    hash: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    # The health score in tenths, its grade (1 to 5), and how much it differs from that of 30 days ago, in tenths.
    score: Mapped[int | None]
    grade: Mapped[int | None]
    trend: Mapped[int | None]
    # What the score is made of, as webapp.scoring writes it.
    score_state: Mapped[str | None] = mapped_column(String(120))

    @classmethod
    def subscribes(cls) -> ColumnElement[bool]:
        """The same as of Customer."""
        return and_(cls.status.in_(LIVE_STATUSES), cls.gone.is_(False))

    @staticmethod
    def row_of(customer: Mapping[str, Any]) -> dict[str, Any]:
        """A customer's row, from the columns of Customer."""
        names = [customer[name] for name in ("name", "company", "email", "external_id", "uuid") if customer[name]]
        site = (customer["website_url"] or "").partition("//")[2].removeprefix("www.").rstrip("/")
        return {
            "provider_id": customer["provider_id"],
            "uuid": customer["uuid"],
            "customer_id": customer["id"],
            "title": fold(names[0]),
            "search": fold("\n".join([*names, site])),
            "status": customer["status"],
            "mrr_minor": customer["mrr_minor"],
            "gone": customer["gone_at"] is not None,
        }

    @staticmethod
    def empty(slot: str) -> None:
        """Remove what all customers have in a slot; the caller commits. The rows are locked in the order of their key
        first, in which an import writes them: it and this would else wait for each other."""
        is_filled = slot_columns([slot])[0].is_not(None)
        rows = owned(CustomerValues, literal(1)).where(is_filled)
        db.session.execute(rows.order_by(CustomerValues.provider_id, CustomerValues.uuid).with_for_update())
        filled = owned_update(CustomerValues).where(is_filled)
        db.session.execute(filled.values({slot: null()}).execution_options(synchronize_session=False))


VALUES: Any = CustomerValues.__table__
# In turns, because the first of each are taken first and a database reads a row from its beginning.
for _number, _text in zip_longest(NUMBER_SLOTS, TEXT_SLOTS):
    VALUES.append_column(Column(_number, BigInteger))
    if _text:
        VALUES.append_column(Column(_text, Text))


def slot_columns(slots: Sequence[str]) -> list[Column[Any]]:
    """The columns of these slots, to be selected by owned(CustomerValues, ...)."""
    return [VALUES.c[slot] for slot in slots]


class ValueChange(TenantOwned, Base):
    """A customer's value of a property changed: when, from what to what, and by which import, or by whom. The first
    filling of a definition is no change, and neither is what only the passing of days does (Field.drifts)."""

    __tablename__ = "value_changes"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "property_id"], ["properties.tenant_id", "properties.id"]),
        PrimaryKeyConstraint("tenant_id", "property_id", "customer_id", "at"),
        Index("ix_value_changes_import", "import_id", "customer_id"),
    )

    tenant_id: Mapped[UUID] = through_its_parent()
    property_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Of the definition that both values are of.
    version: Mapped[int]
    number_before: Mapped[int | None] = mapped_column(BigInteger)
    text_before: Mapped[str | None] = mapped_column(String(2000))
    number: Mapped[int | None] = mapped_column(BigInteger)
    text: Mapped[str | None] = mapped_column(String(2000))
    import_id: Mapped[UUID | None]
    by: Mapped[str | None] = mapped_column(String(254))

    @staticmethod
    def told(slot: str, before: Kept, after: Kept) -> dict[str, Kept]:
        """The columns that say from what to what."""
        kept, other = ("text", "number") if slot in TEXT_SLOTS else ("number", "text")
        return {f"{kept}_before": before, kept: after, f"{other}_before": None, other: None}

    @staticmethod
    def close(property_id: UUID, version: int, slot: str, by: str, at: datetime) -> None:
        """A definition ends: every value that there is becomes a change to nothing. The caller commits."""
        held, before = slot_columns([slot])[0], "text_before" if slot in TEXT_SLOTS else "number_before"
        of_it = literal(property_id, ValueChange.property_id.type), CustomerValues.customer_id
        said = literal(at, ValueChange.at.type), literal(version), literal(by)
        ended = owned(CustomerValues, *of_it, *said, held).where(held.is_not(None))
        insert_selected(ValueChange, ["property_id", "customer_id", "at", "version", "by", before], ended)
        CustomerValues.empty(slot)
