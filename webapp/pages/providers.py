"""Providers."""

from flask import Blueprint, render_template

from webapp.gate import members_too

blueprint = Blueprint("providers", __name__)


@blueprint.get("/settings/providers")
@members_too
def index() -> str:
    return render_template("providers/index.html")
