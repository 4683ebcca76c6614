"""Cursors, counters, filters and ends of the simulator's lists."""

from base64 import b64decode
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import requests

from simulator import Account, Simulator

TODAY = date(2026, 3, 10)


@pytest.fixture(scope="module")
def _sim() -> Iterator[Simulator]:
    with Simulator(Account(size=450, seed=7, today=TODAY), rate_limit=0) as simulator:
        yield simulator


@pytest.fixture
def sim(_sim: Simulator) -> Simulator:
    _sim.reset()
    return _sim


@pytest.fixture
def session(sim: Simulator) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.auth = (sim.key, "")
        yield session


def pages(session: requests.Session, url: str, **query: Any) -> Iterator[dict[str, Any]]:
    """By cursor, until has_more says no."""
    while True:
        answer = session.get(url, params=query, timeout=30)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        yield page
        if not page["has_more"]:
            return
        query["cursor"] = page["cursor"]


def rows(session: requests.Session, url: str, **query: Any) -> list[dict[str, Any]]:
    return [row for page in pages(session, url, **query) for row in page["entries"]]


@pytest.mark.parametrize("per_page", [1, 7, 150, 200, 1000])
def test_cursor_gives_every_customer_once_in_order(sim: Simulator, session: requests.Session, per_page: int) -> None:
    assert rows(session, f"{sim.url}/customers", per_page=per_page) == sim.account.customers()


def test_a_page_never_has_more_than_200_rows(sim: Simulator, session: requests.Session) -> None:
    assert [len(page["entries"]) for page in pages(session, f"{sim.url}/customers")] == [200, 200, 50]
    assert len(next(pages(session, f"{sim.url}/customers", per_page=500))["entries"]) == 200


def test_last_page_still_has_a_cursor(sim: Simulator, session: requests.Session) -> None:
    last = list(pages(session, f"{sim.url}/customers"))[-1]
    beyond = session.get(f"{sim.url}/customers", params={"cursor": last["cursor"]}, timeout=30).json()

    assert last["has_more"] is False
    assert last["cursor"]
    assert beyond == {"entries": [], "has_more": False, "cursor": None}


def test_counters_count_pages(sim: Simulator, session: requests.Session) -> None:
    first = next(pages(session, f"{sim.url}/customers", per_page=100))

    assert (first["current_page"], first["page"], first["total_pages"], first["per_page"]) == (1, 1, 5, 100)


def test_customer_cursor_names_since_and_id(sim: Simulator, session: requests.Session) -> None:
    page = next(pages(session, f"{sim.url}/customers", per_page=3))
    last = page["entries"][-1]

    since = last["customer-since"].removesuffix("+00:00")
    assert b64decode(page["cursor"]).decode() == f"{since}.000000000Z&{last['id']}"


def test_cursor_of_a_lead_has_no_date(sim: Simulator, session: requests.Session) -> None:
    lead = sim.account.customers()[-1]
    last = list(pages(session, f"{sim.url}/customers"))[-1]

    assert lead["customer-since"] is None
    assert b64decode(last["cursor"]).decode() == f"&{lead['id']}"


def test_cursor_survives_the_deletion_of_its_row(sim: Simulator, session: requests.Session) -> None:
    before = sim.account.customers()
    first = next(pages(session, f"{sim.url}/customers"))
    sim.account.delete(first["entries"][-1]["uuid"])

    rest = rows(session, f"{sim.url}/customers", cursor=first["cursor"])

    assert first["entries"] + rest == before


@pytest.mark.parametrize("cursor", ["nonsense", "bm9uc2Vuc2U=", "ZWluZXMmendlaQ==", "é"])
def test_bad_cursor_is_a_400(sim: Simulator, session: requests.Session, cursor: str) -> None:
    for path in ("/customers", "/activities", "/plans"):
        answer = session.get(sim.url + path, params={"cursor": cursor}, timeout=30)

        assert answer.status_code == 400
        assert answer.json()["code"] == 400


@pytest.mark.parametrize("per_page", ["0", "-1", "many"])
def test_bad_per_page_is_a_400(sim: Simulator, session: requests.Session, per_page: str) -> None:
    assert session.get(f"{sim.url}/customers", params={"per_page": per_page}, timeout=30).status_code == 400


@pytest.mark.parametrize(("size", "expected"), [(0, []), (1, [1]), (7, [7]), (200, [200]), (201, [200, 1])])
def test_small_accounts(size: int, expected: list[int]) -> None:
    with Simulator(Account(size=size, today=TODAY)) as sim, requests.Session() as session:
        session.auth = (sim.key, "")
        lengths = [len(page["entries"]) for page in pages(session, f"{sim.url}/customers")]

    assert lengths == (expected or [0])


@pytest.mark.parametrize(
    ("status", "shown"), [("Active", "Active"), ("Past_Due", "Past Due"), ("New_Lead", "New Lead")]
)
def test_status_filter_has_underscores(sim: Simulator, session: requests.Session, status: str, shown: str) -> None:
    found = rows(session, f"{sim.url}/customers", status=status, per_page=40)

    assert found == [each for each in sim.account.customers() if each["status"] == shown]
    assert found


def test_status_filter_with_a_blank_finds_nothing(sim: Simulator, session: requests.Session) -> None:
    assert rows(session, f"{sim.url}/customers", status="Past Due") == []


