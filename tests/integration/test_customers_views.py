"""Views of the customers' list that users keep, and the order of its columns."""

import re
from urllib.parse import urlsplit

import pytest

from tests import factories
from tests.factories import Cast
from tests.pages import column, look_around, table
from tests.texts import words_of
from webapp.extensions import db
from webapp.models import Property, Provider, SavedView, User
from webapp.models.types import now
from webapp.tenancy import acting_for, owned, owned_update


@pytest.fixture
def provider(cast: Cast):
    provider = factories.make_provider(cast.acme, last_success_at=now())
    for name, size in (("Blue Finch", 10_000), ("Hanami", 30_000)):
        customer = factories.make_customer(provider, name)
        for property_ in ("Size", "Plan"):
            if name == "Blue Finch":
                factories.make_property(cast.acme, property_, type="number", filled_version=1)
        size_property = _property(cast, "size")
        factories.make_value(size_property, customer, number=size)
    return provider


def _property(cast, codename):
    with acting_for(cast.acme.id):
        return db.session.scalars(owned(Property).where(Property.codename == codename)).one()


def views(cast):
    with acting_for(cast.acme.id):
        return {view.name: view for view in db.session.scalars(owned(SavedView))}


def test_view_brings_back_search_filters_order_and_columns(person, cast, provider):
    ada = person(cast.ada)
    ada.post("/customers/columns", **{"columns[]": ["plan"]})

    answer = ada.post("/customers/views", name=" Large  ones ", query="sort=-size&size.min=2&after=cus_x&nonsense=1")
    ada.post("/customers/columns", reset="y")

    view = views(cast)["Large ones"]
    assert (view.args, view.columns) == ({"sort": "-size", "size.min": "2"}, ["plan"])
    assert answer.status_code == 303
    page = ada.get(answer.location).text
    assert column(page) == ["Hanami"]
    assert table(page)[0] == ["Customer", "Plan", "Last import"]
    assert re.search(rf'view={view.id}" aria-current="page">Large ones</a>', page)
    assert "View Large ones saved" in page
    assert table(ada.get("/customers").text)[0] == ["Customer", "Size", "Plan", "Last import"]


def test_view_of_the_same_name_is_replaced_and_pressing_twice_makes_one(person, cast, provider):
    ada = person(cast.ada)

    for query in ("size.min=1", "size.min=2", "size.min=2"):
        assert ada.post("/customers/views", name="Large", query=query).status_code == 303

    assert {name: view.args for name, view in views(cast).items()} == {"Large": {"size.min": "2"}}


def test_amounts_of_a_view_that_were_meant_in_another_currency_are_said_to_be(person, cast, provider):
    said = "This view’s amounts were set in EUR; the connected account is in USD."
    factories.make_property(cast.acme, "MRR", filled_version=1)
    ada, queries = person(cast.ada), {"Large": "mrr.min=100&size.min=2", "Sized": "size.min=2"}
    for name, query in queries.items():
        ada.post("/customers/views", name=name, query=query)
    large, sized = (views(cast)[name] for name in queries)

    def opened(view, query):
        return words_of(ada.get(f"/customers?view={view.id}&{query}").text)

    assert "amounts were set" not in opened(large, queries["Large"])
    with acting_for(cast.acme.id):
        db.session.execute(owned_update(Provider).values(currency="USD"))
        db.session.commit()

    assert opened(large, queries["Large"]).count(said) == 1
    for page in opened(sized, queries["Sized"]), opened(large, "mrr.min=200&size.min=2"):  # none, and one typed since
        assert "amounts were set" not in page
    ada.post("/customers/views", name="Large", query=queries["Large"])
    assert "amounts were set" not in opened(large, queries["Large"])


@pytest.mark.parametrize(
    ("name", "problem"), [("  ", "Enter a name for the view."), ("x" * 61, "at most 60"), ("a\x07b", "one line")]
)
def test_bad_name_is_said_and_nothing_is_lost(person, cast, provider, name, problem):
    answer = person(cast.ada).post("/customers/views", name=name, query="size.min=2")

    assert answer.status_code == 422
    assert problem in answer.text
    assert 'name="query" value="size.min=2"' in answer.text
    assert views(cast) == {}


@pytest.mark.parametrize("way", ["opened", "refused"])
def test_cancel_leads_back_to_the_open_view(person, cast, provider, way):
    ada = person(cast.ada)
    ada.post("/customers/views", name="Large", query="size.min=2")
    id_ = views(cast)["Large"].id

    if way == "opened":
        page = ada.get(f"/customers/views/new?size.min=2&view={id_}").text
    else:
        page = ada.post("/customers/views", name="", query="size.min=2", view=str(id_)).text

    assert f'href="/customers?view={id_}&amp;size.min=2">Cancel</a>' in page


