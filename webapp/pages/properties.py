"""Properties: the list, a page each, and defining one."""

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import func
from werkzeug.wrappers import Response as AnyResponse

from webapp.attributes import new_attributes
from webapp.charts import bar, histogram
from webapp.customer_columns import all_properties
from webapp.definitions import count_versions, delete, versions_of
from webapp.direction import apart
from webapp.distributions import distribution, examples, filled_by_hand
from webapp.extensions import db
from webapp.freshness import customer_count, property_state, stale_since
from webapp.gate import members_too
from webapp.models import CustomerValues, Import, ImportWarning, Property, Provider, Source
from webapp.models.properties import Deleted
from webapp.property_draft import AS_WORDS
from webapp.property_uses import in_score, last_imports, named_in_views, shown_to
from webapp.rendering import page_or_partial, wants_partial
from webapp.starter_set import offered
from webapp.tenancy import owned, owned_or_404
from webapp.units import unit_of
from webapp.values import RANGED, PropertyType

blueprint = Blueprint("properties", __name__)
blueprint.add_app_template_global(property_state, "property_state")
blueprint.add_app_template_global(bar, "bar")


@blueprint.get("/properties")
@members_too
def index() -> AnyResponse:
    provider = Provider.current()
    stale = stale_since(provider)
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
        stale=stale,
        total=customer_count(provider),
        by_hand=filled_by_hand(properties, provider),
        users=shown_to(properties),
        views=named_in_views(properties),
        in_score=in_score(),
        imports=last_imports(properties),
        starter_set=offered(provider, properties),
        attributes=new_attributes(provider, properties),
        waiting=[row for row in properties if property_state(row, provider, stale) in ("waiting", "unconnected")],
        live_import=provider.live_import() if provider and provider.live else None,
        saved=request.args.get("saved"),
    )


@blueprint.get("/properties/<uuid:id>")
@members_too
def show(id: UUID) -> AnyResponse:
    property_, provider = owned_or_404(Property, id), Provider.current()
    type_, field = PropertyType(property_.type), property_.chartmogul_field(provider.attributes if provider else {})
    spread = distribution(property_, provider) if provider else None
    filled_by = next(iter(last_imports([property_]).values()), None)
    unreadable, at_least = _unreadable(property_, filled_by) if filled_by else (0, False)
    words = render_template(
        "properties/show.html",
        property=property_,
        type=type_,
        as_words=AS_WORDS,
        provider=provider,
        field=field,
        unit=unit_of(type_, field, provider.currency if provider else None, provider.time_zone if provider else None),
        stale=stale_since(provider),
        total=customer_count(provider),
        by_hand=filled_by_hand([property_], provider),
        spread=spread,
        drawing=histogram(spread.bars) if spread and spread.bars and type_ in RANGED else None,
        examples=examples(property_, provider) if provider else [],
        filled_by=filled_by,
        **_uses(property_),
        versions=versions_of(property_),
        unreadable=unreadable,
        at_least=at_least,
    )
    return make_response(words)


def _uses(property_: Property) -> dict[str, Any]:
    """What uses it, for its page and before it is deleted."""
    properties, codename = all_properties(), property_.codename
    users, views = shown_to(properties)[codename], named_in_views(properties)[codename]
    return {"users": users, "views": views, "in_score": in_score().get(property_.id.hex)}


def _unreadable(property_: Property, filled_by: Import) -> tuple[int, bool]:
    """How many customers' values the import that filled the property could not read, and whether it may be more: not
    all of its warnings were kept."""
    counts = func.count(), func.count().filter(ImportWarning.property_id == property_.id)
    kept, of_it = db.session.execute(owned(ImportWarning, *counts).where(ImportWarning.import_id == filled_by.id)).one()
    return of_it, filled_by.warnings > kept


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
            **_uses(property_),
            versions=count_versions(property_),
            dialog=wants_partial(),
        )
    try:
        delete(property_)
    except Deleted:  # by somebody else, in the same moment
        abort(404)
    db.session.commit()
    flash("Its values went with it.", f"{apart(property_.name)} deleted")
    return redirect(url_for("properties.index"), 303)