def test_customers_of_a_source_and_a_system(sim: Simulator, session: requests.Session) -> None:
    sources = session.get(f"{sim.url}/data_sources", params={"system": "Recurly"}, timeout=30).json()
    uuid = sources["data_sources"][0]["uuid"]
    expected = [each for each in sim.account.customers() if uuid in each["data_source_uuids"]]

    assert rows(session, f"{sim.url}/customers", data_source_uuid=uuid) == expected
    assert rows(session, f"{sim.url}/customers", system="Recurly") == expected
    assert rows(session, f"{sim.url}/customers", system="recurly") == []


def test_external_id_finds_merged_customers(sim: Simulator, session: requests.Session) -> None:
    merged = next(each for each in sim.account.customers() if len(each["external_ids"]) > 1)

    assert merged in rows(session, f"{sim.url}/customers", external_id=merged["external_ids"][-1])


# Movements


def test_start_after_gives_every_movement_once_in_order(sim: Simulator, session: requests.Session) -> None:
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"per-page": 90}
    while True:
        page = session.get(f"{sim.url}/activities", params=query, timeout=30).json()
        found += page["entries"]
        if not page["has_more"]:
            break
        query["start-after"] = found[-1]["uuid"]

    assert found == sim.account.activities()
    assert [each["date"] for each in found] == sorted(each["date"] for each in found)


def test_cursor_loses_one_movement_at_each_page_boundary(sim: Simulator, session: requests.Session) -> None:
    everything = sim.account.activities()

    found = rows(session, f"{sim.url}/activities", per_page=100)

    assert found == [each for index, each in enumerate(everything) if index % 101 != 100]


def test_cursor_is_the_first_movement_not_in_the_page(sim: Simulator, session: requests.Session) -> None:
    page = next(pages(session, f"{sim.url}/activities", per_page=5))

    assert page["cursor"] == sim.account.activities()[5]["uuid"]


def test_cursor_loses_nothing_when_told_not_to(sim: Simulator, session: requests.Session) -> None:
    sim.account.cursor_skips = False

    assert rows(session, f"{sim.url}/activities", per_page=100) == sim.account.activities()


def test_movements_newest_first(sim: Simulator, session: requests.Session) -> None:
    sim.account.cursor_skips = False

    found = rows(session, f"{sim.url}/activities", order="-date", per_page=100)

    assert found == sim.account.activities()[::-1]


def test_movements_of_a_span_and_a_type(sim: Simulator, session: requests.Session) -> None:
    sim.account.cursor_skips = False
    query = {"start-date": "2025-06-01", "end-date": "2025-12-31", "type": "churn"}
    expected = [
        each
        for each in sim.account.activities()
        if each["type"] == "churn" and "2025-06-01" <= each["date"][:10] <= "2025-12-31"
    ]

    assert rows(session, f"{sim.url}/activities", per_page=3, **query) == expected
    assert expected


def test_movements_from_a_moment_on(sim: Simulator, session: requests.Session) -> None:
    moment = sim.account.activities()[300]["date"]
    expected = [each for each in sim.account.activities() if each["date"] >= moment]
    sim.account.cursor_skips = False

    assert rows(session, f"{sim.url}/activities", **{"start-date": moment}) == expected


@pytest.mark.parametrize(
    "query", ["end-date=2025-01-01", "start-date=soon", "type=moon", "order=name", "start-after=no-such-uuid"]
)
def test_senseless_queries_for_movements_are_refused(sim: Simulator, session: requests.Session, query: str) -> None:
    assert session.get(f"{sim.url}/activities?{query}", timeout=30).status_code == 400


def test_future_movements_are_listed(sim: Simulator) -> None:
    assert any(each["date"] > "2026-03-10T23" for each in sim.account.activities())


# Lists of one customer


def test_movements_of_a_customer_newest_first(sim: Simulator, session: requests.Session) -> None:
    uuid = sim.account.activities()[0]["customer-uuid"]
    mine = [each for each in sim.account.activities() if each["customer-uuid"] == uuid]

    found = rows(session, f"{sim.url}/customers/{uuid}/activities", per_page=1)

    assert [each["date"] for each in found] == [each["date"] for each in mine[::-1]]
    assert [each["activity-mrr"] for each in found] == [each["activity-mrr"] for each in mine[::-1]]


def test_subscription_cursors_never_end(sim: Simulator, session: requests.Session) -> None:
    uuid = sim.account.activities()[0]["customer-uuid"]
    url = f"{sim.url}/customers/{uuid}/subscriptions"
    cursor = list(pages(session, url, per_page=1))[-1]["cursor"]

    for _ in range(3):
        page = session.get(url, params={"cursor": cursor}, timeout=30).json()
        number = int(b64decode(cursor).decode().partition("=")[2])

        assert page["entries"] == []
        assert page["has_more"] is False
        assert b64decode(page["cursor"]).decode() == f"subscriptions_next_page={number + 1}"
        cursor = page["cursor"]


def test_plans_by_cursor(sim: Simulator, session: requests.Session) -> None:
    found = [plan["uuid"] for page in pages(session, f"{sim.url}/plans", per_page=7) for plan in page["plans"]]

    assert len(found) == len(set(found)) == 52
