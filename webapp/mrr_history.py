"""A customer's MRR over time, from the movements that a reader may see."""

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import Select

from webapp.charts import Curve
from webapp.extensions import db
from webapp.models import Customer, Movement, Provider
from webapp.rendering import count, day, money
from webapp.tenancy import owned
from webapp.values import Moment, mrr_by_day

MOVEMENT_WORDS = {
    "new_biz": "New business",
    "expansion": "Expansion",
    "contraction": "Contraction",
    "churn": "Churn",
    "reactivation": "Reactivation",
}


def movements_of(customer: Customer, provider: Provider, *columns: Any) -> Select[Any]:
    """A select of the customer's movements; what a read that is still going on found is left out."""
    return owned(Movement, *columns).where(
        Movement.provider_id == customer.provider_id,
        Movement.customer_uuid == customer.uuid,
        Movement.read <= provider.movements_read,
    )


def came_last(movement: Movement, provider: Provider) -> bool:
    """Whether it was not there before the last import that read all movements; of the first one that says nothing."""
    return movement.read == provider.movements_read > 1


def curve_of(customer: Customer, provider: Provider, at: datetime) -> Curve:
    """The MRR at the end of each day with movements, up to now; and of those days to come."""
    columns = (Movement.at, Movement.type, Movement.movement_minor, Movement.mrr_minor)
    rows = db.session.execute(movements_of(customer, provider, *columns).order_by(Movement.at)).all()
    moment = Moment(at, provider.zone, 0)
    past = mrr_by_day(rows, moment)
    mrr = past[-1][1] if past else 0
    scheduled = {}
    for row in rows:
        if row.at > at:
            mrr += row.movement_minor
            scheduled[row.at.astimezone(provider.zone).date()] = mrr
    moved = [(min(row.at.astimezone(provider.zone).date(), moment.today), row.type) for row in rows if row.at <= at]
    return Curve(past, list(scheduled.items()), moment.today, moved)


def legend_of(curve: Curve) -> list[tuple[str, str, int]]:
    """The kinds of movements that the curve marks: each with its word and how many there are."""
    counts = Counter(type_ for _, type_ in curve.moved)
    return [(type_, word, counts[type_]) for type_, word in MOVEMENT_WORDS.items() if counts[type_]]


def in_words(curve: Curve, currency: str | None) -> str:
    """What the curve shows, for who cannot see it."""
    words = []
    if curve.past:
        words.append(f"MRR since {day(curve.past[0][0])}, now {money(curve.now, currency)}")
        words.append(f"at most {money(max(minor for _, minor in curve.past), currency)}")
    if curve.scheduled:
        then, minor = curve.scheduled[-1]
        changes = count(len(curve.scheduled), "scheduled change")
        words.append(f"{changes}, to {money(minor, currency)} on {day(then)}")
    return "; ".join(words) + "."
