"""The form of conditions by which the customers' list is narrowed."""

from flask import Blueprint, request
from werkzeug.wrappers import Response as AnyResponse

from webapp.customer_columns import all_properties, sortable_columns
from webapp.customer_filters import kinds_of
from webapp.customer_list import CustomerQuery
from webapp.gate import members_too
from webapp.models import HealthVersion, Provider
from webapp.rendering import page_or_partial, wants_partial
from webapp.score_filters import CHOICES, NAMES
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
        scores=_of_the_score(query) if HealthVersion.published() else [],
        others=query.without(),
        currency=provider.currency if provider else None,
    )


def _of_the_score(query: CustomerQuery) -> list[tuple[str, str, dict[str, str], tuple[str, ...]]]:
    """The score's conditions: parameter, title, choices, and what is chosen of them."""
    chosen = {each.parameter: each.chosen for each in query.scores}
    return [(name, NAMES[name], choices, chosen.get(name, ())) for name, choices in CHOICES.items()]
