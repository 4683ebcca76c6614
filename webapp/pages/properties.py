"""Properties: the list, a page each, and defining one."""

from uuid import UUID

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response as AnyResponse

from webapp import audit
from webapp.charts import bar
from webapp.customer_columns import all_properties
from webapp.distributions import distribution, examples, filled_by_hand
from webapp.extensions import db
from webapp.forms.properties import PropertyForm, problems_of
from webapp.freshness import customer_count, property_state, stale_since
from webapp.gate import members_too
from webapp.models import CustomerValues, Import, ImportWarning, Property, Provider, Source
from webapp.models.types import now
from webapp.pages.property_pieces import form_context
from webapp.property_draft import Draft, fields_of
from webapp.rendering import clock_time, page_or_partial, wants_partial
from webapp.tenancy import current_tenant_id, owned, owned_or_404
from webapp.values import PropertyType

blueprint = Blueprint("properties", __name__)
blueprint.add_app_template_global(property_state, "property_state")
blueprint.add_app_template_global(bar, "bar")


@blueprint.get("/properties")
@members_too
def index() -> AnyResponse:
    provider = Provider.current()
    source = request.args.get("source")
    source = source if source in tuple(Source) else None
    properties = all_properties()
    return page_or_partial(
        "properties/index.html",
        "properties/_list.html",
        properties=[row for row in properties if source in (None, row.source)],
        any_at_all=bool(properties),
        source=Source(source) if source else None,
        provider=provider,
        stale=stale_since(provider),
        total=customer_count(provider),
        by_hand=filled_by_hand(properties, provider),
        waiting=[row for row in properties if property_state(row, provider, None) == "waiting"],
        live_import=provider.live_import() if provider and provider.live else None,
        saved=request.args.get("saved"),
    )


@blueprint.get("/properties/<uuid:id>")
@members_too
def show(id: UUID) -> AnyResponse:
    property_, provider = owned_or_404(Property, id), Provider.current()
    imports = owned(Import).where(Import.id == property_.filled_import_id)
    words = render_template(
        "properties/show.html",
        property=property_,
        type=PropertyType(property_.type),
        provider=provider,
        field=property_.chartmogul_field(provider.attributes if provider else {}),
        stale=stale_since(provider),
        total=customer_count(provider),
        by_hand=filled_by_hand([property_], provider),
        spread=distribution(property_, provider) if provider else None,
        examples=examples(property_, provider) if provider else [],
        filled_by=db.session.scalar(imports) if property_.filled_import_id else None,
        unreadable=_unreadable(property_),
    )
    return make_response(words)


def _unreadable(property_: Property) -> int:
    """How many customers' values the import that filled the property could not read."""
    of_it = ImportWarning.import_id == property_.filled_import_id, ImportWarning.property_id == property_.id
    return db.session.scalar(owned(ImportWarning, func.count()).where(*of_it)) or 0


@blueprint.route("/properties/new", methods=["GET", "POST"])
def create() -> AnyResponse:
    return _define(None)


@blueprint.route("/properties/<uuid:id>/edit", methods=["GET", "POST"])
def update(id: UUID) -> AnyResponse:
    return _define(owned_or_404(Property, id))


def _define(edited: Property | None) -> AnyResponse:
    """The form of a new property or of an existing one: shown, shown again with its problems, or saved."""
    if request.method == "GET":
        return make_response(render_template("properties/edit.html", **form_context(edited, request.args)))
    form, provider = PropertyForm(), Provider.current()
    others = [row for row in all_properties() if row is not edited]
    connected = bool(provider and provider.live)
    taken = {row.codename for row in others}
    draft = Draft.of(form.sent, fields_of(provider, edited), taken, connected, edited)
    if "show" in request.form:  # the button that stands in for scripts
        return make_response(render_template("properties/edit.html", **form_context(edited, form.sent)))
    twin = next((row for row in others if _is_saved_as(row, draft)), None) if edited is None else None
    if twin is not None:  # the same form a second time
        return _saved(twin, provider)
    may_use = connected or bool(edited and edited.from_chartmogul)
    problems = problems_of(form.sent, draft, others, may_use)
    if not problems:
        try:
            return _saved(_save(edited, draft, others), provider)
        except IntegrityError:
            db.session.rollback()
            problems = {"codename": "There is a property with this codename already."}
    context = form_context(edited, form.sent, problems)
    return make_response(render_template("properties/edit.html", **context), 422)


def _is_saved_as(property_: Property, draft: Draft) -> bool:
    field = draft.field.codename if draft.field and draft.source == Source.CHARTMOGUL else None
    saved = (property_.name, property_.source, property_.type, property_.field)
    return saved == (draft.name, draft.source, draft.type, field) and draft.codename in (
        property_.codename,
        draft.suggested,
    )


def _save(edited: Property | None, draft: Draft, others: list[Property]) -> Property:
    """Keep what was defined. A definition that changes ends the values there are."""
    field = draft.field if draft.source == Source.CHARTMOGUL else None
    definition = (draft.source, str(draft.type), field.codename if field else None, field.custom_key if field else None)
    property_ = edited or Property(tenant_id=current_tenant_id(), created_at=now())
    property_.name, property_.codename, property_.updated_at = draft.name, draft.codename, now()
    if edited is None:
        property_.source, property_.type, property_.field, property_.custom_key = definition
    else:
        property_.redefine(*definition, by=current_user.email, at=now())
    property_.slot = property_.slot_for(draft.type, others)
    db.session.add(property_)
    db.session.flush()
    action = "property:updated" if edited else "property:created"
    audit.record(action, property_, name=property_.name, source=property_.source, field=property_.field)
    db.session.commit()
    return property_


def _saved(property_: Property, provider: Provider | None) -> AnyResponse:
    """Back to the list, which says when the property is filled."""
    title, words = f"{property_.name} saved.", "Its values are set by hand on each customer's page."
    if property_.waiting:
        title += " Filled on the next sync."
        words = _when(provider)
    elif property_.from_chartmogul:
        words = "Its values stay as they are."
    flash(words, title)
    return redirect(url_for("properties.index", saved=property_.codename), 303)


def _when(provider: Provider | None) -> str:
    if provider is None or not provider.live:
        return "ChartMogul is not connected."
    if provider.next_import_at:
        return f"Next import: {clock_time(provider.next_import_at)}."
    if provider.set_up_at is None:
        return "The first import is being set up by our team."
    return "No import is scheduled."


@blueprint.route("/properties/<uuid:id>/delete", methods=["GET", "POST"])
def remove(id: UUID) -> AnyResponse:
    """Ask, saying what goes; then delete the values and the property at once. A second time it is gone: 404."""
    property_ = owned_or_404(Property, id)
    if request.method == "GET":
        values = db.session.scalar(owned(CustomerValues, func.count(property_.values))) or 0
        return page_or_partial(
            "properties/delete.html",
            "properties/_delete.html",
            property=property_,
            values=values,
            dialog=wants_partial(),
        )
    property_.forget_values()
    audit.record("property:deleted", property_, name=property_.name)
    db.session.delete(property_)
    db.session.commit()
    flash("Its values went with it.", f"{property_.name} deleted")
    return redirect(url_for("properties.index"), 303)
