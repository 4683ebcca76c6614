"""Customers."""

from flask import Blueprint, render_template

from webapp.gate import members_too

blueprint = Blueprint("customers", __name__)


@blueprint.get("/customers")
@members_too
def index() -> str:
    return render_template("customers/index.html")
