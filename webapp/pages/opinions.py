"""Second opinions: a person's own grade of a customer, beside the score."""

from uuid import UUID

from flask import Blueprint, abort, flash, make_response, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp import second_opinions
from webapp.extensions import db
from webapp.forms.customers import OpinionForm
from webapp.models import Customer, SecondOpinion
from webapp.models.types import now
from webapp.pages.customers import render_customer
from webapp.rendering import day, wants_partial, zone
from webapp.second_opinions import Typed, shown_opinions
from webapp.tenancy import owned_or_404

blueprint = Blueprint("opinions", __name__)


@blueprint.post("/customers/<uuid:id>/opinions")
def create(id: UUID) -> AnyResponse:
    """Give a second opinion; the one that counted until now ends."""
    customer, at = owned_or_404(Customer, id), now()
    today = at.astimezone(zone()).date()
    typed = Typed.read(OpinionForm().data, today)
    if typed.problems or typed.expires is None:
        return _panel(customer, typed) if wants_partial() else render_customer(customer, None, 422, typed)
    second_opinions.give(customer, current_user, int(typed.grade), typed.reason, typed.expires, at, today)
    db.session.commit()
    flash(f"It stands beside the score until {day(typed.expires)}.", "Second opinion kept")
    return _panel(customer) if wants_partial() else _back(customer)


@blueprint.post("/customers/<uuid:id>/opinions/<uuid:opinion_id>/delete")
def remove(id: UUID, opinion_id: UUID) -> AnyResponse:
    """Take an opinion back; it stays in the history."""
    customer, opinion = owned_or_404(Customer, id), owned_or_404(SecondOpinion, opinion_id)
    if (opinion.provider_id, opinion.customer_uuid) != (customer.provider_id, customer.uuid):
        abort(404)
    at = now()
    second_opinions.take_back(customer, opinion, at, at.astimezone(zone()).date())
    db.session.commit()
    flash("It stays in the history below.", "Second opinion taken back")
    return _panel(customer) if wants_partial() else _back(customer)


def _back(customer: Customer) -> AnyResponse:
    return redirect(url_for("customers.show", id=customer.id, _anchor="opinions"), 303)


def _panel(customer: Customer, refused: Typed | None = None) -> AnyResponse:
    """The panel alone, and the toast if something was kept."""
    opinions = shown_opinions(customer, now(), zone(), refused)
    words = render_template("customers/_opinions.html", customer=customer, opinions=opinions)
    if refused:
        return make_response(words, 422)
    return make_response(words + render_template("components/_toasts_oob.html"))
