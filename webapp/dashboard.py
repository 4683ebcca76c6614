"""What the dashboard shows: customers and MRR per grade, who moved most this week, and who needs a call first."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, and_, case, cast, false, func, or_, select

from webapp.charts import bar
from webapp.customer_columns import RISK
from webapp.extensions import db
from webapp.health import ACTIVE, FULL, NOT_ENOUGH, WHY_NONE, Facts, Grade, grade_of
from webapp.models import Customer, CustomerValues, Provider, ScoreDay
from webapp.scoring import Basis
from webapp.tenancy import owned

WEEK = 7
MOST = 10
NOT_YET = "not_yet"
NO_SCORE = {**WHY_NONE, NOT_YET: "Not scored yet"}


@dataclass(slots=True)
class Share:
    """How many customers there are of a kind, and what MRR they have."""

    customers: int = 0
    mrr_minor: int = 0

    def add(self, customers: int, mrr_minor: int) -> None:
        self.customers += customers
        self.mrr_minor += mrr_minor


@dataclass(frozen=True, slots=True)
class Grades:
    """All customers by grade; those without a score by the reason why they have none."""

    by_grade: dict[Grade, Share] = field(default_factory=lambda: {grade: Share() for grade in Grade})
    by_reason: dict[str, Share] = field(default_factory=dict)

    @property
    def scored(self) -> Share:
        total = Share()
        for each in self.by_grade.values():
            total.add(each.customers, each.mrr_minor)
        return total

    def customers_bar(self, grade: Grade) -> str:
        return bar(self.by_grade[grade].customers, self.scored.customers)

    def mrr_bar(self, grade: Grade) -> str:
        return bar(max(0, self.by_grade[grade].mrr_minor), self.scored.mrr_minor)


@dataclass(frozen=True, slots=True)
class Listed:
    """A customer in one of the dashboard's lists. `before`: its score a week ago, in tenths."""

    customer: Customer
    score: int
    before: int | None = None

    @property
    def grade(self) -> Grade:
        return grade_of(self.score)

    @property
    def grade_before(self) -> Grade:
        return grade_of(self.before or 0)

    @property
    def moved(self) -> int:
        return self.score - (self.before or 0)


def grades_of(provider: Provider) -> Grades:
    """One pass over all customers."""
    of = CustomerValues
    kind = of.grade, of.gone, of.status, of.score_state.is_(None)
    counted = func.count(), func.coalesce(func.sum(of.mrr_minor), 0)
    rows = owned(of, *kind, *counted).where(of.provider_id == provider.id).group_by(*kind)
    grades = Grades()
    for grade, gone, status, unscored, customers, mrr in db.session.execute(rows):
        if grade is not None:
            grades.by_grade[Grade(grade)].add(customers, int(mrr))
        else:
            why = Facts(status, gone=gone).why_none or (NOT_YET if unscored else NOT_ENOUGH)
            grades.by_reason.setdefault(why, Share()).add(customers, int(mrr))
    return grades


def moved_most(provider: Provider, today: date) -> list[Listed]:
    """Whose score differs most from that of a week ago, in both directions. The week's start is found by the key of
    the history, once for each customer that has a score, however long the history is."""
    then = ScoreDay.on(today - timedelta(days=WEEK), case((_comparable(provider), ScoreDay.score)))
    both = owned(CustomerValues, CustomerValues.customer_id, CustomerValues.score, then.label("before")).where(
        CustomerValues.provider_id == provider.id, CustomerValues.score.is_not(None)
    )
    held = both.cte("held").prefix_with("MATERIALIZED")  # or the week's start is looked for at each place it stands
    moved: ColumnElement[int] = func.abs(held.c.score - held.c.before)
    most = select(held).where(held.c.before.is_not(None), held.c.score != held.c.before)
    return _listed(db.session.execute(most.order_by(moved.desc(), held.c.customer_id).limit(MOST)))


def _comparable(provider: Provider) -> ColumnElement[bool]:
    """Whether the score of a day says how the customer moved since, and not only what scores are made of: it is of the
    same version, and if it was rebuilt, of the same factors, see `Basis.untold`."""
    basis, state = Basis.published(), CustomerValues.score_state
    same_version = state.startswith(cast(ScoreDay.version, String) + "|")
    if basis is None:
        return same_version
    untold = basis.untold(provider.attributes)
    not_counted = [
        basis.columns[place].is_(None) if basis.config.factors[place].empty is None else false() for place in untold
    ]
    like_rebuilt = and_(CustomerValues.status == ACTIVE, state.endswith("||"), *not_counted)
    return same_version & or_(ScoreDay.rebuilt.is_(False), like_rebuilt)


def to_call_first(provider: Provider) -> list[Listed]:
    """Where most is at stake: what a score lacks to 100, times the MRR."""
    of = CustomerValues
    rows = owned(of, of.customer_id, of.score).where(of.provider_id == provider.id, of.score < FULL, of.mrr_minor > 0)
    return _listed(db.session.execute(rows.order_by(RISK.sorted_by.desc(), of.uuid).limit(MOST)))


def _listed(rows: Iterable[Any]) -> list[Listed]:
    """The customers of some rows of id, score and what it was."""
    found: list[tuple[UUID, int, int | None]] = [(row[0], row[1], row[2] if len(row) > 2 else None) for row in rows]
    known = owned(Customer).where(Customer.id.in_([id_ for id_, _, _ in found]))
    customers = {customer.id: customer for customer in db.session.scalars(known)} if found else {}
    return [Listed(customers[id_], score, before) for id_, score, before in found if id_ in customers]
