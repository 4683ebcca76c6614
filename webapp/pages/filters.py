"""The form of conditions by which the customers' list is narrowed."""

from flask import Blueprint, request
from werkzeug.wrappers import Response as AnyResponse

from webapp.customer_columns import all_properties
from webapp.customer_filters import kinds_of
from webapp.customer_list import CustomerQuery
from webapp.gate import members_too
from webapp.models import Provider
from webapp.pages.customers import sortable_columns
from webapp.rendering import page_or_partial, wants_partial
from webapp.values import PropertyType

blueprint = Blueprint("filters", __name__)
FEW = 8  # so many properties lie open; of more, only those that have a condition, and these first


@blueprint.get("/customers/filters")
@members_too
def show() -> AnyResponse:
    """Each property with its conditions as they are now. The form asks for the list, so nothing is saved here."""
    properties, provider = all_properties(), Provider.current()
    query = CustomerQuery.of(request.args, sortable_columns(properties), properties)
    asked = {each.of.codename for each in query.filters}
    few = len(properties) <= FEW
    ordered = properties if few else sorted(properties, key=lambda row: row.codename not in asked)
    return page_or_partial(
        "customers/filters.html",
        "customers/_filters.html",
        dialog=wants_partial(),
        properties=[(row, kinds_of(PropertyType(row.type)), few or row.codename in asked) for row in ordered],
        first_problem=next((each.parameter for each in query.filters if each.problem), None),
        sent={each.parameter: each for each in query.filters},
        others=query.without(),
        currency=provider.currency if provider else None,
    )
