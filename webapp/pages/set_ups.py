"""The set-up step between a key and the first import: support's, or with SELF_SERVE_SETUP the admin's own."""

from uuid import UUID

from flask import Blueprint, abort, flash, make_response, redirect, url_for
from flask_login import current_user
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response as AnyResponse

from webapp import audit, queue, rendering
from webapp.extensions import db
from webapp.forms.providers import SetUpForm
from webapp.gate import poll, staff_only
from webapp.models import Provider, ProviderState, Tenant, Trigger
from webapp.models.types import now
from webapp.pages import providers
from webapp.pages.support import at_tenant
from webapp.queue import commit_and_wake
from webapp.rendering import page_or_partial, wants_partial

blueprint = Blueprint("set_ups", __name__, url_prefix="/tenants/<uuid:tenant_id>/set-up")
self_serve = Blueprint("self_serve", __name__, url_prefix="/chartmogul/set-up")


@blueprint.get("")
@staff_only
def show(tenant_id: UUID) -> AnyResponse:
    """What the key gives, and the choice of schedule. Asking for the probe is the page's own POST."""
    with at_tenant(tenant_id) as tenant:
        provider = Provider.current()
        if provider is None or not provider.awaits_set_up:
            return redirect(url_for("support.show", tenant_id=tenant.id), 303)
        return _page(tenant, provider, SetUpForm.of(provider))


@blueprint.post("")
@staff_only
def update(tenant_id: UUID) -> AnyResponse:
    with at_tenant(tenant_id) as tenant:
        provider = _locked()
        form = SetUpForm.of(provider)
        if provider.state == ProviderState.SETTING_UP and not form.validate():
            return _page(tenant, provider, form, 422)
        title, words = _complete(provider, form)
        flash(words, title)
        return redirect(url_for("support.show", tenant_id=tenant.id), 303)


@self_serve.post("")
def create() -> AnyResponse:
    """The same step, done by the tenant's admin where the setting allows it."""
    if not rendering.self_serve():
        abort(404)
    provider = _locked()
    form = SetUpForm.of(provider)
    if provider.state == ProviderState.SETTING_UP and not form.validate():
        return providers.connection(provider, form, 422)
    return providers.done(*_complete(provider, form))


@blueprint.get("/probe")
@staff_only
@poll
def show_probe(tenant_id: UUID) -> AnyResponse:
    """What the probe found, once it has; the page asks every two seconds."""
    with at_tenant(tenant_id) as tenant:
        provider = _waiting_or_404()
        if provider.probing and wants_partial():
            return make_response("", 204)
        return _page(tenant, provider, SetUpForm.of(provider), partial="support/probed.html")


@blueprint.post("/probe")
@staff_only
def create_probe(tenant_id: UUID) -> AnyResponse:
    """Have a worker look at what the key gives."""
    with at_tenant(tenant_id) as tenant:
        provider = _waiting_or_404()
        if not provider.probing:
            provider.ask_probe(now())
            db.session.flush()
            db.session.expunge(provider)
            db.session.commit()
            queue.enqueue_probe(provider)
        if wants_partial():
            return _page(tenant, provider, SetUpForm.of(provider), partial="support/_probe.html")
        return redirect(url_for("support.set_ups.show", tenant_id=tenant.id), 303)


@blueprint.post("/new-key")
@staff_only
def create_key_request(tenant_id: UUID) -> AnyResponse:
    """Let the tenant's card say that its key is refused and has to be replaced."""
    with at_tenant(tenant_id) as tenant:
        provider = _waiting_or_404()
        if provider.state == ProviderState.SETTING_UP:
            provider.ask_for_new_key(now())
            audit.record("provider:new_key_asked", provider)
            db.session.commit()
        flash(f"The ChartMogul card of {tenant.name} says so now.", "New API key asked for")
        return redirect(url_for("support.index"), 303)


def _locked() -> Provider:
    return Provider.current(lock=True) or abort(404)


def _waiting_or_404() -> Provider:
    provider = Provider.current()
    if provider is None or not provider.awaits_set_up:
        abort(404)
    return provider


def _complete(provider: Provider, form: SetUpForm) -> tuple[str, str]:
    """Set the schedule and start an import, unless somebody has already; says which, in words."""
    if provider.state != ProviderState.SETTING_UP:
        return _why_not(provider)
    at, leads = now(), bool(form.import_leads.data)
    provider.complete_set_up(form.hours, form.time_of_day, leads, at)
    trigger = Trigger.MANUAL if provider.last_success_at else Trigger.FIRST  # of an account that was connected before
    import_ = provider.start_import(trigger, current_user.email, at)
    try:
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        return _why_not(provider)
    hours, daily_at = form.hours, form.time_of_day
    audit.record("provider:set_up", provider, every_hours=hours, daily_at=daily_at, leads=leads)
    audit.record("import:started", import_, number=import_.number, trigger=import_.trigger)
    commit_and_wake(import_)
    return "Set-up completed", f"Import #{import_.number} starts now. Its progress shows in Imports overview."


def _why_not(provider: Provider) -> tuple[str, str]:
    if not provider.live:
        return "ChartMogul is not connected", "Nothing was changed. It was disconnected in the meantime."
    if provider.awaits_set_up:
        return "The set-up waits for a new API key", "Nothing was changed. ChartMogul refused the one there is."
    return "The set-up is already complete", "Nothing was changed. Its import was started before."


def _page(tenant: Tenant, provider: Provider, form: SetUpForm, status: int = 200, partial: str = "") -> AnyResponse:
    page = "support/set_up.html"
    facts = {"tenant": tenant, "provider": provider, "form": form, "page_failed": status >= 400}
    return page_or_partial(page, partial or page, status, **facts)
