"""Signing in and out."""

from datetime import datetime, timedelta
from uuid import UUID

from flask import Blueprint, current_app, make_response, redirect, render_template, request, session, url_for
from flask.wrappers import Response
from flask_limiter.util import get_remote_address
from flask_login import current_user, login_user, logout_user
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from webapp import audit, credentials, impersonation, sessions
from webapp.extensions import db, limiter, login_manager
from webapp.forms.auth import CodeForm, SignInForm
from webapp.gate import ends_impersonation, public, safe_next
from webapp.models import User
from webapp.models.types import now

blueprint = Blueprint("auth", __name__)
TRIES = "10 per 5 minutes"
WAITING, WAITING_SINCE = "second_factor_for", "second_factor_since"
CODE_AT = "second_factor_at"
CODE_WITHIN = timedelta(minutes=5)
TRIES_PER_ADDRESS = "60 per 5 minutes"


@login_manager.user_loader  # type: ignore[untyped-decorator]
def load_user(user_id: str) -> User | None:
    return db.session.get(User, UUID(user_id))


def _account() -> str:
    return request.form.get("email", "").replace("\0", "").strip().lower()[:254]


def _failed(response: Response) -> bool:
    return response.status_code == 422


def _whose_code() -> str:
    """Whose codes are counted. Of an empty key no limit is kept."""
    return session.get(WAITING) or current_user.get_id() or get_remote_address()


@blueprint.get("/login")
@public
def create() -> AnyResponse:
    """The sign-in page. Somebody who is signed in goes home."""
    if current_user.is_authenticated:
        return redirect(home())
    return _page(SignInForm(), ended=sessions.has_ended())


@blueprint.post("/login")
@public
@limiter.limit(TRIES, key_func=_account, deduct_when=_failed, methods=["POST"])
@limiter.limit(TRIES_PER_ADDRESS, key_func=get_remote_address, deduct_when=_failed, methods=["POST"])
def store() -> AnyResponse:
    form = SignInForm()
    user = db.session.scalar(select(User).where(User.email == _account(), User.active))
    db.session.expunge_all()
    db.session.rollback()  # hashing takes a while; nobody waits for our transaction meanwhile
    if not User.password_fits(user, form.password.data or "") or user is None:
        audit.record("authn:login_failed", user)
        db.session.commit()
        return _page(form, wrong=True, status=422)
    if user.is_staff and current_app.config["SETTINGS"].require_staff_totp:
        sessions.renew({WAITING: str(user.id), WAITING_SINCE: now().isoformat()})
        return redirect(url_for("auth.create_code", next=request.args.get("next")), 303)
    return _let_in(user)


@blueprint.get("/login/code")
@public
def create_code() -> AnyResponse:
    """The second step of staff: a one-time code."""
    if _waiting() is None:
        return redirect(url_for("auth.create"))
    return make_response(render_template("auth/code.html", form=CodeForm()))


@blueprint.post("/login/code")
@public
@limiter.limit(TRIES, key_func=_whose_code, deduct_when=_failed, methods=["POST"])
def store_code() -> AnyResponse:
    form, user = CodeForm(), _waiting()
    if user is None:
        return redirect(url_for("auth.create"), 303)
    code = "".join((form.code.data or "").split())
    if not form.validate() or not user.code_fits(credentials.seal(), code, now()):
        audit.record("authn:login_failed", user)
        db.session.commit()
        return make_response(render_template("auth/code.html", form=form, wrong=True), 422)
    return _let_in(user, with_code=True)


def _waiting() -> User | None:
    """Whose code is waited for: a person whose password was right a few minutes ago, or support that is
    signed in and about to do something that needs a fresh one."""
    if current_user.is_authenticated and current_user.is_staff:
        return current_user._get_current_object()  # type: ignore[no-any-return]
    since = session.get(WAITING_SINCE)
    if not since or now() - datetime.fromisoformat(since) > CODE_WITHIN:
        return None
    return db.session.scalar(select(User).where(User.id == UUID(session[WAITING]), User.active))


def _let_in(user: User, with_code: bool = False) -> AnyResponse:
    sessions.renew()
    login_user(user)
    if with_code:
        session[CODE_AT] = now().isoformat()
    audit.record("authn:login", user)
    db.session.commit()
    return redirect(safe_next(request.args.get("next")) or home(), 303)


def code_wanted() -> bool:
    """Whether support has to enter a code before it goes on: where codes are required, a fresh one."""
    if not current_app.config["SETTINGS"].require_staff_totp:
        return False
    entered: str | None = session.get(CODE_AT)
    return entered is None or now() - datetime.fromisoformat(entered) > CODE_WITHIN


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
    """Where a person begins: support in its console, everybody else with the dashboard."""
    return url_for("support.index" if current_user.is_staff else "dashboard.show")


def _page(form: SignInForm, status: int = 200, **context: bool) -> Response:
    return make_response(render_template("auth/index.html", form=form, **context), status)
