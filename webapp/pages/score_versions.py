"""Versions of the health score: publishing the draft as one, and making one the draft again."""

from uuid import UUID

from flask import Blueprint, abort, flash, make_response, redirect, request, url_for
from flask_login import current_user
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response as AnyResponse

from webapp import audit, queue
from webapp.extensions import db
from webapp.models import HealthVersion, Provider
from webapp.models.health import DRAFT
from webapp.models.types import now
from webapp.pages.health_score import by_hex, is_taken, no_draft, render_preview
from webapp.score_draft import (
    LONGEST_NOTE,
    DraftChanged,
    DraftGone,
    begin,
    locked_draft,
    problems_of,
    publish,
)
from webapp.tenancy import owned_or_404

blueprint = Blueprint("versions", __name__)
CHANGED = "The draft has changed meanwhile. Look at the preview again before you publish it."


@blueprint.post("/health-score/versions")
def create() -> AnyResponse:
    """Publish the draft."""
    note, properties, provider = request.form.get("note", "").strip(), by_hex(), Provider.current()
    try:
        draft = locked_draft()
        problem = _problem_of(note)
        if problem or problems_of(draft, properties):
            return make_response(render_preview(draft, note, problem), 422)
        publish(draft, request.form.get("seen", ""), note, properties, current_user.email, now())
        number = draft.number
        db.session.commit()
    except DraftGone:
        return no_draft()
    except DraftChanged:
        return make_response(render_preview(draft, note, CHANGED), 422)
    except IntegrityError as taken:
        return is_taken(taken)
    if provider:
        queue.enqueue_scores()
    scores = "Customers are being scored by it." if provider else "Scores follow once ChartMogul is connected."
    flash(scores, f"Version {number} published.")
    return redirect(url_for("health_score.index"), 303)


def _problem_of(note: str) -> str:
    if not note:
        return "Enter a note: what changes, and why."
    if len(note) > LONGEST_NOTE:
        return f"Use at most {LONGEST_NOTE} characters; these are {len(note)}."
    return "" if "\0" not in note else "Use a note without control characters."


@blueprint.post("/health-score/versions/<uuid:id>/draft")
def create_draft(id: UUID) -> AnyResponse:
    """Restore a version: it becomes the draft. A draft that is there already is nobody's to overwrite."""
    version = owned_or_404(HealthVersion, id)
    if version.number == DRAFT:
        abort(404)
    if HealthVersion.draft() is not None:
        flash("Publish or discard it first, then restore.", "There is a draft already")
        return redirect(url_for("health_score.drafts.show"), 303)
    try:
        draft = begin(version.factors, version.caps, current_user.email, now(), restored=version.number)
        audit.record("health_score:restored", draft, version=version.number)
        number = version.number
        db.session.commit()
    except IntegrityError as taken:
        return is_taken(taken)
    flash("Look at its preview, then publish it.", f"Version {number} is the draft now")
    return redirect(url_for("health_score.drafts.show"), 303)
