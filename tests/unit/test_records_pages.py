"""Pages of records, accounts, and the account's total."""

from typing import Any

import pytest

from tests.recorded import sample
from webapp.chartmogul import records
from webapp.chartmogul.records import (
    Doubt,
    PageBroken,
    RecordRefused,
    RecordWarning,
    parse_account,
    parse_page,
    parse_total_mrr,
)


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
