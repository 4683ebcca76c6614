"""Settings → Providers: the ChartMogul card, the connection behind it, and its end."""

from typing import Any

import structlog
from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import func
from werkzeug.wrappers import Response as AnyResponse

from webapp import audit, credentials, impersonation
from webapp.customer_list import customers_held
from webapp.extensions import db
from webapp.forms.providers import SetUpForm
from webapp.gate import members_too
from webapp.models import LIVE_IMPORT_STATES, Import, Property, Provider, ProviderState, Source
from webapp.models.types import now
from webapp.rendering import page_or_partial, self_serve, wants_partial
from webapp.tenancy import current_tenant_id, owned

blueprint = Blueprint("providers", __name__, url_prefix="/settings/providers")
log = structlog.get_logger()


@blueprint.get("")
@members_too
def index() -> str:
    tenant_id = current_tenant_id()
    support = {"looks": impersonation.record_of(tenant_id), "actions": impersonation.actions_of_support(tenant_id)}
    return render_template("providers/index.html", **support, **card())


@blueprint.get("/chartmogul")
def show() -> AnyResponse:
    """The connection: what it is, when it last worked, and what may be done with it."""
    provider = Provider.current()
    if provider is None or not provider.live:
        return sheet("not_connected")
    return connection(provider, SetUpForm.of(provider))


@blueprint.route("/chartmogul/disconnect", methods=["GET", "POST"])
def remove() -> AnyResponse:
    """Ask, with what it means in numbers; then disconnect. A second time is no error."""
    provider = Provider.current()
    if request.method == "GET":
        if provider is None or not provider.live:
            return sheet("not_connected")
        return sheet("disconnect", provider=provider, **_consequences(provider))
    if provider is not None and provider.live:
        _disconnect(provider)
    words = "The stored key is deleted and no more imports run. What was imported is kept."
    return done("ChartMogul disconnected", words)


def _consequences(provider: Provider) -> dict[str, Any]:
    fed = owned(Property, Property.name).where(Property.source == Source.CHARTMOGUL).order_by(Property.name)
    return {
        "properties": list(db.session.scalars(fed)),
        "customers": customers_held(provider),
        "live_import": provider.live_import(),
    }


def _disconnect(provider: Provider) -> None:
    """The import's row first, then the connection's: the order in which a worker locks them. The key goes
    last, when nothing needs it any more."""
    by, at = current_user.email, now()
    cancelled = provider.cancel_live_import(by, at)
    locked = Provider.current(lock=True)
    if locked is None or not locked.live:
        db.session.rollback()
        return
    secret = locked.secret_name
    locked.disconnect(at)
    audit.record("provider:disconnected", locked, cancelled_import=cancelled)
    db.session.commit()
    if secret:
        forget(secret)


def forget(secret: str) -> None:
    """Delete a key that no connection refers to. If the store is down, the clock does it later."""
    try:
        credentials.delete_key(secret)
    except credentials.SecretStoreDown as error:
        log.warning("a key was not deleted; the clock does it", reason=str(error))


def card() -> dict[str, Any]:
    """What the card shows, in whichever state it is."""
    provider = Provider.current()
    if provider is None:
        return {"provider": None}
    of_it = owned(Import).where(Import.provider_id == provider.id)
    ended = of_it.where(Import.state.not_in(LIVE_IMPORT_STATES)).order_by(Import.number.desc()).limit(1)
    return {
        "provider": provider,
        "last_import": db.session.scalar(ended),
        "live_import": provider.live_import(),
        "customers": 0 if provider.live else customers_held(provider),
    }


def connection(provider: Provider, form: SetUpForm, status: int = 200) -> AnyResponse:
    """The connection's dialog or page; with the set-up step, where admins do it themselves."""
    fed = owned(Property, func.count()).where(Property.source == Source.CHARTMOGUL)
    setting_up = provider.state == ProviderState.SETTING_UP and self_serve()
    context = {"provider": provider, "used_by": db.session.scalar(fed)}
    return sheet("connection", status, form=form if setting_up else None, **context)


def sheet(name: str, status: int = 200, **context: Any) -> AnyResponse:
    """What opens in the dialog, and without scripts is a page of its own."""
    context |= {"name": name, "dialog": wants_partial(), "page_failed": status >= 400}
    return page_or_partial("providers/sheet.html", f"providers/_{name}.html", status, **context)


def done(title: str, words: str) -> AnyResponse:
    """After a write: the dialog closes and the page behind it gets the card and a toast; without scripts,
    off to that page."""
    flash(words, title)
    if not wants_partial():
        return redirect(url_for("providers.index"), 303)
    response = make_response(render_template("providers/done.html", **card()))
    response.headers.update({"HX-Reswap": "none", "HX-Trigger": '{"closeDialog":true}'})
    return response
