"""Properties that a health score is made of, versions of it, and what its pages are asked with."""

import re
from typing import Any

from tests import factories
from webapp import scoring
from webapp.default_score import DEFAULT, default_score
from webapp.extensions import db
from webapp.models import HealthVersion, Property, Tenant
from webapp.models.types import now
from webapp.tenancy import acting_for, owned

# The names of ChartMogul's fields, in the order of the default.
FIELDS_OF = {
    "Subscription status": ("cm_status", "text"),
    "MRR change, 90 days": ("cm_mrr_change_90d_pct", "percent"),
    "Days since contraction": ("cm_days_since_contraction", "number"),
    "MRR vs peak": ("cm_mrr_vs_peak_pct", "percent"),
    "Billing interval": ("cm_billing_interval_months", "number"),
    "MRR": ("cm_mrr", "money"),
    "Customer since": ("cm_customer_since", "date"),
    "Churned": ("cm_churned", "boolean"),
    "Tags": ("cm_tags", "list"),
}
TYPES = tuple(FIELDS_OF)[: len(DEFAULT)]


def furnish(tenant: Tenant, *names: str) -> list[Property]:
    """Properties with these names, filled by an import."""
    made = []
    for name in names:
        field, type_ = FIELDS_OF[name]
        codename = re.sub(r"\W+", "_", name.lower())
        made.append(
            factories.make_property(
                tenant, name, codename=codename, type=type_, field=field, filled_version=1, filled_at=now()
            )
        )
    return made


def rows_of(*properties: Property) -> list[dict[str, Any]]:
    """Factors of the default made of these, and of others with anchors at 0 and 100."""
    with acting_for(properties[0].tenant_id):
        default = {row["property"]: row for row in default_score(properties).factors}
        return [default.get(row.id.hex) or scoring.row_of(row, 2, 0, 10_000) for row in properties]


def published(tenant: Tenant, *properties: Property, **changes: Any) -> HealthVersion:
    return factories.make_health_version(tenant, *rows_of(*properties), **changes)


def drafted(tenant: Tenant, *properties: Property, **changes: Any) -> HealthVersion:
    rows = rows_of(*properties) if properties else []
    return factories.make_health_version(tenant, *rows, number=0, **changes)


def versions(tenant: Tenant) -> dict[int, HealthVersion]:
    """Every version by its number, the draft among them."""
    with acting_for(tenant.id):
        db.session.rollback()
        db.session.expire_all()
        return {row.number: row for row in db.session.scalars(owned(HealthVersion))}


def seen(page: str) -> str:
    """What a page's forms say that they have seen of the draft."""
    found = re.search(r'name="seen" value="(\w+)"', page)
    assert found, "no form of the draft"
    return found[1]
