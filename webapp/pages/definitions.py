"""Defining a property: a new one, or one that exists otherwise."""

from collections.abc import Mapping
from uuid import UUID

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response as AnyResponse

from webapp.definitions import define
from webapp.direction import apart
from webapp.extensions import db
from webapp.forms.properties import PropertyForm
from webapp.freshness import when_filled
from webapp.models import Property, Provider
from webapp.models.properties import Deleted
from webapp.property_form import Proposal, form_context
from webapp.property_uses import in_score
from webapp.tenancy import owned_or_404

blueprint = Blueprint("definitions", __name__)
IN_THE_SAME_MOMENT = {"name": "Another property was saved in the same moment. Save again."}


@blueprint.route("/properties/new", methods=["GET", "POST"])
def create() -> AnyResponse:
    return _define(None)


@blueprint.route("/properties/<uuid:id>/edit", methods=["GET", "POST"])
def update(id: UUID) -> AnyResponse:
    return _define(owned_or_404(Property, id))


def _define(edited: Property | None) -> AnyResponse:
    """The form: shown, shown again with its problems, or saved; the same form a second time is saved already."""
    if request.method == "GET":
        return _form(edited, request.args)
    form = PropertyForm()
    if "show" in request.form:  # the button that stands in for scripts
        return _form(edited, form.sent)
    asked = Proposal.of(edited, form.sent)
    if (twin := asked.twin) is not None:
        return _saved(twin, asked.provider)
    if problems := asked.problems:
        return _form(edited, form.sent, problems)
    try:
        property_ = define(edited, asked.draft, asked.others, current_user.email)
        db.session.commit()
    except Deleted:
        abort(404)
    except IntegrityError:  # another was saved in the same moment: by the same press, with this codename, in this slot
        db.session.rollback()
        asked = Proposal.of(edited, form.sent)
        if (twin := asked.twin) is not None:
            return _saved(twin, asked.provider)
        return _form(edited, form.sent, asked.problems or IN_THE_SAME_MOMENT)
    return _saved(property_, asked.provider)


def _form(edited: Property | None, sent: Mapping[str, str], problems: Mapping[str, str] | None = None) -> AnyResponse:
    used = in_score().get(edited.id.hex) if edited else None
    page = render_template("properties/edit.html", in_score=used, **form_context(edited, sent, problems))
    return make_response(page, 422 if problems else 200)


def _saved(property_: Property, provider: Provider | None) -> AnyResponse:
    """Back to the list, which says when the property is filled."""
    title, words = f"{apart(property_.name)} saved.", "Its values are set by hand on each customer's page."
    if property_.waiting:
        title += " Filled on the next sync." if provider and provider.live else ""
        words = when_filled(provider)
    elif property_.from_chartmogul:
        words = "Its values stay as they are."
    flash(words, title)
    return redirect(url_for("properties.index", saved=property_.codename), 303)
