"""Custom attributes that are offered as properties: offering one no more."""

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webapp import audit
from webapp.attributes import dismiss
from webapp.extensions import db
from webapp.models import Provider
from webapp.rendering import count

blueprint = Blueprint("attributes", __name__)


@blueprint.post("/properties/dismissed-attributes")
def create() -> AnyResponse:
    """Dismiss the attributes whose fields were sent; a second time nothing happens."""
    provider = Provider.current(lock=True)
    dismissed = dismiss(provider, request.form.getlist("fields[]")) if provider else []
    if dismissed:
        audit.record("attributes:dismissed", provider, keys=dismissed)
        flash("You still find them among the ChartMogul fields.", f"{count(len(dismissed), 'attribute')} dismissed")
    db.session.commit()
    return redirect(url_for("properties.index"), 303)
