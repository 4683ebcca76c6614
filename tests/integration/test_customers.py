"""The customers' list: what it shows, for whom, and how it is searched and turned over."""

import html
import re
from datetime import timedelta
from urllib.parse import quote

import pytest

from tests import factories, syncing
from tests.conftest import on_sqlite
from tests.factories import Cast
from tests.pages import column, look_around, statements, table
from webapp import customer_list
from webapp.extensions import db
from webapp.models import ProviderState
from webapp.models.types import now
from webapp.tenancy import acting_for


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now() - timedelta(hours=2))


def names(answer):
    assert answer.status_code == 200
    return column(answer.text) if "<table" in answer.text else []


def test_without_properties_the_table_shows_what_chartmogul_says(person, cast, provider):
    factories.make_customer(provider, "Blue Finch")

    head, row = table(person(cast.max).get("/customers").text)

    assert head == ["Customer", "Status", "MRR", "Last import"]
    assert row[:3] == ["Blue Finch", "Active", "129.00 EUR"]
    assert "today" in row[3] or "yesterday" in row[3]


def test_properties_are_the_columns_and_void_values_are_none(person, cast, provider):
    finch, hanami = factories.make_customer(provider, "Blue Finch"), factories.make_customer(provider, "Hanami")
    seats = factories.make_property(cast.acme, "Seats", type="number", filled_version=1)
    plan = factories.make_property(cast.acme, "Plan", type="text")
    factories.make_value(seats, finch, number=125_000)
    factories.make_value(plan, finch, text="Gold")
    factories.make_value(plan, hanami, text="Silver")
    with acting_for(cast.acme.id):
        plan.redefine("chartmogul", "text", "cm_status", None, "ada@acme.example", now())
        db.session.commit()

    rows = table(person(cast.ada).get("/customers").text)

    assert rows[0] == ["Customer", "Seats", "Plan Next sync", "Last import"]
    assert [row[:3] for row in rows[1:]] == [["Blue Finch", "12.5", "none"], ["Hanami", "none", "none"]]


def test_only_the_live_account_counts_or_else_the_one_that_ended_last(person, cast):
    ended = {"state": ProviderState.DISCONNECTED, "account_id": None}
    for days, name in ((9, "Older"), (2, "Newer")):
        old = factories.make_provider(
            cast.acme, **ended, disconnected_at=now() - timedelta(days), last_success_at=now() - timedelta(days)
        )
        factories.make_customer(old, name)
    assert names(person(cast.ada).get("/customers")) == ["Newer"]

    live = factories.make_provider(cast.acme)
    factories.make_customer(live, "Live")

    assert names(person(cast.ada).get("/customers")) == ["Live"]


def test_neighbours_see_nothing_of_each_other(person, cast, provider):
    factories.make_customer(provider, "Blue Finch")

    answer = person(cast.gil).get("/customers?q=finch")

    assert "Blue Finch" not in answer.text
    assert "No customers yet" in answer.text


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("finch", ["Blue Finch"]),
        ("  BLUE   finch ", ["Blue Finch"]),
        ("évora", ["Évora Data"]),
        ("ÉVORA", ["Évora Data"]),
        ("data@evora", ["Évora Data"]),
        ("ext_9", ["Blue Finch"]),
        ("cus_finch", ["Blue Finch"]),
        ("bluefinch.example", ["Blue Finch"]),
        ("https://bluefinch.example/", ["Blue Finch"]),
        ("Fifty GmbH", ["50% off_"]),
        ("https", []),
        ("www.", []),
        ("%", ["50% off_"]),
        ("_", ["50% off_", "Blue Finch", "Évora Data"]),
        ("f_", ["50% off_"]),
        ("\\", []),
        ("' OR 1=1 --", []),
        ("\0finch", ["Blue Finch"]),
        ("x" * 100_000, []),
    ],
)
def test_search_finds_what_people_know_a_customer_by(person, cast, provider, search, found):
    facts = {"external_id": "ext_9", "uuid": "cus_finch", "website_url": "https://www.bluefinch.example"}
    factories.make_customer(provider, "Blue Finch", **facts)
    factories.make_customer(provider, "Évora Data", uuid="cus_2", email="data@evora.example", external_id="7")
    factories.make_customer(provider, "50% off_", uuid="cus_3", company="Fifty GmbH", email=None, external_id="8")

    answer = person(cast.ada).get(f"/customers?q={quote(search)}" if len(search) < 1000 else f"/customers?q={search}")

    assert names(answer) == found
    assert f"{len(found)} of 3 customers match" in answer.text
    assert ("No customers match" in answer.text) == (not found)