def test_more_conditions_than_a_view_can_keep_are_refused_and_none_is_dropped(person, cast, provider):
    query = "q=" + "%D0%96" * 660 + "&plan.is=filled&size.min=2&size.max=" + "9" * 60
    assert len(query) > 4_000

    answer = person(cast.ada).post("/customers/views", name="Long", query=query)

    assert answer.status_code == 422
    assert "more conditions than a view can keep" in answer.text
    assert "size.max=" in answer.text
    assert views(cast) == {}


def test_views_are_each_users_own(person, cast, provider):
    ada, max_, gil = person(cast.ada), person(cast.max), person(cast.gil)
    ada.post("/customers/views", name="Mine", query="size.min=2")
    id_ = views(cast)["Mine"].id

    page = max_.get(f"/customers?view={id_}").text

    assert "Mine" not in page
    assert column(page) == ["Blue Finch", "Hanami"]
    assert max_.post(f"/customers/views/{id_}/delete").status_code == 404
    assert gil.post(f"/customers/views/{id_}/delete").status_code == 404
    assert max_.post("/customers/views", name="Mine", query="").status_code == 303
    assert ada.post(f"/customers/views/{id_}/delete").status_code == 303
    assert "View Mine deleted" in ada.get("/customers").text
    assert ada.post(f"/customers/views/{id_}/delete").status_code == 404


def test_columns_of_a_view_are_chosen_apart(person, cast, provider):
    ada = person(cast.ada)
    ada.post("/customers/views", name="Large", query="size.min=2")
    view = views(cast)["Large"]

    page = ada.get(f"/customers/columns?view={view.id}").text
    answer = ada.post("/customers/columns", query=f"size.min=2&view={view.id}", **{"columns[]": ["plan"]})

    assert "in the view Large" in page
    assert answer.location == f"/customers?size.min=2&view={view.id}"
    assert table(ada.get(answer.location).text)[0] == ["Customer", "Plan", "Last import"]
    assert db.session.get_one(User, cast.ada.id).columns is None


def test_view_says_which_of_its_conditions_are_gone_until_it_is_saved_again(person, cast, provider):
    ada = person(cast.ada)
    saved = ada.post("/customers/views", name="Large", query="size.min=2&plan.is=filled&sort=-size").location
    ada.post(f"/properties/{_property(cast, 'size').id}/delete")

    page = ada.get(saved).text
    form = ada.get(f"/customers/views/new?{urlsplit(saved).query}").text

    assert column(page) == ["Blue Finch", "Hanami"] if "<table" in page else "0 of 2 customers match" in page
    assert "size from “2”: There is no such condition any more." in page
    assert "Plan is not empty" in page
    assert 'name="query" value="plan.is=filled"' in form


@pytest.mark.parametrize(
    ("way", "moved", "focused"), [("down", "a", "down-a"), ("up", "b", "down-b"), ("up", "c", "up-c")]
)
def test_focus_stays_on_the_arrow_or_where_it_cannot_goes_to_the_other(person, cast, provider, way, moved, focused):
    for name in "ABCD":
        factories.make_property(cast.acme, name, type="number")
    order = {"order[]": list("abcd"), "columns[]": ["a"]}

    page = person(cast.ada).post("/customers/columns", **{way: moved}, **order).text

    assert re.findall(r'id="([\w-]+)" autofocus', page) == [focused]


def test_arrows_move_a_column_and_save_nothing_yet(person, cast, provider):
    ada = person(cast.ada)
    order = {"order[]": ["size", "plan"], "columns[]": ["size"]}

    page = ada.post("/customers/columns", down="size", **order)

    assert page.status_code == 200
    assert re.findall(r'name="order\[\]" value="(\w+)"', page.text) == ["plan", "size"]
    assert re.findall(r'value="(\w+)" checked', page.text) == ["size"]
    assert re.search(r'id="up-size"[^>]* autofocus', page.text)  # it is the last: down leads nowhere
    assert db.session.get_one(User, cast.ada.id).columns is None

    ada.post("/customers/columns", **{"order[]": ["plan", "size"], "columns[]": ["size", "plan"]})
    assert table(ada.get("/customers").text)[0] == ["Customer", "Plan", "Size", "Last import"]


def test_file_has_the_views_columns_first(person, cast, provider):
    ada = person(cast.ada)
    ada.post("/customers/columns", **{"columns[]": ["plan"]})
    ada.post("/customers/views", name="Large", query="size.min=2")
    ada.post("/customers/columns", reset="y")

    head = ada.get(f"/customers.csv?view={views(cast)['Large'].id}").text.splitlines()[0]

    assert head == "name,external_id,chartmogul_uuid,plan,size"


def test_support_saves_no_view(person, cast, provider):
    sam = look_around(person(cast.sam), cast)

    assert sam.post("/customers/views", name="Mine", query="").status_code == 403
    assert re.search(r'<button type="button" class="btn" disabled>[^\n]*Save view</button>', sam.get("/customers").text)


def test_odd_ids_of_views_are_no_view(person, cast, provider):
    for id_ in ("x", "", "%00", "9" * 400, "00000000-0000-0000-0000-000000000000"):
        assert person(cast.ada).get(f"/customers?view={id_}").status_code in (200, 303)
