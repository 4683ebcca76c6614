"""The places of the draft's factors: another one, or none any more."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, make_response, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.direction import apart
from webapp.extensions import db
from webapp.health import MOST
from webapp.models.types import now
from webapp.pages.factors import factor_or_404
from webapp.pages.health_score import no_draft
from webapp.pages.score_drafts import render_draft
from webapp.score_draft import DraftChanged, DraftGone, change, locked_draft, moved

blueprint = Blueprint("places", __name__)
Row = dict[str, Any]


@blueprint.post("/health-score/draft/factors/<uuid:id>/order")
def update(id: UUID) -> AnyResponse:
    """Give a factor another place."""
    place = request.form.get("place", "")
    number = int(place) if place.isascii() and place.isdigit() and len(place) < 3 else MOST
    return _rearranged(id, lambda factors, row: moved(factors, row, number), "")


@blueprint.post("/health-score/draft/factors/<uuid:id>/remove")
def remove(id: UUID) -> AnyResponse:
    return _rearranged(id, lambda factors, row: [each for each in factors if each is not row], "removed")


def _rearranged(id: UUID, make: Callable[[list[Row], Row], list[Row]], said: str) -> AnyResponse:
    try:
        draft = locked_draft()
        row = factor_or_404(draft, id)
        change(draft, request.form.get("seen", ""), make(draft.factors, row), draft.caps, current_user.email, now())
        db.session.commit()
    except DraftGone:
        return no_draft()
    except DraftChanged:
        return make_response(render_draft(draft, changed=True), 422)
    if said:
        flash("The draft is kept until you publish or discard it.", f"Factor {apart(row['name'])} {said}")
    return redirect(url_for("health_score.drafts.show", _anchor="factors"), 303)
