"""Filtering the customers' list by values of properties."""

from datetime import date
from decimal import Decimal
from urllib.parse import quote

import pytest

from tests import factories
from tests.factories import Cast
from tests.pages import column, look_around, statements
from webapp.models.types import now
from webapp.values import PropertyType, encode


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now(), currency="EUR")


VALUES = {
    "number": [1, 2.5, 10, None],
    "money": [1290, 129_00, -500, None],
    "percent": [5, 50, -12, None],
    "date": [date(2024, 2, 29), date(2025, 1, 1), date(2026, 11, 14), None],
    "text": ["Gold", "Old gold", "Ärger 100 %", None],
    "list": [("vip", "eu"), ("vips",), ("us", 'a "b"'), None],
    "boolean": [True, False, True, None],
}


@pytest.mark.parametrize(
    ("type_", "query", "expected"),
    [
        ("number", "size.min=2", "BC"),
        ("number", "size.max=2.5", "AB"),
        ("number", "size.min=2&size.max=3", "B"),
        ("money", "size.min=12.90&size.max=129.00", "AB"),
        ("money", "size.max=0", "C"),
        ("percent", "size.min=5 %", "AB"),
        ("date", "size.min=2025-01-01", "BC"),
        ("date", "size.max=2025-01-01", "AB"),
        ("text", "size.has=gold", "AB"),
        ("text", "size.has=100 %25", "C"),
        ("text", "size.has=%25", "C"),
        ("text", "size.has=_", ""),
        ("list", "size.has=vip", "A"),
        ("list", "size.has=VIPS", "B"),
        ("list", 'size.has=a "b"', "C"),
        ("boolean", "size.is=yes", "AC"),
        ("boolean", "size.is=no", "B"),
        *((type_, "size.is=empty", "D") for type_ in VALUES),
        *((type_, "size.is=filled", "ABC") for type_ in VALUES),
    ],
)
def test_each_type_has_its_conditions(person, cast, provider, type_, query, expected):
    property_ = factories.make_property(cast.acme, "Size", type=type_)
    for name, value in zip("ABCD", VALUES[type_], strict=True):
        customer = factories.make_customer(provider, name)
        if value is not None:
            number, text = encode(PropertyType(type_), _exact(type_, value))
            factories.make_value(property_, customer, number=number, text=text)

    answer = person(cast.max).get("/customers?" + query.replace(" ", "+"))

    assert answer.status_code == 200
    assert (column(answer.text) if "<table" in answer.text else []) == list(expected)
    assert f"{len(expected)} of 4 customers match" in answer.text


def _exact(type_, value):
    return Decimal(str(value)) if isinstance(value, float) or type_ == "percent" else value


def test_conditions_add_up_with_search_status_and_order_and_stand_above_the_table(person, cast, provider):
    size, plan = (factories.make_property(cast.acme, name, type=type_) for name, type_ in PAIRS)
    for number in range(4):
        customer = factories.make_customer(provider, f"Finch {number}", status="Active" if number else "Lead")
        factories.make_value(size, customer, number=number * 10_000)
        factories.make_value(plan, customer, text="Gold" if number % 2 else "Silver")

    page = person(cast.ada).get("/customers?q=finch&status=Active&size.min=1&plan.has=gold&sort=-size").text

    assert column(page) == ["Finch 3", "Finch 1"]
    assert "Size from 1" in page
    assert "Plan contains “gold”" in page
    assert 'href="/customers?q=finch&amp;status=Active&amp;sort=-size&amp;plan.has=gold"' in page  # without the size
    assert 'href="/customers.csv?q=finch&amp;status=Active&amp;sort=-size&amp;size.min=1&amp;plan.has=gold"' in page


PAIRS = (("Size", "number"), ("Plan", "text"))


def test_condition_that_cannot_be_read_says_so_and_narrows_nothing(person, cast, provider):
    factories.make_property(cast.acme, "Size", type="money")
    factories.make_customer(provider, "Blue Finch")
    ada = person(cast.ada)

    page, form = ada.get("/customers?size.min=a+lot").text, ada.get("/customers/filters?size.min=a+lot").text

    assert column(page) == ["Blue Finch"]
    assert "Size from “a lot”: Enter a plain amount, for example 1234.50. It narrows nothing." in page
    assert 'value="a lot"' in form
    assert "Enter a plain amount, for example 1234.50." in form


@pytest.mark.parametrize("words", ["Groß Ährenbach", "groß ährenbach", "GROß ÄHRENBACH"])
def test_capital_beyond_z_is_found_as_it_is_usually_written(person, cast, provider, words):
    place, tags = (factories.make_property(cast.acme, name, type=name) for name in ("text", "list"))
    customer = factories.make_customer(provider, "Blue Finch")
    factories.make_value(place, customer, text="Groß Ährenbach")
    factories.make_value(tags, customer, text='["Groß Ährenbach"]')
    ada = person(cast.ada)

    assert column(ada.get(f"/customers?text.has={quote(words)}").text) == ["Blue Finch"]
    assert column(ada.get(f"/customers?list.has={quote(words)}").text) == ["Blue Finch"]


@pytest.mark.parametrize("words", ["Überprüft", "überprüft"])
def test_item_that_begins_beyond_z_is_found_in_any_case(person, cast, provider, words):
    tags = factories.make_property(cast.acme, "list", type="list")
    for name, kept in (("A", "Überprüft"), ("B", "überprüft von Ada")):
        factories.make_value(tags, factories.make_customer(provider, name), text=f'["eu","{kept}"]')

    assert column(person(cast.ada).get(f"/customers?list.has={quote(words)}").text) == ["A"]


