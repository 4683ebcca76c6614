"""A customer's page: its facts, its MRR and movements, its values with where they come from."""

from datetime import timedelta
from uuid import uuid4

import pytest

from tests import factories
from tests.factories import Cast
from tests.pages import statements, table
from tests.texts import without_tokens, words_of
from webapp.models import ProviderState
from webapp.models.types import now


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now() - timedelta(hours=2), movements_read=3)


@pytest.fixture
def customer(provider):
    return factories.make_customer(provider, "Blue Finch", website_url="https://www.bluefinch.example/shop")


def page_of(somebody, customer, query=""):
    answer = somebody.get(f"/customers/{customer.id}{query}")
    assert answer.status_code == 200
    return answer.text


def movements_of(html):
    return table(html[html.index('id="movements"') :])[1:]


def test_head_says_who_it_is(person, cast, customer):
    page = page_of(person(cast.max), customer)

    assert "<h1>Blue Finch</h1>" in page
    assert "hello@bluefinch.example · bluefinch.example · cus_" in page
    assert "<title>Blue Finch · Customerscore</title>" in page
    assert '<dd class="mono">ext-' in page
    assert "1,548.00\u00a0EUR" in page
    assert '<dd class="muted">not set</dd>' in page


@pytest.mark.parametrize(
    ("address", "linked"),
    [
        ("https://app.chartmogul.com/#/customers/1", True),
        ("http://app.chartmogul.com/#/customers/1", False),
        ("https://chartmogul.com.evil.example/", False),
        ("https://evil.example/chartmogul.com", False),
        ("javascript:alert(1)//chartmogul.com", False),
        ("https://[broken", False),
        (None, False),
    ],
)
def test_link_leads_to_chartmogul_or_is_not_there(person, cast, provider, address, linked):
    customer = factories.make_customer(provider, chartmogul_url=address, website_url="https://[broken")

    page = page_of(person(cast.ada), customer)

    assert ("Open in ChartMogul" in page) == linked
    if linked:
        assert f'href="{address}" target="_blank" rel="noopener noreferrer"' in page


def test_movements_newest_first_with_the_scheduled_ones_marked(person, cast, provider, customer):
    at = now()
    factories.make_movement(customer, at - timedelta(days=90), 12900, 12900)
    factories.make_movement(customer, at - timedelta(days=9), -900, 12000, description=None)
    factories.make_movement(customer, at + timedelta(days=30), -12000, 0, type="churn")
    factories.make_movement(customer, at - timedelta(days=1), 77700, 77700, read=4, description="half read")

    page = page_of(person(cast.ada), customer)

    assert '<tbody class="muted">' not in page
    assert [row[1:] for row in movements_of(page)] == [
        ["Churn Scheduled", "-120.00 EUR", "0.00 EUR", "purchased the Gold plan"],
        ["Contraction", "-9.00 EUR", "120.00 EUR", "none"],
        ["New business", "+129.00 EUR", "129.00 EUR", "purchased the Gold plan"],
    ]
    assert "half read" not in page
    assert "now 120.00\u00a0EUR; at most 129.00\u00a0EUR; scheduled on 1 day, to 0.00\u00a0EUR on" in page
    assert "Dashed: what is scheduled on 1 day after today." in page


@pytest.mark.parametrize(("reads", "marked"), [(1, False), (3, True)])
def test_movements_that_the_last_import_brought_are_marked_unless_it_was_the_first(person, cast, reads, marked):
    provider = factories.make_provider(cast.acme, movements_read=reads)
    customer = factories.make_customer(provider)
    factories.make_movement(customer, now() - timedelta(days=9), 9900, 9900, read=1)
    factories.make_movement(customer, now() - timedelta(days=1), 100, 10000, read=reads)

    newest, older = movements_of(page_of(person(cast.ada), customer))

    assert ("New in the last import" in newest[1]) == marked
    assert "New in the last import" not in older[1]


