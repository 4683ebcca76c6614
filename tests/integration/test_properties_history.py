"""The history of a property's definition: who made it what, since when, and which import filled it first."""

import pytest
from sqlalchemy import select

from simulator import Simulator
from tests import factories, syncing
from tests.factories import Cast
from tests.pages import table
from webapp.extensions import db
from webapp.models import Property, PropertyVersion
from webapp.models.types import now
from webapp.tenancy import across_tenants


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now())


FORM = {"name": "MRR", "source": "chartmogul", "field": "cm_mrr", "type": "money"}


def kept():
    with across_tenants():
        db.session.expire_all()
        return db.session.scalars(select(PropertyVersion).order_by(PropertyVersion.version)).all()


def history(html):
    return table(html[html.index('id="history"') :])


def test_each_definition_is_kept_with_who_made_it(person, cast, provider):
    ada = person(cast.ada)
    ada.post("/properties/new", **FORM)
    with across_tenants():
        address = f"/properties/{db.session.scalars(select(Property.id)).one()}"

    ada.post(f"{address}/edit", **FORM | {"codename": "mrr", "type": "number"})
    ada.post(f"{address}/edit", **FORM | {"codename": "mrr", "name": "Revenue", "type": "number"})
    ada.post(f"{address}/edit", **FORM | {"name": "Revenue", "codename": "mrr", "source": "by_hand", "type": "text"})

    assert history(person(cast.max).get(address).text) == [
        ["Since", "Definition", "By", "First filled"],
        ["just now", "By hand, text", "ada@acme.example", "by hand"],
        ["just now", "ChartMogul: MRR, number then called MRR", "ada@acme.example", "never"],
        ["just now", "ChartMogul: MRR, money then called MRR", "ada@acme.example", "never"],
    ]
    assert [(row.version, row.tenant_id, row.field) for row in kept()] == [
        (1, cast.acme.id, "cm_mrr"),
        (2, cast.acme.id, "cm_mrr"),
        (3, cast.acme.id, None),
    ]


def test_saving_what_is_there_makes_no_version(person, cast, provider):
    property_ = factories.make_property(cast.acme, "MRR")
    factories.make_version(property_)

    person(cast.ada).post(f"/properties/{property_.id}/edit", **FORM | {"codename": "mrr"})

    assert [row.version for row in kept()] == [1]


def test_only_the_first_import_that_fills_a_definition_is_noted(app, person, cast, chartmogul: Simulator):
    provider = syncing.connect(cast.acme, chartmogul)
    person(cast.ada).post("/properties/new", **FORM)

    first, second = (syncing.run(app, provider).id for _ in range(2))

    (row,) = kept()
    with across_tenants():
        assert db.session.scalars(select(Property.filled_import_id)).one() == second
    assert row.filled_import_id == first
    assert row.filled_at is not None
    page = person(cast.max).get(f"/properties/{row.property_id}").text
    assert history(page)[1][1:] == ["ChartMogul: MRR, money", "ada@acme.example", "import #1"]


def test_definition_of_before_the_history_was_kept_says_so(person, cast, provider):
    property_ = factories.make_property(cast.acme, "MRR", filled_version=1)
    import_ = factories.make_import(provider)
    factories.make_version(property_, None, filled_import_id=import_.id)

    page = person(cast.max).get(f"/properties/{property_.id}").text

    assert history(page)[1][2:] == ["unknown", "import #1 or before"]
    assert f'<a href="/imports/{import_.id}">import #1</a> or before' in page


def test_history_goes_with_its_property_and_no_other(person, cast, provider):
    property_, other = factories.make_property(cast.acme, "MRR"), factories.make_property(cast.acme, "Other")
    for row in (property_, other):
        factories.make_version(row)

    person(cast.ada).post(f"/properties/{property_.id}/delete")

    assert [row.name for row in kept()] == ["Other"]
