"""Whom the back-test of the health score looks at: who churned in the last 12 months, and who stayed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func

from webapp.back_test import Tally
from webapp.extensions import db
from webapp.factor_values import live_of
from webapp.health import Factor
from webapp.models import Customer, CustomerValues, Movement, Provider
from webapp.score_past import Past
from webapp.scoring import Basis
from webapp.tenancy import owned

YEAR = timedelta(365)
# At most so many of either are looked at, so many at a time.
MOST, AT_A_TIME = 5_000, 500
# Under so many churned customers a percentage would say more than is known.
FEW = 20
# From this difference on, in tenths of a point, a factor tells who churns from who stays.
APART = 100


class Moved(NamedTuple):
    at: datetime
    type: str
    movement_minor: int
    mrr_minor: int


class Said(NamedTuple):
    """A factor, and its mean points for who churned and who stayed, in tenths; None if it was never counted."""

    factor: Factor
    churned: int | None
    stayed: int | None

    @property
    def difference(self) -> int | None:
        return None if self.churned is None or self.stayed is None else self.stayed - self.churned

    @property
    def verdict(self) -> str:
        """What the difference says of the factor."""
        if not self.difference:
            return "Cannot be judged by the past"
        if abs(self.difference) < APART:
            return "Tells nobody apart"
        return "Helps" if self.difference > 0 else "Points the wrong way"


@dataclass(frozen=True, slots=True)
class Result:
    churned: Tally
    stayed: Tally
    factors: Sequence[Said]
    left_out: Sequence[Factor]
    # Whether there are more than were looked at.
    more_churned: bool
    more_stayed: bool

    @property
    def few(self) -> bool:
        return self.churned.customers < FEW


def run_back_test(provider: Provider, basis: Basis, at: datetime) -> Result:
    past = Past(basis.config, basis.fields(provider.attributes), provider.zone)
    ends = _churned(provider, at)
    stayers = _stayers(provider, at)
    churned, stayed = Tally(), Tally()
    known = [place for place, field in enumerate(past.fields) if field is not None]
    if known:
        _add_all(past, churned, provider, dict(ends[:MOST]))
        _add_all(past, stayed, provider, dict.fromkeys(stayers[:MOST], at))
    factors = basis.config.factors
    said = [Said(factors[place], churned.mean_points(place), stayed.mean_points(place)) for place in known]
    left_out = [factor for place, factor in enumerate(factors) if place not in known]
    return Result(churned, stayed, said, left_out, len(ends) > MOST, len(stayers) > MOST)


def _churned(provider: Provider, at: datetime) -> list[tuple[str, datetime]]:
    """Who churned, and when last; the newest first."""
    last = func.max(Movement.at)
    in_the_year = Movement.type == "churn", Movement.at > at - YEAR, Movement.at <= at
    churns = Movement.that_count(provider, Movement.customer_uuid, last).where(*in_the_year)
    newest = churns.group_by(Movement.customer_uuid).order_by(last.desc(), Movement.customer_uuid)
    return [(uuid, churned_at) for uuid, churned_at in db.session.execute(newest.limit(MOST + 1))]


def _stayers(provider: Provider, at: datetime) -> list[str]:
    """Customers of now who did not churn meanwhile, in an order that has to do with nothing: an id is a hash."""
    in_the_year = Movement.type == "churn", Movement.at > at - YEAR, Movement.at <= at
    left = Movement.that_count(provider, Movement.customer_uuid).where(*in_the_year)
    stayed = live_of(provider, CustomerValues.uuid).where(CustomerValues.uuid.not_in(left))
    return list(db.session.scalars(stayed.order_by(CustomerValues.customer_id).limit(MOST + 1)))


def _add_all(past: Past, tally: Tally, provider: Provider, ends: dict[str, datetime]) -> None:
    everybody = list(ends)
    for first in range(0, len(everybody), AT_A_TIME):
        uuids = everybody[first : first + AT_A_TIME]
        since = owned(Customer, Customer.uuid, Customer.customer_since)
        these = since.where(Customer.among(provider.id, uuids))
        movements = _moved(provider, uuids)
        for customer in db.session.execute(these):
            tally.add(past, customer, movements[customer.uuid], ends[customer.uuid])


def _moved(provider: Provider, uuids: Sequence[str]) -> dict[str, list[Moved]]:
    rows = Movement.that_count(provider, Movement.customer_uuid, *(getattr(Movement, name) for name in Moved._fields))
    found: dict[str, list[Moved]] = defaultdict(list)
    for uuid, *facts in db.session.execute(rows.where(Movement.customer_uuid.in_(uuids))):
        found[uuid].append(Moved(*facts))
    return found
