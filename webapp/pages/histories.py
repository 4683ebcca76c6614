"""How a customer's value of a property changed: a page for each property of a customer."""

from uuid import UUID

from flask import Blueprint
from werkzeug.wrappers import Response as AnyResponse

from webapp import charts
from webapp.customer_history import MOST_CHANGES, history_of
from webapp.customer_values import values_of
from webapp.freshness import stale_since
from webapp.gate import members_too
from webapp.models import Customer, Property, Provider
from webapp.models.types import now
from webapp.rendering import page_or_partial
from webapp.tenancy import owned_or_404

blueprint = Blueprint("histories", __name__)


@blueprint.get("/customers/<uuid:id>/history/<uuid:property_id>")
@members_too
def show(id: UUID, property_id: UUID) -> AnyResponse:
    customer, property_ = owned_or_404(Customer, id), owned_or_404(Property, property_id)
    provider = owned_or_404(Provider, customer.provider_id)
    stale = stale_since(provider)
    (shown,) = values_of(customer, [property_], provider, stale)
    stale = customer.gone_at or stale if property_.from_chartmogul else None
    history = history_of(customer, property_, provider, shown.value, stale or now())
    line = history.line
    label = f"{property_.name} of {customer.title} over time; the tables below hold its values."
    return page_or_partial(
        "customers/history.html",
        "customers/_history.html",
        customer=customer,
        provider=provider,
        shown=shown,
        stale=stale,
        history=history,
        line=line,
        drawing=charts.step_line(line, label) if line else None,
        most=MOST_CHANGES,
    )
