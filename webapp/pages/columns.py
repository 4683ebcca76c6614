"""Which columns a user sees in the customers' list."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from webapp.customer_columns import all_properties, chosen_columns, sortable_columns
from webapp.customer_list import CustomerQuery
from webapp.extensions import db
from webapp.gate import members_too
from webapp.models import Property, SavedView
from webapp.pages.customers import render_list
from webapp.rendering import count, page_or_partial, wants_partial
from webapp.saved_views import open_view

blueprint = Blueprint("columns", __name__)


@blueprint.get("/customers/columns")
@members_too
def show() -> AnyResponse:
    properties = all_properties()
    asked = _asked(request.args, properties)
    view = open_view(asked.get("view", ""))
    columns = chosen_columns(properties, _chosen(view))
    shown = [column.of_property.codename for column in columns if column.of_property]
    return _form(view, asked, _ordered(properties, shown), set(shown))


@blueprint.post("/customers/columns")
@members_too
def update() -> AnyResponse:
    """Keep the user's choice, of a view or of the list without one; or, for the arrows, show another order of it."""
    properties = all_properties()
    asked = _asked(MultiDict(parse_qsl(request.form.get("query", ""))), properties)
    view = open_view(asked.get("view", ""))
    order = request.form.getlist("order[]") or _chosen(view) or []
    order, ticked = [row.codename for row in _ordered(properties, order)], set(request.form.getlist("columns[]"))
    for way, step in ("up", -1), ("down", 1):
        if (moved := request.form.get(way)) in order:
            at = order.index(moved)
            order.insert(max(0, at + step), order.pop(at))
            # At either end the arrow that was pressed leads nowhere, so the focus goes to the other one.
            ends = {moved: way} | {order[-1]: "up"} | {order[0]: "down"}
            return _form(view, asked, _ordered(properties, order), ticked, f"{ends[moved]}-{moved}")
    columns = None if "reset" in request.form else [codename for codename in order if codename in ticked]
    if view is None:
        current_user.columns = columns
    else:
        view.columns = columns
    db.session.commit()
    shown = len(chosen_columns(properties, columns)) if properties else 0
    flash(f"{count(shown, 'property', 'properties')} shown.", "Columns saved")
    if not wants_partial():
        return redirect(url_for("customers.index", **asked), 303)
    pieces = render_list(asked, beside=True), render_template("components/_toasts_oob.html")
    response = make_response("".join(pieces))
    response.headers["HX-Trigger"] = '{"closeDialog":true}'
    response.headers["HX-Reswap"] = "none"
    return response


def _chosen(view: SavedView | None) -> list[str] | None:
    chosen: list[str] | None = view.columns if view else current_user.columns
    return chosen


def _ordered(properties: list[Property], order: Sequence[str]) -> list[Property]:
    """All properties: first those that are named, in that order, then the others as they are."""
    places = {codename: place for place, codename in enumerate(order)}
    return sorted(properties, key=lambda row: places.get(row.codename, len(places)))


def _asked(sent: MultiDict[str, str], properties: Sequence[Property]) -> dict[str, Any]:
    """What the list asks for whose columns they are: it is come back to as it was."""
    query = CustomerQuery.of(sent, sortable_columns(properties), properties)
    return query.args(after=query.after, before=query.before)


def _form(
    view: SavedView | None, asked: dict[str, Any], properties: list[Property], chosen: set[str], moved: str = ""
) -> AnyResponse:
    context: dict[str, Any] = {
        "view": view,
        "asked": asked,
        "properties": properties,
        "chosen": chosen,
        "moved": moved,
        "dialog": wants_partial(),
    }
    return page_or_partial("customers/columns.html", "customers/_columns.html", **context)
