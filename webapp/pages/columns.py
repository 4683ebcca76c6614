"""Which columns a user sees in the customers' list."""

from urllib.parse import parse_qsl, urlsplit

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from webapp.customer_columns import all_properties, chosen_columns
from webapp.extensions import db, htmx
from webapp.gate import members_too
from webapp.pages.customers import render_list
from webapp.rendering import count, page_or_partial, wants_partial

blueprint = Blueprint("columns", __name__)


@blueprint.get("/customers/columns")
@members_too
def show() -> AnyResponse:
    properties = all_properties()
    chosen = {column.key for column in chosen_columns(properties, current_user.columns)}
    return page_or_partial(
        "customers/columns.html",
        "customers/_columns.html",
        dialog=wants_partial(),
        properties=properties,
        chosen=chosen,
    )


@blueprint.post("/customers/columns")
@members_too
def update() -> AnyResponse:
    """Keep the user's choice. Columns chosen before keep their order; new ones come after them."""
    known = [property_.codename for property_ in all_properties()]
    ticked = set(request.form.getlist("columns[]"))
    if "reset" in request.form:
        current_user.columns = None
    else:
        order = [codename for codename in current_user.columns or [] if codename in known]
        order += [codename for codename in known if codename not in order]
        current_user.columns = [codename for codename in order if codename in ticked]
    db.session.commit()
    shown = len(chosen_columns(all_properties(), current_user.columns)) if known else 0
    flash(f"{count(shown, 'property', 'properties')} shown.", "Columns saved")
    if not wants_partial():
        return redirect(url_for("customers.index"), 303)
    response = make_response(
        render_list(_arguments_behind_dialog(), beside=True) + render_template("components/_toasts_oob.html")
    )
    response.headers["HX-Trigger"] = '{"closeDialog":true}'
    response.headers["HX-Reswap"] = "none"
    return response


def _arguments_behind_dialog() -> MultiDict[str, str]:
    """What the list behind the dialog was asked for, by the address that the browser shows."""
    try:
        address = urlsplit(htmx.current_url or "")
    except ValueError:
        return MultiDict()
    asked = parse_qsl(address.query) if address.path == url_for("customers.index") else []
    return MultiDict(asked)
