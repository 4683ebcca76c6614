"""Support begins to look at a tenant, with a reason, and stops."""

from uuid import UUID

from flask import Blueprint, flash, make_response, redirect, render_template, url_for
from flask_login import current_user
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response as AnyResponse

from webapp import impersonation
from webapp.extensions import db
from webapp.forms.support import ImpersonationForm
from webapp.gate import ends_impersonation, staff_only
from webapp.models import Tenant
from webapp.models.types import now
from webapp.pages.auth import code_wanted
from webapp.pages.support import at_tenant

blueprint = Blueprint("impersonations", __name__)


@blueprint.get("/tenants/<uuid:tenant_id>/impersonation")
@staff_only
def create(tenant_id: UUID) -> AnyResponse:
    if code_wanted():
        return _to_code(tenant_id)
    with at_tenant(tenant_id) as tenant:
        return _page(tenant, ImpersonationForm())


@blueprint.post("/tenants/<uuid:tenant_id>/impersonation")
@staff_only
def store(tenant_id: UUID) -> AnyResponse:
    """Begin, under a new session name. One at a time: a second one is refused, also from another browser."""
    if code_wanted():
        return _to_code(tenant_id)
    form = ImpersonationForm()
    with at_tenant(tenant_id) as tenant:
        if not form.validate():
            return _page(tenant, form, 422)
        try:
            looking = impersonation.start(tenant, form.words)
            db.session.commit()
        except (impersonation.AlreadyImpersonating, IntegrityError):
            db.session.rollback()
            return _page(tenant, form, 403)
        impersonation.enter(looking.id)
    return redirect(url_for("customers.index"), 303)


@blueprint.post("/impersonation/stop")
@staff_only
@ends_impersonation
def remove() -> AnyResponse:
    """Stop, in whichever session it was begun. Once more is no error."""
    looking = impersonation.current() or impersonation.live_of(current_user)
    if looking is None:
        return redirect(url_for("support.index"), 303)
    impersonation.end(looking.id, "stopped", now())
    db.session.commit()
    impersonation.leave()
    flash("It stands in the record of support access.", "Impersonation ended")
    return redirect(url_for("support.show", tenant_id=looking.tenant_id), 303)


def _to_code(tenant_id: UUID) -> AnyResponse:
    back = url_for("support.impersonations.create", tenant_id=tenant_id)
    return redirect(url_for("auth.create_code", next=back), 303)


def _page(tenant: Tenant, form: ImpersonationForm, status: int = 200) -> AnyResponse:
    facts = {"tenant": tenant, "form": form, "page_failed": status >= 400, "looking": None}
    if status == 403:
        facts["looking"] = impersonation.live_of(current_user)
    return make_response(render_template("support/impersonation.html", **facts), status)
