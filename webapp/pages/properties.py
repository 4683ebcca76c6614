"""Properties."""

from flask import Blueprint, render_template

from webapp.gate import members_too

blueprint = Blueprint("properties", __name__)


@blueprint.get("/properties")
@members_too
def index() -> str:
    return render_template("properties/index.html")
