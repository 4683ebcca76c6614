"""A customer's MRR over time, from the movements that a reader may see."""

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func

from webapp.charts import Curve
from webapp.extensions import db
from webapp.models import Customer, Movement, Provider
from webapp.rendering import count, day, money
from webapp.values import Moment, mrr_by_day

PER_PAGE = 50
MOVEMENT_WORDS = {
    "new_biz": "New business",
    "expansion": "Expansion",
    "contraction": "Contraction",
    "churn": "Churn",
    "reactivation": "Reactivation",
}


def movements_of(customer: Customer, provider: Provider, *columns: Any) -> Select[Any]:
    """A select of the customer's movements."""
    return Movement.that_count(provider, *columns).where(Movement.customer_uuid == customer.uuid)


def came_last(movement: Movement, provider: Provider) -> bool:
    """Whether it was not there before the last import that read all movements; of the first one that says nothing."""
    return movement.read == provider.movements_read > 1


def page_of_movements(customer: Customer, provider: Provider, asked: str) -> tuple[int, int, list[Movement]]:
    """The page that an address asks for, how many there are, and its movements, newest first."""
    total = db.session.scalar(movements_of(customer, provider, func.count())) or 0
    pages = max(1, -(-total // PER_PAGE))
    page = min(_page_number(asked), pages)
    newest = movements_of(customer, provider).order_by(Movement.at.desc(), Movement.mrr_minor.desc(), Movement.id)
    return page, pages, list(db.session.scalars(newest.offset((page - 1) * PER_PAGE).limit(PER_PAGE)))


def _page_number(text: str) -> int:
    """A page from an address: 1 for what is none."""
    try:
        return min(max(1, int(text)), 1_000_000)
    except ValueError:
        return 1


def curve_of(customer: Customer, provider: Provider, until: datetime) -> Curve:
    """The MRR at the end of each day with movements, up to when they were last read; and what was scheduled then."""
    columns = (Movement.at, Movement.type, Movement.movement_minor, Movement.mrr_minor)
    rows = db.session.execute(movements_of(customer, provider, *columns).order_by(Movement.at)).all()
    moment = Moment(until, provider.zone, 0)
    past = mrr_by_day(rows, moment)
    mrr = past[-1][1] if past else 0
    scheduled = {}
    for row in rows:
        if row.at > until:
            mrr += row.movement_minor
            scheduled[row.at.astimezone(provider.zone).date()] = mrr
    moved = [(min(row.at.astimezone(provider.zone).date(), moment.today), row.type) for row in rows if row.at <= until]
    return Curve(past, list(scheduled.items()), moment.today, moved)


def legend_of(curve: Curve) -> list[tuple[str, str, int]]:
    """The kinds of movements that the curve marks: each with its word and how many there are."""
    counts = Counter(type_ for _, type_ in curve.moved)
    return [(type_, word, counts[type_]) for type_, word in MOVEMENT_WORDS.items() if counts[type_]]


def in_words(curve: Curve, currency: str | None, stale: bool = False) -> str:
    """What the curve shows, for who cannot see it."""
    words = []
    if curve.past:
        last = f"on {day(curve.until)}" if stale else "now"
        words.append(f"MRR since {day(curve.past[0][0])}, {last} {money(curve.now, currency)}")
        words.append(f"at most {money(max(minor for _, minor in curve.past), currency)}")
    if curve.scheduled:
        then, minor = curve.scheduled[-1]
        days = count(len(curve.scheduled), "day")
        words.append(f"scheduled on {days}, to {money(minor, currency)} on {day(then)}")
    return "; ".join(words) + "."
