"""What a ChartMogul field holds for some of a tenant's customers, before a property of it is saved."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func

from webapp.chartmogul.fields import Cost, Field
from webapp.customer_list import customers_of
from webapp.extensions import db
from webapp.models import Customer, Import, Movement, Provider
from webapp.models.types import now
from webapp.values import (
    CannotRead,
    Moment,
    PropertyType,
    Value,
    convert,
    csv_value,
    decode,
    encode,
    field_values,
    format_value,
)

LOOKED_AT = 1_000
LOOKED_AT_FOR_SAMPLES = 50
SHOWN = 5
SAMPLES = 3
LONGEST_SAMPLE = 24
MOVED = (
    Movement.customer_uuid,
    Movement.at,
    Movement.type,
    Movement.movement_minor,
    Movement.mrr_minor,
)


@dataclass(frozen=True, slots=True)
class PreviewRow:
    customer: str
    sent: str | None
    becomes: str | None
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """What a property would be for the customers looked at: a few of them, and how many are of each kind."""

    rows: Sequence[PreviewRow]
    filled: int
    empty: int
    unreadable: int
    total: int

    @property
    def looked_at(self) -> int:
        return self.filled + self.empty + self.unreadable


def requests_for(provider: Provider, field: Field) -> int:
    """How many requests more each import makes because of the field: one for each live subscriber, or none."""
    if field.cost is not Cost.SUBSCRIPTIONS:
        return 0
    subscribers = customers_of(provider, func.count()).where(Customer.subscribes())
    return db.session.scalar(subscribers) or 0


def known(field: Field, last_import: Import | None) -> bool:
    """Whether the last import read what the field is made of. One without a property of that kind did not ask."""
    return field.cost is not Cost.SUBSCRIPTIONS or bool(last_import and last_import.has_done("subscriptions"))


def preview(provider: Provider, field: Field, type_: PropertyType) -> Preview | None:
    """What the field would become as this type; None while there are no customers."""
    customers, movements = look(provider, LOOKED_AT, [field])
    if not customers:
        return None
    moment = moment_of(provider)
    kinds: dict[str, list[PreviewRow]] = {"filled": [], "empty": [], "unreadable": []}
    for customer in customers:
        value = field_values([field], customer, movements[customer.uuid], moment).get(field.codename)
        row = read_row(customer, value, field, type_, provider)
        kind = "unreadable" if row.unreadable else "empty" if row.sent is None else "filled"
        kinds[kind].append(row)
    odd = kinds["empty"][:1] + kinds["unreadable"][:1]
    rows = (kinds["filled"][: SHOWN - len(odd)] + odd + kinds["empty"][1:] + kinds["unreadable"][1:])[:SHOWN]
    total = db.session.scalar(present(provider, func.count())) or 0
    counts = len(kinds["filled"]), len(kinds["empty"]), len(kinds["unreadable"])
    return Preview(sorted(rows, key=lambda row: row.customer.casefold()), *counts, total)


def samples(provider: Provider, fields: Collection[Field]) -> dict[str, list[str]]:
    """A few different values of each field, by its codename, as the first customers have them."""
    customers, movements = look(provider, LOOKED_AT_FOR_SAMPLES, fields)
    moment = moment_of(provider) if customers else None
    found: dict[str, list[str]] = defaultdict(list)
    types = {field.codename: field.type for field in fields}
    for customer in customers:
        assert moment is not None
        for codename, value in field_values(fields, customer, movements[customer.uuid], moment).items():
            words = format_value(types[codename], value, provider.currency)
            words = words if len(words) <= LONGEST_SAMPLE else words[: LONGEST_SAMPLE - 1] + "…"
            if len(found[codename]) < SAMPLES and words not in found[codename]:
                found[codename].append(words)
    return found


def read_row(
    customer: Customer, value: Value | None, field: Field, type_: PropertyType, provider: Provider
) -> PreviewRow:
    if value is None:
        return PreviewRow(customer.title, None, None)
    sent = csv_value(field.type, value)
    try:
        read = value if field.type is type_ else convert(value, field.type, type_, provider.zone)
        kept = decode(type_, *encode(type_, read))
    except CannotRead:
        return PreviewRow(customer.title, sent, None, unreadable=True)
    return PreviewRow(customer.title, sent, format_value(type_, kept, provider.currency))


def present(provider: Provider, *columns: Any) -> Any:
    return customers_of(provider, *columns).where(Customer.gone_at.is_(None))


def look(
    provider: Provider, limit: int, fields: Collection[Field]
) -> tuple[Sequence[Customer], dict[str, list[Row[Any]]]]:
    """The first customers by name, and their movements by uuid if a field asks for them."""
    first = present(provider).order_by(Customer.name, Customer.id).limit(limit)
    customers = db.session.scalars(first).all()
    movements: dict[str, list[Row[Any]]] = defaultdict(list)
    if any(field.cost is Cost.MOVEMENTS for field in fields):
        theirs = Movement.customer_uuid.in_([customer.uuid for customer in customers])
        for movement in db.session.execute(Movement.that_count(provider, *MOVED).where(theirs)):
            movements[movement.customer_uuid].append(movement)
    return customers, movements


def moment_of(provider: Provider) -> Moment:
    total = db.session.scalar(present(provider, func.coalesce(func.sum(Customer.mrr_minor), 0)))
    return Moment(now(), provider.zone, int(total or 0))
