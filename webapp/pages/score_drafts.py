"""The draft of the health score: begun, shown, its caps, and discarded."""

from collections.abc import Mapping

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response as AnyResponse

from webapp import audit
from webapp.default_score import DEFAULT_CAPS, default_score
from webapp.extensions import db
from webapp.factor_form import points_of
from webapp.health import CAP_WORDS, CAPS, MOST
from webapp.models import HealthVersion, Provider
from webapp.models.types import now
from webapp.pages.health_score import by_hex, is_taken, no_draft
from webapp.score_draft import DraftChanged, DraftGone, begin, change, locked_draft, problems_of, stamp_of
from webapp.shown_scores import shown_factors

blueprint = Blueprint("drafts", __name__)
CHANGED = "The draft has changed meanwhile"


@blueprint.get("/health-score/draft")
def show() -> AnyResponse:
    draft = HealthVersion.draft()
    return make_response(render_draft(draft)) if draft else no_draft()


def render_draft(
    draft: HealthVersion,
    typed: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
    changed: bool = False,
) -> str:
    """The page of the draft; `typed` and `problems`: of the caps' form, when it was refused."""
    properties = by_hex()
    provider = Provider.current()
    published = HealthVersion.published()
    return render_template(
        "health_score/draft.html",
        draft=draft,
        seen=stamp_of(draft),
        factors=shown_factors(draft, properties, provider),
        wrong=problems_of(draft, properties),
        missing=default_score(list(properties.values())).needed if not published else [],
        published=published,
        most=MOST,
        cap_words=CAP_WORDS,
        typed=typed if typed is not None else {name: str(limit) for name, limit in draft.caps.items()},
        usual=CAPS,
        problems=problems or {},
        changed=changed,
        page_failed=changed or bool(problems),
    )


@blueprint.post("/health-score/draft")
def create() -> AnyResponse:
    """Begin with what is published, with the default, or empty; a draft that is there already stays as it is."""
    if HealthVersion.draft() is None:
        published, origin = HealthVersion.published(), request.form.get("from")
        if origin == "published" and published:
            factors, caps = published.factors, published.caps
        else:
            default = default_score(list(by_hex().values())).factors
            factors, caps = default if origin == "default" else [], DEFAULT_CAPS
        try:
            begin(factors, caps, current_user.email, now())
            db.session.commit()
        except IntegrityError as problem:
            return is_taken(problem)
    return redirect(url_for("health_score.drafts.show"), 303)


@blueprint.post("/health-score/draft/caps")
def update() -> AnyResponse:
    """Keep which caps there are, and how high each is."""
    sent, problems = request.form, dict[str, str]()
    ticked = [name for name in CAPS if name in sent.getlist("caps[]")]
    typed = {name: sent.get(name, "") for name in ticked}
    limits = {name: points_of(text) for name, text in typed.items()}
    problems = {name: "Enter a whole number from 0 to 100." for name, limit in limits.items() if limit is None}
    caps = {name: limit for name, limit in limits.items() if limit is not None}
    try:
        draft = locked_draft()
        if problems:
            return make_response(render_draft(draft, typed, problems), 422)
        change(draft, sent.get("seen", ""), draft.factors, caps, current_user.email, now())
        db.session.commit()
    except DraftGone:
        return no_draft()
    except DraftChanged:
        return make_response(render_draft(draft, typed, changed=True), 422)
    flash("The draft is kept until you publish or discard it.", "Caps saved")
    return redirect(url_for("health_score.drafts.show"), 303)


@blueprint.post("/health-score/draft/remove")
def remove() -> AnyResponse:
    """Discard the draft; a second time there is none."""
    try:
        draft = locked_draft()
    except DraftGone:
        return no_draft()
    if request.form.get("seen", "") != stamp_of(draft):
        return make_response(render_draft(draft, changed=True), 422)
    audit.record("health_score:discarded", draft)
    db.session.delete(draft)
    db.session.commit()
    flash("What is published stays as it is.", "Draft discarded")
    return redirect(url_for("health_score.index"), 303)
