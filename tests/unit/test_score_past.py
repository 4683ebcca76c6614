"""Scores of the past: held to the slow way of reading each value at each moment, and where they begin and end."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from tests.histories import PATIENT, ZONES, Customer, Movement, histories
from webapp.chartmogul.fields import FIELDS, PropertyType
from webapp.health import Config, Factor, Facts, score_of
from webapp.rebuilt import can_be_rebuilt, value_at
from webapp.score_past import Past, days_before
from webapp.scoring import midnight_after
from webapp.values import Moment, encode_all

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2026, 11, 28)
CODENAMES = ("cm_mrr", "cm_mrr_change_90d_pct", "cm_days_since_contraction", "cm_mrr_vs_peak_pct", "cm_tenure_days")
FACTORS = tuple(
    Factor(name, name, FIELDS[name].type, 1 + place % 3, 0, 100_000, empty=70 if place == 2 else None)
    for place, name in enumerate(CODENAMES)
)
STATUS = Factor("status", "Status", PropertyType.TEXT, 1, by_text={"active": 100})
CONFIG = Config(4, (*FACTORS, STATUS), {})
READ = [FIELDS[name] for name in (*CODENAMES, "cm_status")]


def end_of(zone: ZoneInfo):
    return lambda day: midnight_after(day, zone) - timedelta(microseconds=1)


@settings(PATIENT, max_examples=60)
@given(histories())
def test_points_are_those_of_each_value_read_at_each_days_end(history) -> None:
    customer, movements, moment = history
    moved = {movement.at.astimezone(moment.zone).date() for movement in movements}
    days = days_before(moment.today, 30, moved)
    ends = end_of(moment.zone)

    found = {each.day: each for each in Past(CONFIG, READ, moment.zone, ends).of(customer, movements, days)}

    current = None
    for day in days:
        then = Moment(ends(day), moment.zone, 0)
        mrr = sum(each.movement_minor for each in movements if each.at <= then.now)
        if current is None and mrr <= 0:
            assert day not in found
            continue
        values = [value_at(field, customer, movements, then) if can_be_rebuilt(field) else None for field in READ]
        kept = [encode_all(field.type, [value])[0] for field, value in zip(READ, values, strict=True)]
        expected = score_of(CONFIG, kept, Facts("Active" if mrr > 0 else "Cancelled"))
        current = found.get(day, current)
        assert current is not None
        counted = {line.factor.key: line.points for line in expected.lines}
        assert current.points == tuple(counted.get(factor.key) for factor in CONFIG.factors)
        assert (current.score, current.why_none) == (expected.score, expected.why_none)


def moved(day: str, minor: int, type_: str = "expansion") -> Movement:
    return Movement(datetime.fromisoformat(f"{day}T10:00:00+00:00"), type_, minor)


def past(*factors: Factor) -> Past:
    return Past(Config(1, factors, {}), [FIELDS[each.key] for each in factors], BERLIN, end_of(BERLIN))


def test_who_paid_no_more_had_churned_and_before_the_first_payment_there_was_nobody():
    movements = [moved("2026-08-03", 500, "new_biz"), moved("2026-10-07", -500, "churn")]
    mrr = Factor("cm_mrr", "MRR", PropertyType.MONEY, 1, 0, 1000)
    days = days_before(TODAY, 30, {date(2026, 8, 3), date(2026, 10, 7)})

    found = past(mrr).of(Customer(), movements, days)

    assert [(each.day.isoformat(), each.score, each.why_none) for each in found] == [
        ("2026-08-03", 500, None),
        ("2026-10-07", None, "churned"),
    ]


def test_values_are_read_as_the_propertys_type_and_one_that_cannot_be_is_not_counted():
    movements = [moved("2026-08-03", 500, "new_biz")]
    as_number = Factor("cm_mrr", "MRR", PropertyType.NUMBER, 1, 0, 100_000)
    as_date = Factor("cm_mrr", "MRR", PropertyType.DATE, 1, 0, 100)

    (found,) = past(as_number, as_date).of(Customer(), movements, [date(2026, 9, 1)])

    assert found.points == (500, None)


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