@pytest.mark.parametrize("query", ["size.min=%00", "size.=1", ".min=1", "a+b.min=1", "size.than=3"])
def test_what_is_no_condition_is_left_out(person, cast, provider, query):
    factories.make_property(cast.acme, "Size", type="number")
    factories.make_customer(provider, "Blue Finch")

    page = person(cast.ada).get(f"/customers?{query}").text

    assert column(page) == ["Blue Finch"]
    assert "1 customer<" in page
    assert 'aria-label="Conditions"' not in page


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("nobody.min=3", "nobody from “3”"),  # its property was deleted
        ("size.has=x", "Size contains “x”"),  # its property was a text once
        ("size.is=yes", "Size is “yes”"),
    ],
)
def test_condition_that_there_is_no_more_says_so_and_narrows_nothing(person, cast, provider, query, words):
    factories.make_property(cast.acme, "Size", type="number")
    factories.make_customer(provider, "Blue Finch")
    ada = person(cast.ada)

    page = ada.get(f"/customers?{query}&sort=-size").text

    assert column(page) == ["Blue Finch"]
    assert "1 customer<" in page
    assert f"{words}: There is no such condition any more. It narrows nothing." in page
    assert 'href="/customers?sort=-size"' in page  # what removes it
    assert query not in ada.get(f"/customers/filters?{query}").text


def test_no_more_conditions_of_that_kind_are_told_than_people_read(person, cast, provider):
    factories.make_customer(provider, "Blue Finch")

    page = person(cast.ada).get("/customers?" + "&".join(f"gone_{number}.min=1" for number in range(200))).text

    assert page.count("It narrows nothing.") == 20


def test_form_keeps_what_else_the_list_was_asked_for(person, cast, provider):
    factories.make_property(cast.acme, "Size", type="number")
    ada = person(cast.ada)

    form = ada.htmx("/customers/filters?q=finch&sort=-size&size.min=3").text

    assert '<input type="hidden" name="q" value="finch">' in form
    assert '<input type="hidden" name="sort" value="-size">' in form
    assert 'name="size.min" type="text" value="3"' in form
    assert 'method="get" action="/customers"' in form


def test_fields_left_empty_do_not_stay_in_the_address(person, cast, provider):
    factories.make_property(cast.acme, "Size", type="number")

    answer = person(cast.ada).get("/customers?q=&size.min=3&size.max=&size.is=&sort=-size")

    assert (answer.status_code, answer.location) == (303, "/customers?sort=-size&size.min=3")


def test_file_holds_what_is_filtered(person, cast, provider):
    property_ = factories.make_property(cast.acme, "Size", type="number")
    for number in range(3):
        factories.make_value(property_, factories.make_customer(provider, f"C{number}"), number=number * 10_000)

    lines = person(cast.ada).get("/customers.csv?size.min=1").text.splitlines()

    assert [line.split(",")[0] for line in lines] == ["name", "C1", "C2"]


def test_neighbours_property_filters_nothing(person, cast, provider):
    factories.make_property(cast.globex, "Size", type="number")
    factories.make_customer(provider, "Blue Finch")

    assert column(person(cast.ada).get("/customers?size.min=3").text) == ["Blue Finch"]
    assert "size.min" not in person(cast.ada).get("/customers/filters").text


def test_support_may_filter(person, cast, provider):
    factories.make_property(cast.acme, "Size", type="number")
    factories.make_customer(provider, "Blue Finch")
    sam = look_around(person(cast.sam), cast)

    assert sam.get("/customers/filters").status_code == 200
    assert column(sam.get("/customers?size.is=empty").text) == ["Blue Finch"]


def test_search_asks_for_every_word_in_any_case_and_without_accents(person, cast, provider):
    factories.make_customer(provider, "Évora Data", email="hi@evora.example")
    factories.make_customer(provider, "Evolution", email="hello@data.example")
    ada = person(cast.ada)

    for words, expected in (("evora DATA", ["Évora Data"]), ("évo", ["Évora Data", "Evolution"]), ("evo qq", [])):
        page = ada.get(f"/customers?q={quote(words)}").text
        assert sorted(column(page) if "<table" in page else []) == sorted(expected)


def test_names_with_accents_stand_where_people_look_for_them(person, cast, provider):
    for name in ("Zebra", "Évora", "Fjord", "Delta", "ärger"):
        factories.make_customer(provider, name)

    assert column(person(cast.ada).get("/customers").text) == ["ärger", "Delta", "Évora", "Fjord", "Zebra"]


def test_number_of_statements_does_not_grow(person, cast, provider):
    properties = [factories.make_property(cast.acme, f"Size {number}", type="number") for number in range(6)]
    ada = person(cast.ada)
    ada.get("/customers")  # the first page also notes that the session is used
    counts, asked = list[int](), list[str]()
    statements(asked)
    for lot in range(2):
        for number in range(1 + 30 * lot):
            customer = factories.make_customer(provider, f"C{lot}{number}")
            for property_ in properties:
                factories.make_value(property_, customer, number=number * 10_000)
        query = "&".join(f"size_{number}.min=0" for number in range(1 + 5 * lot))
        del asked[:]
        assert ada.get(f"/customers?{query}&sort=-size_3").status_code == 200
        counts.append(len(asked))

    assert counts[0] == counts[1], asked


def test_words_that_are_too_long_are_told_and_not_cut(person, cast, provider):
    property_ = factories.make_property(cast.acme, "Plan", type="text")
    factories.make_value(property_, factories.make_customer(provider, "A"), text="x" * 250)

    page = person(cast.ada).get(f"/customers?plan.has={'x' * 201}").text

    assert "That is longer than 200 characters." in page
    assert column(page) == ["A"]
