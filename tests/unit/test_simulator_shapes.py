"""The simulator's answers against recorded ones: the same keys, types and spellings, nothing more and nothing less."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests

from simulator import Account, Simulator

SAMPLES = Path(__file__).parent.parent / "samples"
TODAY = date(2026, 3, 10)
SPAN = "start-date=2026-01-01&end-date=2026-03-10"

# What the recordings show with one type only, and the documentation with another
ALSO = {
    "owner": {"str"},
    "website_url": {"NoneType"},
    "zip": {"NoneType"},
    "address_zip": {"NoneType"},
    "billing-system-url": {"str"},
    "currency-sign": {"NoneType"},
    "ltv": {"float", "int"},
    "company": {"str"},
    "total_pages": {"int"},
}
FREE_FORM = {"custom", "stripe", "clearbit"}


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator(Account(size=400, seed=7, today=TODAY), rate_limit=0) as simulator:
        yield simulator


def recorded(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def get(sim: Simulator, path: str) -> Any:
    return requests.get(sim.url + path, auth=(sim.key, ""), timeout=30).json()


def shape(value: Any, name: str = "") -> Any:
    """Keys with the types below them; a list has the shape of all its items together."""
    if isinstance(value, dict):
        return {} if name in FREE_FORM else {key: shape(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        merged: Any = None
        for item in value:
            merged = shape(item) if merged is None else both(merged, shape(item))
        return [merged]
    return {type(value).__name__}


def both(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        assert one.keys() == other.keys()
        return {key: both(one[key], other[key]) for key in one}
    if isinstance(one, list) and isinstance(other, list):
        return [both(one[0], other[0]) if one[0] and other[0] else one[0] or other[0]]
    return one | other


def assert_fits(seen: Any, known: Any, name: str = "") -> None:
    """`seen` has exactly the keys of `known`, and no type that neither recordings nor documentation show."""
    if isinstance(known, dict):
        assert seen.keys() == known.keys(), name
        for key in known:
            assert_fits(seen[key], known[key], key)
    elif isinstance(known, list):
        if seen[0] is not None and known[0] is not None:
            assert_fits(seen[0], known[0], name)
    else:
        assert seen <= known | ALSO.get(name, set()), f"{name}: {seen} is more than {known}"


def without_clearbit(customer: dict[str, Any]) -> dict[str, Any]:
    customer["attributes"].pop("clearbit", None)
    return customer


def known_customer(*names: str) -> Any:
    """All recorded customers together, with the fields of today."""
    customers: list[dict[str, Any]] = []
    for name in names:
        answer = recorded(name)
        customers += answer.get("entries", [answer])
    newer = {"website_url": None, "owner": None}
    return shape([newer | without_clearbit(customer) for customer in customers])[0]


CUSTOMERS = (
    "customer_active_merged",
    "customer_cancelled_jpy_duplicate_external_ids",
    "customer_lead_empty_strings",
    "customer_new_lead",
    "customer_past_due_entry",
    "customers_page2",
)


def test_customers_have_the_recorded_fields(sim: Simulator) -> None:
    assert_fits(shape(get(sim, "/customers")["entries"])[0], known_customer(*CUSTOMERS))


def test_one_customer_is_its_entry_in_the_list(sim: Simulator) -> None:
    entry = get(sim, "/customers?per_page=3")["entries"][2]

    assert get(sim, f"/customers/{entry['uuid']}") == entry
    assert get(sim, f"/customers/{entry['uuid']}/attributes") == entry["attributes"]


def test_customer_keys_come_in_the_recorded_order(sim: Simulator) -> None:
    known = list(recorded("customer_cancelled_jpy_duplicate_external_ids"))

    assert list(get(sim, "/customers")["entries"][0]) == known


@pytest.mark.parametrize(
    ("path", "sample"),
    [
        ("/ping", "ping"),
        ("/account", "account_documented"),
        ("/activities?per_page=1", "activities_page1"),
        ("/plans?per_page=1", "plans_page1"),
        ("/plan_groups?per_page=1", "plan_groups_page1"),
        (
            "/data_sources?with_auto_churn_subscription_setting=true&with_invoice_handling_setting=true"
            "&with_processing_status=true",
            "data_sources_with_settings",
        ),
        (f"/metrics/all?{SPAN}", "metrics_all"),
        (f"/metrics/mrr?{SPAN}", "metrics_mrr"),
        (f"/metrics/arr?{SPAN}", "metrics_arr"),
        (f"/metrics/arpa?{SPAN}", "metrics_arpa"),
        (f"/metrics/asp?{SPAN}", "metrics_asp"),
        (f"/metrics/ltv?{SPAN}", "metrics_ltv"),
        (f"/metrics/customer-count?{SPAN}", "metrics_customer_count"),
        (f"/metrics/customer-churn-rate?{SPAN}", "metrics_customer_churn_rate"),
        (f"/metrics/mrr-churn-rate?{SPAN}", "metrics_mrr_churn_rate"),
        ("/customers?external_id=unknown", "customers_empty"),
    ],
)
def test_answer_has_the_recorded_shape(sim: Simulator, path: str, sample: str) -> None:
    assert_fits(shape(get(sim, path)), shape(recorded(sample)))


def test_empty_list_is_exactly_as_recorded(sim: Simulator) -> None:
    assert get(sim, "/customers?external_id=unknown") == recorded("customers_empty")


def test_first_page_of_customers_has_counters_and_the_next_has_none(sim: Simulator) -> None:
    first = get(sim, "/customers?per_page=1")
    second = get(sim, f"/customers?per_page=1&cursor={first['cursor']}")

    assert first.keys() == recorded("customers_page1").keys()
    assert second.keys() == recorded("customers_page2").keys()


@pytest.mark.parametrize(("path", "sample"), [("/plans", "plans"), ("/activities", "activities")])
def test_second_page_has_the_recorded_keys(sim: Simulator, path: str, sample: str) -> None:
    first = get(sim, f"{path}?per_page=1")
    second = get(sim, f"{path}?per_page=1&cursor={first['cursor']}")

    assert first.keys() == recorded(f"{sample}_page1").keys()
    assert second.keys() == recorded(f"{sample}_page2").keys()


def test_plans_of_a_group_have_the_recorded_shape(sim: Simulator) -> None:
    group = get(sim, "/plan_groups")["plan_groups"][-1]
    page = get(sim, f"/plan_groups/{group['uuid']}/plans?per_page=1")

    assert_fits(shape(page), shape(recorded("plan_group_plans_page1")))
    assert get(sim, f"/plan_groups/{group['uuid']}").keys() == recorded("plan_group").keys()
    assert get(sim, f"/plans/{page['plans'][0]['uuid']}").keys() == recorded("plan").keys()


def test_one_data_source_has_the_recorded_shape(sim: Simulator) -> None:
    source = get(sim, "/data_sources")["data_sources"][0]

    assert_fits(shape(get(sim, f"/data_sources/{source['uuid']}")), shape(recorded("data_source")))


def test_activities_of_a_customer_have_the_recorded_shape(sim: Simulator) -> None:
    uuid = sim.account.activities()[0]["customer-uuid"]
    page = get(sim, f"/customers/{uuid}/activities?per_page=1")

    assert_fits(shape(page), shape(recorded("customer_activities_page1")))


def test_subscriptions_have_the_recorded_shape(sim: Simulator) -> None:
    uuid = sim.account.activities()[0]["customer-uuid"]
    page = get(sim, f"/customers/{uuid}/subscriptions")
    after_end = get(sim, f"/customers/{uuid}/subscriptions?cursor={page['cursor']}")

    known = both(shape(recorded("customer_subscriptions")), shape(recorded("customer_subscriptions_inactive")))
    assert_fits(shape(page), known)
    assert after_end == recorded("customer_subscriptions_page_after_end")


def test_search_has_the_recorded_shape(sim: Simulator) -> None:
    email = next(customer["email"] for customer in sim.account.customers() if customer["email"])
    page = get(sim, f"/customers/search?email={email}")

    known = recorded("customers_search")
    assert page.keys() == known.keys()
    assert page["total_pages"] is None


def test_search_without_a_match_is_the_recorded_404(sim: Simulator) -> None:
    answer = requests.get(sim.url + "/customers/search?email=no@email.com", auth=(sim.key, ""), timeout=30)

    assert answer.status_code == 404
    assert answer.json() == recorded("error_404_customers_search")


def test_unknown_customer_is_the_recorded_404(sim: Simulator) -> None:
    uuid = "cus_35da5436-a730-11e6-a5a0-d32f2a781b50"
    for path in ("", "/attributes", "/activities", "/subscriptions"):
        answer = requests.get(f"{sim.url}/customers/{uuid}{path}", auth=(sim.key, ""), timeout=30)

        assert answer.status_code == 404
        assert answer.json() == recorded("error_404_customer_merged_away")


def test_unknown_things_have_the_errors_of_their_families(sim: Simulator) -> None:
    session = requests.Session()
    session.auth = (sim.key, "")
    with session:
        plan = session.get(sim.url + "/plans/pl_1", timeout=30)
        source = session.get(sim.url + "/data_sources/ds_1", timeout=30)
        group = session.get(sim.url + "/plan_groups/plg_1", timeout=30)

    assert (plan.status_code, plan.json()) == (404, {"error": "Plan not found"})
    assert source.status_code == 404
    assert group.status_code == 404
    assert group.text.startswith("<!DOCTYPE html>")
    assert len(group.content) > 30_000


@pytest.mark.parametrize("authorization", [None, "Basic !!", "Bearer x", "Basic d3Jvbmc6"])
def test_without_a_good_key_every_path_is_the_recorded_401(sim: Simulator, authorization: str | None) -> None:
    for path in ("/ping", "/customers", "/nothing"):
        headers = {"Authorization": authorization} if authorization else {}
        answer = requests.get(sim.url + path, headers=headers, timeout=30)

        assert answer.status_code == 401
        assert answer.json() == recorded("error_401")


def test_password_is_empty_or_the_key_again(sim: Simulator) -> None:
    assert requests.get(sim.url + "/ping", auth=(sim.key, sim.key), timeout=30).status_code == 200
    assert requests.get(sim.url + "/ping", auth=(sim.key, "other"), timeout=30).status_code == 401


def test_dates_are_spelled_as_recorded(sim: Simulator) -> None:
    customers = sim.account.customers()

    assert all(_is(customer["customer-since"], "2016-01-01T12:00:00+00:00") for customer in customers)
    assert all(_is(customer["lead_created_at"], "2015-11-01T00:00:00.000Z") for customer in customers)
    assert all(_is(activity["date"], "2016-01-01T12:00:00+00:00") for activity in sim.account.activities())


def _is(text: str | None, spelled_like: str) -> bool:
    digits = str.maketrans("123456789", "000000000")
    return text is None or text.translate(digits) == spelled_like.translate(digits)


def test_markup_signs_are_escaped_and_other_scripts_are_not(sim: Simulator) -> None:
    text = requests.get(sim.url + "/customers", auth=(sim.key, ""), timeout=30).text

    assert "\\u0026" in text
    assert "&" not in text
    assert "東京" in text


def test_older_vintages_have_the_fields_of_their_time(sim: Simulator) -> None:
    old = Account(size=20, seed=7, today=TODAY, vintage=2022).customers()[0]

    assert "owner" not in old
    assert "website_url" not in old
    assert old["attributes"]["clearbit"] == {}


def test_account_extras_come_when_asked_for(sim: Simulator) -> None:
    account = get(sim, "/account?include=churn_recognition,refund_handling")
    unknown = requests.get(sim.url + "/account?include=moon", auth=(sim.key, ""), timeout=30)

    assert account.keys() >= {"churn_recognition", "refund_handling"}
    assert unknown.status_code == 400