def test_movements_are_turned_over_fifty_at_a_time(person, cast, customer):
    for day in range(101):
        factories.make_movement(customer, now() - timedelta(days=day + 1), 100, 100, description=f"number {day}")
    ada = person(cast.ada)

    last = movements_of(page_of(ada, customer, "?page=3"))
    piece = ada.htmx(f"/customers/{customer.id}?page=2")

    assert [row[-1] for row in last] == ["number 100"]
    assert len(movements_of(page_of(ada, customer))) == 50
    assert piece.text.lstrip().startswith('<section class="panel" id="movements"')
    assert "Page 2 of 3" in piece.text
    for beyond in ("99", "-1", str(2**63), "x"):
        assert page_of(ada, customer, f"?page={beyond}")


def test_values_say_where_they_come_from_and_how_fresh_they_are(person, cast, provider, customer):
    import_ = factories.make_import(provider)
    filled = {"filled_version": 1, "filled_import_id": import_.id, "filled_at": now() - timedelta(hours=2)}
    mrr = factories.make_property(cast.acme, "MRR", **filled)
    factories.make_property(cast.acme, "Plan", type="text", **filled)
    factories.make_property(cast.acme, "New", type="text")
    owner = factories.make_property(cast.acme, "Owner", type="text", source="by_hand", field=None)
    factories.make_value(mrr, customer, number=12900)
    person(cast.ada).post(f"/customers/{customer.id}/values/{owner.id}", value="Petra")

    page = page_of(person(cast.max), customer)

    assert table(page)[1:] == [
        ["MRR History of MRR", "129.00 EUR", "ChartMogul", "import #1 , 2 hours ago"],
        ["Plan History of Plan", "none", "ChartMogul", "import #1 , 2 hours ago"],
        ["New History of New", "none", "ChartMogul", "Filled on the next sync"],
        ["Owner History of Owner", "Petra", "By hand", "just now , ada@acme.example"],
    ]
    assert f'href="/imports/{import_.id}"' in page
    assert "<input" not in page.split("<main")[1]


@pytest.mark.parametrize("why", ["old", "disconnected", "gone"])
def test_stale_values_look_stale(person, cast, why):
    changes = {
        "old": {"last_success_at": now() - timedelta(hours=49)},
        "disconnected": {"last_success_at": now(), "state": ProviderState.DISCONNECTED},
        "gone": {"last_success_at": now()},
    }[why]
    provider = factories.make_provider(cast.acme, **changes)
    customer = factories.make_customer(provider, gone_at=now() if why == "gone" else None)
    mrr = factories.make_property(cast.acme, "MRR", filled_version=1, filled_at=now())
    factories.make_value(mrr, customer, number=12900)
    factories.make_movement(customer, now() - timedelta(days=9), 12900, 12900)

    page = page_of(person(cast.ada), customer)

    assert ("No longer in ChartMogul since" if why == "gone" else "Stale since") in page
    assert 'class="words num muted">129.00' in page
    assert '<div class="panel-body muted">' in page[page.index('id="curve"') : page.index('id="curve"') + 300]
    assert '<tbody class="muted">' in page[page.index('id="movements"') :]


@pytest.mark.parametrize("why", ["disconnected", "gone", "fresh"])
def test_curve_ends_where_the_data_ends(person, cast, why):
    provider = factories.make_provider(cast.acme, last_success_at=now(), movements_read=3)
    customer = factories.make_customer(provider)
    factories.make_movement(customer, now() - timedelta(days=200), 9900, 9900)
    factories.make_movement(customer, now() - timedelta(days=10), -9900, 0, type="churn")  # not known to have happened
    read_last = now() - timedelta(days=100)
    if why == "disconnected":
        provider.state, provider.last_success_at = ProviderState.DISCONNECTED, read_last
    elif why == "gone":
        customer.gone_at = read_last

    page = words_of(page_of(person(cast.max), customer))

    its_day = read_last.astimezone(provider.zone)
    last = f"{its_day.day} {its_day:%b %Y}"
    assert (f"Dashed: what is scheduled on 1 day after {last}." in page) == (why != "fresh")
    assert ("Churn Scheduled" in page) == (why != "fresh")
    assert ("today Marks on the curve" in page) == (why == "fresh")


