"""The web app: settings, extensions, the gate, pages and error pages, put together."""

import logging
import os
from typing import Any

from flask import Flask, g, make_response, render_template
from flask.wrappers import Response
from flask_login import AnonymousUserMixin
from flask_wtf.csrf import CSRFError
from htmx_flask import Htmx
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException, SecurityError
from werkzeug.middleware.proxy_fix import ProxyFix

from webapp import assets, cli, gate, logs, rendering, sessions
from webapp.config import Settings
from webapp.extensions import MappedConnection, RoomyConnection, csrf, db, limiter, login_manager, migrate
from webapp.rendering import wants_partial

MIGRATIONS = os.path.join(os.path.dirname(__file__), "migrations")


def create_app(settings: Settings | None = None, for_jobs: bool = False) -> Flask:
    """The app for these settings, or for those of the environment. A process that makes its connections anew for
    each job need not ask before each transaction whether they still live."""
    settings = settings or Settings()  # type: ignore[call-arg]
    logs.configure(settings.log_level)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    app = Flask(__name__, static_folder=None)
    app.config.update(_flask_config(settings, for_jobs))
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    if settings.behind_proxy:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    gate.install(app)  # first: a stranger is sent to sign in before anybody looks for a form token
    for extension in (db, csrf, Htmx(), limiter, login_manager):
        extension.init_app(app)
    migrate.init_app(app, db, directory=MIGRATIONS)
    login_manager.session_protection = None  # sessions are rows of ours; a copied cookie is ended there
    sessions.install(app)
    rendering.install(app)
    assets.install(app)
    cli.install(app)
    _add_pages(app)
    _add_errors(app)
    return app


def _flask_config(settings: Settings, for_jobs: bool) -> dict[str, Any]:
    postgresql = settings.database.startswith("postgresql")
    # An error must not hold what was written: logs and the queue keep its text.
    options: dict[str, Any] = {"pool_pre_ping": not for_jobs, "hide_parameters": True}
    if postgresql:
        # What a process that stands still has locked is free again before its import's lease is over. Times come in
        # UTC, so that none has to be turned into it. To compile a statement takes longer than any of ours.
        options["connect_args"] = {
            "options": "-c jit=off -c lock_timeout=5000 -c idle_in_transaction_session_timeout=25000 -c TimeZone=UTC",
            "connect_timeout": 5,
            # Nobody waits longer than this for a server whose machine is gone, and which refuses nothing.
            **{"keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15_000},
        }
    else:
        options["connect_args"] = {"factory": RoomyConnection if for_jobs else MappedConnection}
    limits = settings.redis.replace("unix://", "redis+unix://", 1)
    return {
        "SETTINGS": settings,
        "SECRET_KEY": settings.secret_key,
        "SQLALCHEMY_DATABASE_URI": settings.database,
        "SQLALCHEMY_ENGINE_OPTIONS": options,
        "TRUSTED_HOSTS": settings.hosts,
        "MAX_CONTENT_LENGTH": 1_000_000,
        "MAX_FORM_PARTS": 200,
        "WTF_CSRF_TIME_LIMIT": None,
        "WTF_CSRF_HEADERS": ["X-CSRFToken"],
        "RATELIMIT_STORAGE_URI": limits,
        "RATELIMIT_STORAGE_OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 1},
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True,
        "RATELIMIT_STRATEGY": "moving-window",
    }


def _add_pages(app: Flask) -> None:
    from webapp.pages import BLUEPRINTS

    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)


def _add_errors(app: Flask) -> None:
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(SecurityError, _foreign_host)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(OperationalError, _database_down)
    app.register_error_handler(DataError, _unstorable)
    app.register_error_handler(Exception, _our_fault)


def _http_error(error: HTTPException) -> Response:
    cause = getattr(error, "original_exception", None)
    if isinstance(cause, OperationalError):  # while the session was written, after the page was made
        return _database_down(cause)
    return error_page(error.code or 500)


def _foreign_host(error: SecurityError) -> Response:
    """Plain words: of a host that is not ours no address of a page can be made."""
    return Response("This host name is not served here.", 400, content_type="text/plain")


def _stale_form(error: CSRFError) -> Response:
    return error_page(400, "stale")


def _database_down(error: OperationalError) -> Response:
    logging.getLogger("webapp").error("database did not answer: %s", type(error.orig).__name__)
    db.session.rollback()
    g._login_user, g.impersonation = AnonymousUserMixin(), None  # so that the page need not ask who this is
    return error_page(503)


def _our_fault(error: Exception) -> Response:
    logging.getLogger("webapp").error("request failed", exc_info=error)
    db.session.rollback()
    g._login_user, g.impersonation = AnonymousUserMixin(), None  # asking who this is may be what failed
    return error_page(500)


def _unstorable(error: DataError) -> Response:
    """A text that the database cannot hold, like one with a NUL, was sent or asked for."""
    db.session.rollback()
    return error_page(400)


def error_page(status: int, kind: str | None = None) -> Response:
    """The page of an error; nothing but its status for a fragment, which says so by itself."""
    if wants_partial():
        return make_response("", status)
    words = render_template("error.html", status=status, kind=kind, request_id=getattr(g, "request_id", ""))
    return make_response(words, status)
