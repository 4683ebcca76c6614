"""Notices for people: their words, who gets which of them and how, and how many a user has not read."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from flask import current_app
from flask_login import current_user
from sqlalchemy import ColumnElement, and_, exists, func, select, true

from webapp.direction import apart
from webapp.extensions import db
from webapp.health import Grade
from webapp.models import Notice, NoticeKind, NoticeReader, NoticeReading, User
from webapp.tenancy import acting, owned
from webapp.wording import cause

MOST_COUNTED = 99


class Way(StrEnum):
    """How a user gets the notices of a kind."""

    APP = "app"
    EMAIL = "email"
    BOTH = "both"
    NONE = "none"

    @property
    def in_app(self) -> bool:
        return self in (Way.APP, Way.BOTH)

    @property
    def by_email(self) -> bool:
        return self in (Way.EMAIL, Way.BOTH)


WAYS = {Way.APP: "In the app", Way.EMAIL: "By e-mail", Way.BOTH: "In the app and by e-mail", Way.NONE: "Not at all"}
KINDS = {
    NoticeKind.SCORE_FELL: (
        "A customer's score fell",
        "By two grades, or to 5 High churn risk, and it stayed there for two days.",
    ),
    NoticeKind.IMPORT_FAILING: ("Imports fail", "Since the last one that succeeded, or somebody has to act."),
    NoticeKind.DATA_STALE: ("Data is stale", "ChartMogul was last read more than 48 hours ago."),
}


def default_way(kind: str, user: User) -> Way:
    """Who can mend a connection hears of it by e-mail too; of customers everybody hears in the app."""
    return Way.BOTH if user.is_admin and kind != NoticeKind.SCORE_FELL else Way.APP


def ways_of(user: User, reader: NoticeReader | None) -> dict[NoticeKind, Way]:
    chosen: Mapping[str, str] = reader.choices if reader else {}
    return {kind: Way(chosen[kind]) if kind in chosen else default_way(kind, user) for kind in NoticeKind}


def reader_of(user: User) -> NoticeReader | None:
    found: NoticeReader | None = db.session.scalars(owned(NoticeReader).where(NoticeReader.user_id == user.id)).first()
    return found


def listed(user: User | None, reader: NoticeReader | None) -> ColumnElement[bool]:
    """Which notices a user sees in the app; without a user, as for support that looks, all of them."""
    if user is None:
        return true()
    kinds = [kind for kind, way in ways_of(user, reader).items() if way.in_app]
    return and_(Notice.kind.in_(kinds), Notice.opened_at >= user.created_at)


def unread(user: User, reader: NoticeReader | None) -> ColumnElement[bool]:
    opened = exists().where(
        NoticeReading.tenant_id == Notice.tenant_id,
        NoticeReading.user_id == user.id,
        NoticeReading.notice_id == Notice.id,
    )
    after = Notice.opened_at > reader.read_until if reader and reader.read_until else true()
    return and_(listed(user, reader), after, ~opened)


def unread_notices() -> str:
    """How many the user has not read, for the sidebar; nothing for none, and for support, which gets none. What was
    refused before anybody was let in says nothing either."""
    if not acting() or not current_user.is_authenticated or current_user.is_staff:
        return ""
    some = owned(Notice, Notice.id).where(unread(current_user, reader_of(current_user))).limit(MOST_COUNTED + 1)
    number = db.session.scalar(select(func.count()).select_from(some.subquery())) or 0
    return f"{MOST_COUNTED}+" if number > MOST_COUNTED else str(number or "")


@dataclass(frozen=True, slots=True)
class Words:
    """What happened, what it means, what to press, and the path that this leads to."""

    title: str
    means: str
    press: str
    path: str


def words_of(notice: Notice) -> Words:
    if notice.kind == NoticeKind.SCORE_FELL:
        before, grade = Grade(notice.grade_before or 1), Grade(notice.grade or 5)
        means = "It stayed there for two days. The customer's page says which factors lost points."
        path = _path("customers.show", id=notice.customer_id)
        return Words(f"{apart(notice.about)} fell from {before.word} to {grade.word}", means, "Open the customer", path)
    if notice.kind == NoticeKind.IMPORT_FAILING:
        why = cause(notice.reason)
        means = f"Customers and scores are not brought up to date until an import succeeds. {why.advice}"
        where = ("Open the connection", "providers.index") if why.link else ("Open Imports overview", "imports.index")
        return Words(f"Imports fail: {why.title}", means, where[0], _path(where[1]))
    means = "Customers and scores are as they were then. The newest imports say why nothing came since."
    title = "ChartMogul's data is more than 48 hours old"
    return Words(title, means, "Open Imports overview", _path("imports.index"))


def one_line(text: str, most: int = 200) -> str:
    """A name as it may stand in the subject of an e-mail: no line breaks, nothing that cannot be printed."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _path(endpoint: str, **values: UUID | None) -> str:
    """An address of ours without its host: the clock has no request that would know it."""
    return current_app.url_map.bind("").build(endpoint, values)
