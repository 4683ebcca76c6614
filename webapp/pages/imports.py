"""Imports."""

from flask import Blueprint, render_template

from webapp.gate import members_too

blueprint = Blueprint("imports", __name__)


@blueprint.get("/imports")
@members_too
def index() -> str:
    return render_template("imports/index.html")
