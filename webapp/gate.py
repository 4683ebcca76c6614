"""Who may pass. Closed unless opened: a view without a mark admits a tenant's admins and support looking
at that tenant; `@members_too`, `@staff_only` and `@public` are the only other doors."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit
from uuid import uuid4
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog
from flask import Flask, Response, abort, current_app, g, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp import audit, impersonation, sessions
from webapp.extensions import begin_writing, db, htmx
from webapp.tenancy import set_tenant

View = TypeVar("View", bound=Callable[..., Any])
SAFE = ("GET", "HEAD", "OPTIONS")
FORMS = ("", "application/x-www-form-urlencoded", "multipart/form-data")
log = structlog.get_logger()


def public(view: View) -> View:
    """Open to anybody, signed in or not."""
    view.access = "public"  # type: ignore[attr-defined]
    return view


def members_too(view: View) -> View:
    """Open to every user of the tenant, not to its admins alone."""
    view.access = "members"  # type: ignore[attr-defined]
    return view


def staff_only(view: View) -> View:
    """Open to support; for everybody else the page does not exist."""
    view.access = "staff"  # type: ignore[attr-defined]
    return view


def ends_impersonation(view: View) -> View:
    """A write that support may make while it looks at a tenant: stopping, or signing out."""
    view.ends_impersonation = True  # type: ignore[attr-defined]
    return view


def not_for_support(view: View) -> View:
    """Closed to support looking at a tenant even for reading: exports and pages that handle keys."""
    view.not_for_support = True  # type: ignore[attr-defined]
    return view


def poll(view: View) -> View:
    """Asked for by a page on its own: does not count as somebody being there."""
    view.is_poll = True  # type: ignore[attr-defined]
    return view


class HeadAsGet:
    """Serves HEAD as a GET without its body, so that no view that asks "GET, or else a write?" takes a HEAD,
    which needs no token, for the write."""

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "HEAD":
            return self.app(environ, start_response)
        body = self.app({**environ, "REQUEST_METHOD": "GET"}, start_response)
        if hasattr(body, "close"):
            body.close()
        return []


def install(app: Flask) -> None:
    app.wsgi_app = HeadAsGet(app.wsgi_app)  # type: ignore[method-assign]
    app.before_request(_pass_or_refuse)
    app.after_request(_finish)


def _mark(name: str, default: Any = None) -> Any:
    view = current_app.view_functions.get(request.endpoint or "")
    return getattr(view, name, default)


def _pass_or_refuse() -> AnyResponse | None:
    set_tenant(None)
    g.request_id = uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=g.request_id)
    if request.method not in SAFE and _cross_site():
        return _refuse("cross-site request")
    if request.method not in SAFE and request.mimetype not in FORMS:
        abort(400)  # form libraries read JSON as well, of any shape
    if request.method not in SAFE and request.content_length is None and "Transfer-Encoding" in request.headers:
        abort(411)  # a body of unknown length would be cut at the limit, not refused
    access = _mark("access", "admins")
    unread = sessions.why_unread()
    if request.endpoint is None and not unread and not current_user.is_authenticated:
        access = "public"
    if unread and access != "public":
        raise unread
    if access == "public" and not current_user.is_authenticated:
        return None
    if not current_user.is_authenticated:
        return to_sign_in()
    is_poll = bool(_mark("is_poll", False))
    if not is_poll:
        sessions.touch()
    impersonation.load(current_user, is_poll)
    if getattr(g, "impersonation_over", False) and access != "public":
        return _to(url_for("support.index"))
    return _admit(access)


def _admit(access: str) -> AnyResponse | None:
    looking = impersonation.current()
    if current_user.is_staff:
        set_tenant(looking.tenant_id if looking else None)
        if looking:
            structlog.contextvars.bind_contextvars(impersonation=str(looking.id))
            return _admit_looking(access)
        if access in ("admins", "members") and request.endpoint is not None:
            return _refuse("staff in no tenant")
        return None
    set_tenant(current_user.tenant_id)
    structlog.contextvars.bind_contextvars(tenant=str(current_user.tenant_id))
    if access == "staff":
        abort(404)
    if access == "admins" and request.endpoint is not None and not current_user.is_admin:
        return _refuse("not an admin")
    return None


def _admit_looking(access: str) -> AnyResponse | None:
    """Support inside a tenant: reads what its admin reads, writes nothing, and finds no staff page."""
    if _mark("ends_impersonation", False):
        return None
    if request.method not in SAFE or _mark("not_for_support", False):
        return _refuse("read-only")
    if access == "staff":
        abort(404)
    return None


def _refuse(why: str) -> AnyResponse:
    """403, logged; a refused write of somebody signed in is on the record too."""
    log.warning("refused", why=why, endpoint=request.endpoint, method=request.method)
    if current_user.is_authenticated and request.method not in SAFE:
        begin_writing()
        looking = impersonation.current()
        tenant_id = looking.tenant_id if looking else current_user.tenant_id
        endpoint, method = str(request.endpoint), request.method
        audit.record("authz:refused", tenant_id=tenant_id, endpoint=endpoint, method=method)
        db.session.commit()
    abort(403)


def _cross_site() -> bool:
    """Whether another site's page makes this request: by Sec-Fetch-Site, else by Origin."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is not None and parts_of(origin).netloc != request.host


def to_sign_in() -> AnyResponse:
    """Off to the sign-in page and back afterwards. A fragment is told to leave the page, so that the
    sign-in form never lands inside it."""
    here = request.full_path.rstrip("?") if request.method == "GET" else ""
    if htmx:
        here = own_path(parts_of(htmx.current_url or ""))
    return _to(url_for("auth.create", next=here or None), status=401)


def parts_of(address: str) -> SplitResult:
    """An address of a header in its parts; none for what is no address."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def own_path(parts: Any) -> str:
    """The path and query of an address of ours."""
    return f"{parts.path}?{parts.query}" if parts.query else str(parts.path)


def _to(address: str, status: int = 401) -> AnyResponse:
    if htmx:
        return Response("", status, {"HX-Redirect": address})
    return redirect(address, 303)


def safe_next(address: str | None) -> str | None:
    """A `next` that leads to a page of ours, or None: a path only, no scheme, no host, no trick."""
    if not address or len(address) > 1000 or not address.startswith("/") or address[1:2] in ("/", "\\"):
        return None
    if "\\" in address or any(ord(sign) < 33 or ord(sign) == 127 for sign in address):
        return None
    parts = urlsplit(address)
    return None if parts.scheme or parts.netloc else address


def _finish(response: Response) -> Response:
    headers = response.headers
    headers.setdefault(
        "Content-Security-Policy",
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    )
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("X-Request-Id", getattr(g, "request_id", ""))
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if "Cache-Control" not in headers:
        headers["Cache-Control"] = "no-store"
    response.vary.update(("HX-Request", "Cookie"))
    return response
