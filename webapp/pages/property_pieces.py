"""The pieces of the property form that depend on its fields."""

from collections.abc import Mapping
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webapp.models import Property
from webapp.property_form import form_context
from webapp.rendering import wants_partial
from webapp.tenancy import owned_or_404

blueprint = Blueprint("pieces", __name__)


@blueprint.get("/properties/fields")
def show_fields() -> AnyResponse:
    """After another name or data source: the fields to choose from, a codename, the preview."""
    return _pieces(request.args, "_fields", "_codename", "_preview")


@blueprint.get("/properties/types")
def show_types() -> AnyResponse:
    """After another ChartMogul field: what it is, the types it can have, the preview. It was chosen, so no name changes
    it any more; a name that was given just before, and whose answer this request put an end to, gets its codename."""
    return _pieces({**request.args, "matched": ""}, "_types", "_codename", "_preview")


@blueprint.get("/properties/preview")
def show_preview() -> AnyResponse:
    """After another type."""
    return _pieces(request.args, "_preview")


def _pieces(sent: Mapping[str, str], first: str, *beside: str) -> AnyResponse:
    """The piece that is swapped, and others that go to their places out of band."""
    edited = _edited()
    if not wants_partial():
        page = "update" if edited else "create"
        whole = url_for(f"properties.definitions.{page}", id=edited.id if edited else None)
        return redirect(whole, 303)
    context = form_context(edited, sent)
    words = render_template(f"properties/{first}.html", beside=False, **context)
    return make_response(
        words + "".join(render_template(f"properties/{piece}.html", beside=True, **context) for piece in beside)
    )


def _edited() -> Property | None:
    try:
        return owned_or_404(Property, UUID(request.args["of"])) if request.args.get("of") else None
    except ValueError:
        return None
