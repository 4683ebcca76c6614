"""Signing in and out."""

from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, session, url_for
from flask.wrappers import Response
from flask_limiter.util import get_remote_address
from flask_login import current_user, login_user, logout_user
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from webapp import audit, impersonation, sessions
from webapp.extensions import db, limiter, login_manager
from webapp.forms.auth import SignInForm
from webapp.gate import ends_impersonation, public, safe_next
from webapp.models import User
from webapp.models.types import now

blueprint = Blueprint("auth", __name__)
TRIES = "10 per 5 minutes"
TRIES_PER_ADDRESS = "60 per 5 minutes"


@login_manager.user_loader  # type: ignore[untyped-decorator]
def load_user(user_id: str) -> User | None:
    return db.session.get(User, UUID(user_id))


def _account() -> str:
    return request.form.get("email", "").strip().lower()[:254]


def _failed(response: Response) -> bool:
    return response.status_code == 422


@blueprint.get("/login")
@public
def create() -> AnyResponse:
    """The sign-in page. Somebody who is signed in goes home."""
    if current_user.is_authenticated:
        return redirect(home())
    return _page(SignInForm(), ended=sessions.has_ended() or bool(request.args.get("next")))


@blueprint.post("/login")
@public
@limiter.limit(TRIES, key_func=_account, deduct_when=_failed, methods=["POST"])
@limiter.limit(TRIES_PER_ADDRESS, key_func=get_remote_address, deduct_when=_failed, methods=["POST"])
def store() -> AnyResponse:
    form = SignInForm()
    email, password = _account(), form.password.data or ""
    user = db.session.scalar(select(User).where(User.email == email, User.active))
    if not User.password_fits(user, password) or user is None:
        audit.record("authn:login_failed", user)
        db.session.commit()
        return _page(form, wrong=True, status=422)
    sessions.renew()
    login_user(user)
    audit.record("authn:login", user)
    db.session.commit()
    return redirect(safe_next(request.args.get("next")) or home(), 303)


@blueprint.post("/logout")
@public
@ends_impersonation
def remove() -> AnyResponse:
    if current_user.is_authenticated:
        if session.get(impersonation.KEY):
            impersonation.end(UUID(session[impersonation.KEY]), "logout", now())
        audit.record("authn:logout", current_user)
        db.session.commit()
        logout_user()
    sessions.renew()
    return redirect(url_for("auth.create"), 303)


def home() -> str:
    """Where a person begins: support in its console, everybody else with the customers."""
    return url_for("support.index" if current_user.is_staff else "customers.index")


def _page(form: SignInForm, status: int = 200, **context: bool) -> Response:
    return make_response(render_template("auth/index.html", form=form, **context), status)
