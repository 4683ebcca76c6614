"""The account's page: its MRR now and how it was checked, and its last months."""

from flask import Blueprint, make_response, render_template
from werkzeug.wrappers import Response as AnyResponse

from webapp.account import (
    Reconciliation,
    amount,
    month_charts,
    month_name,
    mrr_line,
    when_found,
)
from webapp.freshness import stale_since
from webapp.gate import members_too
from webapp.models import Provider

blueprint = Blueprint("account", __name__)
blueprint.add_app_template_global(mrr_line, "mrr_line")
blueprint.add_app_template_global(when_found, "when_found")
blueprint.add_app_template_filter(month_name, "month_name")
blueprint.add_app_template_filter(amount, "net_money")


@blueprint.get("/account")
@members_too
def show() -> AnyResponse:
    provider = Provider.current()
    import_ = provider.newest_complete_import() if provider else None
    months = provider.account_months if provider else []
    read_at = provider.months_read_at if provider else None
    missed = bool(import_ and import_.started_at and read_at and read_at < import_.started_at)
    words = render_template(
        "account/show.html",
        provider=provider,
        live_import=provider.live_import() if provider and not import_ else None,
        reconciliation=Reconciliation.of(import_) if import_ else None,
        stale=stale_since(provider),
        months=months,
        charts=month_charts(months, provider.currency) if provider and months else [],
        months_missed=missed,
    )
    return make_response(words)
