"""Changing a property that exists."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import Cast
from tests.pages import value_of
from webapp.extensions import db
from webapp.models import Property, ProviderState
from webapp.models.types import now
from webapp.tenancy import across_tenants, acting_for


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now())


def send(somebody, property_, **changes):
    fields = {"name": "MRR", "codename": "mrr", "source": "chartmogul", "field": "cm_mrr", "type": "money", **changes}
    return somebody.post(f"/properties/{property_.id}/edit", **fields)


def kept():
    with across_tenants():
        return db.session.scalars(select(Property).order_by(Property.created_at)).all()


@pytest.mark.parametrize(
    ("changes", "version"),
    [({"name": "Revenue"}, 1), ({"type": "number"}, 2), ({"field": "cm_arr"}, 2), ({"source": "by_hand"}, 2)],
)
def test_another_definition_voids_the_values_another_name_does_not(person, cast, provider, changes, version):
    property_ = factories.make_property(cast.acme, "MRR", filled_version=1, filled_count=5)

    answer = send(person(cast.ada), property_, **changes)

    assert answer.status_code == 303
    (row,) = kept()
    assert (row.codename, row.version, row.filled_count) == ("mrr", version, 5 if version == 1 else 0)
    assert row.updated_at > now() - timedelta(minutes=1)


def test_edit_form_shows_the_property_as_it_is(person, cast, provider):
    property_ = factories.make_property(cast.acme, "Revenue", codename="money", type="number", field="cm_arr")

    page = person(cast.ada).get(f"/properties/{property_.id}/edit").text

    shown = {name: value_of(page, name) for name in ("name", "codename", "source", "field", "type")}
    assert shown == {
        "name": "Revenue",
        "codename": "money",
        "source": "chartmogul",
        "field": "cm_arr",
        "type": "number",
    }


def test_property_keeps_a_type_that_its_attribute_does_not_have_any_more(person, cast, provider):
    with acting_for(cast.acme.id):
        provider.attributes = {"since": {"type": "number", "mixed": False, "count": 2, "samples": ["5"]}}
        db.session.commit()
    field = {"field": "cm_custom_since", "custom_key": "since", "type": "date"}
    property_ = factories.make_property(cast.acme, "Since", filled_version=1, **field)
    ada = person(cast.ada)

    page = ada.get(f"/properties/{property_.id}/edit").text
    shown = {name: value_of(page, name) for name in ("codename", "source", "field", "type")}
    answer = ada.post(f"/properties/{property_.id}/edit", name="Customer since", **shown)

    assert shown["type"] == "date"
    assert "Number</option>" in page
    assert answer.status_code == 303
    assert [(row.name, row.type, row.version) for row in kept()] == [("Customer since", "date", 1)]
    refused = ada.post(
        f"/properties/{property_.id}/edit", name="Since", **{**shown, "type": "percent", "field": "cm_plans"}
    )
    assert refused.status_code == 422


def test_form_promises_no_next_sync_without_a_connection(person, cast):
    factories.make_provider(cast.acme, ProviderState.DISCONNECTED, last_success_at=now())
    property_ = factories.make_property(cast.acme)

    page = person(cast.ada).get(f"/properties/{property_.id}/edit").text

    assert "filled on the next sync" not in page
    assert "ChartMogul is not connected: it fills no property until you" in page


def test_property_of_a_disconnected_account_can_still_be_renamed(person, cast):
    factories.make_provider(cast.acme, ProviderState.DISCONNECTED, last_success_at=now())
    property_ = factories.make_property(cast.acme, "MRR", filled_version=1)

    assert send(person(cast.ada), property_, name="Revenue").status_code == 303
    assert kept()[0].name == "Revenue"


def test_neighbours_property_cannot_be_edited(person, cast, provider):
    property_ = factories.make_property(cast.acme, "MRR")
    gil = person(cast.gil)

    assert gil.get(f"/properties/{property_.id}/edit").status_code == 404
    assert send(gil, property_, name="Stolen").status_code == 404
    assert person(cast.max).get(f"/properties/{property_.id}/edit").status_code == 403
    assert kept()[0].name == "MRR"


def test_empty_codename_keeps_the_one_there_is(person, cast, provider):
    property_ = factories.make_property(cast.acme, "MRR")

    send(person(cast.ada), property_, name="Revenue", codename="")

    assert (kept()[0].name, kept()[0].codename) == ("Revenue", "mrr")


def test_own_name_is_not_taken_but_anothers_is(person, cast, provider):
    property_ = factories.make_property(cast.acme, "MRR")
    factories.make_property(cast.acme, "ARR")
    ada = person(cast.ada)

    assert send(ada, property_).status_code == 303
    assert send(ada, property_, name="arr").status_code == 422
    assert send(ada, property_, codename="arr").status_code == 422
    assert [row.version for row in kept()] == [1, 1]


def test_name_that_turns_what_follows_turns_nothing_in_sentences(person, cast, provider):
    property_ = factories.make_property(cast.acme, "\u202eRRM", codename="mrr", filled_version=1)
    ada, apart = person(cast.ada), "\u2068\u202eRRM\u2069"

    form, dialog = (ada.get(f"/properties/{property_.id}/{page}").text for page in ("edit", "delete"))
    factories.make_customer(provider)
    condition = ada.get("/customers?mrr.is=empty").text
    saved = send(ada, property_, name="\u202eRRM")

    assert f"<h1>Edit {apart}</h1>" in form
    assert value_of(form, "name") == "\u202eRRM"
    assert f"Delete {apart}?" in dialog
    assert f"{apart} saved." in ada.get(saved.location).text
    assert f"<span>{apart} is empty</span>" in condition
