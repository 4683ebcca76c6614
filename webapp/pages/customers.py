"""Customers: the list, its file, and a page each."""

import re
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    g,
    make_response,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask_login import current_user
from sqlalchemy import func
from werkzeug.wrappers import Response as AnyResponse

from webapp import audit, by_hand, charts, mrr_history
from webapp.customer_columns import (
    BY_TITLE,
    OF_THE_RECORD,
    Column,
    all_properties,
    cells_of,
    chosen_columns,
    fetch_values,
)
from webapp.customer_csv import csv_lines, exported_properties, ordered_uuids
from webapp.customer_list import CustomerPage, CustomerQuery, fetch_page
from webapp.customer_values import ShownValue, values_of
from webapp.extensions import begin_writing, db
from webapp.freshness import date_tag, day_of, stale_since
from webapp.gate import members_too, not_for_support
from webapp.import_changes import last_changes
from webapp.models import Customer, Movement, Property, Provider
from webapp.models.types import now
from webapp.rendering import wants_partial, zone
from webapp.saved_views import open_view, views_of
from webapp.tenancy import current_tenant_id, owned_or_404
from webapp.values import format_value

PER_PAGE = 50
# Strict, because browsers read an address with a backslash or a blank otherwise than we would.
CHARTMOGUL_PAGE = re.compile(r"https://([a-z0-9-]+\.)*chartmogul\.com(/[^\s\\]*)?", re.IGNORECASE)
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
    if not wants_partial() and "" in request.args.values():  # what a form left empty does not stay in the address
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
    shown = [column.of_property for column in columns if column.of_property]
    values = fetch_values(page.customers, shown)
    currency = provider.currency if provider else None
    stale = stale_since(provider)
    context = {
        "provider": provider,
        "stale": stale,
        "columns": columns,
        "query": query,
        "by_title": BY_TITLE,
        "view": view,
        "properties": properties,
        "page": page,
        "cells": [
            cells_of(customer, columns, values, bool(stale or customer.gone_at), currency)
            for customer in page.customers
        ],
        "live_import": provider.live_import() if provider and not page.total else None,
    }
    if wants_partial():
        pieces = ("customers/_list.html", "customers/_actions.html", "customers/_count.html")
        return "".join(render_template(piece, swapped=True, beside=beside, **context) for piece in pieces)
    beyond = {"statuses": provider.statuses if provider else [], "views": views_of(current_user)}
    return render_template("customers/index.html", swapped=False, **beyond, **context)


def sortable_columns(properties: list[Property]) -> dict[str, Column]:
    """Every column that the list can be sorted by, also those that are not shown, by key."""
    columns = [Column.of(property_) for property_ in properties] or OF_THE_RECORD
    return {column.key: column for column in columns}


@blueprint.get("/customers.csv")
@members_too
@not_for_support
def export() -> AnyResponse:
    """The list as a file: all of its rows, in its order; all properties, the chosen columns first."""
    provider, properties = Provider.current(), all_properties()
    query = CustomerQuery.of(request.args, sortable_columns(properties), properties)
    view = open_view(query.view)
    chosen = chosen_columns(properties, view.columns if view else current_user.columns)
    uuids = ordered_uuids(provider, query) if provider else BytesIO()
    provider_id = provider.id if provider else None
    exported = exported_properties(properties, chosen)
    tenant_id = current_tenant_id()
    begin_writing()
    audit.record("customers:exported", tenant_id=tenant_id, rows=uuids.getvalue().count(b"\n"))
    db.session.commit()
    g.writing = False  # what follows is read only and must not wait for the write lock
    lines = stream_with_context(csv_lines(tenant_id, provider_id, uuids, exported))
    name = f"customers-{now().astimezone(zone()):%Y-%m-%d}.csv"
    return Response(
        lines,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@blueprint.get("/customers/<uuid:id>")
@members_too
def show(id: UUID) -> AnyResponse:
    return render_customer(owned_or_404(Customer, id))


def render_customer(
    customer: Customer, wrong: dict[UUID, tuple[str, str]] | None = None, status: int = 200
) -> AnyResponse:
    """A customer's page. `wrong`: by property, what was typed for a value and what is wrong with it."""
    provider = owned_or_404(Provider, customer.provider_id)
    at, stale = now(), stale_since(provider)
    curve = mrr_history.curve_of(customer, provider, at)
    label = mrr_history.in_words(curve, provider.currency)
    page, pages, movements = _movements(customer, provider)
    words = render_template(
        "customers/_movements.html" if wants_partial() else "customers/show.html",
        customer=customer,
        provider=provider,
        at=at,
        stale=customer.gone_at or stale,
        chartmogul_link=_chartmogul_link(customer),
        domain=_domain(customer),
        curve=curve,
        legend=mrr_history.legend_of(curve),
        last_import=last_changes(customer, provider) if not wants_partial() else None,
        drawing=charts.mrr_curve(curve, label) if curve.past or curve.scheduled else None,
        values=shown_values(customer, provider),
        wrong=wrong or {},
        movements=movements,
        movement_words=mrr_history.MOVEMENT_WORDS,
        page=page,
        pages=pages,
    )
    return make_response(words, status)


def shown_values(customer: Customer, provider: Provider) -> list[ShownValue]:
    return values_of(customer, all_properties(), provider, stale_since(provider))


def _movements(customer: Customer, provider: Provider) -> tuple[int, int, list[Movement]]:
    """The page that was asked for, how many there are, and its movements, newest first."""
    total = db.session.scalar(mrr_history.movements_of(customer, provider, func.count())) or 0
    pages = max(1, -(-total // PER_PAGE))
    page = min(_page_number(request.args.get("page", "")), pages)
    newest = mrr_history.movements_of(customer, provider).order_by(
        Movement.at.desc(), Movement.mrr_minor.desc(), Movement.id
    )
    return page, pages, list(db.session.scalars(newest.offset((page - 1) * PER_PAGE).limit(PER_PAGE)))


def _page_number(text: str) -> int:
    """A page from an address: 1 for what is none."""
    try:
        return min(max(1, int(text)), 1_000_000)
    except ValueError:
        return 1


def _chartmogul_link(customer: Customer) -> str | None:
    """The customer's page in ChartMogul, if the address that was sent leads there and nowhere else."""
    address = customer.chartmogul_url or ""
    return address if CHARTMOGUL_PAGE.fullmatch(address) else None


def _domain(customer: Customer) -> str | None:
    try:
        host = urlsplit(customer.website_url or "").hostname or ""
    except ValueError:
        return None
    return host.removeprefix("www.") or None
