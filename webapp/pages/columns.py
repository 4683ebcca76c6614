"""Which columns a user sees in the customers' list."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from webapp.customer_columns import all_properties, chosen_columns
from webapp.extensions import db, htmx
from webapp.gate import members_too
from webapp.models import Property, SavedView
from webapp.pages.customers import render_list
from webapp.rendering import count, page_or_partial, wants_partial
from webapp.saved_views import open_view

blueprint = Blueprint("columns", __name__)


@blueprint.get("/customers/columns")
@members_too
def show() -> AnyResponse:
    view, properties = open_view(request.args.get("view", "")), all_properties()
    columns = chosen_columns(properties, _chosen(view))
    shown = [column.of_property.codename for column in columns if column.of_property]
    return _form(view, _ordered(properties, shown), set(shown))


@blueprint.post("/customers/columns")
@members_too
def update() -> AnyResponse:
    """Keep the user's choice, of a view or of the list without one; or, for the arrows, show another order of it."""
    view, properties = open_view(request.form.get("view", "")), all_properties()
    order = request.form.getlist("order[]") or _chosen(view) or []
    order, ticked = [row.codename for row in _ordered(properties, order)], set(request.form.getlist("columns[]"))
    for way, step in ("up", -1), ("down", 1):
        if (moved := request.form.get(way)) in order:
            at = order.index(moved)
            order.insert(max(0, at + step), order.pop(at))
            # At either end the arrow that was pressed leads nowhere, so the focus goes to the other one.
            ends = {moved: way} | {order[-1]: "up"} | {order[0]: "down"}
            return _form(view, _ordered(properties, order), ticked, f"{ends[moved]}-{moved}")
    columns = None if "reset" in request.form else [codename for codename in order if codename in ticked]
    if view is None:
        current_user.columns = columns
    else:
        view.columns = columns
    db.session.commit()
    shown = len(chosen_columns(properties, columns)) if properties else 0
    flash(f"{count(shown, 'property', 'properties')} shown.", "Columns saved")
    if not wants_partial():
        return redirect(url_for("customers.index", **(view.opening if view else {})), 303)
    response = make_response(
        render_list(_arguments_behind_dialog(), beside=True) + render_template("components/_toasts_oob.html")
    )
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


def _form(view: SavedView | None, properties: list[Property], chosen: set[str], moved: str = "") -> AnyResponse:
    context: dict[str, Any] = {
        "view": view,
        "properties": properties,
        "chosen": chosen,
        "moved": moved,
        "dialog": wants_partial(),
    }
    return page_or_partial("customers/columns.html", "customers/_columns.html", **context)


def _arguments_behind_dialog() -> MultiDict[str, str]:
    """What the list behind the dialog was asked for, by the address that the browser shows."""
    try:
        address = urlsplit(htmx.current_url or "")
    except ValueError:
        return MultiDict()
    asked = parse_qsl(address.query) if address.path == url_for("customers.index") else []
    return MultiDict(asked)