def test_status_filter_knows_the_ones_no_longer_there(person, cast, provider):
    factories.make_customer(provider, "Blue Finch")
    factories.make_customer(provider, "Castor Labs", status="Past Due")
    factories.make_customer(provider, "Delta", gone_at=now())
    with acting_for(cast.acme.id):
        provider.statuses = ["Active", "Past Due"]
        db.session.commit()
    ada = person(cast.ada)

    everybody = ada.get("/customers")
    assert names(everybody) == ["Blue Finch", "Castor Labs", "Delta No longer in ChartMogul"]
    assert '<option value="Past Due">' in everybody.text
    assert names(ada.get("/customers?status=Active")) == ["Blue Finch"]
    assert names(ada.get("/customers?status=Past Due")) == ["Castor Labs"]
    assert names(ada.get("/customers?status=gone")) == ["Delta No longer in ChartMogul"]
    assert "Clear filters" in ada.get("/customers?status=Nonsense").text


def follow(ada, page, which: str):
    """Press First, Previous or Next."""
    link = re.search(rf'href="([^"]*)"[^>]*>{which}<span', page.text)
    assert link, f"no {which} page"
    return ada.get(html.unescape(link[1]))


def test_pages_of_fifty_lead_on_and_back(person, cast, provider):
    for number in range(120):
        factories.make_customer(provider, f"Customer {number:03}")
    ada = person(cast.ada)

    first = ada.get("/customers")
    second = follow(ada, first, "Next")
    last = follow(ada, second, "Next")

    assert names(first) == [f"Customer {number:03}" for number in range(50)]
    assert names(second) == [f"Customer {number:03}" for number in range(50, 100)]
    assert names(last) == [f"Customer {number:03}" for number in range(100, 120)]
    assert "Customers 51 to 100 of 120" in second.text
    assert "Customers 101 to 120 of 120" in last.text
    assert ">Next<span" not in last.text
    assert ">Previous<span" not in first.text
    assert names(follow(ada, last, "Previous")) == names(second)
    assert names(follow(ada, second, "Previous")) == names(first)
    assert names(follow(ada, last, "First")) == names(first)


def test_pages_of_any_order_show_everybody_once(person, cast, provider):
    """Also where many have the same value and many none."""
    size = factories.make_property(cast.acme, "Size", type="number")
    plan = factories.make_property(cast.acme, "Plan", type="text")
    for number in range(130):
        customer = factories.make_customer(provider, f"Customer {number % 7}")
        if number % 3:
            factories.make_value(size, customer, number=10_000 * (number % 5))
            factories.make_value(plan, customer, text=("gold", "Gold", "silver", "Bronze")[number % 4])
    factories.make_customer(provider, "Somebody else")
    ada = person(cast.ada)

    for sort in ("size", "-size", "plan", "-plan", "name", "-name"):
        for narrowed, total in (("", 131), ("&q=customer", 130)):
            check_pages(ada, f"/customers?sort={sort}{narrowed}", total)


def test_page_of_a_narrowed_list_is_found_wherever_it_stands(person, cast, provider, monkeypatch):
    """Among the next rows of the index or only further on, from either end; in the order of names."""
    monkeypatch.setattr(customer_list, "NEARBY", 75)
    size = factories.make_property(cast.acme, "Size", type="number")
    for number in sorted(range(330), key=lambda number: number * 37 % 331):
        customer = factories.make_customer(provider, f"Customer {number:03}")
        if number % 4 or number > 250:  # three of four, and then all
            factories.make_value(size, customer, number=10_000)
    ada = person(cast.ada)
    wanted = [f"Customer {number:03}" for number in range(330) if number % 4 or number > 250]

    for sort, expected in (("", wanted), ("&sort=-name", wanted[::-1])):
        assert check_pages(ada, f"/customers?size.min=1{sort}", len(wanted)) == expected


def check_pages(ada, address: str, total: int) -> list[str]:
    """From the first page to the last one and back everybody is there once; answers the names in their order."""
    page = ada.get(address)
    seen, named = [customers(page)], names(page)
    assert f"Customers 1 to 50 of {total}" in page.text, address
    while ">Next<span" in page.text:
        page = follow(ada, page, "Next")
        assert f"Customers {sum(map(len, seen)) + 1} to " in page.text, address
        seen.append(customers(page))
        named += names(page)
    back = [seen[-1]]
    while ">Previous<span" in page.text:
        page = follow(ada, page, "Previous")
        back.append(customers(page))
    assert len({address for found in seen for address in found}) == sum(map(len, seen)) == total, address
    assert back == seen[::-1], address
    return named


