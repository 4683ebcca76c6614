"""Values of the past: held to the slow reference at moments gone by, and where they begin and end."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.histories import PATIENT, Customer, Movement, histories
from tests.reference import Reference
from webapp.chartmogul.fields import FIELDS, PropertyType
from webapp.rebuilt import can_be_rebuilt, rebuild, value_at
from webapp.values import Moment

BERLIN = ZoneInfo("Europe/Berlin")
UNTIL = datetime(2026, 4, 10, 12, tzinfo=UTC)


@settings(PATIENT, max_examples=100)
@given(histories(), st.integers(0, 500 * 1440))
def test_every_field_agrees_with_the_reference_in_the_past(
    history: tuple[Customer, list[Movement], Moment], minutes: int
) -> None:
    customer, movements, moment = history
    then = Moment(moment.now - timedelta(minutes=minutes), moment.zone, 0)
    known = [movement for movement in movements if movement.at <= then.now]
    reference = Reference(customer, known, then.now, then.zone, 0)
    expected = reference.values() | {"cm_mrr": reference.mrr_now() if known else None}

    for field in filter(can_be_rebuilt, FIELDS.values()):
        assert value_at(field, customer, movements, then) == expected.get(field.codename), field.codename


@settings(PATIENT, max_examples=50)
@given(histories())
def test_steps_are_in_order_and_each_says_something_new(history: tuple[Customer, list[Movement], Moment]) -> None:
    customer, movements, moment = history
    for field in filter(can_be_rebuilt, FIELDS.values()):
        steps = rebuild(field, field.type, customer, movements, moment.zone, moment.now)

        assert [at for at, _ in steps] == sorted({at for at, _ in steps})
        assert all(at < moment.now for at, _ in steps)
        assert all(before != after for (_, before), (_, after) in pairwise(steps))


def moved(day: str, minor: int, type_: str = "expansion") -> Movement:
    return Movement(datetime.fromisoformat(f"{day}T10:00:00+00:00"), type_, minor)


def days_of(codename: str, movements: list[Movement], customer: Customer, type_: PropertyType | None = None) -> list:
    field = FIELDS[codename]
    steps = rebuild(field, type_ or field.type, customer, movements, BERLIN, UNTIL)
    return [(at.astimezone(BERLIN).date().isoformat(), value) for at, value in steps]


def test_mrr_is_the_sum_of_what_had_happened():
    movements = [moved("2026-01-10", 100), moved("2026-03-05", 50), moved("2026-03-05", 25), moved("2026-05-01", 9)]

    assert days_of("cm_mrr", movements, Customer()) == [("2026-01-10", 100), ("2026-03-05", 175)]


def test_what_changes_with_the_days_is_looked_at_each_month():
    found = days_of("cm_days_since_expansion", [moved("2026-01-10", 100)], Customer())

    assert found == [("2026-01-10", 0), ("2026-02-01", 22), ("2026-03-01", 50), ("2026-04-01", 81)]


def test_dates_begin_with_the_customer():
    customer = Customer(customer_since=datetime(2026, 3, 20, tzinfo=UTC))

    assert [day for day, _ in days_of("cm_tenure_days", [], customer)] == ["2026-03-20", "2026-04-01"]
    assert [day for day, _ in days_of("cm_customer_since", [], customer)] == ["2026-03-20"]
    assert days_of("cm_tenure_days", [], Customer()) == days_of("cm_mrr", [], Customer()) == []


def test_values_are_read_as_the_propertys_type():
    movements = [moved("2026-01-10", 150)]

    assert days_of("cm_mrr", movements, Customer(), PropertyType.TEXT) == [("2026-01-10", "1.50")]
    assert days_of("cm_mrr", movements, Customer(), PropertyType.DATE) == [("2026-01-10", None)]


def test_what_was_never_told_by_movements_is_not_made_up():
    cannot = {name for name, field in FIELDS.items() if not can_be_rebuilt(field)}

    assert {"cm_status", "cm_country", "cm_arr", "cm_mrr_share", "cm_scheduled_churn_on", "cm_plans"} <= cannot
