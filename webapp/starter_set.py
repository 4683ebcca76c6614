"""The properties that a new account begins with, in one click.

They are what the default health score is built from as far as an import fills it by itself: the four factors status,
MRR change in 90 days, days since the last contraction and MRR vs peak, and what its caps ask for, scheduled churn and
days past due. With them MRR, which says how much is at stake, and Customer since, which says how long: a date, so that
not every value of it differs every day. The fifth factor, billing interval, takes a call for each subscriber.
"""

from collections.abc import Sequence

from webapp.chartmogul.fields import FIELDS, Field
from webapp.definitions import define
from webapp.models import Property, Provider, Source
from webapp.property_draft import Draft, free_codename

STARTER_SET = tuple(
    FIELDS[codename]
    for codename in (
        "cm_status",
        "cm_mrr",
        "cm_mrr_change_90d_pct",
        "cm_mrr_vs_peak_pct",
        "cm_days_since_contraction",
        "cm_scheduled_churn_on",
        "cm_days_past_due",
        "cm_customer_since",
    )
)


def offered(provider: Provider | None, properties: Sequence[Property]) -> list[Field]:
    """The fields that are offered to begin with: none once anything is filled from ChartMogul."""
    if provider is None or not provider.live or any(property_.from_chartmogul for property_ in properties):
        return []
    return missing(properties)


def missing(properties: Sequence[Property]) -> list[Field]:
    """Those of the set that no property has yet, nor another property the name of."""
    fields = {property_.field for property_ in properties if property_.from_chartmogul}
    names = {property_.name.casefold() for property_ in properties}
    return [field for field in STARTER_SET if field.codename not in fields and field.label.casefold() not in names]


def create_missing(properties: Sequence[Property], by: str) -> list[Property]:
    """Make those that are missing; the caller commits."""
    taken = {property_.codename for property_ in properties}
    made: list[Property] = []
    for field in missing(properties):
        codename = free_codename(field.label, taken)
        taken.add(codename)
        draft = Draft(field.label, codename, "", Source.CHARTMOGUL, field, "", field.type)
        made.append(define(None, draft, [*properties, *made], by))
    return made
