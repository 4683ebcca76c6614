"""The factors of the draft: adding one, changing it, its place, and removing it."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from webapp.direction import apart
from webapp.extensions import db
from webapp.factor_form import BY_VALUE, USABLE, Typed, anchors_typed, pair_rows, read_factor
from webapp.factor_values import frequent, spread_of
from webapp.health import MOST, Importance
from webapp.models import HealthVersion, Property, Provider
from webapp.models.types import now
from webapp.pages.health_score import by_hex, no_draft
from webapp.rendering import wants_partial
from webapp.score_draft import DraftChanged, DraftGone, change, locked_draft, stamp_of, with_factor
from webapp.score_words import of_another_currency
from webapp.tenancy import owned_or_404
from webapp.units import unit_of
from webapp.values import PropertyType

blueprint = Blueprint("factors", __name__)
TOO_MANY = f"A score has at most {MOST} factors. Remove one first."


@blueprint.route("/health-score/draft/factors/new", methods=["GET", "POST"])
def create() -> AnyResponse:
    """Choose a property, then say how it gives points."""
    draft, properties = HealthVersion.draft(), by_hex()
    if draft is None:
        return no_draft()
    taken = {row["property"] for row in draft.factors}
    property_ = properties.get(request.values.get("property", ""))
    if property_ is None or (property_.id.hex in taken and request.method == "GET"):
        free = [row for row in properties.values() if row.id.hex not in taken and row.type in USABLE]
        choices = [(row.id.hex, f"{row.name} ({row.type})") for row in free]
        words = render_template("health_score/choose.html", choices=choices, full=len(taken) >= MOST, most=MOST)
        return make_response(words, 422 if request.method == "POST" else 200)
    if request.method == "POST":
        return _save(draft, property_)
    by_value = property_.type == PropertyType.TEXT or _wants_values(property_)
    return _form(draft, property_, Typed(str(int(Importance.MEDIUM)), by_value=by_value))


@blueprint.route("/health-score/draft/factors/<uuid:id>", methods=["GET", "POST"])
def update(id: UUID) -> AnyResponse:
    draft = HealthVersion.draft()
    if draft is None:
        return no_draft()
    row, property_ = factor_or_404(draft, id), owned_or_404(Property, id)
    if request.method == "POST":
        return _save(draft, property_)
    same = row["type"] == property_.type
    said = Typed.of_row(row) if same else Typed(str(row["weight"]), by_value=property_.type == PropertyType.TEXT)
    if "way" in request.args and property_.type == PropertyType.NUMBER and _wants_values(property_) != said.by_value:
        said = replace(said, by_value=not said.by_value, pairs=(), zero="", hundred="")
    return _form(draft, property_, said)


def _wants_values(property_: Property) -> bool:
    return property_.type in BY_VALUE and request.args.get("way") == "values"


def factor_or_404(draft: HealthVersion, id: UUID) -> dict[str, Any]:
    return _factor(draft, id) or abort(404)


def _factor(draft: HealthVersion, id: UUID) -> dict[str, Any] | None:
    return next((row for row in draft.factors if row["property"] == id.hex), None)


def _save(draft: HealthVersion, property_: Property) -> AnyResponse:
    sent: MultiDict[str, str] = request.form
    texts, points = sent.getlist("texts[]"), sent.getlist("points[]")
    said = Typed.of_sent(PropertyType(property_.type), sent, texts, points)
    provider = Provider.current()
    row, problems = read_factor(property_, said, provider.currency if provider else None)
    if row is None:
        return _form(draft, property_, said, problems, seen=sent.get("seen", ""))
    try:
        draft = locked_draft()
        factors = with_factor(draft.factors, row)
        if len(factors) > MOST:
            return _form(draft, property_, said, {"property": TOO_MANY})
        change(draft, sent.get("seen", ""), factors, draft.caps, current_user.email, now())
        db.session.commit()
    except DraftGone:
        return no_draft()
    except DraftChanged:
        return _form(draft, property_, said, {}, changed=True)
    flash("It counts once you publish the draft.", f"Factor {apart(property_.name)} saved")
    return redirect(url_for("health_score.drafts.show"), 303)


def _form(
    draft: HealthVersion,
    property_: Property,
    said: Typed,
    problems: dict[str, str] | None = None,
    changed: bool = False,
    seen: str = "",
) -> AnyResponse:
    """The form of a factor, with what was typed; `problems` is None when nothing was sent yet."""
    provider, type_ = Provider.current(), PropertyType(property_.type)
    field = property_.chartmogul_field(provider.attributes if provider else {}) if property_.from_chartmogul else None
    values = frequent(property_, provider) if said.by_value else []
    before = _factor(draft, property_.id)
    as_before = before if before and before["type"] == property_.type else None
    currency = provider.currency if provider else None
    words = render_template(
        "health_score/factor.html",
        is_new=before is None,
        other_currency=of_another_currency(as_before, currency) if as_before else None,
        draft=draft,
        seen=seen or stamp_of(draft),
        property=property_,
        type=type_,
        unit=unit_of(type_, field, currency, provider.time_zone if provider else None),
        provider=provider,
        said=said,
        pairs=pair_rows(type_, said, values, blank=problems is None) if said.by_value else [],
        may_choose_way=type_ is PropertyType.NUMBER,
        importances=[(str(int(each)), each.word) for each in Importance],
        spread=spread_of(property_, provider, *anchors_typed(type_, said)) if provider and not said.by_value else None,
        problems=problems or {},
        changed=changed,
        page_failed=problems is not None,
    )
    return make_response(words, 200 if problems is None else 422)


@blueprint.get("/health-score/draft/spread")
def show_spread() -> AnyResponse:
    """The histogram again, with the anchors as they are typed now."""
    provider, property_ = Provider.current(), by_hex().get(request.args.get("property", ""))
    if not wants_partial():
        return redirect(url_for("health_score.drafts.show"), 303)
    if provider is None or property_ is None or property_.type not in USABLE or property_.type == PropertyType.TEXT:
        return make_response("", 204)
    type_ = PropertyType(property_.type)
    spread = spread_of(property_, provider, *anchors_typed(type_, Typed.of_sent(type_, request.args, (), ())))
    words = render_template("health_score/_spread.html", spread=spread, property=property_, provider=provider)
    return make_response(words)
