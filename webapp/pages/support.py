"""Support's console: who waits for a set-up, every tenant, and what support does for one under its own name."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import func, select
from werkzeug.wrappers import Response as AnyResponse

from webapp import audit, impersonation
from webapp.extensions import db
from webapp.gate import poll, staff_only
from webapp.import_requests import CannotRun, retry_import, start_import
from webapp.models import Import, Provider, ProviderState, Tenant, User
from webapp.models.types import now
from webapp.rendering import wants_partial
from webapp.tenancy import across_tenants, acting_for, owned, owned_or_404

PER_PAGE = 50
LAST_IMPORTS = 10
blueprint = Blueprint("support", __name__, url_prefix="/support")
blueprint.record_once(lambda setup: setup.app.jinja_env.globals.update(audit_words=audit.WORDS))


@blueprint.get("")
@staff_only
def index() -> AnyResponse:
    """Pending set-ups, oldest first, and below them all tenants."""
    found, page, pages = _tenants(request.args.get("q", "").strip()[:120], request.args.get("page", "1"))
    with across_tenants():
        waits = select(Provider, Tenant).join(Tenant, Tenant.id == Provider.tenant_id)
        waits = waits.where(Provider.state != ProviderState.DISCONNECTED, Provider.set_up_at.is_(None))
        pending = db.session.execute(waits.order_by(Provider.connected_at)).all()
        ids = [tenant.id for tenant in found]
        of_found = select(Provider).where(Provider.tenant_id.in_(ids), Provider.state != ProviderState.DISCONNECTED)
        states = {provider.tenant_id: provider.state for provider in db.session.scalars(of_found)}
    facts = {"pending": pending, "tenants": found, "states_of": states, "page": page, "pages": pages}
    looking = impersonation.live_of(current_user)
    return make_response(render_template("support/index.html", looking=looking, **facts))


def _tenants(words: str, page_sent: str) -> tuple[list[Tenant], int, int]:
    """One page of the tenants whose name holds some words; 404 for a page that is not there."""
    named = Tenant.name.icontains(words, autoescape=True)
    count = db.session.scalar(select(func.count()).select_from(Tenant).where(named)) or 0
    pages = max(1, -(-count // PER_PAGE))
    if not (page_sent.isascii() and page_sent.isdigit() and len(page_sent) < 10 and 1 <= int(page_sent) <= pages):
        abort(404)
    page = int(page_sent)
    some = select(Tenant).where(named).order_by(func.lower(Tenant.name), Tenant.slug)
    return list(db.session.scalars(some.limit(PER_PAGE).offset((page - 1) * PER_PAGE))), page, pages


@blueprint.get("/tenants/<uuid:tenant_id>")
@staff_only
def show(tenant_id: UUID) -> AnyResponse:
    with at_tenant(tenant_id) as tenant:
        return _page(tenant)


@blueprint.get("/tenants/<uuid:tenant_id>/live")
@staff_only
@poll
def show_live(tenant_id: UUID) -> AnyResponse:
    """The tenant's last imports, for as long as one of them is under way."""
    with at_tenant(tenant_id) as tenant:
        if not wants_partial():
            return _page(tenant)
        return make_response(
            render_template(
                "support/_imports.html", tenant=tenant, provider=Provider.current(), imports=_last_imports()
            )
        )


@blueprint.post("/tenants/<uuid:tenant_id>/imports")
@staff_only
def sync(tenant_id: UUID) -> AnyResponse:
    """Start an import for the tenant, or say which one is live already."""
    with at_tenant(tenant_id) as tenant:
        try:
            import_, new = start_import(current_user.email)
        except CannotRun as problem:
            return _page(tenant, str(problem))
        if not new:
            return _done(tenant, "An import is running already", f"Import #{import_.number} goes on.")
        return _done(tenant, f"Import #{import_.number} started", f"It runs for {tenant.name}.")


@blueprint.post("/tenants/<uuid:tenant_id>/imports/<uuid:import_id>/retry")
@staff_only
def retry(tenant_id: UUID, import_id: UUID) -> AnyResponse:
    """Let an import of the tenant that ended badly go on."""
    with at_tenant(tenant_id) as tenant:
        import_ = owned_or_404(Import, import_id)
        try:
            goes_on = retry_import(import_, current_user.email)
        except CannotRun as problem:
            return _page(tenant, str(problem))
        if not goes_on:
            return _done(tenant, f"Import #{import_.number} goes on", "It waits or runs already.")
        return _done(tenant, f"Import #{import_.number} waits to run again", f"It runs for {tenant.name}.")


@blueprint.post("/tenants/<uuid:tenant_id>/pause")
@staff_only
def pause(tenant_id: UUID) -> AnyResponse:
    """Start no more imports until support says so; a running one goes on to its end."""
    with at_tenant(tenant_id) as tenant:
        provider = Provider.current(lock=True)
        if provider is not None and provider.state == ProviderState.CONNECTED:
            provider.pause(now())
            audit.record("provider:paused", provider)
            db.session.commit()
        elif provider is None or provider.state != ProviderState.PAUSED:
            return _page(tenant, "Only a connected provider can be paused.")
        return _done(tenant, "Imports paused", "No import starts until you resume.")


@blueprint.post("/tenants/<uuid:tenant_id>/resume")
@staff_only
def resume(tenant_id: UUID) -> AnyResponse:
    with at_tenant(tenant_id) as tenant:
        provider = Provider.current(lock=True)
        if provider is not None and provider.state == ProviderState.PAUSED:
            provider.resume(now())
            audit.record("provider:resumed", provider)
            db.session.commit()
        elif provider is None or provider.state != ProviderState.CONNECTED:
            return _page(tenant, "Only a paused provider can be resumed.")
        return _done(tenant, "Imports resumed", "The schedule goes on.")


@contextmanager
def at_tenant(tenant_id: UUID) -> Iterator[Tenant]:
    """Work for the tenant of an address; 404 when there is none."""
    tenant = db.session.scalar(select(Tenant).where(Tenant.id == tenant_id))
    if tenant is None:
        abort(404)
    with acting_for(tenant.id):
        yield tenant


def _done(tenant: Tenant, title: str, words: str) -> AnyResponse:
    flash(words, title)
    return redirect(url_for("support.show", tenant_id=tenant.id), 303)


def _last_imports() -> list[Import]:
    return list(db.session.scalars(owned(Import).order_by(Import.number.desc()).limit(LAST_IMPORTS)))


def _page(tenant: Tenant, problem: str | None = None) -> AnyResponse:
    """The tenant's page; with a problem, as the answer to a form that could not be carried out."""
    people = select(User).where(User.tenant_id == tenant.id).order_by(User.role, User.email)
    facts: dict[str, Any] = {
        "provider": Provider.current(),
        "imports": _last_imports(),
        "users": list(db.session.scalars(people)),
        "looks": impersonation.record_of(tenant.id),
        "actions": impersonation.actions_of_support(tenant.id),
        "problem": problem,
        "page_failed": bool(problem),
    }
    return make_response(render_template("support/show.html", tenant=tenant, **facts), 422 if problem else 200)
