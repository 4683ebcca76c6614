"""The customers' list as a file."""

from flask import Blueprint, Response, request, stream_with_context
from flask_login import current_user

from webapp import audit
from webapp.customer_columns import all_properties, chosen_columns, sortable_columns
from webapp.customer_csv import csv_lines, exported_properties
from webapp.customer_list import CustomerQuery, how_many
from webapp.gate import members_too, not_for_support
from webapp.models import HealthVersion, Provider
from webapp.models.types import now
from webapp.rendering import zone
from webapp.saved_views import open_view
from webapp.spreadsheets import streamed_csv
from webapp.tenancy import current_tenant_id

blueprint = Blueprint("exports", __name__)


@blueprint.get("/customers.csv")
@members_too
@not_for_support
def show() -> Response:
    """All of the list's rows, in its order; all properties, the chosen columns first, then the score."""
    provider, properties = Provider.current(), all_properties()
    query = CustomerQuery.of(request.args, sortable_columns(properties), properties)
    view = open_view(query.view)
    chosen = chosen_columns(properties, view.columns if view else current_user.columns)
    rows = how_many(provider, query) if provider else 0
    provider_id, with_score = provider.id if provider else None, HealthVersion.published() is not None
    exported = exported_properties(properties, chosen)
    tenant_id = current_tenant_id()
    audit.record_reading("customers:exported", tenant_id=tenant_id, rows=rows)
    lines = stream_with_context(csv_lines(tenant_id, provider_id, query, exported, with_score))
    return streamed_csv(f"customers-{now().astimezone(zone()):%Y-%m-%d}.csv", lines)
