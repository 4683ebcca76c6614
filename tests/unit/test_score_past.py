"""Scores of the past: held to the slow way of reading each value at each moment, and where they begin and end."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.histories import PATIENT, ZONES, Customer, Movement, histories
from webapp.chartmogul.fields import FIELDS, PropertyType
from webapp.health import Config, Factor, Facts, score_of
from webapp.rebuilt import can_be_rebuilt, value_at
from webapp.score_past import Past, changes_of, days_before
from webapp.scoring import midnight_after
from webapp.values import Moment, keep_as

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2026, 11, 28)
TOLD = [codename for codename, field in FIELDS.items() if can_be_rebuilt(field) and field.type != PropertyType.LIST]
UNTOLD = ["cm_status", "cm_city"]


def factor(place: int, codename: str) -> Factor:
    by_text = {"active": 100, "churn": 0, "expansion": 70} if FIELDS[codename].type is PropertyType.TEXT else None
    empty = 70 if place % 3 == 2 and codename in TOLD else None
    return Factor(codename, codename, FIELDS[codename].type, 1 + place % 3, 0, 100_000, by_text, empty)


def end_of(day: date, zone: ZoneInfo) -> Moment:
    return Moment(midnight_after(day, zone) - timedelta(microseconds=1), zone, 0)


@settings(PATIENT, max_examples=50)
@given(histories(), st.lists(st.sampled_from(TOLD), min_size=1, max_size=6, unique=True))
def test_points_are_those_of_each_value_read_at_each_days_end(history, codenames) -> None:
    customer, movements, moment = history
    fields = [FIELDS[each] for each in (*codenames, *UNTOLD)]
    config = Config(4, tuple(factor(place, field.codename) for place, field in enumerate(fields)), {})
    days = days_before(moment.today, 30, {movement.at.astimezone(moment.zone).date() for movement in movements})
    moments = [end_of(day, moment.zone) for day in days]

    found = Past(config, fields, moment.zone).of(customer, movements, moments)

    begun = False
    for then, score in zip(moments, found, strict=True):
        mrr = sum(each.movement_minor for each in movements if each.at <= then.now)
        begun = begun or mrr > 0
        if not begun:
            assert score is None
            continue
        status = "Active" if mrr > 0 else "Cancelled"
        values = [value_at(field, customer, movements, then) if can_be_rebuilt(field) else None for field in fields]
        values[-2] = status
        kept = [keep_as([value], of.type, of.type, moment.zone)[0] for of, value in zip(fields, values, strict=True)]
        expected = score_of(config, kept, Facts(status))
        counted = {line.factor.key: line.points for line in expected.lines if line.factor.key != "cm_city"}
        assert score is not None
        assert score.points == tuple(counted.get(factor.key) for factor in config.factors)
        assert (score.score, score.why_none) == (expected.score, expected.why_none)


def moved(day: str, minor: int, type_: str = "expansion") -> Movement:
    return Movement(datetime.fromisoformat(f"{day}T10:00:00+00:00"), type_, minor)


def told(movements: list[Movement], days: list[date], *factors: Factor):
    past = Past(Config(1, factors, {}), [FIELDS[each.key] for each in factors], BERLIN)
    return list(changes_of(days, past.of(Customer(), movements, [end_of(day, BERLIN) for day in days])))


NUMBERS = [codename for codename in TOLD if FIELDS[codename].type is not PropertyType.TEXT]


@pytest.mark.parametrize("codename", NUMBERS)
def test_value_that_changes_by_itself_is_read_on_that_day(codename):
    """On each of 700 days, as movements leave the last 30, 90, 180 and 365 of them, and others get older."""
    field, customer = FIELDS[codename], Customer(customer_since=datetime(2024, 12, 20, 9, tzinfo=UTC))
    movements = [
        moved("2025-01-10", 1000, "new_biz"),
        moved("2025-02-03", 500),
        moved("2025-03-07", -300, "contraction"),
    ]
    movements += [moved("2025-09-01", -1200, "churn"), moved("2025-10-01", 700, "reactivation")]
    moments = [end_of(date(2025, 1, 10) + timedelta(days=day), BERLIN) for day in range(700)]
    values = [value_at(field, customer, movements, moment) for moment in moments]
    kept = keep_as(values, field.type, field.type, BERLIN)
    numbers = {each for each in kept if isinstance(each, int)}
    of = Factor(codename, codename, field.type, 1, min(numbers) - 1, max(numbers))

    found = Past(Config(1, (of,), {}), [field], BERLIN).of(customer, movements, moments)

    assert [each and each.points for each in found] == [(of.points(each),) for each in kept]


def test_who_paid_no_more_had_churned_and_before_the_first_payment_there_was_nobody():
    movements = [moved("2026-08-03", 500, "new_biz"), moved("2026-10-07", -500, "churn")]
    mrr = Factor("cm_mrr", "MRR", PropertyType.MONEY, 1, 0, 1000)
    days = days_before(TODAY, 30, {date(2026, 8, 3), date(2026, 10, 7)})

    found = told(movements, days, mrr)

    assert [(day.isoformat(), then.score, then.why_none) for day, then in found] == [
        ("2026-08-03", 500, None),
        ("2026-10-07", None, "churned"),
    ]


def test_who_paid_was_active():
    status = Factor("cm_status", "Status", PropertyType.TEXT, 3, by_text={"active": 100, "past due": 20})

    ((_, then),) = told([moved("2026-08-03", 500, "new_biz")], [date(2026, 9, 1)], status)

    assert then.points == (1000,)


def test_values_are_read_as_the_propertys_type_and_one_that_cannot_be_is_not_counted():
    movements = [moved("2026-08-03", 500, "new_biz")]
    as_number = Factor("cm_mrr", "MRR", PropertyType.NUMBER, 1, 0, 100_000)
    as_date = Factor("cm_mrr", "MRR", PropertyType.DATE, 1, 0, 100)

    ((_, then),) = told(movements, [date(2026, 9, 1)], as_number, as_date)

    assert then.points == (500, None)


def test_days_are_one_a_week_up_to_yesterday_and_those_that_matter():
    days = days_before(TODAY, 30, {date(2026, 11, 4), date(2020, 1, 1), TODAY})

    assert days[0] == TODAY - timedelta(days=365)
    assert days[-1] == TODAY - timedelta(days=1)
    assert {TODAY - timedelta(days=30), date(2026, 11, 4)} < set(days)
    assert len(days) == 53 + 2


@pytest.mark.parametrize("zone", [*ZONES, "America/Havana", "Atlantic/Azores", "Asia/Beirut"])
def test_midnight_ends_the_day_also_where_clocks_are_set(zone):
    of = ZoneInfo(zone)
    for back in range(800):
        day = date(2026, 12, 1) - timedelta(days=back)
        midnight = midnight_after(day, of)

        assert midnight.tzinfo is UTC
        assert midnight.astimezone(of).date() == day + timedelta(days=1)
        assert (midnight - timedelta(seconds=1)).astimezone(of).date() == day
