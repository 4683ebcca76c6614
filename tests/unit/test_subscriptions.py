"""What ChartMogul says of a customer's subscriptions, what they come to, and how their pages are followed."""

from typing import Any

import pytest

from tests.recorded import sample
from webapp.chartmogul.client import BadKey, Missing, Refused
from webapp.chartmogul.records import (
    Doubt,
    RecordRefused,
    RecordWarning,
    Refusal,
    SubscriptionRecord,
    parse_subscription,
)
from webapp.chartmogul.subscribed import Subscribed
from worker import fetch

UUID = "cus_23740208-2c7e-11ee-9ea2-ffd2435982bb"
RECORDED = sample("customer_subscriptions")["entries"]


def record(**changes: Any) -> SubscriptionRecord:
    return parse_subscription(
        {**RECORDED[0], **{key.replace("__", "-"): value for key, value in changes.items()}}, UUID
    )


def test_subscription_is_read_in_full() -> None:
    assert record() == SubscriptionRecord(
        uuid="8d80f275-a494-4957-8968-6cb68acdcfab",
        active=True,
        plan="Professional Suite Annual(cbdemo_omnisupport-solutions)",
        quantity=1,
        mrr_minor=18100,
        interval_months=12,
    )


def test_recorded_subscriptions_are_read_without_a_warning() -> None:
    names = ("", "_inactive", "_2023_page1", "_2023_page2")
    entries = [entry for name in names for entry in sample(f"customer_subscriptions{name}")["entries"]]

    assert all(parse_subscription(entry, UUID).warnings == () for entry in entries)
    assert len(entries) == 6


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("not an object", Refusal.NOT_AN_OBJECT),
        (None, Refusal.NOT_AN_OBJECT),
        ({**RECORDED[0], "status": "paused"}, Refusal.UNKNOWN_STATUS),
        ({**RECORDED[0], "status": None}, Refusal.UNKNOWN_STATUS),
        ({**RECORDED[0], "status": ["active"]}, Refusal.UNKNOWN_STATUS),
        ({}, Refusal.UNKNOWN_STATUS),
    ],
)
def test_subscription_that_may_or_may_not_count_is_refused(raw: object, reason: Refusal) -> None:
    with pytest.raises(RecordRefused) as refused:
        parse_subscription(raw, UUID)

    assert (refused.value.reason, refused.value.uuid) == (reason, UUID)


def test_every_field_may_be_null_or_missing() -> None:
    nothing = SubscriptionRecord(None, True, None, None, None, None)

    assert parse_subscription(dict.fromkeys(RECORDED[0]) | {"status": "active"}, UUID) == nothing
    assert parse_subscription({"status": "active", "new-field": [1]}, UUID) == nothing


@pytest.mark.parametrize(
    ("changes", "field", "expected", "doubt"),
    [
        ({"quantity": "many"}, "quantity", None, Doubt.WRONG_TYPE),
        ({"quantity": True}, "quantity", None, Doubt.WRONG_TYPE),
        ({"quantity": -1}, "quantity", None, Doubt.WRONG_TYPE),
        ({"quantity": 2.5}, "quantity", None, Doubt.WRONG_TYPE),
        ({"quantity": float("nan")}, "quantity", None, Doubt.WRONG_TYPE),
        ({"quantity": 10**9 + 1}, "quantity", None, Doubt.TOO_BIG),
        ({"quantity": 12.0}, "quantity", 12, None),
        ({"quantity": 0}, "quantity", 0, None),
        ({"quantity": ""}, "quantity", None, None),
        ({"mrr": "181.00"}, "mrr_minor", None, Doubt.WRONG_TYPE),
        ({"mrr": 10**18}, "mrr_minor", None, Doubt.WRONG_TYPE),
        ({"mrr": 1.5}, "mrr_minor", 2, None),
        ({"plan": 7}, "plan", None, Doubt.WRONG_TYPE),
        ({"plan": "Nul\0"}, "plan", "Nul", Doubt.BAD_CHARACTERS),
        ({"plan": "x" * 300}, "plan", "x" * 255, Doubt.TOO_LONG),
        ({"uuid": 7}, "uuid", None, Doubt.WRONG_TYPE),
        ({"billing__cycle": 12}, "interval_months", None, Doubt.WRONG_TYPE),
        ({"billing__cycle__count": "two"}, "interval_months", None, Doubt.WRONG_TYPE),
        ({"billing__cycle__count": 10**6}, "interval_months", None, Doubt.TOO_BIG),
    ],
)
def test_odd_field_is_left_empty_and_told(changes: dict[str, Any], field: str, expected: Any, doubt: Doubt) -> None:
    found = record(**changes)

    assert getattr(found, field) == expected
    assert [warning.reason for warning in found.warnings] == ([doubt] if doubt else [])
    assert all(isinstance(warning, RecordWarning) and "subscription" in warning.sentence for warning in found.warnings)


