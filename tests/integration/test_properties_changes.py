"""The edit form's preview: each customer's value before and after, on real customers."""

import pytest

from tests import factories
from tests.factories import Cast
from tests.pages import table
from tests.texts import words_of
from webapp.models import Source
from webapp.models.types import now


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now(), last_attempt_at=now())


@pytest.fixture
def city(cast: Cast, provider):
    """A property of the city as text, filled for everybody who has one."""
    property_ = factories.make_property(cast.acme, "City", type="text", field="cm_city", filled_version=1)
    for name, city, country in (
        ("Anna", "Berlin", None),
        ("Bert", "12", "DE"),
        ("Cleo", None, None),
        ("Dora", "15", "FR"),
        ("Emil", None, "DE"),
    ):
        customer = factories.make_customer(provider, name, city=city, country=country)
        if city:
            factories.make_value(property_, customer, text=city)
    return property_


def shown(somebody, property_, **changes):
    of = {"name": "City", "source": "chartmogul", "field": "cm_city", "type": "text", **changes}
    query = "&".join(f"{name}={value}" for name, value in of.items())
    return somebody.htmx(f"/properties/preview?of={property_.id}&{query}").text


def counts(page):
    return words_of(page[page.index("<footer") :])


def test_another_type_says_what_changes_and_what_cannot_be_read(person, cast, city):
    page = shown(person(cast.ada), city, type="number")

    assert table(page) == [
        ["Customer", "Now", "Becomes", "What happens"],
        ["Anna", "Berlin", "empty", "cannot be read"],
        ["Bert", "12", "12", "stays"],
        ["Cleo", "empty", "empty", "stays"],
        ["Dora", "15", "15", "stays"],
        ["Emil", "empty", "empty", "stays"],
    ]
    assert counts(page) == "0 change · 0 become empty · 1 cannot be read as a number"


def test_another_field_says_what_changes_and_what_becomes_empty(person, cast, city):
    page = shown(person(cast.ada), city, field="cm_country")

    assert table(page)[1:] == [
        ["Anna", "Berlin", "empty", "becomes empty"],
        ["Bert", "12", "DE", "changes"],
        ["Cleo", "empty", "empty", "stays"],
        ["Dora", "15", "FR", "changes"],
        ["Emil", "empty", "DE", "changes"],
    ]
    assert counts(page) == "3 change · 1 becomes empty · 0 cannot be read as text"


def test_by_hand_begins_empty(person, cast, city):
    page = shown(person(cast.ada), city, source="by_hand")

    assert table(page)[1][1:] == ["Berlin", "empty", "becomes empty"]
    assert "3 become empty" in counts(page)


def test_by_hand_that_is_filled_from_now_on_shows_what_was_set(person, cast, provider):
    property_ = factories.make_property(cast.acme, "City", type="text", source=Source.BY_HAND, field=None)
    factories.make_value(property_, factories.make_customer(provider, "Anna", city="Bonn"), text="Köln")

    page = shown(person(cast.ada), property_)

    assert table(page)[1] == ["Anna", "Köln", "Bonn", "changes"]


@pytest.mark.parametrize("changes", [{}, {"name": "Town"}])
def test_change_of_nothing_says_that_nothing_changes(person, cast, city, changes):
    page = shown(person(cast.ada), city, **changes)

    assert "Nothing changes. The values stay as they are." in words_of(page)
    assert table(page)[:2] == [["Customer", "Now"], ["Anna", "Berlin"]]
    assert "Becomes" not in page


def test_form_shows_it_from_the_start_and_without_scripts(person, cast, city):
    ada = person(cast.ada)
    sent = {"name": "City", "codename": "city", "source": "chartmogul", "field": "cm_country", "type": "text"}

    opened = ada.get(f"/properties/{city.id}/edit").text
    asked = ada.post(f"/properties/{city.id}/edit", show="y", **sent).text

    assert "Nothing changes." in opened
    assert "Before and after" in asked
    assert table(asked)[2] == ["Bert", "12", "DE", "changes"]


def test_it_says_how_many_customers_were_looked_at(person, cast, city, monkeypatch):
    monkeypatch.setattr("webapp.redefinitions.LOOKED_AT", 3)

    page = shown(person(cast.ada), city, field="cm_country")

    assert "Of the first 3 customers of 5." in words_of(page)


def test_before_the_first_import_it_says_that_values_will_appear(person, cast):
    property_ = factories.make_property(cast.acme, "City", type="text", field="cm_city")

    assert "Values appear after the first import." in words_of(shown(person(cast.ada), property_))
