"""Faults in the rows of a page, as a plain client sees them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from simulator import Account, Simulator


@pytest.fixture(scope="module")
def _sim() -> Iterator[Simulator]:
    with Simulator(Account(size=30), rate_limit=0) as simulator:
        yield simulator
        assert not simulator.errors


@pytest.fixture
def sim(_sim: Simulator) -> Simulator:
    _sim.reset()
    return _sim


def get(sim: Simulator, path: str = "/customers?per_page=10", **query: Any) -> requests.Response:
    options = {"auth": (sim.key, ""), "timeout": 30, "allow_redirects": False}
    return requests.get(sim.url + path, params=query, **options)


def entries(sim: Simulator, kind: str, path: str = "/customers?per_page=10", **spec: Any) -> list[Any]:
    sim.faults.add(kind, **spec)
    return list(get(sim, path).json()["entries"])


def test_empty_page_in_mid_list_loses_no_row(sim: Simulator) -> None:
    everything = sim.account.customers()
    sim.faults.add("empty_page", nth=2)
    found, lengths, query = [], [], {}
    while True:
        page = get(sim, **query).json()
        found += page["entries"]
        lengths.append(len(page["entries"]))
        if not page["has_more"]:
            break
        query = {"cursor": page["cursor"]}

    assert lengths == [10, 0, 10, 10]
    assert found == everything


def test_repeated_rows(sim: Simulator) -> None:
    sim.faults.add("repeat_rows", after=1, rows=3)
    first = get(sim).json()

    second = get(sim, cursor=first["cursor"]).json()["entries"]

    assert second[:3] == first["entries"][-3:]
    assert second[3:] == sim.account.customers()[10:20]


def test_a_loop_serves_the_same_page_for_ever(sim: Simulator) -> None:
    sim.faults.add("loop", match="/customers")
    first = get(sim).json()

    for _ in range(3):
        assert get(sim, cursor=first["cursor"]).json() == first
    assert first["has_more"] is True


def test_a_circle_leads_to_the_beginning_by_another_cursor_each_time(sim: Simulator) -> None:
    sim.faults.add("circle", match="/customers")
    first = get(sim).json()
    again = get(sim, cursor=first["cursor"]).json()

    assert again["entries"] == first["entries"]
    assert again["cursor"] != first["cursor"]
    assert again["has_more"] is True


def test_a_loop_of_movements_ignores_start_after(sim: Simulator) -> None:
    sim.faults.add("loop", match="/activities")
    first = get(sim, "/activities?per_page=10").json()

    again = get(sim, "/activities?per_page=10", **{"start-after": first["entries"][-1]["uuid"]}).json()

    assert again == first


def test_more_without_a_cursor(sim: Simulator) -> None:
    sim.faults.add("missing_cursor", times=1)
    sim.faults.add("null_cursor", times=1)

    missing, null = get(sim).json(), get(sim).json()

    assert "cursor" not in missing
    assert missing["has_more"] is null["has_more"] is True
    assert null["cursor"] is None


def test_skipped_row(sim: Simulator) -> None:
    everything = sim.account.customers()

    assert entries(sim, "skip_row", row=4) == everything[:4] + everything[5:10]


def test_entries_null_or_missing(sim: Simulator) -> None:
    sim.faults.add("entries_null", times=1)
    sim.faults.add("entries_missing", times=1)

    assert get(sim).json()["entries"] is None
    assert "entries" not in get(sim).json()


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [("mrr_string", "mrr", "12.5"), ("mrr_null", "mrr", None), ("bad_date", "customer-since", "yesterday")],
)
def test_wrong_types(sim: Simulator, kind: str, field: str, value: Any) -> None:
    rows = entries(sim, kind, row=2)

    assert rows[2][field] == value
    assert rows[1] == sim.account.customers()[1]


def test_wrong_types_in_movements(sim: Simulator) -> None:
    assert entries(sim, "mrr_null", "/activities?per_page=2")[0]["activity-mrr-movement"] is None


def test_missing_ids_and_rows_that_are_no_objects(sim: Simulator) -> None:
    sim.faults.add("no_uuid", times=1)
    sim.faults.add("no_customer", match="/activities", times=1)

    assert "uuid" not in get(sim).json()["entries"][0]
    assert "customer-uuid" not in get(sim, "/activities").json()["entries"][0]
    assert entries(sim, "row_not_object")[0] == "not an object"


def test_edited_row(sim: Simulator) -> None:
    row = entries(sim, "edit_row", row=1, set={"status": "Sleeping", "email": 7}, drop=["arr"])[1]

    assert (row["status"], row["email"]) == ("Sleeping", 7)
    assert "arr" not in row


def test_nul_and_lone_surrogate_in_names(sim: Simulator) -> None:
    assert entries(sim, "nul_name", times=1)[0]["name"] == "Nul\x00 Inc."

    sim.faults.add("surrogate_name")
    answer = get(sim)
    assert rb"\ud83d" in answer.content
    assert json.loads(answer.content)["entries"][0]["name"] == "Lone \ud83d Surrogate"


def test_five_megabytes_of_attributes(sim: Simulator) -> None:
    assert len(entries(sim, "big_attributes")[0]["attributes"]["custom"]["blob"]) == 5_000_000
    sim.faults.clear()
    assert "blob" not in get(sim, "/customers?per_page=9").text


def test_status_that_changes_in_mid_read(sim: Simulator) -> None:
    active = "/customers?status=Active&per_page=5"
    listed = get(sim, active.replace("5", "200")).json()["entries"]
    sim.faults.add("change_status", times=1)
    first = get(sim, active).json()

    second = get(sim, active, cursor=first["cursor"]).json()["entries"]

    assert listed[5]["uuid"] not in [row["uuid"] for row in second]
    assert sim.account.customer(listed[5]["uuid"])["status"] == "Past Due"


def test_list_that_ends_early(sim: Simulator) -> None:
    sim.faults.add("ends_early")

    assert len(entries(sim, "ends_early")) == 10
    assert get(sim).json()["has_more"] is False


def test_unknown_fields(sim: Simulator) -> None:
    sim.faults.add("unknown_fields")
    page = get(sim).json()

    assert "new_in_this_version" in page
    assert all("new-figure" in row for row in page["entries"])


def test_fractions_in_money(sim: Simulator) -> None:
    rows = entries(sim, "float_mrr")

    assert all(isinstance(row["mrr"], float) for row in rows if row["mrr"])


def test_row_deleted_in_mid_read(sim: Simulator) -> None:
    everything = sim.account.customers()
    sim.faults.add("kill_row", times=1)
    first = get(sim).json()

    second = get(sim, cursor=first["cursor"]).json()

    assert first["entries"] == everything[:10]
    assert second["entries"] == everything[11:21]
    assert get(sim, f"/customers/{everything[10]['uuid']}").status_code == 404


def test_row_deleted_after_it_was_served(sim: Simulator) -> None:
    sim.faults.add("kill_served_row", times=1)
    first = get(sim).json()

    rest = get(sim, cursor=first["cursor"]).json()

    assert get(sim, f"/customers/{first['entries'][-1]['uuid']}").status_code == 404
    assert rest["entries"] == sim.account.customers()[9:19]


def test_movement_deleted_in_mid_read(sim: Simulator) -> None:
    before = sim.account.activities()
    sim.faults.add("kill_served_row", match="/activities", times=1)

    served = get(sim, "/activities?per_page=10").json()["entries"]

    assert served == before[:10]
    assert served[-1]["uuid"] not in {each["uuid"] for each in sim.account.activities()}


def test_row_that_moves_out_of_reach(sim: Simulator) -> None:
    everything = [each["uuid"] for each in sim.account.customers()]
    sim.faults.add("move_row", match="/customers", times=1)
    first = get(sim).json()

    second = get(sim, cursor=first["cursor"]).json()

    served = [each["uuid"] for each in first["entries"] + second["entries"]]
    assert everything[10] not in served
    assert everything[10] == sim.account.customers()[0]["uuid"]


def test_single_customer_can_be_struck_as_well(sim: Simulator) -> None:
    uuid = sim.account.customers()[0]["uuid"]
    sim.faults.add("mrr_string", match="/customers/")

    assert get(sim, f"/customers/{uuid}").json()["mrr"] == "12.5"


def test_subscriptions_of_one_customer_can_be_struck_and_those_of_others_not(sim: Simulator) -> None:
    struck, other = (sim.account.activities()[place]["customer-uuid"] for place in (0, -1))
    sim.faults.add("edit_row", match=f"/customers/{struck}/subscriptions", set={"quantity": "many"})

    quantities = [
        get(sim, f"/customers/{uuid}/subscriptions").json()["entries"][0]["quantity"] for uuid in (struck, other)
    ]

    assert quantities[0] == "many"
    assert quantities[1] > 0
