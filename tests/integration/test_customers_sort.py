"""The order of the customers' list: by any column, in both directions, who has no value last."""

import pytest

from tests import factories
from tests.factories import Cast
from tests.pages import column
from webapp.models.types import now
from webapp.values import PropertyType, encode


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now())


@pytest.mark.parametrize(
    ("type_", "values", "ascending"),
    [
        ("number", [3, None, -1, 0], ["C", "D", "A", "B"]),
        ("money", [1290, 0, None, -5], ["D", "B", "A", "C"]),
        ("text", ["beta", "Alpha", None, "gamma"], ["B", "A", "D", "C"]),
        ("boolean", [True, False, None, True], ["B", "A", "D", "C"]),
        ("list", [("b",), None, ("a", "z"), ("c",)], ["C", "A", "D", "B"]),
    ],
)
def test_empty_values_come_last_in_both_directions(person, cast, provider, type_, values, ascending):
    property_ = factories.make_property(cast.acme, "Size", type=type_)
    empty = []
    for name, value in zip("ABCD", values, strict=True):
        customer = factories.make_customer(provider, name)
        if value is None:
            empty.append(name)
        else:
            number, text = encode(PropertyType(type_), value)
            factories.make_value(property_, customer, number=number, text=text)
    ada = person(cast.ada)

    up, down = ada.get("/customers?sort=size"), ada.get("/customers?sort=-size")

    assert column(up.text) == ascending
    filled = [name for name in ascending if name not in empty]
    if type_ == "boolean":  # equal values stay in the order of the names
        assert column(down.text) == ["A", "D", "B", *empty]
    else:
        assert column(down.text) == [*reversed(filled), *empty]


def test_header_says_and_turns_the_order(person, cast, provider):
    factories.make_property(cast.acme, "Size", type="number")
    factories.make_customer(provider, "A")
    ada = person(cast.ada)

    by_name, up, down = (ada.get(f"/customers{query}").text for query in ("", "?sort=size", "?sort=-size"))

    assert by_name.count('aria-sort="ascending"') == 1
    assert 'href="/customers?sort=-name"' in by_name
    assert 'aria-sort="ascending"><a id="sort-size" href="/customers?sort=-size"' in up
    assert 'aria-sort="descending"><a id="sort-size" href="/customers?sort=size"' in down
    assert 'aria-sort="none"><a id="sort-name" href="/customers"' in down


def test_order_by_a_column_that_is_not_shown_is_said(person, cast, provider):
    for name in ("Size", "Plan"):
        factories.make_property(cast.acme, name, type="number")
    factories.make_customer(provider, "A")
    ada = person(cast.ada)
    ada.post("/customers/columns", **{"columns[]": ["plan"]})

    up, down, piece = (
        ada.get("/customers?sort=size"),
        ada.get("/customers?sort=-size"),
        ada.htmx("/customers?sort=-size"),
    )

    assert "Sorted by Size, ascending. That column is not shown." in up.text
    assert "Sorted by Size, descending. That column is not shown." in down.text
    assert "Sorted by Size, descending. That column is not shown." in piece.text
    for query in ("", "?sort=-name", "?sort=plan"):
        assert "That column is not shown." not in ada.get(f"/customers{query}").text


def test_order_by_what_is_shown_of_the_score_needs_no_words(person, cast, provider):
    factories.make_health_version(cast.acme)
    factories.make_customer(provider, "A")
    ada = person(cast.ada)

    for sort in ("score", "-trend", "-risk"):
        assert "That column is not shown." not in ada.get(f"/customers?sort={sort}").text
    assert "Sorted by Grade, ascending. That column is not shown." in ada.get("/customers?sort=grade").text


def test_customers_without_name_are_sorted_by_what_they_are_called(person, cast, provider):
    factories.make_customer(provider, "delta")
    factories.make_customer(provider, None, company="Castor Labs")
    factories.make_customer(provider, None, email="blue@finch.example")
    factories.make_customer(provider, "Acme")
    ada = person(cast.ada)

    assert column(ada.get("/customers").text) == ["Acme", "blue@finch.example", "Castor Labs", "delta"]
    assert column(ada.get("/customers?sort=-name").text) == ["delta", "Castor Labs", "blue@finch.example", "Acme"]


def test_sort_survives_search_and_pages(person, cast, provider):
    for number in range(60):
        factories.make_customer(provider, f"Customer {number:02}", mrr_minor=number)

    page = person(cast.ada).get("/customers?q=customer&sort=-mrr").text

    assert column(page)[0] == "Customer 59"
    assert 'href="/customers?q=customer&amp;sort=-mrr&amp;after=cus_' in page
    assert '<input type="hidden" name="sort" form="find" value="-mrr">' in page


def test_values_of_a_neighbours_property_do_not_sort(person, cast, provider):
    factories.make_property(cast.globex, "Size", type="number")
    factories.make_customer(provider, "B")
    factories.make_customer(provider, "A")

    assert column(person(cast.ada).get("/customers?sort=-size").text) == ["A", "B"]
