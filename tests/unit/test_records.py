"""What ChartMogul's records mean: recorded ones, odd ones, and ones that must be refused."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.recorded import CUSTOMER, MOVEMENT, customer, movement, recorded_customers, sample
from webapp.chartmogul.records import (
    CustomerRecord,
    Doubt,
    MovementRecord,
    MovementType,
    PageBroken,
    RecordRefused,
    RecordWarning,
    Refusal,
    looks_like_timestamp,
    parse_account,
    parse_customer,
    parse_movement,
    parse_page,
    parse_total_mrr,
    read_time,
)


@pytest.mark.parametrize("raw", recorded_customers(), ids=lambda raw: f"{raw['status']} {raw['uuid']}")
def test_recorded_customers_are_read_without_a_warning(raw: Any) -> None:
    record = parse_customer(raw)

    assert record.warnings == ()
    assert (record.uuid, record.status, record.mrr_minor) == (raw["uuid"], raw["status"], raw["mrr"])
    assert "" not in list(record)


def test_a_customer_is_read_in_full() -> None:
    assert customer(website_url="https://initrode.example", owner="sam@example.com") == CustomerRecord(
        uuid="cus_23740208-2c7e-11ee-9ea2-ffd2435982bb",
        external_id="cus_002",
        external_ids=("cus_002", "cus_009", "test_cus_ext_id"),
        name="John Smith",
        email="john@example.com",
        company="Initrode",
        status="Active",
        mrr_minor=8008,
        arr_minor=96096,
        currency="EUR",
        customer_since=datetime(2016, 1, 1, 12, tzinfo=UTC),
        free_trial_started_at=datetime(2015, 11, 7, 1, 20, tzinfo=UTC),
        lead_created_at=datetime(2015, 11, 1, tzinfo=UTC),
        country="US",
        city="Mountain View",
        billing_system="Google Sheets",
        chartmogul_url="https://app.chartmogul.com/#/customers/114167450-Initrode",
        website_url="https://initrode.example",
        owner="sam@example.com",
        tags=("auto-churned-delinquent-subscription", "merged-customer"),
        custom={"Toggle": True},
    )


def test_a_movement_is_read_in_full() -> None:
    assert movement() == MovementRecord(
        customer_uuid="cus_c10aa086-5298-11ee-82da-ebac6f7a03c3",
        at=datetime(2016, 1, 1, 12, tzinfo=UTC),
        type=MovementType.NEW_BIZ,
        movement_minor=4004,
        mrr_minor=4004,
        description="purchased the Test Plan1 plan",
        subscription_id="test_cus_sub_ext_id1",
        plan_id="adcdb9f0-34c6-013c-82df-0230272d2d1f",
        currency="EUR",
        activity_uuid="561814e1-d7d3-42f3-8936-4689ec0fbb74",
    )
    assert [parse_movement(raw).warnings for raw in sample("activities_page2")["entries"]] == [()]


def test_a_uuid_without_its_prefix_is_the_same_customer() -> None:
    bare = MOVEMENT["customer-uuid"].removeprefix("cus_")

    assert movement(customer__uuid=bare) == movement()


@pytest.mark.parametrize(
    ("sent", "minor"),
    [
        (0, 0),
        (-780, -780),
        (2**53 + 1, 2**53 + 1),
        (10908.61093020998, 10909),
        (0.5, 1),
        (-0.5, -1),
        (0.49999999999999994, 0),
        (Decimal("2.5"), 3),
    ],
)
def test_money(sent: object, minor: int) -> None:
    assert customer(mrr=sent).mrr_minor == minor
    assert movement(activity__mrr__movement=sent).movement_minor == minor


@pytest.mark.parametrize("sent", [None, "", "8008", True, [], {}, float("nan"), float("inf")])
@pytest.mark.parametrize("field", ["mrr", "arr"])
def test_what_is_not_money_refuses_the_customer_and_says_which(field: str, sent: object) -> None:
    with pytest.raises(RecordRefused) as refused:
        customer(**{field: sent})

    assert (refused.value.reason, refused.value.uuid) == (Refusal.NOT_MONEY, CUSTOMER["uuid"])
    assert refused.value.sentence == "An amount is not a number."


@pytest.mark.parametrize("sent", [10**17 + 1, -(10**17) - 1, 1e300, 10**400])
def test_money_beyond_reason_is_refused(sent: object) -> None:
    with pytest.raises(RecordRefused, match="too large"):
        customer(mrr=sent)


@pytest.mark.parametrize("sent", [None, "", 5, "cus_", "../account", "cus_a/b", "cus_a b", "cus_\0", "x" * 61])
def test_a_record_without_a_usable_uuid_is_refused(sent: object) -> None:
    with pytest.raises(RecordRefused) as of_customer:
        customer(uuid=sent)
    with pytest.raises(RecordRefused) as of_movement:
        movement(customer__uuid=sent)

    assert (of_customer.value.reason, of_movement.value.reason) == (Refusal.NO_UUID, Refusal.NO_UUID)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"date": None}, Refusal.NO_DATE),
        ({"date": "yesterday"}, Refusal.NO_DATE),
        ({"date": 1451649600}, Refusal.NO_DATE),
        ({"date": "0001-01-01T00:00:00Z"}, Refusal.NO_DATE),
        ({"type": "upgrade"}, Refusal.UNKNOWN_TYPE),
        ({"type": ["churn"]}, Refusal.UNKNOWN_TYPE),
        ({"activity__mrr": None}, Refusal.NOT_MONEY),
    ],
)
def test_an_unusable_movement_is_refused_with_its_customer(changes: dict[str, Any], reason: Refusal) -> None:
    with pytest.raises(RecordRefused) as refused:
        movement(**changes)

    assert (refused.value.reason, refused.value.uuid) == (reason, MOVEMENT["customer-uuid"])


@pytest.mark.parametrize("raw", [None, [], "text", 5, True])
def test_what_is_not_an_object_is_refused(raw: object) -> None:
    for parse in (parse_customer, parse_movement, parse_account, parse_total_mrr):
        with pytest.raises(RecordRefused):
            parse(raw)
    with pytest.raises(PageBroken):
        parse_page(raw)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2016-01-01T12:00:00+00:00", datetime(2016, 1, 1, 12, tzinfo=UTC)),
        ("2015-11-01T00:00:00.250Z", datetime(2015, 11, 1, 0, 0, 0, 250_000, tzinfo=UTC)),
        ("2022-05-18T09:48:34Z", datetime(2022, 5, 18, 9, 48, 34, tzinfo=UTC)),
        ("2024-03-30", datetime(2024, 3, 30, tzinfo=UTC)),
        ("2020-12-31 00:00:00 +0000", datetime(2020, 12, 31, tzinfo=UTC)),
        ("2020-12-31 00:00:00 -0400", datetime(2020, 12, 31, 4, tzinfo=UTC)),
        ("2023-09-08 00:00:00", datetime(2023, 9, 8, tzinfo=UTC)),
        ("2016-01-01T12:00:00-04:00", datetime(2016, 1, 1, 16, tzinfo=UTC)),
        ("2016-01-01T12:00:00.123456789Z", datetime(2016, 1, 1, 12, 0, 0, 123_456, tzinfo=UTC)),
    ],
)
def test_every_date_spelling_is_read_as_utc(text: str, expected: datetime) -> None:
    assert read_time(text) == expected
    assert read_time(text).utcoffset() == expected.utcoffset()
    assert looks_like_timestamp(text) == (text != "2024-03-30")


@pytest.mark.parametrize(
    "text",
    ["", "soon", "20160101", "2016-W01-1", "2016-02-30", "1899-12-31", "2200-01-01", "2016-01-01T25:00Z"],
)
def test_other_texts_are_no_dates(text: str) -> None:
    with pytest.raises(ValueError):
        read_time(text)
    assert not looks_like_timestamp(text)


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"name": 5}, ("name", Doubt.WRONG_TYPE)),
        ({"company": ["Initrode"]}, ("company", Doubt.WRONG_TYPE)),
        ({"customer__since": "soon"}, ("customer-since", Doubt.NOT_A_DATE)),
        ({"lead_created_at": 1446336000}, ("lead_created_at", Doubt.WRONG_TYPE)),
        ({"website_url": "javascript:alert(1)"}, ("website_url", Doubt.NOT_AN_ADDRESS)),
        ({"chartmogul__url": "https://" + "x" * 1_000}, ("chartmogul-url", Doubt.TOO_BIG)),
        ({"attributes": []}, ("attributes", Doubt.WRONG_TYPE)),
        ({"attributes": {"tags": "vip"}}, ("tags", Doubt.WRONG_TYPE)),
        ({"attributes": {"custom": [1]}}, ("custom", Doubt.WRONG_TYPE)),
        ({"attributes": {"custom": {"a": {"b": 1}}}}, ("custom", Doubt.WRONG_TYPE)),
        ({"attributes": {"custom": {"a": "x" * 40_000, "b": ["y" * 30_000]}}}, ("custom", Doubt.TOO_BIG)),
    ],
)
def test_an_odd_field_is_left_empty_with_a_warning(changes: dict[str, Any], warning: tuple[str, Doubt]) -> None:
    record = customer(**changes)

    assert record.warnings == (RecordWarning(*warning),)
    name = {"chartmogul-url": "chartmogul_url", "customer-since": "customer_since"}.get(warning[0], warning[0])
    assert name == "attributes" or not getattr(record, name)
    assert "x" not in record.warnings[0].sentence.replace("unexpected", "")
