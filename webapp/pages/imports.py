"""Imports: the overview and one import's page, live while it runs; starting, cancelling and retrying one."""

import re
from uuid import UUID

from flask import Blueprint, flash, make_response, request, stream_with_context
from flask.wrappers import Response
from flask_login import current_user
from sqlalchemy import func
from werkzeug.wrappers import Response as AnyResponse

from webapp import audit, wording
from webapp.extensions import db
from webapp.gate import members_too, not_for_support, poll
from webapp.import_answers import changed, into, moving_piece, new_rows, overview, page, started, whole
from webapp.import_changes import changes_csv
from webapp.import_csv import ERROR, IMPORT, error_row, import_row
from webapp.import_list import ImportQuery, Nonsense, errors_of, newest_first, surroundings
from webapp.import_requests import CannotRun, retry_import, start_import
from webapp.models import Import
from webapp.models.types import now
from webapp.progress import announcement, outcome, progress, shown, steps, tries, troubles
from webapp.rendering import wants_partial
from webapp.spreadsheets import csv_file, streamed_csv
from webapp.tenancy import current_tenant_id, owned, owned_or_404

NUMBER = re.compile(r"[0-9]{1,9}")
blueprint = Blueprint("imports", __name__)
for format_ in (progress, shown, outcome, steps, tries, troubles):
    blueprint.add_app_template_filter(format_)
blueprint.record_once(lambda setup: setup.app.jinja_env.globals.update(wording=wording))


@blueprint.get("/imports")
@members_too
def index() -> Response:
    return overview(ImportQuery.of(request.args))


@blueprint.get("/imports/<uuid:id>")
@members_too
def show(id: UUID) -> Response:
    return page(owned_or_404(Import, id))


@blueprint.get("/imports/<uuid:id>/live")
@members_too
@poll
def show_live(id: UUID) -> Response:
    """What is new since the mark `shown`: nothing, the moving piece, or the whole when the state changed."""
    import_ = owned_or_404(Import, id)
    if not wants_partial():
        return page(import_)
    before = request.args.get("shown", "")
    if before == shown(import_) and import_.live:
        return make_response("", 204)
    is_whole = not import_.live or before.partition(".")[0] not in ("", import_.state)
    said = announcement(import_, before) if before or is_whole else ""
    return whole(import_, said=said) if is_whole else moving_piece(import_, said)


@blueprint.get("/imports/new-rows")
@members_too
@poll
def show_new() -> Response:
    """The rows above the newest one that a page shows; for a page that shows none, the whole list."""
    if not wants_partial():
        return overview(ImportQuery())
    after = _shown_up_to(request.args.get("after")) or 0
    if (db.session.scalar(owned(Import, func.max(Import.number))) or 0) <= after:
        return make_response("", 204)
    return into(None, new_rows(after)) if after else into("#import-list", overview(ImportQuery()))


@blueprint.get("/imports.csv")
@members_too
@not_for_support
def export() -> Response:
    rows = db.session.scalars(ImportQuery.of(request.args).narrow(newest_first())).all()
    around = surroundings([])
    return csv_file("imports.csv", IMPORT, (import_row(row, around) for row in rows))


@blueprint.get("/imports/<uuid:id>/errors.csv")
@members_too
@not_for_support
def export_errors(id: UUID) -> Response:
    import_ = owned_or_404(Import, id)
    rows = map(error_row, db.session.scalars(errors_of(import_)))
    return csv_file(f"import-{import_.number}-errors.csv", ERROR, rows)


@blueprint.get("/imports/<uuid:id>/changes.csv")
@members_too
@not_for_support
def export_changes(id: UUID) -> Response:
    """All values that the import changed."""
    import_, tenant_id = owned_or_404(Import, id), current_tenant_id()
    name = f"import-{import_.number}-changes.csv"
    audit.record_reading("import:changes_exported", import_, number=import_.number)
    return streamed_csv(name, stream_with_context(changes_csv(tenant_id, id)))


@blueprint.post("/imports")
def create() -> AnyResponse:
    """Start an import, or show the one that is live already."""
    after = _shown_up_to(request.form.get("after"))
    try:
        import_, new = start_import(current_user.email)
    except CannotRun as problem:
        return into("#import-list", overview(ImportQuery(), 422, str(problem)))
    if new:
        flash("Its progress shows in Imports overview.", f"Import #{import_.number} started")
    else:
        flash(f"ChartMogul import #{import_.number} goes on.", "An import is running already")
    return started(after)


@blueprint.post("/imports/<uuid:id>/cancel")
def cancel(id: UUID) -> AnyResponse:
    """Stop an import; one that has ended stays as it is."""
    import_ = owned_or_404(Import, id)
    db.session.refresh(import_, with_for_update=True)
    if import_.cancellable:
        import_.cancel(current_user.email, now())
        audit.record("import:cancelled", import_, number=import_.number)
        title = "is being cancelled" if import_.live else "cancelled"
        db.session.commit()
        flash("What was imported is kept.", f"Import #{import_.number} {title}")
    return changed(import_)


@blueprint.post("/imports/<uuid:id>/retry")
def retry(id: UUID) -> AnyResponse:
    """Let an import that ended badly go on; one that waits or runs already stays as it is."""
    import_ = owned_or_404(Import, id)
    try:
        goes_on = retry_import(import_, current_user.email)
    except CannotRun as problem:
        return whole(owned_or_404(Import, id), 422, problem=str(problem))
    if goes_on:
        words = "It goes on where it stopped." if import_.checkpoint else "It reads everything again."
        flash(words, f"Import #{import_.number} waits to run again")
    return changed(owned_or_404(Import, id))


def _shown_up_to(number: str | None) -> int | None:
    """The number of the newest import that a page shows; None for a page on which a new one has no place."""
    if number and not NUMBER.fullmatch(number):
        raise Nonsense("after")
    return int(number) if number else None
