"""Views of the customers' list that a user keeps for himself."""

from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy.exc import IntegrityError
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from webapp.customer_columns import all_properties, sortable_columns
from webapp.customer_list import CustomerQuery
from webapp.extensions import db
from webapp.forms.customers import ViewForm
from webapp.gate import members_too
from webapp.models import Provider, SavedView
from webapp.models.views import NAME_LENGTH
from webapp.rendering import page_or_partial, wants_partial
from webapp.saved_views import open_view, views_of
from webapp.tenancy import current_tenant_id, owned_or_404

blueprint = Blueprint("views", __name__)
# A much longer address might not open again: gunicorn takes 8,190 characters, and a proxy before it perhaps fewer.
LONGEST_QUERY, MOST_VIEWS = 4_000, 50


@blueprint.get("/customers/views/new")
@members_too
def show() -> AnyResponse:
    view = open_view(request.args.get("view", ""))
    asked = _args(MultiDict(request.args))
    context: dict[str, Any] = {"name": view.name if view else "", "view": view, "problem": None, "asked": asked}
    return page_or_partial("customers/views.html", "customers/_views.html", dialog=wants_partial(), **context)


@blueprint.post("/customers/views")
@members_too
def create() -> AnyResponse:
    """Keep the list as it is shown under a name; a view of that name is replaced."""
    form = ViewForm()
    name = " ".join((form.name.data or "").split())
    before = open_view(form.view.data or "")
    query = form.query.data or ""
    asked = _args(MultiDict(parse_qsl(query)))
    kept = {view.name: view for view in views_of(current_user)}
    problem = _problem(name, query, kept)
    if problem:
        context: dict[str, Any] = {
            "name": name,
            "view": before,
            "problem": problem,
            "asked": asked,
            "dialog": wants_partial(),
        }
        return make_response(render_template("customers/views.html", page_failed=True, **context), 422)
    view = kept.get(name) or SavedView(tenant_id=current_tenant_id(), user_id=current_user.id, name=name)
    view.args, view.columns = asked, before.columns if before else current_user.columns
    provider = Provider.current()
    view.currency = provider.currency if provider else None
    db.session.add(view)
    try:
        db.session.commit()
    except IntegrityError:  # the same click twice
        db.session.rollback()
        view = next(each for each in views_of(current_user) if each.name == name)
    flash("It stands above the table.", f"View {name} saved")
    return redirect(url_for("customers.index", **view.opening), 303)


@blueprint.post("/customers/views/<uuid:id>/delete")
@members_too
def remove(id: UUID) -> AnyResponse:
    view = owned_or_404(SavedView, id)
    if view.user_id != current_user.id:
        abort(404)
    name = view.name
    db.session.delete(view)
    db.session.commit()
    flash("The customers are still there.", f"View {name} deleted")
    return redirect(url_for("customers.index"), 303)


def _args(sent: MultiDict[str, str]) -> dict[str, str]:
    """What of an address a view keeps."""
    properties = all_properties()
    return CustomerQuery.of(sent, sortable_columns(properties), properties).args(view="", lost=())


def _problem(name: str, query: str, kept: dict[str, SavedView]) -> str | None:
    if not name:
        return "Enter a name for the view."
    if len(name) > NAME_LENGTH or not name.isprintable():
        return f"A name is one line of at most {NAME_LENGTH} characters."
    if len(query) > LONGEST_QUERY:
        return "These are more conditions than a view can keep. Remove some of them, or shorten their words."
    if name not in kept and len(kept) >= MOST_VIEWS:
        return f"You have {MOST_VIEWS} views already, which is the most. Delete one first."
    return None
