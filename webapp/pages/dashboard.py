"""The dashboard, where everybody begins; support begins in its console."""

from flask import Blueprint, make_response, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp import impersonation
from webapp.dashboard import NO_SCORE, grades_of, moved_most, to_call_first
from webapp.extensions import db
from webapp.freshness import stale_since
from webapp.gate import public
from webapp.models import HealthVersion, Provider, Scoring
from webapp.models.types import now
from webapp.scoring import tenant_zone
from webapp.tenancy import owned

blueprint = Blueprint("dashboard", __name__)


@blueprint.get("/")
@public
def show() -> AnyResponse:
    """Open to all because it is where all begin: strangers are led to sign in, support to its console."""
    if not current_user.is_authenticated:
        return redirect(url_for("auth.create"))
    if current_user.is_staff and impersonation.current() is None:
        return redirect(url_for("support.index"))
    return make_response(_page())


def _page() -> str:
    provider = Provider.current()
    scoring = db.session.scalars(owned(Scoring)).first() if provider else None
    # Another account's scores say nothing of one that no import has read so far.
    if provider is None or provider.last_success_at is None or scoring is None or scoring.scored_at is None:
        return render_template(
            "dashboard/index.html",
            provider=provider,
            live_import=provider.live_import() if provider else None,
            published=scoring is not None or HealthVersion.published() is not None,
            scored_at=None,
        )
    today = now().astimezone(tenant_zone()).date()
    return render_template(
        "dashboard/index.html",
        provider=provider,
        scored_at=scoring.scored_at,
        stale=stale_since(provider),
        grades=grades_of(provider),
        reasons=NO_SCORE,
        moved=moved_most(provider, today),
        to_call=to_call_first(provider),
    )
