"""The configuration of the health score that a tenant can begin with, made of the properties that it has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from webapp.chartmogul.fields import FIELDS, Field
from webapp.health import CAPS, Importance
from webapp.models import Property
from webapp.scoring import row_of
from webapp.values import PropertyType, encode

DEFAULT_CAPS = dict(CAPS)
# What each of the default factors is made of: the field of its property, and row_of's arguments for its own type.
_PERCENT, _NUMBER = 100, 10_000
DEFAULT: dict[str, dict[str, Any]] = {
    "cm_status": {"weight": Importance.HIGH, "by_text": {"past due": 20, "active": 100}},
    "cm_mrr_change_90d_pct": {"weight": Importance.HIGH, "zero": -25 * _PERCENT, "hundred": 0},
    "cm_days_since_contraction": {"weight": Importance.MEDIUM, "zero": 0, "hundred": 180 * _NUMBER, "empty": 100},
    "cm_mrr_vs_peak_pct": {"weight": Importance.MEDIUM, "zero": 50 * _PERCENT, "hundred": 100 * _PERCENT},
    "cm_billing_interval_months": {"weight": Importance.LOW, "by_text": {1: 40, 3: 60, 12: 100}},
}
# A property of it takes a call for each subscriber, so nobody is urged to make one.
OPTIONAL = frozenset({"cm_billing_interval_months"})


@dataclass(frozen=True, slots=True)
class DefaultScore:
    """The factors that can be made, and the fields that no property of the right type is filled from."""

    factors: list[dict[str, Any]]
    missing: list[Field]

    @property
    def needed(self) -> list[Field]:
        return [field for field in self.missing if field.codename not in OPTIONAL]


def default_score(properties: Sequence[Property]) -> DefaultScore:
    factors, missing = [], []
    for codename, facts in DEFAULT.items():
        field = FIELDS[codename]
        fits = (row for row in properties if row.from_chartmogul and row.field == codename and row.type == field.type)
        property_ = next(fits, None)
        if property_ is None:
            missing.append(field)
        else:
            weight, by_text = int(facts["weight"]), _by_key(field.type, facts.get("by_text"))
            factors.append(row_of(property_, **{**facts, "weight": weight, "by_text": by_text}))
    return DefaultScore(factors, missing)


def _by_key(type_: PropertyType, points: dict[Any, int] | None) -> dict[str, int] | None:
    """Points by value, with a number as it is kept."""
    if points is None or type_ is PropertyType.TEXT:
        return points
    return {str(encode(type_, value)[0]): each for value, each in points.items()}