@pytest.mark.parametrize(
    ("cycle", "count", "months"),
    [
        ("month", 1, 1),
        ("month", 3, 3),
        ("year", 1, 12),
        ("year", 2, 24),
        ("day", 30, None),
        ("week", 4, None),
        ("month", 0, None),
        ("month", None, None),
        (None, 1, None),
        ("", 1, None),
    ],
)
def test_interval_is_whole_months_or_empty(cycle: object, count: object, months: int | None) -> None:
    found = record(billing__cycle=cycle, billing__cycle__count=count)

    assert (found.interval_months, found.warnings) == (months, ())


def sub(
    plan: str | None, mrr: int | None, months: int | None, quantity: int | None = 1, active: bool = True, uuid: str = ""
) -> SubscriptionRecord:
    return SubscriptionRecord(uuid or None, active, plan, quantity, mrr, months)


@pytest.mark.parametrize(
    ("subscriptions", "expected"),
    [
        ([], Subscribed(None, None, None)),
        ([sub("Gold", 100, 12, active=False)], Subscribed(None, None, None)),
        ([sub(None, None, None, None)], Subscribed(None, None, None)),
        ([sub("Gold", 0, 1, 0)], Subscribed(("Gold",), 1, 0)),
        ([sub("Gold", 100, 12, 5), sub("Add-on", 20, 1, 2)], Subscribed(("Gold", "Add-on"), 12, 7)),
        ([sub("Add-on", 20, 1, 2), sub("Gold", 100, 12, None)], Subscribed(("Gold", "Add-on"), 12, 2)),
        ([sub("Gold", 60, 1), sub("A", 40, 12), sub("B", 40, 12)], Subscribed(("Gold", "A", "B"), 12, 3)),
        ([sub("A", 30, 1), sub("B", 40, 1), sub("A", 30, 1)], Subscribed(("A", "B"), 1, 3)),
        ([sub("Year", 50, 12), sub("Month", 50, 1)], Subscribed(("Month", "Year"), 1, 2)),
        ([sub("Days", 90, None), sub("Month", 50, 1)], Subscribed(("Days", "Month"), None, 2)),
        ([sub("Days", 50, None), sub("Month", 50, 1)], Subscribed(("Days", "Month"), 1, 2)),
        ([sub("A", 5, 1, 2, uuid="x"), sub("A", 5, 1, 2, uuid="x")], Subscribed(("A",), 1, 2)),
        ([sub("A", 5, 1, 2), sub("A", 5, 1, 2)], Subscribed(("A",), 1, 4)),
    ],
)  # fmt: skip
def test_what_active_subscriptions_come_to(subscriptions: list[SubscriptionRecord], expected: Subscribed) -> None:
    assert Subscribed.to(subscriptions) == expected


class Recorded(fetch.Reader):
    """A reader whose answers are given beforehand, by what each page is asked for by."""

    def __init__(self, answers: dict[str, Any]) -> None:
        super().__init__("", "", None)
        self.answers = answers

    def _once(self, path: str, params: dict[str, Any], urgent: bool) -> Any:
        assert (path, params["per_page"]) == (f"/customers/{UUID}/subscriptions", 200)
        answer = self.answers[str(params.get("cursor") or params.get("page") or "")]
        if isinstance(answer, Exception):
            raise answer
        return answer


def answer_of(answers: dict[str, Any]) -> Any:
    return fetch.subscriptions(Recorded(answers), UUID)


FIRST, SECOND = sample("customer_subscriptions_2023_page1"), sample("customer_subscriptions_2023_page2")
BOTH = FIRST["entries"] + SECOND["entries"]


def test_pages_are_followed_by_cursor_until_there_are_no_more() -> None:
    """The last page carries a cursor too: following that would never end."""
    assert answer_of({"": FIRST, FIRST["cursor"]: SECOND}) == BOTH


def test_pages_are_counted_where_there_is_no_cursor() -> None:
    counted = {name: value for name, value in FIRST.items() if name != "cursor"}

    assert answer_of({"": counted, "2": {**counted, "page": 2}, "3": {**SECOND, "cursor": None}}) == [
        *FIRST["entries"],
        *BOTH,
    ]


@pytest.mark.parametrize(
    "answers",
    [
        {"": FIRST, FIRST["cursor"]: FIRST},
        {"": FIRST, FIRST["cursor"]: {**FIRST, "cursor": "other"}, "other": FIRST},
        {"": {**FIRST, "cursor": None}, **{str(page): {**FIRST, "cursor": None} for page in range(2, 99)}},
        {"": {"entries": None, "has_more": False}},
        {"": {"entries": []}},
        {"": []},
    ],
)
def test_list_that_leads_nowhere_is_that_customers_broken_answer(answers: dict[str, Any]) -> None:
    assert isinstance(answer_of(answers), fetch.Broken)


@pytest.mark.parametrize("error", [Missing("404"), Refused("status 400")])
def test_customer_without_an_answer_is_handed_over_with_the_reason(error: Exception) -> None:
    assert answer_of({"": error}) is error


def test_refused_key_is_nobodys_answer() -> None:
    with pytest.raises(BadKey):
        answer_of({"": BadKey("401")})
