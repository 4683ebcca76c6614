"""The health score: what is published, how it is made, and what a draft of it would change."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response as AnyResponse

from webapp.back_test_rows import MOST, run_back_test
from webapp.charts import bar
from webapp.customer_columns import all_properties
from webapp.default_score import default_score
from webapp.extensions import db
from webapp.gate import members_too, poll
from webapp.health import CAP_WORDS, Grade, whole
from webapp.models import HealthVersion, Property, Provider, Scoring
from webapp.models.types import now
from webapp.rendering import page_or_partial, wants_partial
from webapp.score_draft import LONGEST_NOTE, is_as_restored, next_number, problems_of, stamp_of
from webapp.score_preview import preview
from webapp.score_sentences import signed, tenths
from webapp.score_words import cap_words
from webapp.scoring import Basis
from webapp.shown_scores import changes_told, example, shown_factors, versions_told
from webapp.starter_set import offered
from webapp.tenancy import owned

blueprint = Blueprint("health_score", __name__)
blueprint.add_app_template_filter(tenths)
blueprint.add_app_template_filter(signed)


def by_hex() -> dict[str, Property]:
    """The tenant's properties as factors name them."""
    return {property_.id.hex: property_ for property_ in all_properties()}


def no_draft() -> AnyResponse:
    """Whoever comes for a draft that was published or discarded meanwhile is told so."""
    if request.method == "POST":
        flash("It was published or discarded meanwhile. This page says what counts now.", "There is no draft")
    return redirect(url_for("health_score.index"), 303)


def _scoring() -> Scoring | None:
    found: Scoring | None = db.session.scalars(owned(Scoring)).first()
    return found


def _example(
    provider: Provider | None,
    version: HealthVersion | None,
    properties: Mapping[str, Property],
    scoring: Scoring | None,
) -> dict[str, Any]:
    """What the example of a worked out score is told with: none while values and scores may not be of one time."""
    pending = scoring is not None and scoring.pending
    found = example(provider, version, properties) if provider and version and not pending else None
    return {"version": version, "example": found, "cap_names": CAP_WORDS}


@blueprint.get("/health-score")
@members_too
def index() -> AnyResponse:
    provider, properties, version = Provider.current(), by_hex(), HealthVersion.published()
    scoring = _scoring()
    words = render_template(
        "health_score/index.html",
        provider=provider,
        draft=HealthVersion.draft(),
        factors=shown_factors(version, properties, provider) if version else [],
        caps=cap_words(version.caps) if version else [],
        grades=list(Grade),
        **_example(provider, version, properties, scoring),
        versions=versions_told(provider),
        default=default_score(list(properties.values())),
        starter_set=offered(provider, list(properties.values())),
        scoring=scoring,
    )
    return make_response(words)


@blueprint.get("/health-score/progress")
@members_too
@poll
def show_progress() -> AnyResponse:
    """What a page that waits for scores asks for: nothing new, or that they are there."""
    scoring = _scoring()
    if not wants_partial():
        return redirect(url_for("health_score.index"), 303)
    if scoring is None or scoring.pending:
        return make_response("", 204)
    found = _example(Provider.current(), HealthVersion.published(), by_hex(), scoring)
    words = render_template("health_score/scored.html", scoring=scoring, announced=True, oob=True, **found)
    return make_response(words)


@blueprint.get("/health-score/preview")
def show_preview() -> AnyResponse:
    draft = HealthVersion.draft()
    if draft is None:
        return no_draft()
    return make_response(render_preview(draft, f"Version {draft.restored} again." if is_as_restored(draft) else ""))


def render_preview(draft: HealthVersion, note: str = "", problem: str = "") -> str:
    """The preview page with the form that publishes, which may have been refused."""
    provider, properties = Provider.current(), by_hex()
    problems = problems_of(draft, properties)
    found = None
    if provider and not problems:
        found = preview(provider, Basis.of(draft, list(properties.values())), now())
    return render_template(
        "health_score/preview.html",
        draft=draft,
        seen=stamp_of(draft),
        number=next_number(),
        problems=problems,
        provider=provider,
        changes=changes_told(draft, HealthVersion.published(), provider),
        preview=found,
        grades=list(Grade),
        whole=whole,
        bar=bar,
        note=note,
        problem=problem,
        longest_note=LONGEST_NOTE,
        page_failed=bool(problem),
    )


@blueprint.get("/health-score/back-test")
def show_back_test() -> AnyResponse:
    """Whether the draft would have warned of those who churned."""
    draft, provider, properties = HealthVersion.draft(), Provider.current(), by_hex()
    if draft is None:
        return no_draft() if not wants_partial() else make_response("", 204)
    context: dict[str, Any] = {"draft": draft, "provider": provider, "most": MOST, "result": None}
    if provider and not problems_of(draft, properties):
        context["result"] = run_back_test(provider, Basis.of(draft, list(properties.values())), now())
    return page_or_partial("health_score/back_test.html", "health_score/_back_test.html", **context)


def is_taken(problem: IntegrityError) -> AnyResponse:
    """Somebody else made a draft, or published one, at the same moment."""
    db.session.rollback()
    flash("Somebody else was faster. Look at what is there now, then try again.", "Nothing was changed")
    return redirect(url_for("health_score.index"), 303)
