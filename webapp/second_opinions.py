"""A person's own grade of a customer: given, ended by another, taken back, and over by itself at its date."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_

from webapp import audit
from webapp.extensions import db
from webapp.health import Grade
from webapp.models import Customer, CustomerValues, SecondOpinion, User
from webapp.tenancy import owned, owned_update

MOST_SHOWN, LONGEST_REASON = 50, 500
LONGEST_HOLD, USUAL_HOLD = timedelta(days=365), timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Said:
    """An opinion as it is shown. `over`: it does not count any more; `taken_back`: somebody ended it before its
    date."""

    opinion: SecondOpinion
    over: bool

    @property
    def grade(self) -> Grade:
        return Grade(self.opinion.grade)

    @property
    def taken_back(self) -> bool:
        return self.opinion.ended_at is not None


@dataclass(frozen=True, slots=True)
class Opinions:
    """What a customer's page says of them: all, newest first, and a form for another: what was typed, and what of it
    is wrong."""

    said: Sequence[Said]
    typed: Mapping[str, str]
    first_day: date
    last_day: date
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def current(self) -> Said | None:
        return next((each for each in self.said if not each.over), None)

    @property
    def grades(self) -> list[tuple[str, str]]:
        """What there is to choose."""
        return [(str(int(grade)), grade.word) for grade in Grade]

    @property
    def former(self) -> Sequence[Said]:
        return [each for each in self.said if each.over]


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody sent as a second opinion, and what of it is wrong, by field."""

    grade: str
    reason: str
    expires_on: str
    problems: Mapping[str, str]
    expires: date | None = None

    @classmethod
    def read(cls, sent: Mapping[str, Any], today: date) -> "Typed":
        grade, reason, typed = ((sent.get(name) or "").strip() for name in ("grade", "reason", "expires_on"))
        reason = " ".join(reason.replace("\0", "").split())
        problems, expires = {}, None
        if grade not in {str(int(each)) for each in Grade}:
            problems["grade"] = "Choose a grade."
        if not reason:
            problems["reason"] = "Say why: who reads it later was not there."
        elif len(reason) > LONGEST_REASON:
            problems["reason"] = f"Say it in at most {LONGEST_REASON} characters."
        try:
            expires = date.fromisoformat(typed)
        except ValueError:
            problems["expires_on"] = "Enter the day on which it ends, as YYYY-MM-DD."
        if expires and not today < expires <= today + LONGEST_HOLD:
            problems["expires_on"] = "Choose a day after today, at most a year from now."
        return cls(grade, reason, typed, problems, expires)


def shown_opinions(customer: Customer, at: datetime, zone: ZoneInfo, refused: Typed | None = None) -> Opinions:
    today = at.astimezone(zone).date()
    said = [Said(each, each.ended_at is not None or each.expires_on <= today) for each in opinions_of(customer)]
    typed = {"grade": "", "reason": "", "expires_on": str(today + USUAL_HOLD)}
    if refused:
        typed = {"grade": refused.grade, "reason": refused.reason, "expires_on": refused.expires_on}
    problems = refused.problems if refused else {}
    return Opinions(said, typed, today + timedelta(days=1), today + LONGEST_HOLD, problems)


def in_force(today: date) -> ColumnElement[bool]:
    """Whether an opinion still counts: at its date it is over."""
    return and_(SecondOpinion.ended_at.is_(None), SecondOpinion.expires_on > today)


def opinions_of(customer: Customer) -> Sequence[SecondOpinion]:
    """Those of now and before, newest first."""
    of_it = SecondOpinion.provider_id == customer.provider_id, SecondOpinion.customer_uuid == customer.uuid
    newest = SecondOpinion.at.desc(), SecondOpinion.id
    return db.session.scalars(owned(SecondOpinion).where(*of_it).order_by(*newest).limit(MOST_SHOWN)).all()


def opinion_of(customer: Customer, today: date) -> SecondOpinion | None:
    """The one that counts."""
    return next((each for each in opinions_of(customer) if each.ended_at is None and each.expires_on > today), None)


def give(customer: Customer, user: User, grade: int, reason: str, expires_on: date, at: datetime, today: date) -> None:
    """Somebody says otherwise than the score. The opinion that counted until now ends; the same one once more is
    none. The caller commits."""
    row = CustomerValues.provider_id == customer.provider_id, CustomerValues.uuid == customer.uuid
    db.session.scalar(owned(CustomerValues, CustomerValues.uuid).where(*row).with_for_update())  # one after the other
    before, said = opinion_of(customer, today), (user.id, grade, reason, expires_on)
    if before and (before.user_id, before.grade, before.reason, before.expires_on) == said:
        return
    _end(customer, at, today)
    opinion = SecondOpinion(
        tenant_id=customer.tenant_id,
        provider_id=customer.provider_id,
        customer_uuid=customer.uuid,
        grade=grade,
        reason=reason,
        by=user.email,
        user_id=user.id,
        at=at,
        expires_on=expires_on,
    )
    db.session.add(opinion)
    db.session.flush()
    audit.record("opinion:given", opinion, customer=str(customer.id), grade=grade, expires_on=str(expires_on))


def take_back(customer: Customer, opinion: SecondOpinion, at: datetime, today: date) -> None:
    """The score stands alone again; one that is over stays as it was. The caller commits."""
    if opinion.ended_at is None and opinion.expires_on > today:
        _end(customer, at, today)
        audit.record("opinion:taken_back", opinion, customer=str(customer.id), grade=opinion.grade)


def _end(customer: Customer, at: datetime, today: date) -> None:
    of_it = SecondOpinion.provider_id == customer.provider_id, SecondOpinion.customer_uuid == customer.uuid
    ended = owned_update(SecondOpinion).where(*of_it, in_force(today)).values(ended_at=at)
    db.session.execute(ended.execution_options(synchronize_session=False))
