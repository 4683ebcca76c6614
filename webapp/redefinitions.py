"""What another definition makes of a property's values: before and after on a tenant's own customers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func

from webapp.customer_columns import fetch_values
from webapp.extensions import db
from webapp.models import Property, Provider, Source
from webapp.previews import LOOKED_AT, SHOWN, look, moment_of, present, read_row
from webapp.property_draft import Draft
from webapp.values import PropertyType, field_values, format_value


@dataclass(frozen=True, slots=True)
class Change:
    """One customer's value as it is and as it will be, in words; None is no value."""

    customer: str
    now: str | None
    becomes: str | None
    unreadable: bool = False

    @property
    def kind(self) -> str:
        if self.unreadable:
            return "unreadable"
        if self.becomes is None and self.now is not None:
            return "emptied"
        return "same" if self.becomes == self.now else "changed"


@dataclass(frozen=True, slots=True)
class Redefinition:
    """A few of the customers looked at, and how many of them are of each kind."""

    rows: Sequence[Change]
    changed: int
    emptied: int
    unreadable: int
    looked_at: int
    total: int
    # Whether it is another definition at all: with the same one the values stay as they are.
    differs: bool


def redefinition(provider: Provider, edited: Property, draft: Draft) -> Redefinition | None:
    """What saving the draft makes of the property's values; None while there are no customers to look at."""
    differs, field = draft.definition != edited.definition, draft.field if draft.source == Source.CHARTMOGUL else None
    customers, movements = look(provider, LOOKED_AT, [field] if field and differs else [])
    if not customers:
        return None
    (kept,), moment = fetch_values(customers, [edited]), moment_of(provider)
    changes = []
    for customer, value in zip(customers, kept, strict=True):
        now = None if value is None else format_value(PropertyType(edited.type), value, provider.currency)
        if not differs:
            changes.append(Change(customer.title, now, now))
        elif field is None:  # what people set by hand begins empty
            changes.append(Change(customer.title, now, None))
        else:
            sent = field_values([field], customer, movements[customer.uuid], moment).get(field.codename)
            row = read_row(customer, sent, field, draft.type, provider)
            changes.append(Change(customer.title, now, row.becomes, row.unreadable))
    total = db.session.scalar(present(provider, func.count())) or 0
    count = Counter(change.kind for change in changes)
    counts = count["changed"], count["emptied"], count["unreadable"]
    return Redefinition(_telling(changes), *counts, len(changes), total, differs)


def _telling(changes: Sequence[Change]) -> list[Change]:
    """A few that show what happens: those that change, one that is emptied and one that cannot be read among them."""
    of_kind = {kind: [change for change in changes if change.kind == kind] for kind in ("emptied", "unreadable")}
    odd = of_kind["emptied"][:1] + of_kind["unreadable"][:1]
    changed = [change for change in changes if change.kind == "changed"]
    same = [change for change in changes if change.kind == "same"]
    same.sort(key=lambda change: change.now is None)  # a customer without a value tells least
    rest = of_kind["emptied"][1:] + of_kind["unreadable"][1:] + same
    shown = (changed[: SHOWN - len(odd)] + odd + rest)[:SHOWN]
    return sorted(shown, key=lambda change: change.customer.casefold())
