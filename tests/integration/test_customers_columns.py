"""Which columns of the customers' list a user sees."""

import re
from html import escape, unescape
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests import factories
from tests.factories import Cast
from tests.pages import look_around, table, value_of
from webapp.extensions import db
from webapp.models import User


@pytest.fixture
def acme(cast: Cast):
    """Acme with a customer and eight properties: One, Two, ..."""
    provider = factories.make_provider(cast.acme)
    factories.make_customer(provider)
    for name in ("One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight"):
        factories.make_property(cast.acme, name, filled_version=1)
    return cast.acme


def heads(somebody):
    return [cell.removesuffix(" Next sync") for cell in table(somebody.get("/customers").text)[0]]


def test_at_first_the_six_oldest_properties_are_shown(person, cast, acme):
    assert heads(person(cast.max)) == ["Customer", "One", "Two", "Three", "Four", "Five", "Six", "Last import"]


def test_each_user_chooses_for_himself(person, cast, acme):
    max_, ada = person(cast.max), person(cast.ada)

    answer = max_.post("/customers/columns", **{"columns[]": ["eight", "two", "nonsense"]})

    assert (answer.status_code, answer.location) == (303, "/customers")
    assert heads(max_) == ["Customer", "Two", "Eight", "Last import"]
    assert len(heads(ada)) == 8


def test_columns_chosen_before_keep_their_order(person, cast, acme):
    ada = person(cast.ada)
    ada.post("/customers/columns", **{"columns[]": ["seven"]})

    ada.post("/customers/columns", **{"columns[]": ["seven", "one"]})

    assert heads(ada) == ["Customer", "Seven", "One", "Last import"]


def test_none_at_all_is_a_choice_and_reset_undoes_it(person, cast, acme):
    ada = person(cast.ada)

    ada.post("/customers/columns")
    assert heads(ada) == ["Customer", "Last import"]

    ada.post("/customers/columns", **{"columns[]": ["one"]}, reset="y")
    assert db.session.get_one(User, cast.ada.id).columns is None
    assert len(heads(ada)) == 8


def test_page_ticks_what_is_shown(person, cast, acme):
    ada = person(cast.ada)
    ada.post("/customers/columns", **{"columns[]": ["two"]})

    page = ada.get("/customers/columns").text

    assert "<h1>Columns</h1>" in page
    assert 'value="two" checked' in page
    assert page.count(" checked") == 1
    assert "data-close" not in page.split("<main")[1].split("</main>")[0]


def test_dialog_gets_the_form_alone(person, cast, acme):
    answer = person(cast.ada).htmx("/customers/columns")

    assert answer.text.lstrip().startswith("<form")
    assert 'id="dlg-t"' in answer.text


def test_dialog_closes_and_the_list_behind_it_changes(person, cast, acme):
    ada = person(cast.ada)
    sent = {"csrf_token": ada.csrf(), "columns[]": ["two"], "query": "q=finch&sort=-one"}

    answer = ada.client.post("/customers/columns", data=sent, headers={"HX-Request": "true"})

    assert answer.status_code == 200
    assert answer.headers["HX-Trigger"] == '{"closeDialog":true}'
    assert answer.headers["HX-Reswap"] == "none"
    assert '<div id="list" class="list" data-hx-swap-oob="true">' in answer.text
    assert table(answer.text)[0] == ["Customer", "Two", "Last import"]
    assert "1 of 1 customer match" in answer.text
    assert "Columns saved" in answer.text


def test_list_is_come_back_to_as_it_was(person, cast, acme):
    ada = person(cast.ada)
    asked = "q=finch&status=Active&sort=-one&one.is=empty&grade=none&after=cus_1"
    link = re.search(r'id="columns" href="([^"]+)"', ada.get(f"/customers?{asked}").text)

    form = ada.get(unescape(link[1])).text
    kept = value_of(form.replace('name="query"', 'id="query"'), "query")
    moved = ada.post("/customers/columns", down="one", query=kept, **{"order[]": ["one", "two"]}).text
    answer = ada.post("/customers/columns", query=kept, **{"columns[]": ["two"]})

    assert value_of(moved.replace('name="query"', 'id="query"'), "query") == kept
    assert dict(parse_qsl(urlsplit(answer.location).query)) == dict(parse_qsl(asked))
    for page in form, moved:
        assert f'href="{escape(answer.location)}"' in page  # Cancel


@pytest.mark.parametrize("query", ["http://[broken", "%00", "view=x", "sort=&q=%ff", "=&&="])
def test_an_odd_list_to_come_back_to_is_no_error(person, cast, acme, query):
    ada = person(cast.ada)

    for headers, status in ({}, 303), ({"HX-Request": "true"}, 200):
        answer = ada.client.post("/customers/columns", data={"csrf_token": ada.csrf(), "query": query}, headers=headers)
        assert answer.status_code == status


def test_support_sees_the_first_columns_and_saves_none(person, cast, acme):
    sam = look_around(person(cast.sam), cast)

    page = sam.get("/customers/columns").text

    assert len(heads(sam)) == 8
    assert page.count("disabled") >= 2
    assert "Read-only while you view as support." in page
    assert sam.post("/customers/columns", **{"columns[]": ["one"]}).status_code == 403
    assert db.session.get_one(User, cast.sam.id).columns is None


def test_without_properties_there_is_nothing_to_choose(person, cast):
    assert "There are no properties yet." in person(cast.ada).get("/customers/columns").text