@pytest.mark.parametrize("read_again", [True, False])
def test_what_an_import_after_a_reconnect_has_read_has_happened(person, cast, read_again):
    """Its values are stale until it ends; its movements count from the moment on at which all of them were read."""
    before = now() - timedelta(days=100)
    read_at = now() if read_again else before
    provider = factories.make_provider(
        cast.acme, last_success_at=before, connected_at=now(), movements_read=3, movements_read_at=read_at
    )
    customer = factories.make_customer(provider)
    factories.make_movement(customer, now() - timedelta(days=200), 9900, 9900)
    factories.make_movement(customer, now() - timedelta(days=10), -9900, 0, type="churn")
    factories.make_movement(customer, now() + timedelta(days=10), 9900, 9900, type="reactivation")

    page = page_of(person(cast.max), customer)

    assert movements_of(page)[0][1] == "Reactivation Scheduled"
    assert movements_of(page)[1][1] == ("Churn" if read_again else "Churn Scheduled")
    assert f"scheduled on {'1 day' if read_again else '2 days'}" in page
    assert "Stale since" in page


def test_neighbours_and_unknown_customers_are_the_same_404(person, cast, customer):
    gil = person(cast.gil)

    theirs, unknown = gil.get(f"/customers/{customer.id}"), gil.get(f"/customers/{uuid4()}")

    assert theirs.status_code == unknown.status_code == 404
    assert without_tokens(theirs.text) == without_tokens(unknown.text)


@pytest.mark.parametrize("id_", ["1", "-1", str(2**63), "1 OR 1=1", "%00", "..%2f", "x" * 5000])
def test_what_is_no_id_is_404(person, cast, id_):
    assert person(cast.ada).get(f"/customers/{id_}").status_code == 404


def test_customer_without_anything_has_a_page(person, cast, provider):
    customer = factories.make_customer(provider, None, email=None, external_id=None, customer_since=None, status=None)

    page = page_of(person(cast.ada), customer)

    assert f"<h1>{customer.uuid}</h1>" in page
    assert page.count("No movements yet.") == 2
    assert "There are no properties yet." in page


def test_number_of_queries_does_not_grow_with_values_and_movements(person, cast, provider, customer):
    ada = person(cast.ada)

    def add(number, start=0):
        for each in range(start, start + number):
            property_ = factories.make_property(cast.acme, f"P{each}", type="number", filled_version=1)
            factories.make_value(property_, customer, number=each)
            factories.make_movement(customer, now() - timedelta(days=each), 1, 1)

    add(3)
    page_of(ada, customer)
    few: list[str] = []
    statements(few)
    page_of(ada, customer)
    length = len(few)
    add(40, 3)

    few.clear()
    page_of(ada, customer)

    assert len(few) == length <= 18


def test_curve_marks_its_movements_with_a_legend_in_words(person, cast, customer):
    for days, type_ in ((90, "new_biz"), (60, "expansion"), (30, "expansion"), (9, "churn")):
        factories.make_movement(customer, now() - timedelta(days=days), 100, 100, type=type_)

    page = page_of(person(cast.max), customer)

    drawn = page[page.index('<svg class="chart"') : page.index("Marks on the curve")]
    assert all(f'class="moved {type_}"' in drawn for type_ in ("new_biz", "expansion", "churn"))
    assert "New business (1) Expansion (2) Churn (1)" in words_of(page)


def test_what_changed_in_the_last_import_is_told(person, cast, provider, customer):
    mrr = factories.make_property(cast.acme, "MRR")
    before, last = factories.make_import(provider), factories.make_import(provider)
    factories.make_import(provider, "failed")
    factories.make_change(mrr, customer, before, 100, 200)
    somebody = person(cast.max)

    nothing = words_of(page_of(somebody, customer))
    factories.make_change(mrr, customer, last, 200, 300)
    page = page_of(somebody, customer)

    assert "Changed in the last import Import #2 No value of this customer changed in it." in nothing
    assert table(page[page.index('id="last-import"') :])[1] == ["MRR", "2.00 EUR", "3.00 EUR"]
