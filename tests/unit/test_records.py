"""What ChartMogul's answers mean: recorded ones, odd ones, and ones that must be refused."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from webapp.chartmogul import records
from webapp.chartmogul.records import (
    CustomerRecord,
    Doubt,
    MovementRecord,
    MovementType,
    PageBroken,
    RecordRefused,
    RecordWarning,
    Refusal,
    content_hash,
    is_lead,
    looks_like_timestamp,
    movement_key,
    parse_account,
    parse_customer,
    parse_movement,
    parse_page,
    parse_total_mrr,
    read_time,
)

# The same examples in every run, however busy the machine is.
PATIENT = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

SAMPLES = Path(__file__).parents[1] / "samples"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def recorded_customers() -> list[Any]:
    pages = [sample(path.stem)["entries"] for path in sorted(SAMPLES.glob("customers_*.json"))]
    singles = [sample(path.stem) for path in sorted(SAMPLES.glob("customer_*.json"))]
    return [entry for page in pages for entry in page] + [one for one in singles if "chartmogul-url" in one]


CUSTOMER = sample("customers_page1")["entries"][0]
MOVEMENT = sample("activities_page1")["entries"][0]


def customer(**changes: Any) -> CustomerRecord:
    return parse_customer({**CUSTOMER, **{key.replace("__", "-"): value for key, value in changes.items()}})


def movement(**changes: Any) -> MovementRecord:
    return parse_movement({**MOVEMENT, **{key.replace("__", "-"): value for key, value in changes.items()}})


@pytest.mark.parametrize("raw", recorded_customers(), ids=lambda raw: f"{raw['status']} {raw['uuid']}")
def test_recorded_customers_are_read_without_a_warning(raw: Any) -> None:
    record = parse_customer(raw)

    assert record.warnings == ()
    assert (record.uuid, record.status, record.mrr_minor) == (raw["uuid"], raw["status"], raw["mrr"])
    assert "" not in [getattr(record, field.name) for field in fields(record)]


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


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_empty_is_empty(empty: object) -> None:
    record = customer(name=empty, city=empty, website_url=empty, customer__since=empty if empty != "  " else "")

    assert (record.name, record.city, record.website_url, record.customer_since) == (None, None, None, None)
    assert record.warnings == ()


def test_missing_keys_and_unknown_keys_do_no_harm() -> None:
    record = parse_customer({"uuid": "cus_1", "mrr": 0, "arr": 0, "new-thing": {"deep": [1]}})

    assert (record.tags, record.custom, record.external_ids, record.warnings) == ((), {}, (), ())
    assert record.status is None


def test_characters_that_cannot_be_stored_are_removed() -> None:
    attributes = {"tags": ["v\0ip"], "custom": {"k\0": "\udfff"}}
    record = customer(name="A\0cme \ud800 😀", attributes=attributes)

    assert (record.name, record.tags, record.custom) == ("Acme \ufffd 😀", ("vip",), {"k": "\ufffd"})
    assert {warning.reason for warning in record.warnings} == {Doubt.BAD_CHARACTERS}
    assert [warning.field for warning in record.warnings] == ["name", "tags", "custom key", "custom"]


def test_long_texts_are_cut() -> None:
    record = customer(name="n" * 256, status="s" * 41, city="c" * 255)
    cut = movement(description="d" * 501)

    assert (record.name, record.status, record.city) == ("n" * 255, "s" * 40, "c" * 255)
    assert record.warnings == (RecordWarning("name", Doubt.TOO_LONG), RecordWarning("status", Doubt.TOO_LONG))
    short = customer(country="c" * 101, billing__system__type="b" * 100, currency="E" * 11)
    assert (short.country, short.billing_system, short.currency) == ("c" * 100, "b" * 100, "E" * 10)
    assert (cut.description, cut.warnings) == ("d" * 500, (RecordWarning("description", Doubt.TOO_LONG),))


@pytest.mark.parametrize(
    ("changes", "read"),
    [
        ({"website_url": "https://" + "x" * 992}, lambda record: len(record.website_url or "") == 1_000),
        ({"attributes": {"tags": [str(n) for n in range(500)]}}, lambda record: len(record.tags) == 500),
        ({"attributes": {"custom": {"a": "x" * 65_535}}}, lambda record: len(record.custom["a"]) == 65_535),
        ({"mrr": 10**17, "arr": -(10**17)}, lambda record: record.mrr_minor == -record.arr_minor == 10**17),
        ({"customer__since": "1900-01-01T00:00:00Z"}, lambda record: record.customer_since.year == 1900),
        ({"customer__since": "2199-12-31T23:59:59Z"}, lambda record: record.customer_since.year == 2199),
    ],
)
def test_what_is_just_within_a_limit_is_kept(changes: dict[str, Any], read: Callable[[Any], bool]) -> None:
    record = customer(**changes)

    assert read(record)
    assert record.warnings == ()


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"website_url": "https://" + "x" * 993}, ("website_url", Doubt.TOO_BIG)),
        ({"attributes": {"tags": [str(n) for n in range(501)]}}, ("tags", Doubt.TOO_LONG)),
        ({"attributes": {"custom": {"a": "x" * 65_536}}}, ("custom", Doubt.TOO_BIG)),
        ({"attributes": {"custom": {"a": [1.5] * 7_282}}}, ("custom", Doubt.TOO_BIG)),
    ],
)
def test_what_is_just_beyond_a_limit_is_not(changes: dict[str, Any], warning: tuple[str, Doubt]) -> None:
    record = customer(**changes)

    assert record.warnings == (RecordWarning(*warning),)
    assert len(record.tags) <= 500


def test_tags_are_texts_each_once_in_order() -> None:
    record = customer(attributes={"tags": ["b", "a", "b", "", None, 5, ["c"]]})

    assert record.tags == ("b", "a")
    assert record.warnings == (RecordWarning("tags", Doubt.WRONG_TYPE),)


def test_custom_attributes_keep_their_keys_and_types() -> None:
    sent = {
        "utmCampaign": "social media 1",
        "CAC": 213,
        "Score": 0.5,
        "f": False,
        "0": 0,
        "l": ["a", 1, None, True],
    }
    record = customer(attributes={"custom": {**sent, "empty": "", "none": None, "no": []}})

    assert record.custom == {**sent, "l": ["a", 1, True]}
    assert [type(record.custom[key]) for key in sent] == [str, int, float, bool, int, list]
    assert record.warnings == ()


@pytest.mark.parametrize(
    ("status", "lead"),
    [("New Lead", True), ("Unqualified Lead", True), ("Lead", True), ("Past Due", False), (None, False)],
)
def test_leads(status: str | None, lead: bool) -> None:
    assert is_lead(status) is lead


OTHER: dict[type, Any] = {
    str: "other",
    int: 7,
    datetime: datetime(2030, 1, 1, tzinfo=UTC),
    tuple: ("other",),
    dict: {"Toggle": 1},
    type(None): "other",
}


@pytest.mark.parametrize("name", [field.name for field in fields(CustomerRecord) if field.name != "warnings"])
def test_the_hash_changes_with_every_field(name: str) -> None:
    record = customer()

    assert content_hash(replace(record, **{name: OTHER[type(getattr(record, name))]})) != content_hash(record)


def test_the_hash_is_the_same_everywhere_and_knows_no_order_of_keys() -> None:
    one, other = ({"custom": {"a": 1, "b": [1.5]}}, {"custom": {"b": [1.5], "a": 1}})

    assert content_hash(customer(attributes=one)) == content_hash(customer(attributes=other))
    assert content_hash(customer()).hex() == "426488daac1b543e7b0dcbfc8604bf7e"
    warned = replace(customer(), warnings=(RecordWarning("name", Doubt.TOO_LONG),))
    assert content_hash(warned) == content_hash(customer())


@pytest.mark.parametrize(
    "name",
    [field.name for field in fields(MovementRecord) if field.name not in ("activity_uuid", "warnings")],
)
def test_the_key_changes_with_every_field(name: str) -> None:
    record = movement()
    other: Any = MovementType.CHURN if name == "type" else OTHER[type(getattr(record, name))]

    assert movement_key(replace(record, **{name: other}), 0) != movement_key(record, 0)


def test_the_key_outlives_the_activity_and_tells_equal_ones_apart() -> None:
    assert movement_key(movement(uuid="another"), 0) == movement_key(movement(), 0)
    assert movement_key(movement(), 1) != movement_key(movement(), 0)
    assert movement_key(movement(), 0).hex() == "64dc08dacde7cb86905dea8ec60aae76"
    assert len(movement_key(movement(), 0)) == len(content_hash(customer())) == 16


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text("\0\ud800é x", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return texts([*value, *value.values()])
    if isinstance(value, list | tuple):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


@PATIENT
@given(st.dictionaries(st.sampled_from(sorted(CUSTOMER)), JSON), JSON, JSON)
def test_whatever_is_sent_a_customer_can_be_stored_or_is_refused(
    changes: dict[str, Any], tags: Any, custom: Any
) -> None:
    try:
        record = parse_customer({**CUSTOMER, "attributes": {"tags": tags, "custom": custom}, **changes})
    except RecordRefused:
        return
    stored = "".join(texts([getattr(record, field.name) for field in fields(record)]))
    assert "\0" not in stored
    assert stored.encode()
    assert len(content_hash(record)) == 16


@PATIENT
@given(st.dictionaries(st.sampled_from(sorted(MOVEMENT)), JSON))
def test_whatever_is_sent_a_movement_can_be_stored_or_is_refused(changes: dict[str, Any]) -> None:
    try:
        record = parse_movement({**MOVEMENT, **changes})
    except RecordRefused:
        return
    assert len(movement_key(record, 0)) == 16


def test_pages() -> None:
    first, second, empty = sample("customers_page1"), sample("customers_page2"), sample("customers_empty")

    assert parse_page(first) == records.Page(first["entries"], first["cursor"], True, 19)
    assert parse_page(second) == records.Page(second["entries"], second["cursor"], True)
    assert parse_page(empty) == records.Page([], None, False, 1)
    assert parse_page(sample("customers_search")).total_pages is None
    assert parse_page(sample("customers_search_2023_has_more")).has_more
    assert len(parse_page(sample("subscription_events"), "subscription_events").entries) > 0
    assert parse_page({"entries": [], "cursor": "next", "has_more": True}).cursor == "next"
    assert parse_page({"entries": [{}], "cursor": "", "has_more": True}).cursor is None
    assert parse_page({**empty, "cursor": "c" * 2_000, "total_pages": 0}).total_pages is None


@pytest.mark.parametrize(
    "changes",
    [
        {"entries": None},
        {"entries": {}},
        {"has_more": None},
        {"has_more": "false"},
        {"has_more": 0},
        {"cursor": 5},
        {"cursor": "a\nb"},
        {"cursor": "\ud800"},
        {"cursor": "c" * 2_001},
        {"entries": [], "cursor": None, "has_more": True},
        {"entries": [], "cursor": "", "has_more": True},
    ],
)
def test_a_page_that_leads_nowhere_is_broken(changes: dict[str, Any]) -> None:
    with pytest.raises(PageBroken):
        parse_page({**sample("customers_page1"), **changes})


def test_accounts() -> None:
    documented, recorded = parse_account(sample("account_documented")), parse_account(sample("account"))

    assert (documented.id, documented.name) == ("acc_93b06efd-30f0-2153-890f-709a64cf8292", "ChartMogul")
    assert (recorded.id, recorded.currency, recorded.time_zone) == (None, "EUR", "Europe/Berlin")
    assert (recorded.week_start_on, recorded.warnings) == ("sunday", ())


@pytest.mark.parametrize("zone", [None, "", 5, "Berlin", "America", "../../secret", "a\0b", "\ud800", "x" * 5_000])
def test_an_account_in_an_unknown_time_zone_is_read_in_utc(zone: object) -> None:
    account = parse_account({**sample("account"), "time_zone": zone})

    assert account.time_zone == "UTC"
    assert account.warnings == (RecordWarning("time_zone", Doubt.NOT_A_TIME_ZONE),)


@pytest.mark.parametrize("currency", [None, "", "eur", "EURO", 5])
def test_an_account_without_a_currency_is_refused(currency: object) -> None:
    with pytest.raises(RecordRefused, match="currency"):
        parse_account({**sample("account"), "currency": currency})


def test_the_newest_mrr_of_all() -> None:
    entries = sample("metrics_all")["entries"]

    assert parse_total_mrr(sample("metrics_all")) == entries[-1]["mrr"]
    assert parse_total_mrr({"entries": entries[::-1]}) == entries[-1]["mrr"]
    assert parse_total_mrr({"entries": [5, {"date": 5}, *entries]}) == entries[-1]["mrr"]
    for broken in ([], None, [{"date": "2026-01-01", "mrr": None}]):
        with pytest.raises(RecordRefused):
            parse_total_mrr({"entries": broken})
