"""Values: each field by example and against a slow reference; read as another type, kept, shown."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference import Reference
from webapp.chartmogul.fields import FIELDS, PropertyType, custom_field
from webapp.values import (
    CannotRead,
    Moment,
    Value,
    convert,
    csv_value,
    decode,
    encode,
    field_values,
    format_value,
    mrr_by_day,
)

# The same examples in every run, however busy the machine is.
PATIENT = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MOMENT = Moment(NOW, BERLIN, 1_000_00)


@dataclass
class Customer:
    status: str | None = "Active"
    mrr_minor: int = 100_00
    arr_minor: int = 1200_00
    customer_since: datetime | None = None
    free_trial_started_at: datetime | None = None
    past_due_since: datetime | None = None
    country: str | None = None
    city: str | None = None
    company: str | None = None
    email: str | None = None
    billing_system: str | None = None
    tags: tuple[str, ...] = ()
    custom: dict[str, Any] | None = None


@dataclass
class Movement:
    at: datetime
    type: str
    movement_minor: int
    mrr_minor: int = 0


def ago(days: float, type_: str, minor: int) -> Movement:
    return Movement(NOW - timedelta(days=days), type_, minor)


def value(codename: str, *movements: Movement, moment: Moment = MOMENT, **customer: Any) -> Any:
    return field_values([codename], Customer(**customer), movements, moment).get(codename)


NEW = ago(400, "new_biz", 100_00)
BACK = [ago(days, "reactivation", 1) for days in (900, 8, -1)]
UP, DOWN = ago(9, "expansion", 50_00), ago(9, "contraction", -50_00)


@pytest.mark.parametrize(
    ("codename", "movements", "expected"),
    [
        ("cm_mrr_change_30d", [NEW], 0),
        ("cm_mrr_change_30d", [NEW, ago(29, "expansion", 5_00), ago(30, "expansion", 7_00)], 5_00),
        ("cm_mrr_change_30d", [NEW, ago(1, "contraction", -5_00), ago(-1, "churn", -95_00)], -5_00),
        ("cm_mrr_change_90d_pct", [NEW, ago(89, "contraction", -12_00)], Decimal("-12.00")),
        ("cm_mrr_change_90d_pct", [NEW, ago(90, "contraction", -12_00)], Decimal("0.00")),
        ("cm_mrr_change_90d_pct", [ago(10, "new_biz", 5)], None),
        ("cm_mrr_change_90d_pct", [ago(99, "new_biz", 3), ago(1, "contraction", -2)], Decimal("-66.67")),
        ("cm_mrr_change_90d_pct", [ago(99, "churn", -24), ago(1, "reactivation", 50_00)], None),
        ("cm_mrr_vs_peak_pct", [NEW, ago(300, "expansion", 100_00), ago(9, "churn", -36_00)], Decimal(82)),
        ("cm_mrr_vs_peak_pct", [NEW, UP, DOWN], Decimal(100)),
        ("cm_mrr_vs_peak_pct", [ago(9, "churn", -24)], None),
        ("cm_mrr_vs_first_pct", [NEW, ago(400, "expansion", 100_00), ago(9, "churn", -200_00)], Decimal(0)),
        ("cm_mrr_vs_first_pct", [ago(400, "new_biz", 0), UP, ago(8, "expansion", 25_00)], Decimal(150)),
        ("cm_contraction_12m", [NEW, ago(364, "contraction", -7_00), ago(365, "contraction", -9_00)], 7_00),
        ("cm_contraction_12m", [NEW, ago(3, "churn", -7_00)], 0),
        ("cm_expansion_12m", [NEW, ago(364, "expansion", 7_00), ago(365, "expansion", 9_00)], 7_00),
        ("cm_contractions_180d", [NEW, ago(179, "contraction", -1), ago(180, "contraction", -1)], 1),
        ("cm_days_since_contraction", [NEW], None),
        ("cm_days_since_contraction", [NEW, ago(40, "contraction", -1), ago(50, "contraction", -1)], 40),
        ("cm_days_since_expansion", [NEW, ago(0, "expansion", 1), ago(-2, "expansion", 1)], 0),
        ("cm_last_movement", [ago(1, "expansion", 1), NEW, ago(-1, "churn", -1)], "expansion"),
        ("cm_last_movement_on", [ago(1, "expansion", 1), NEW, ago(-1, "churn", -1)], date(2026, 11, 21)),
        ("cm_scheduled_churn_on", [NEW, ago(-9, "churn", -1), ago(-5, "churn", -1)], date(2026, 11, 27)),
        ("cm_scheduled_churn_on", [NEW, ago(-5, "churn", -1), ago(-6, "reactivation", 1)], None),
        ("cm_scheduled_churn_on", [ago(-3, "reactivation", 1), ago(-5, "churn", 0)], date(2026, 11, 27)),
        ("cm_scheduled_churn_on", [NEW, ago(5, "churn", -1)], None),
        ("cm_scheduled_mrr_change", [NEW, ago(-5, "churn", -9_00), ago(-6, "reactivation", 2_00)], -7_00),
        ("cm_scheduled_mrr_change", [NEW], 0),
        ("cm_churned_on", [NEW, ago(9, "churn", -100_00)], date(2026, 11, 13)),
        ("cm_churned_on", [NEW, ago(9, "churn", -100_00), ago(8, "reactivation", 1)], None),
        ("cm_churned_on", [NEW, ago(9, "churn", -1), ago(-8, "reactivation", 1)], date(2026, 11, 13)),
        ("cm_churned_on", [NEW, ago(9, "churn", -1), *BACK, ago(7, "churn", -1)], date(2026, 11, 15)),
        ("cm_churned_on", [NEW, ago(-9, "churn", -100_00)], None),
        ("cm_reactivations", [NEW], 0),
        ("cm_reactivations", [NEW, *BACK], 2),
        ("cm_recurring_revenue", [ago(364, "new_biz", 100_00)], 1200_00),
        ("cm_recurring_revenue", [ago(0, "new_biz", 100_00)], 3_29),
        ("cm_recurring_revenue", [NEW, ago(35, "churn", -100_00)], 1200_00),
    ],
)  # fmt: skip
def test_movement_fields(codename: str, movements: list[Movement], expected: Any) -> None:
    assert value(codename, *movements) == expected


@pytest.mark.parametrize(
    ("codename", "customer", "expected"),
    [
        ("cm_status", {"status": "Past Due"}, "Past Due"),
        ("cm_churned", {"status": "Cancelled"}, True),
        ("cm_churned", {"status": "New Lead"}, False),
        ("cm_churned", {"status": None}, None),
        ("cm_mrr", {"mrr_minor": 0}, 0),
        ("cm_mrr_share", {"mrr_minor": 1_00}, Decimal("0.10")),
        ("cm_customer_since", {"customer_since": datetime(2024, 2, 29, 23, tzinfo=UTC)}, date(2024, 3, 1)),
        ("cm_tenure_days", {"customer_since": NOW - timedelta(days=3)}, 3),
        ("cm_tenure_days", {"customer_since": NOW + timedelta(days=3)}, None),
        (
            "cm_trial_to_paid_days",
            {"customer_since": NOW, "free_trial_started_at": NOW - timedelta(days=14)},
            14,
        ),
        (
            "cm_trial_to_paid_days",
            {"customer_since": NOW, "free_trial_started_at": NOW + timedelta(days=1)},
            None,
        ),
        ("cm_trial_to_paid_days", {"customer_since": NOW}, None),
        ("cm_days_past_due", {"status": "Past Due", "past_due_since": NOW - timedelta(days=5)}, 5),
        ("cm_days_past_due", {"status": "Active", "past_due_since": NOW - timedelta(days=5)}, None),
        ("cm_days_past_due", {"status": "Past Due"}, None),
        ("cm_country", {"country": ""}, None),
        ("cm_tags", {"tags": ()}, None),
        ("cm_tags", {"tags": ["vip", "beta"]}, ("vip", "beta")),
    ],
)
def test_customer_fields(codename: str, customer: dict[str, Any], expected: Any) -> None:
    assert value(codename, **customer) == expected


def test_without_any_mrr_there_is_no_share() -> None:
    assert value("cm_mrr_share", moment=Moment(NOW, BERLIN, 0)) is None


def test_a_customer_without_movements_has_no_history() -> None:
    movement_fields = [codename for codename, field in FIELDS.items() if field.cost == "B"]

    assert field_values(movement_fields, Customer(status="New Lead"), [], MOMENT) == {}


def test_scheduled_movements_alone_are_no_history() -> None:
    found = field_values(list(FIELDS), Customer(status=None), [ago(-3, "new_biz", 9_00)], MOMENT)

    assert found == {
        "cm_mrr": 100_00,
        "cm_arr": 1200_00,
        "cm_mrr_share": Decimal(10),
        "cm_scheduled_mrr_change": 9_00,
    }


def test_a_movement_at_this_very_moment_is_past() -> None:
    assert value("cm_mrr_change_30d", ago(0, "new_biz", 5)) == 5
    assert value("cm_mrr_change_30d", Movement(NOW + timedelta(microseconds=1), "new_biz", 5)) is None


def test_days_are_those_of_the_account_also_when_clocks_change() -> None:
    late = Movement(datetime(2026, 10, 24, 22, 30, tzinfo=UTC), "new_biz", 100_00)  # 00:30 on a day of 25 hours
    moment = Moment(datetime(2026, 10, 25, 22, 59, tzinfo=UTC), BERLIN, 1)

    assert value("cm_last_movement_on", late, moment=moment) == date(2026, 10, 25)
    assert value("cm_recurring_revenue", late, moment=moment) == 3_29
    assert mrr_by_day([late], moment) == [(date(2026, 10, 25), 100_00)]


@pytest.mark.parametrize(
    ("sent", "type_", "expected"),
    [
        (213, PropertyType.NUMBER, 213),
        (0.1, PropertyType.NUMBER, Decimal("0.1")),
        (True, PropertyType.BOOLEAN, True),
        ("gold", PropertyType.TEXT, "gold"),
        ("", PropertyType.TEXT, None),
        (None, PropertyType.TEXT, None),
        (["a", 5, 0.5, True, None], PropertyType.LIST, ("a", "5", "0.5", "Yes")),
        ([], PropertyType.LIST, None),
        ({"nested": 1}, PropertyType.TEXT, None),
        ("2026-07-01T22:30:00.000Z", PropertyType.DATE, date(2026, 7, 2)),
        ("2016-01-31T00:00:00.000Z", PropertyType.DATE, date(2016, 1, 31)),
        ("2016-01-31T00:00:00.000Z", PropertyType.TEXT, "2016-01-31T00:00:00.000Z"),
        ("soon", PropertyType.DATE, "soon"),
        (5678, PropertyType.TEXT, "5678"),
        (True, PropertyType.TEXT, "Yes"),
        ("5678", PropertyType.NUMBER, Decimal(5678)),
        ("many", PropertyType.NUMBER, "many"),
        ("f", PropertyType.BOOLEAN, False),
        ("one", PropertyType.LIST, ("one",)),
    ],
)
def test_custom_attributes(sent: object, type_: PropertyType, expected: Any) -> None:
    field = custom_field("Plan Tier", type_)

    found = field_values([field], Customer(custom={"Plan Tier": sent, "plan_tier": "another"}), [], MOMENT)

    assert found.get(field.codename) == expected


def test_a_custom_codename_finds_its_own_key() -> None:
    codename = custom_field("Plan Tier", PropertyType.TEXT).codename

    found = field_values([codename, "cm_custom_x"], Customer(custom={"plan_tier": 1, "Plan Tier": 2}), [], MOMENT)

    assert found == {codename: 2}


def test_unknown_codenames_and_times_without_a_zone_are_mistakes() -> None:
    with pytest.raises(KeyError):
        value("cm_nonsense")
    with pytest.raises(ValueError, match="zone"):
        value("cm_tenure_days", customer_since=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="zone"):
        Moment(datetime(2026, 1, 1), BERLIN, 0)  # noqa: DTZ001


TYPES = ("new_biz", "expansion", "contraction", "churn", "reactivation")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "America/Sao_Paulo")


@st.composite
def histories(draw: st.DrawFn) -> tuple[Customer, list[Movement], Moment]:
    """Years in which days change length; moments near midnight and near the edges of the windows included."""
    zone = ZoneInfo(draw(st.sampled_from((*ZONES, "America/St_Johns"))))
    year = 2009 if zone.key == "America/St_Johns" else draw(st.sampled_from((2011, 2024)))
    now = datetime(year, draw(st.sampled_from((1, 3, 11))), draw(st.integers(1, 28)), tzinfo=UTC)
    now += timedelta(minutes=draw(st.integers(0, 1439)))
    edges = [edge + near for edge in (0, 30, 90, 180, 365) for near in (-1, 0, 1)]
    midnight = datetime.combine(now.astimezone(zone).date(), datetime.min.time(), zone)
    near_midnight = st.builds(
        lambda days, seconds: (midnight - timedelta(days=days)).astimezone(UTC) + timedelta(seconds=seconds),
        st.sampled_from(edges), st.integers(-1, 1),
    )  # fmt: skip
    anywhere = st.integers(-60 * 1440, 500 * 1440).map(lambda minutes: now - timedelta(minutes=minutes))
    at = st.one_of(near_midnight, anywhere, st.just(now))
    amount = st.one_of(st.integers(-300, 300), st.integers(-(10**12), 10**12))
    movement = st.builds(Movement, at, st.sampled_from(TYPES), amount, st.integers(0, 3))
    customer = st.builds(
        Customer,
        status=st.sampled_from(("Active", "Past Due", "Cancelled", "New Lead", None)),
        mrr_minor=amount,
        customer_since=st.none() | at,
        free_trial_started_at=st.none() | at,
        past_due_since=st.none() | at,
    )
    total = draw(st.integers(0, 10**13))
    return draw(customer), draw(st.lists(movement, max_size=8)), Moment(now, zone, total)


@settings(PATIENT, max_examples=200)
@given(histories(), st.randoms(use_true_random=False))
def test_every_field_agrees_with_the_reference(
    history: tuple[Customer, list[Movement], Moment], order: random.Random
) -> None:
    customer, movements, moment = history
    expected = Reference(customer, movements, moment.now, moment.zone, moment.total_mrr_minor).values()
    order.shuffle(movements)

    found = field_values(list(FIELDS), customer, movements, moment)

    assert found == expected
    assert [type(found[name]) for name in found] == [type(expected[name]) for name in found]


N, M, P, T, B, D, L = PropertyType
DAY = date(2026, 11, 14)
CONVERSIONS: list[tuple[PropertyType, Value, dict[PropertyType, Any]]] = [
    (N, Decimal("12.345"), {M: 12_35, P: Decimal("12.35"), T: "12.345", L: ("12.345",)}),
    (N, 1, {M: 1_00, P: Decimal("1.00"), T: "1", B: True, L: ("1",)}),
    (N, Decimal("1E+2"), {M: 100_00, P: Decimal(100), T: "100", L: ("100",)}),
    (M, -12_34, {N: Decimal("-12.34"), T: "-12.34", L: ("-12.34",)}),
    (P, Decimal("-12.00"), {N: Decimal(-12), T: "-12.00", L: ("-12.00",)}),
    (T, "12.5", {N: Decimal("12.5"), M: 12_50, P: Decimal("12.50"), L: ("12.5",)}),
    (T, " -1e2 ", {N: Decimal(-100), M: -100_00, P: Decimal(-100), L: (" -1e2 ",)}),
    (T, "0", {N: Decimal(0), M: 0, P: Decimal(0), B: False, L: ("0",)}),
    (T, "12.5 %", {P: Decimal("12.50"), L: ("12.5 %",)}),
    (T, "Yes", {B: True, L: ("Yes",)}),
    (T, "f", {B: False, L: ("f",)}),
    (T, "2026-11-14", {D: DAY, L: ("2026-11-14",)}),
    (T, "2026-11-13T23:30:00Z", {D: DAY, L: ("2026-11-13T23:30:00Z",)}),
    (T, "2026-11-14T00:00:00.000Z", {D: DAY, L: ("2026-11-14T00:00:00.000Z",)}),
    (B, True, {N: 1, T: "Yes", L: ("Yes",)}),
    (B, False, {N: 0, T: "No", L: ("No",)}),
    (D, DAY, {T: "2026-11-14", L: ("2026-11-14",)}),
    (L, ("a", "b"), {T: "a; b"}),
    *((T, text, {L: (text,)}) for text in ("abc", "1,5", "1.234,5", "١٢", "1e999", "9e15", "nan", "1_0", "")),
    *((T, text, {L: (text,)}) for text in ("2026-02-30", "14.11.2026", "2026-11-14T25:00:00Z")),
]  # fmt: skip


@pytest.mark.parametrize(("from_type", "given_value", "readable"), CONVERSIONS)
def test_every_type_is_read_as_every_other_or_refused(
    from_type: PropertyType, given_value: Value, readable: dict[PropertyType, Value]
) -> None:
    for to_type in PropertyType:
        if to_type is from_type:
            assert convert(given_value, from_type, to_type) == given_value
        elif to_type in readable:
            assert convert(given_value, from_type, to_type, BERLIN) == readable[to_type]
        else:
            with pytest.raises(CannotRead):
                convert(given_value, from_type, to_type, BERLIN)


def test_midnight_utc_names_its_day_in_every_zone() -> None:
    new_york = ZoneInfo("America/New_York")

    assert convert("2026-11-14T00:00:00.000Z", T, D, new_york) == DAY
    assert convert("2026-11-14T00:00:01.000Z", T, D, new_york) == DAY - timedelta(days=1)


def test_a_value_that_is_not_of_its_fields_type_is_read_as_what_it_is() -> None:
    assert convert("seven", N, T) == "seven"
    assert convert(True, N, T) == "Yes"
    with pytest.raises(CannotRead):
        convert("seven", N, N)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
LARGEST = 2**63 - 1
KEPT = {
    N: st.integers(-(10**14), 10**14) | st.decimals(-(10**14), 10**14, places=4),
    M: st.integers(-LARGEST, LARGEST),
    P: st.decimals(-(10**16), 10**16, places=2),
    T: TEXTS.filter(bool),
    B: st.booleans(),
    D: st.dates(),
    L: st.lists(TEXTS, min_size=1, max_size=5).map(tuple),
}


@PATIENT
@given(st.sampled_from(list(PropertyType)).flatmap(lambda type_: st.tuples(st.just(type_), KEPT[type_])))
def test_what_is_kept_comes_back(kept: tuple[PropertyType, Value]) -> None:
    type_, given_value = kept

    number, text = encode(type_, given_value)

    assert decode(type_, number, text) == given_value
    assert (number is None) != (text is None)
    assert number is None or -LARGEST <= number <= LARGEST
    assert text is None or len(text) <= 2_000


@pytest.mark.parametrize(
    ("type_", "given_value", "expected"),
    [
        (N, 5, (50_000, None)),
        (N, Decimal("0.00005"), (1, None)),
        (N, Decimal("-0.00005"), (-1, None)),
        (N, Decimal("0.00004999"), (0, None)),
        (N, Decimal("1E-999999"), (0, None)),
        (N, Decimal("0E+999999"), (0, None)),
        (M, 12_34, (12_34, None)),
        (M, LARGEST, (LARGEST, None)),
        (M, -LARGEST, (-LARGEST, None)),
        (P, Decimal("-12.005"), (-12_01, None)),
        (B, True, (1, None)),
        (D, date(1969, 12, 31), (-1, None)),
        (T, "é" * 2_001, (None, "é" * 2_000)),
        (L, ("é", 'a"b'), (None, '["é","a\\"b"]')),
        *((type_, None, (None, None)) for type_ in PropertyType),
        (T, "", (None, None)),
        (L, (), (None, None)),
    ],
)
def test_columns(type_: PropertyType, given_value: Value | None, expected: tuple[Any, Any]) -> None:
    assert encode(type_, given_value) == expected


@pytest.mark.parametrize(
    ("type_", "given_value"),
    [
        (N, LARGEST // 10_000 + 1),
        (N, Decimal("1E+999999")),
        (N, Decimal("NaN")),
        (M, LARGEST + 1),
        (M, Decimal("1.5")),
        (P, Decimal(10) ** 17),
        (N, True),
        (B, 1),
        (T, 5),
        (D, "2026-11-14"),
        (L, "a"),
    ],
)
def test_what_cannot_be_kept_is_refused(type_: PropertyType, given_value: Value) -> None:
    with pytest.raises(CannotRead):
        encode(type_, given_value)


def test_a_list_that_fits_exactly_is_kept_whole() -> None:
    fits, too_long = ("a" * 990, "b" * 1_003), ("a" * 990, "b" * 1_004)

    assert len(encode(L, fits)[1] or "") == 2_000
    assert decode(L, *encode(L, fits)) == fits
    assert decode(L, *encode(L, too_long)) == too_long[:1]


@PATIENT
@given(st.lists(st.text(st.sampled_from('a"\n😀'), max_size=3_000), min_size=1, max_size=20).map(tuple))
def test_a_long_list_keeps_what_has_room(items: tuple[str, ...]) -> None:
    _, text = encode(L, items)

    assert text is not None
    assert len(text) <= 2_000
    kept = decode(L, None, text)
    assert isinstance(kept, tuple)
    assert kept == items[: len(kept)] or (len(kept) == 1 and items[0].startswith(kept[0]) and len(kept[0]) > 250)


@pytest.mark.parametrize(
    ("type_", "given_value", "shown", "in_csv"),
    [
        (M, 2_490_00, "2,490.00\u00a0EUR", "2490.00"),
        (M, -5, "-0.05\u00a0EUR", "-0.05"),
        (M, LARGEST, "92,233,720,368,547,758.07\u00a0EUR", "92233720368547758.07"),
        (P, Decimal("-12"), "-12.00\u00a0%", "-12.00"),
        (P, Decimal("1234.5"), "1,234.50\u00a0%", "1234.50"),
        (N, 12345, "12,345", "12345"),
        (N, Decimal("1234.5000"), "1,234.5", "1234.5"),
        (N, Decimal("1E+3"), "1,000", "1000"),
        (N, Decimal("-0.0"), "0", "0"),
        (T, "=1+1", "=1+1", "=1+1"),
        (B, False, "No", "false"),
        (B, True, "Yes", "true"),
        (D, date(2026, 11, 4), "4 Nov 2026", "2026-11-04"),
        (L, ("a", "b; c"), "a, b; c", "a; b; c"),
        (M, None, "", ""),
    ],
)
def test_values_for_people_and_for_csv(type_: PropertyType, given_value: Value | None, shown: str, in_csv: str) -> None:
    assert format_value(type_, given_value, "EUR") == shown
    assert csv_value(type_, given_value) == in_csv


def test_money_without_a_currency_is_only_an_amount() -> None:
    assert format_value(M, 2_490_00) == "2,490.00"