def customers(page) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/customers/([0-9a-f-]{36})"', page.text)


def test_page_after_a_customer_that_is_not_there_is_the_first(person, cast, provider):
    factories.make_customer(provider, "Blue Finch")
    theirs = factories.make_customer(factories.make_provider(cast.globex), "Amber")
    ada = person(cast.ada)

    for place in ("after=cus_nobody", f"after={theirs.uuid}", f"before={theirs.uuid}", "after=%00", "before=x&after=y"):
        assert names(ada.get(f"/customers?{place}")) == ["Blue Finch"]


@pytest.mark.parametrize(
    "query",
    [
        "page=-1",
        "after=-1",
        "after=x&after=y",
        "before=%D9%A3",
        "after=" + "9" * 5000,
        "sort=nonsense",
        "sort=-",
        "sort=--name",
        "sort=%00",
        "sort=id;DROP",
        "sort=name&sort=-name",
        "q=%00",
        "q=a&q=b",
        "status=%00",
        "tenant_id=1",
    ],
)
def test_nonsense_in_the_address_is_no_error(person, cast, provider, query):
    factories.make_customer(provider, "a")

    assert person(cast.ada).get(f"/customers?{query}").status_code == 200


def test_htmx_gets_the_list_and_what_depends_on_it(person, cast, provider):
    factories.make_customer(provider, "Blue Finch")

    answer = person(cast.ada).htmx("/customers?q=finch&sort=-mrr")

    assert answer.text.startswith('<div id="list"')
    assert "<html" not in answer.text
    assert 'id="count" role="status" data-hx-swap-oob="innerHTML"' in answer.text
    assert 'href="/customers.csv?q=finch&amp;sort=-mrr"' in answer.text
    assert 'name="sort" form="find" value="-mrr"' in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_number_of_queries_does_not_grow_with_the_rows(person, cast, provider):
    properties = [factories.make_property(cast.acme, name, type="number") for name in ("One", "Two", "Three")]

    def add(number):
        for each in range(number):
            customer = factories.make_customer(provider, f"Customer {each}")
            for property_ in properties:
                factories.make_value(property_, customer, number=each)

    ada = person(cast.ada)
    add(5)
    ada.get("/customers?sort=one")
    few: list[str] = []
    statements(few)
    ada.get("/customers?sort=one")
    length = len(few)
    add(45)

    few.clear()
    ada.get("/customers?sort=one")

    assert len(few) == length <= 15


@on_sqlite
def test_customers_of_a_page_are_found_by_their_ids(person, cast, provider):
    """SQLite, which counts no rows, would rather look at all that an index of the provider leads to."""
    for each in range(60):
        factories.make_customer(provider, f"Customer {each}")
    plans: list[str] = []

    def explain(_connection, cursor, statement, parameters, *_):
        if "customers.id IN" in statement:
            plan = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            plans.extend(step for *_, step in plan)

    with syncing.listening(explain):
        person(cast.ada).get("/customers")
        assert person(cast.ada).get("/customers.csv").text.count("\n") == 61

    assert len(plans) == 2
    assert all("SEARCH customers USING INDEX sqlite_autoindex_customers_1 (id=?)" in step for step in plans)


def test_names_are_text(person, cast, provider):
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}\u202e"
    customer = factories.make_customer(provider, evil)
    factories.make_property(cast.acme, "<b>bold</b>", codename="bold")

    pages = [person(cast.ada).get(path).text for path in ("/customers", f"/customers/{customer.id}", "/properties")]

    for page in pages:
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "<b>bold" not in page
    assert "{{7*7}}" in pages[0]


def test_stale_values_are_muted_and_dated(person, cast):
    provider = factories.make_provider(cast.acme, last_success_at=now() - timedelta(hours=49))
    factories.make_customer(provider, "Blue Finch")

    page = person(cast.ada).get("/customers").text

    assert "Stale since" in page
    assert 'class="n nowrap muted">129.00' in page


def test_support_may_look_but_not_export(person, cast, provider):
    factories.make_customer(provider, "Blue Finch")
    sam = look_around(person(cast.sam), cast)

    page = sam.get("/customers")

    assert names(page) == ["Blue Finch"]
    assert "Support cannot export." in page.text
    assert 'href="/customers.csv' not in page.text
    assert sam.get("/customers.csv").status_code == 403


def test_page_after_the_last_customer_is_the_first_page(person, cast, provider):
    customers = [factories.make_customer(provider, name) for name in ("Blue Finch", "Hanami")]

    answer = person(cast.max).get(f"/customers?after={customers[-1].uuid}")

    assert names(answer) == ["Blue Finch", "Hanami"]
