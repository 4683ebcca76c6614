"""The pieces of the property form that depend on its fields."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from sqlalchemy import desc
from werkzeug.wrappers import Response as AnyResponse

from webapp.chartmogul.fields import GROUPS, Field
from webapp.customer_columns import all_properties
from webapp.evidence import has_no_values
from webapp.extensions import db
from webapp.models import Import, ImportState, Property, Provider, Source
from webapp.previews import Preview, known, preview, requests_for, samples
from webapp.property_draft import AS_WORDS, Draft, fields_of
from webapp.redefinitions import Redefinition, redefinition
from webapp.rendering import wants_partial
from webapp.tenancy import owned, owned_or_404

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
        return redirect(url_for("properties.update", id=edited.id) if edited else url_for("properties.create"), 303)
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


def form_context(
    edited: Property | None, sent: Mapping[str, str], problems: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """All that the form shows for what was sent, or for a property as it is when nothing was."""
    provider = Provider.current()
    choices = fields_of(provider, edited)
    others = [row for row in all_properties() if row is not edited]
    connected = bool(provider and provider.live)
    if edited is not None and "source" not in sent:
        draft = Draft.of_property(edited, choices)
    else:
        draft = Draft.of(sent, choices, {row.codename for row in others}, connected, edited)
    from_chartmogul = draft.source == Source.CHARTMOGUL
    last_import = _last_import() if provider and provider.last_attempt_at else None
    field = draft.field if provider and from_chartmogul else None
    has_values = [each for each in choices.values() if known(each, last_import)]
    return {
        "edited": edited,
        "draft": draft,
        "problems": problems or {},
        "page_failed": bool(problems),
        "as_words": AS_WORDS,
        "provider": provider,
        "connected": connected,
        "may_use_chartmogul": connected or bool(edited and edited.from_chartmogul),
        "groups": _grouped(choices),
        "attributes": provider.attributes if provider else {},
        "samples": samples(provider, has_values) if provider and from_chartmogul else {},
        "requests": requests_for(provider, field) if provider and field else 0,
        "preview": _preview(provider, draft, edited) if field is None or field in has_values else None,
        "without_values": {each.codename for each in choices.values() if provider and has_no_values(each, provider)},
        "last_import": last_import,
    }


def _preview(provider: Provider | None, draft: Draft, edited: Property | None) -> Preview | Redefinition | None:
    """What would become of the property on real customers; of one that exists, before and after."""
    if provider is None or (draft.source == Source.CHARTMOGUL and draft.field is None):
        return None
    if edited is not None:
        return redefinition(provider, edited, draft)
    return preview(provider, draft.field, draft.type) if draft.field and draft.source == Source.CHARTMOGUL else None


def _grouped(fields: Mapping[str, Field]) -> dict[str, list[Field]]:
    grouped: dict[str, list[Field]] = {group: [] for group in GROUPS}
    for field in fields.values():
        grouped[field.group].append(field)
    return {group: found for group, found in grouped.items() if found}


def _last_import() -> Import | None:
    """The newest import whose data the preview shows."""
    done = Import.state.in_((ImportState.DONE, ImportState.PARTLY_DONE))
    found: Import | None = db.session.scalar(owned(Import).where(done).order_by(desc(Import.number)).limit(1))
    return found
