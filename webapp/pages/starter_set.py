"""Creating the starter set of properties."""

from flask import Blueprint, flash, redirect, url_for
from flask_login import current_user
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response as AnyResponse

from webapp.customer_columns import all_properties
from webapp.extensions import db
from webapp.freshness import when_filled
from webapp.models import Provider
from webapp.models.properties import NoRoom
from webapp.rendering import count
from webapp.starter_set import create_missing, missing

blueprint = Blueprint("starter_set", __name__)


@blueprint.post("/properties/starter-set")
def create() -> AnyResponse:
    """Create what is missing of it. A second press finds nothing missing."""
    provider = Provider.current()
    if provider is None or not provider.live:
        flash("Connect ChartMogul first.", "No property was created")
        return redirect(url_for("providers.index"), 303)
    try:
        made = create_missing(all_properties(), current_user.email)
        db.session.commit()
    except IntegrityError:  # the same press at the same moment, or another property in the slot of one of these
        db.session.rollback()
        made = []
    except NoRoom:
        db.session.rollback()
        flash("There is no room for all of them. Delete some properties first.", "No property was created")
        return redirect(url_for("properties.index"), 303)
    if made:
        flash(when_filled(provider), f"{count(len(made), 'property', 'properties')} created. Filled on the next sync.")
    elif missing(all_properties()):
        flash("Another property was saved in the same moment. Press again.", "No property was created")
    else:
        flash("All of the starter set is there already.", "No property was created")
    return redirect(url_for("properties.index"), 303)
