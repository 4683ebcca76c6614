"""A property gets another codename: what users keep names it by that one from then on."""

import pytest

from tests import factories
from tests.factories import Cast
from tests.pages import column, table
from webapp.extensions import db
from webapp.models import SavedView, Source, User
from webapp.models.types import now
from webapp.tenancy import acting_for, owned


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now())


@pytest.fixture
def size(cast: Cast, provider):
    made = factories.make_property(cast.acme, "Size", type="number", source=Source.BY_HAND, field=None)
    for name, value in (("Ash", 10_000), ("Birch", 30_000), ("Cedar", 20_000)):
        factories.make_value(made, factories.make_customer(provider, name), number=value)
    factories.make_property(cast.acme, "Plan", source=Source.BY_HAND, field=None)
    return made


def rename(somebody, property_, codename):
    fields = {"name": property_.name, "codename": codename, "source": property_.source, "type": property_.type}
    assert somebody.post(f"/properties/{property_.id}/edit", **fields).status_code == 303


def view_of(tenant):
    with acting_for(tenant.id):
        return db.session.scalars(owned(SavedView)).one()


def test_columns_and_views_of_everybody_stay_as_they_were(person, cast, size):
    max_ = person(cast.max)
    max_.post("/customers/columns", **{"columns[]": ["size"]})
    max_.post("/customers/views", name="Large", query="q=cedar&size.min=2&size.is=filled&plan.is=empty&sort=-size")

    rename(person(cast.ada), size, "seats")

    view = view_of(cast.acme)
    kept = {"q": "cedar", "seats.min": "2", "seats.is": "filled", "plan.is": "empty", "sort": "-seats"}
    assert (view.args, view.columns) == (kept, ["seats"])
    assert table(max_.get("/customers").text)[0] == ["Customer", "Size", "Last import"]
    assert column(max_.get("/customers", query_string=view.opening).text) == ["Cedar"]


def test_another_property_that_gets_the_codename_takes_nothing_over(person, cast, size):
    ada = person(cast.ada)
    ada.post("/customers/views", name="Large", query="size.min=2&sort=-size")

    rename(ada, size, "seats")
    factories.make_property(cast.acme, "Another", codename="size", type="number", source=Source.BY_HAND, field=None)

    assert column(ada.get("/customers", query_string=view_of(cast.acme).opening).text) == ["Birch", "Cedar"]


def test_order_follows_also_a_codename_that_the_score_has(person, cast, size):
    ada = person(cast.ada)
    ada.post("/customers/views", name="By size", query="sort=size")

    rename(ada, size, "risk")
    assert view_of(cast.acme).args == {"sort": "risk.value"}
    rename(ada, size, "size")
    assert view_of(cast.acme).args == {"sort": "size"}


def test_neighbours_and_those_who_chose_nothing_keep_what_they_have(person, cast, size):
    factories.make_property(cast.globex, "Size", type="number", source=Source.BY_HAND, field=None)
    gil = person(cast.gil)
    gil.post("/customers/columns", **{"columns[]": ["size"]})
    gil.post("/customers/views", name="Large", query="size.min=2")

    rename(person(cast.ada), size, "seats")

    view = view_of(cast.globex)
    assert (view.args, view.columns) == ({"size.min": "2"}, ["size"])
    assert db.session.get_one(User, cast.gil.id).columns == ["size"]
    assert db.session.get_one(User, cast.max.id).columns is None
