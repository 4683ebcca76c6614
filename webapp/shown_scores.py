"""A configuration of the health score as pages show it: its factors, its versions, and a score worked out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any
from uuid import UUID

from sqlalchemy import func

from webapp.customer_columns import fetch_values
from webapp.extensions import db
from webapp.factor_values import live_of, spellings
from webapp.health import Score, whole
from webapp.models import Customer, CustomerValues, HealthVersion, Property, PropertyVersion, Provider
from webapp.score_draft import problem_of
from webapp.score_sentences import value_words
from webapp.score_words import differences, importance, of_another_currency, share_of, terms, without_value
from webapp.scoring import configs_by_number, score_of_state
from webapp.tenancy import owned
from webapp.values import PropertyType

# The score that an example should be near: one that has something to explain.
TELLING = 600


@dataclass(frozen=True, slots=True)
class ShownFactor:
    id: UUID
    name: str
    property: Property | None
    importance: str
    share: str
    terms: list[str]
    by_value: bool
    without: str
    problem: str | None
    # When its property became another one, if the factor was made before that: its points were meant for that one.
    redefined_at: datetime | None
    # A sentence, if its amounts were meant in another currency than the account's.
    other_currency: str | None


def shown_factors(
    version: HealthVersion, properties: Mapping[str, Property], provider: Provider | None
) -> list[ShownFactor]:
    """`properties`: the tenant's, by the hex of their ids."""
    shown, currency, redefined = [], provider.currency if provider else None, _redefined_since(version, properties)
    for row in version.factors:
        property_ = properties.get(row["property"])
        spelled = spellings(property_, provider) if row["by_text"] is not None else {}
        shown.append(
            ShownFactor(
                id=UUID(row["property"]),
                name=property_.name if property_ else row["name"],
                property=property_,
                importance=importance(row),
                share=share_of(row, version.factors),
                terms=terms(row, currency, spelled),
                by_value=row["by_text"] is not None,
                without=without_value(row),
                problem=problem_of(row, properties),
                redefined_at=redefined.get(UUID(row["property"])),
                other_currency=of_another_currency(row, currency),
            )
        )
    return shown


def _redefined_since(version: HealthVersion, properties: Mapping[str, Property]) -> dict[UUID, datetime]:
    """When the properties of factors became what they are now, by their ids: of those factors that were made for what
    they were before."""
    of_factors = [(row, properties[row["property"]]) for row in version.factors if row["property"] in properties]
    redefined = [each.id for row, each in of_factors if row.get("version", each.version) < each.version]
    since = owned(PropertyVersion, PropertyVersion.property_id, func.max(PropertyVersion.defined_at))
    of_these = since.where(PropertyVersion.property_id.in_(redefined)).group_by(PropertyVersion.property_id)
    found: dict[UUID, datetime] = dict(db.session.execute(of_these).all()) if redefined else {}
    return found


def versions_told(provider: Provider | None) -> list[tuple[HealthVersion, list[str]]]:
    """Every published version, newest first, with what it changed."""
    newest_first = owned(HealthVersion).where(HealthVersion.number > 0).order_by(HealthVersion.number.desc())
    found = list(db.session.scalars(newest_first))
    return [(version, changes_told(version, before, provider)) for version, before in zip_longest(found, found[1:])]


def changes_told(version: HealthVersion, before: HealthVersion | None, provider: Provider | None) -> list[str]:
    """What a version, or the draft of one, changes of the one before it."""
    if before is None:
        return ["The first version."]
    currency = (provider.currency if provider else None) or ""
    changed = differences(before.factors, version.factors, before.caps, version.caps, currency)
    return changed or ["The same as the version before."]


@dataclass(frozen=True, slots=True)
class Example:
    """A customer's score and the values behind it, by the keys of the factors."""

    customer: Customer
    score: Score
    values: Mapping[str, str]

    @property
    def total(self) -> int:
        """Points by importance, in tenths."""
        return sum(line.factor.weight * line.points for line in self.score.lines)

    @property
    def shown(self) -> int:
        return whole(self.score.score or 0)


def example(provider: Provider, version: HealthVersion, properties: Mapping[str, Property]) -> Example | None:
    """One of the tenant's own customers; None as long as nobody has a score of this version."""
    of_version = CustomerValues.score.is_not(None), CustomerValues.score_state.startswith(f"{version.number}|")
    telling = live_of(provider, CustomerValues.customer_id, CustomerValues.score_state).where(*of_version)
    nearest = func.abs(CustomerValues.score - TELLING), CustomerValues.uuid
    found: Any = db.session.execute(telling.order_by(*nearest).limit(1)).first()
    score = score_of_state(found.score_state, configs_by_number()) if found else None
    if score is None:
        return None
    customer = db.session.scalars(owned(Customer).where(Customer.id == found.customer_id)).one()
    made_of = [properties[row["property"]] for row in version.factors if row["property"] in properties]
    return Example(customer, score, _values(customer, made_of, provider))


def _values(customer: Customer, made_of: Sequence[Property], provider: Provider) -> dict[str, str]:
    return {
        row.id.hex: value_words(PropertyType(row.type), value, provider.currency)
        for row, (value,) in zip(made_of, fetch_values([customer], made_of), strict=True)
        if value is not None
    }
