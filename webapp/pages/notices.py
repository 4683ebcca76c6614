"""What a user is told of: the list, what was read, and which notices come how."""

from uuid import UUID

from flask import Blueprint, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import func
from werkzeug.wrappers import Response as AnyResponse

from webapp import notices
from webapp.extensions import db
from webapp.forms.notices import ChoiceForm
from webapp.gate import members_too
from webapp.models import Notice, NoticeKind, NoticeReader, NoticeReading, Provider, ProviderState
from webapp.models.types import now
from webapp.tenancy import owned, owned_delete, owned_or_404, upsert_rows

blueprint = Blueprint("notices", __name__)
blueprint.add_app_template_global(notices.unread_notices, "unread_notices")
PER_PAGE, MOST_PAGES = 50, 10_000


@blueprint.get("/notices")
@members_too
def index() -> AnyResponse:
    user = None if current_user.is_staff else current_user
    reader = notices.reader_of(user) if user else None
    shown = notices.listed(user, reader)
    total = db.session.scalar(owned(Notice, func.count()).where(shown)) or 0
    pages = max(1, -(-total // PER_PAGE))
    page = min(_number(request.args.get("page", "")), pages)
    newest = owned(Notice).where(shown).order_by(Notice.opened_at.desc(), Notice.id)
    rows = db.session.scalars(newest.offset((page - 1) * PER_PAGE).limit(PER_PAGE)).all()
    ids = [row.id for row in rows]
    unread = owned(Notice, Notice.id).where(Notice.id.in_(ids), notices.unread(user, reader)) if user else None
    ended = owned(Provider, Provider.id, Provider.account_name).where(Provider.state == ProviderState.DISCONNECTED)
    words = render_template(
        "notices/index.html",
        accounts_of_before={id_: name for id_, name in db.session.execute(ended)},  # noqa: C416 - dict() is not typed
        rows=[(row, notices.words_of(row)) for row in rows],
        unread=set(db.session.scalars(unread)) if unread is not None and ids else set(),
        page=page,
        pages=pages,
        total=total,
        mails_are_sent=current_app.config["SETTINGS"].mails_are_sent,
    )
    return make_response(words)


@blueprint.post("/notices/<uuid:id>")
@members_too
def update(id: UUID) -> AnyResponse:
    """Open what a notice is about: from then on the user has read it."""
    notice = owned_or_404(Notice, id)
    row = {"user_id": current_user.id, "notice_id": notice.id}
    upsert_rows(NoticeReading, [row], key=("tenant_id", "user_id", "notice_id"))
    db.session.commit()
    return redirect(notices.words_of(notice).path, 303)


@blueprint.post("/notices/reading")
@members_too
def update_all() -> AnyResponse:
    """All that there is now is read."""
    _keep(read_until=now())
    db.session.execute(owned_delete(NoticeReading).where(NoticeReading.user_id == current_user.id))
    db.session.commit()
    flash("They stay in the list.", "All notices are read")
    return redirect(url_for("notices.index"), 303)


@blueprint.get("/notices/settings")
@members_too
def show_settings() -> AnyResponse:
    user = current_user
    return make_response(_settings(notices.ways_of(user, None if user.is_staff else notices.reader_of(user))))


@blueprint.post("/notices/settings")
@members_too
def update_settings() -> AnyResponse:
    form = ChoiceForm()
    chosen = {kind.value: form[kind].data for kind in NoticeKind}
    if not form.validate():
        before = notices.ways_of(current_user, notices.reader_of(current_user))
        return make_response(_settings(before, form.errors), 422)
    _keep(choices=chosen)
    db.session.commit()
    flash("They hold for notices from now on.", "Notice settings saved")
    return redirect(url_for("notices.show_settings"), 303)


def _settings(ways: dict[NoticeKind, notices.Way], wrong: object = None) -> str:
    return render_template(
        "notices/settings.html",
        kinds=notices.KINDS,
        options=list(notices.WAYS.items()),
        ways=ways,
        wrong=wrong or {},
        page_failed=bool(wrong),
        may_choose=not current_user.is_staff,
        mails_are_sent=current_app.config["SETTINGS"].mails_are_sent,
    )


def _keep(**what: object) -> None:
    """Note it in the user's own row; the caller commits."""
    before = notices.reader_of(current_user)
    kept = {"choices": before.choices if before else {}, "read_until": before.read_until if before else None}
    row = {"user_id": current_user.id, **kept, **what}
    upsert_rows(NoticeReader, [row], key=("tenant_id", "user_id"))


def _number(text: str) -> int:
    """A page from an address: 1 for what is none."""
    return min(max(1, int(text)), MOST_PAGES) if text.isascii() and text.isdigit() and len(text) < 9 else 1
