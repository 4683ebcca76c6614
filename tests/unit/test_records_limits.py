"""Records at their limits: empty, long, hashed, whatever is sent."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.histories import PATIENT
from tests.recorded import CUSTOMER, MOVEMENT, customer, movement
from webapp.chartmogul.records import (
    CustomerRecord,
    Doubt,
    MovementRecord,
    MovementType,
    RecordRefused,
    RecordWarning,
    content_hash,
    is_lead,
    movement_id,
    parse_customer,
    parse_movement,
)

PROVIDER = UUID(int=1)


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


@pytest.mark.parametrize("name", [name for name in CustomerRecord._fields if name != "warnings"])
def test_the_hash_changes_with_every_field(name: str) -> None:
    record = customer()

    assert content_hash(record._replace(**{name: OTHER[type(getattr(record, name))]})) != content_hash(record)


def test_the_hash_is_the_same_everywhere_and_knows_no_order_of_keys() -> None:
    one, other = ({"custom": {"a": 1, "b": [1.5]}}, {"custom": {"b": [1.5], "a": 1}})

    assert content_hash(customer(attributes=one)) == content_hash(customer(attributes=other))
    assert content_hash(customer()).hex() == "426488daac1b543e7b0dcbfc8604bf7e"
    warned = customer()._replace(warnings=(RecordWarning("name", Doubt.TOO_LONG),))
    assert content_hash(warned) == content_hash(customer())


@pytest.mark.parametrize(
    "name",
    [name for name in MovementRecord._fields if name not in ("activity_uuid", "warnings")],
)
def test_the_id_changes_with_every_field(name: str) -> None:
    record = movement()
    other: Any = MovementType.CHURN if name == "type" else OTHER[type(getattr(record, name))]

    assert movement_id(PROVIDER, record._replace(**{name: other}), 0) != movement_id(PROVIDER, record, 0)


def test_the_id_outlives_the_activity_and_tells_equal_ones_apart() -> None:
    id_ = movement_id(PROVIDER, movement(), 0)

    assert movement_id(PROVIDER, movement(uuid="another"), 0) == id_
    assert movement_id(PROVIDER, movement(), 1) != id_
    assert movement_id(UUID(int=2), movement(), 0) != id_
    assert id_.hex() == "035ba6be5a000c04d18f6d1017ff1a90"
    assert len(id_) == len(content_hash(customer())) == 16


def test_ids_of_movements_are_in_the_order_of_their_times() -> None:
    times = ["1900-01-01", "1969-12-31T23:59:59Z", "1970-01-01", "2024-02-29 10:00:00 +0100", "2199-12-31"]
    ids = [movement_id(PROVIDER, movement(date=time), 0) for time in times]

    assert ids == sorted(ids)


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
    stored = "".join(texts(list(record)))
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
    assert len(movement_id(PROVIDER, record, 0)) == 16
