"""Values that an admin sets by hand, on a customer's page."""

from uuid import UUID

from flask import Blueprint, abort, flash, make_response, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp import audit, by_hand
from webapp.direction import apart
from webapp.extensions import db
from webapp.forms.customers import ValueForm
from webapp.models import Customer, Property, Provider
from webapp.models.properties import Deleted
from webapp.pages.customers import render_customer, shown_values
from webapp.rendering import wants_partial
from webapp.tenancy import owned_or_404
from webapp.values import CannotRead, PropertyType

blueprint = Blueprint("values", __name__)


@blueprint.post("/customers/<uuid:id>/values/<uuid:property_id>")
def update(id: UUID, property_id: UUID) -> AnyResponse:
    """Set a customer's value of a property that is filled by hand; nothing typed forgets the value."""
    customer, property_ = owned_or_404(Customer, id), owned_or_404(Property, property_id)
    text = ValueForm().value.data or ""
    try:
        if property_.from_chartmogul:
            raise CannotRead("This property is filled from ChartMogul now. Reload the page.")
        value = by_hand.read(text, PropertyType(property_.type))
        by_hand.write(property_, customer, value, current_user.email)
        audit.record("value:set", property_, property=property_.codename, customer=str(customer.id))
        db.session.commit()
    except Deleted:
        db.session.rollback()
        abort(404)
    except CannotRead as problem:
        db.session.rollback()
        return _refused(customer, property_, text, str(problem))
    flash("The value was removed." if value is None else "The value was kept.", f"{apart(property_.name)} saved")
    if wants_partial():
        return _row(customer, property_)
    return redirect(url_for("customers.show", id=customer.id, _anchor=f"value-{property_.codename}"), 303)


def _refused(customer: Customer, property_: Property, text: str, problem: str) -> AnyResponse:
    if wants_partial():
        return _row(customer, property_, {property_.id: (text, problem)}, 422)
    return render_customer(customer, {property_.id: (text, problem)}, 422)


def _row(
    customer: Customer,
    property_: Property,
    wrong: dict[UUID, tuple[str, str]] | None = None,
    status: int = 200,
) -> AnyResponse:
    """The value's row alone, and the toast if it was saved."""
    provider = owned_or_404(Provider, customer.provider_id)
    shown = next(row for row in shown_values(customer, provider) if row.of.id == property_.id)
    words = render_template(
        "customers/_value.html", customer=customer, provider=provider, shown=shown, wrong=wrong or {}
    )
    return make_response(words + (render_template("components/_toasts_oob.html") if status == 200 else ""), status)
