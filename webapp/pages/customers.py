"""Customers: the list, and a page each."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp import by_hand, charts, mrr_history, score_sentences
from webapp.customer_columns import (
    BY_TITLE,
    HEALTH,
    RISK,
    TREND,
    all_properties,
    cells_of,
    chosen_columns,
    sortable_columns,
)
from webapp.customer_list import CustomerPage, CustomerQuery, fetch_page
from webapp.customer_score import score_curve, score_of_customer
from webapp.customer_scores import NO_SCORE_YET, scores_of
from webapp.customer_values import ShownValue, values_of
from webapp.freshness import date_tag, day_of, known_until, stale_since
from webapp.gate import members_too
from webapp.import_changes import last_changes
from webapp.models import Customer, HealthVersion, Provider
from webapp.models.types import now
from webapp.rendering import wants_partial, zone
from webapp.saved_views import of_another_currency, open_view, views_of
from webapp.score_filters import CHOICES
from webapp.second_opinions import shown_opinions
from webapp.tenancy import owned_or_404
from webapp.values import format_value

blueprint = Blueprint("customers", __name__)
blueprint.add_app_template_global(format_value, "format_value")
blueprint.add_app_template_global(by_hand.typed, "typed")
blueprint.add_app_template_global(charts.movement_mark, "movement_mark")
blueprint.add_app_template_global(mrr_history.came_last, "came_last")
blueprint.add_app_template_filter(date_tag, "date_tag")
blueprint.add_app_template_filter(day_of, "day_of")
NOBODY = CustomerPage((), 1, 0, 0)


@blueprint.get("/customers")
@members_too
def index() -> AnyResponse:
    several = any(f"{name}[]" in request.args for name in CHOICES)
    if not wants_partial() and (several or "" in request.args.values()):  # as a form sends it, not as we would say it
        properties = all_properties()
        query = CustomerQuery.of(request.args, sortable_columns(properties), properties)
        args: dict[str, Any] = query.args(after=query.after, before=query.before)
        return redirect(url_for("customers.index", **args), 303)
    return make_response(render_list(request.args))


def render_list(args: Any, beside: bool = False) -> str:
    """The list for these arguments: the whole page, or for htmx the pieces that depend on them. `beside`:
    the request was about something else, so the list goes to its place out of band."""
    provider, properties = Provider.current(), all_properties()
    query = CustomerQuery.of(args, sortable_columns(properties), properties)
    view = open_view(query.view)
    columns = chosen_columns(properties, view.columns if view else current_user.columns)
    page = fetch_page(provider, query) if provider else NOBODY
    currency = provider.currency if provider else None
    stale = stale_since(provider)
    published = HealthVersion.published() is not None
    scores = scores_of(page.customers, now().astimezone(zone()).date()) if published else {}
    context = {
        "provider": provider,
        "of_the_score": (HEALTH, TREND) if published else None,
        "risk": RISK,
        "stale": stale,
        "columns": columns,
        "headed": [BY_TITLE, HEALTH, TREND, *columns] if published else [BY_TITLE, *columns],
        "query": query,
        "by_title": BY_TITLE,
        "view": view,
        "other_currency": of_another_currency(view, query, currency),
        "properties": properties,
        "page": page,
        "cells": cells_of(page.customers, columns, bool(stale), currency),
        "scores": [
            scores.get(each.uuid, NO_SCORE_YET).cells(each.title, bool(stale or each.gone_at))
            for each in page.customers
            if published
        ],
        "live_import": provider.live_import() if provider and not page.total else None,
    }
    if wants_partial():
        pieces = ("customers/_list.html", "customers/_actions.html", "customers/_count.html")
        return "".join(render_template(piece, swapped=True, beside=beside, **context) for piece in pieces)
    beyond = {"statuses": provider.statuses if provider else [], "views": views_of(current_user)}
    return render_template("customers/index.html", swapped=False, **beyond, **context)


@blueprint.get("/customers/<uuid:id>")
@members_too
def show(id: UUID) -> AnyResponse:
    return render_customer(owned_or_404(Customer, id))


def render_customer(
    customer: Customer, wrong: dict[UUID, tuple[str, str]] | None = None, status: int = 200, opinion: Any = None
) -> AnyResponse:
    """A customer's page. `wrong`: by property, what was typed for a value and what is wrong with it; `opinion`: the
    form of a second opinion that was refused."""
    provider = owned_or_404(Provider, customer.provider_id)
    stale = customer.gone_at or stale_since(provider)
    until = known_until(customer, provider)
    page, pages, movements = mrr_history.page_of_movements(customer, provider, request.args.get("page", ""))
    context = {
        "customer": customer,
        "provider": provider,
        "stale": stale,
        "until": until,
        "movements": movements,
        "movement_words": mrr_history.MOVEMENT_WORDS,
        "page": page,
        "pages": pages,
    }
    if wants_partial():
        return make_response(render_template("customers/_movements.html", **context), status)
    beyond = {"wrong": wrong or {}, "opinions": shown_opinions(customer, now(), zone(), opinion)}
    beyond |= _whole(customer, provider, stale, until)
    return make_response(render_template("customers/show.html", **context, **beyond), status)


def _whole(customer: Customer, provider: Provider, stale: datetime | None, until: datetime) -> dict[str, Any]:
    """What only the whole page shows."""
    values = shown_values(customer, provider)
    curve = mrr_history.curve_of(customer, provider, until)
    label = mrr_history.in_words(curve, provider.currency, bool(stale))
    health = score_of_customer(customer, values, zone(), now())
    past = health.history if health else None
    return {
        "curve": curve,
        "legend": mrr_history.legend_of(curve),
        "last_import": last_changes(customer, provider),
        "drawing": charts.mrr_curve(curve, label) if curve.past or curve.scheduled else None,
        "values": values,
        "health": health,
        "score_curve": score_curve(past, customer.title) if past else None,
        "say": score_sentences,
    }


def shown_values(customer: Customer, provider: Provider) -> list[ShownValue]:
    return values_of(customer, all_properties(), provider, stale_since(provider))
