"""Support's console."""

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from webapp.gate import ends_impersonation, staff_only

blueprint = Blueprint("support", __name__)


@blueprint.get("/support")
@staff_only
def index() -> str:
    return render_template("support/index.html")


@blueprint.post("/support/impersonation/stop")
@staff_only
@ends_impersonation
def stop_impersonating() -> Response:
    return redirect(url_for("support.index"), 303)
