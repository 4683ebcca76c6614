"""How the pages of imports answer: a page, a row, a moving piece, and where in the page htmx puts it."""

from typing import Any

from flask import make_response, redirect, render_template, request, session, url_for
from flask.wrappers import Response
from werkzeug.wrappers import Response as AnyResponse

from webapp.extensions import db
from webapp.gate import own_path, parts_of, safe_next
from webapp.gone_customers import gone_customers
from webapp.import_changes import changed_customers
from webapp.import_list import (
    PER_PAGE,
    STATUS_OPTIONS,
    ImportQuery,
    Surroundings,
    find_errors,
    find_imports,
    held_of,
    newest_first,
    page_of,
    surroundings,
)
from webapp.import_requests import why_no_sync
from webapp.models import Import
from webapp.rendering import page_or_partial, wants_partial


def overview(query: ImportQuery, status: int = 200, problem: str | None = None) -> Response:
    """The overview: a page of it, the connection, and what stands in the way of `Sync now`."""
    found = find_imports(query)
    around = surroundings(found.rows)
    facts = {"found": found, "query": query, "around": around, "statuses": STATUS_OPTIONS, "problem": problem}
    return page_or_partial("imports/index.html", "imports/_list.html", status, **facts, **_sync_facts(around))


def _sync_facts(around: Surroundings) -> dict[str, Any]:
    provider = around.provider
    return {"provider": provider, "why_no_sync": why_no_sync(provider), "live": provider and provider.live_import()}


def page(import_: Import, status: int = 200, problem: str | None = None) -> Response:
    """The page of one import, or for htmx the part of it that changes."""
    errors = find_errors(import_, page_of(request.args))
    facts: dict[str, Any] = {"errors": errors, "held": held_of(import_, errors), "around": surroundings([import_])}
    changed = None if import_.live else changed_customers(import_, request.args.get("customers_after", ""))
    gone = gone_customers(import_, request.args.get("gone_after", "")) if import_.gone and not import_.live else None
    facts |= {"import_": import_, "problem": problem, "changed": changed, "gone": gone}
    return page_or_partial("imports/show.html", "imports/_import.html", status, **facts)


def moving_piece(import_: Import, said: str) -> Response:
    """The piece of a row or of the page that moves while the import runs."""
    name = "imports/_import_live.html" if _on_its_page() else "imports/_run_live.html"
    return make_response(render_template(name, import_=import_) + _announced(said))


def whole(import_: Import, status: int = 200, said: str = "", problem: str | None = None) -> Response:
    """A row, or on its page the import, swapped whole; without htmx, its page."""
    if not wants_partial() or _on_its_page():
        return into(f"#import-{import_.number}", page(import_, status, problem), said)
    around = surroundings([import_])
    row = render_template("imports/_run.html", import_=import_, around=around, problem=problem)
    if not import_.live:
        row += render_template("imports/_head_oob.html", **_sync_facts(around))
    return into(f"#run-{import_.number}", make_response(row, status), said)


def changed(import_: Import) -> AnyResponse:
    """What a button of a row or of the page did to the import."""
    return whole(import_) if wants_partial() else redirect(_back(), 303)


def started(after: int | None) -> AnyResponse:
    """Back on the overview, with the import that was just started or found."""
    if not wants_partial():
        return redirect(url_for("imports.index"), 303)
    target = request.headers.get("HX-Target", "import-list")
    if target != "import-list":
        return Response("", headers={"HX-Redirect": url_for("imports.index")})
    if after is None:
        answer = into("#import-list", overview(ImportQuery()))
        answer.headers["HX-Push-Url"] = url_for("imports.index")
        return answer
    return into(None, new_rows(after))


def new_rows(after: int) -> Response:
    rows = db.session.scalars(newest_first().where(Import.number > after).limit(PER_PAGE)).all()
    around = surroundings(rows)
    return make_response(render_template("imports/_new_rows.html", rows=rows, around=around, **_sync_facts(around)))


def into(target: str | None, answer: Response, said: str = "") -> Response:
    """Where htmx puts an answer, whatever asked for it, and what is said beside it; None: all is out of band."""
    if not wants_partial():
        return answer
    if target:
        answer.headers["HX-Retarget"] = target
    answer.headers["HX-Reswap"] = "outerHTML" if target else "none"
    toasts = render_template("components/_toasts_oob.html") if session.get("_flashes") else ""
    answer.set_data(answer.get_data(as_text=True) + _announced(said) + toasts)
    return answer


def _announced(said: str) -> str:
    return render_template("imports/_announce_oob.html", said=said) if said else ""


def _on_its_page() -> bool:
    return request.headers.get("HX-Target", "").startswith("import-")


def _back() -> str:
    """The page of imports whose button was pressed, else the overview."""
    came_from = safe_next(own_path(parts_of(request.referrer or "")))
    return came_from if came_from and came_from.startswith(url_for("imports.index")) else url_for("imports.index")
