"""Defining a property: what is kept, and what is said of what cannot be."""

from uuid import uuid4

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import Cast
from tests.pages import problem, value_of
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.forms import properties as forms
from webapp.models import Property, ProviderState, Source
from webapp.models.types import now
from webapp.tenancy import across_tenants

ATTRIBUTES = {"Plan Tier": {"type": "text", "mixed": False, "count": 12, "samples": ["Gold", "Silver"]}}


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now(), attributes=ATTRIBUTES)


def send(somebody, path="/properties/new", **changes):
    fields = {"name": "MRR", "source": "chartmogul", "field": "cm_mrr", "type": "money", **changes}
    return somebody.post(path, **{name: value for name, value in fields.items() if value is not None})


def kept():
    with across_tenants():
        return db.session.scalars(select(Property).order_by(Property.created_at)).all()


def test_saved_property_is_filled_on_the_next_sync(person, cast, provider):
    ada = person(cast.ada)

    answer = send(ada)

    assert (answer.status_code, answer.location) == (303, "/properties?saved=mrr")
    page = ada.get(answer.location).text
    assert "MRR saved. Filled on the next sync." in page
    assert "Next import: t" in page
    assert 'class="flash"' in page
    (row,) = kept()
    assert (row.name, row.codename, row.source, row.field, row.custom_key) == (
        "MRR",
        "mrr",
        "chartmogul",
        "cm_mrr",
        None,
    )
    assert (row.type, row.version, row.tenant_id, row.waiting) == ("money", 1, cast.acme.id, True)
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "property:created")).one()
    assert entry.details == {"name": "MRR", "source": "chartmogul", "field": "cm_mrr"}


def test_custom_attribute_keeps_its_own_key(person, cast, provider):
    page = person(cast.ada).get("/properties/new?name=Plan tier").text
    codename = value_of(page, "field")

    send(person(cast.ada), name="Plan tier", field=codename, type="text")

    (row,) = kept()
    assert codename.startswith("cm_custom_plan_tier_")
    assert (row.field, row.custom_key) == (codename, "Plan Tier")


def test_by_hand_needs_no_field(person, cast):
    answer = send(person(cast.ada), name="Owner", source="by_hand", field=None, type="text")

    assert answer.status_code == 303
    assert (kept()[0].source, kept()[0].field) == (Source.BY_HAND, None)
    assert "set by hand" in person(cast.ada).get("/properties").text or kept()[0].waiting is False


def test_type_left_out_is_the_fields_own(person, cast, provider):
    send(person(cast.ada), type=None)
    send(person(cast.ada), name="Since", field="cm_customer_since", type="text")
    send(person(cast.ada), name="Tenure", field="cm_tenure_days", type="money", typed_for="cm_mrr")

    assert [row.type for row in kept()] == ["money", "text", "number"]


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": ""}, "name", "Enter a name."),
        ({"name": "   "}, "name", "Enter a name."),
        ({"name": "x" * 121}, "name", "A name has at most 120 characters."),
        ({"name": "x" * 10_000, "codename": "x"}, "name", "A name has at most 120 characters."),
        ({"name": "a\nb"}, "name", "A name is one line of text, without control characters."),
        ({"name": "a\0b"}, "name", "A name is one line of text, without control characters."),
        ({"codename": "MRR!"}, "codename", "Use lower-case letters, digits and underscores, with a letter first."),
        ({"codename": "1a"}, "codename", "Use lower-case letters, digits and underscores, with a letter first."),
        ({"codename": "a" * 61}, "codename", "A codename has at most 60 characters."),
        ({"codename": "chartmogul_uuid"}, "codename", "Every export has a column chartmogul_uuid already."),
        ({"codename": "taken"}, "codename", "There is a property with this codename already."),
        ({"name": "TAKEN"}, "name", "There is a property with this name already."),
        ({"source": ""}, "source", "Choose a data source."),
        ({"source": "salesforce"}, "source", "Choose a data source."),
        ({"field": ""}, "field", "Choose a ChartMogul field."),
        ({"field": "cm_nonsense"}, "field", "Choose a ChartMogul field."),
        ({"field": "cm_custom_unknown"}, "field", "Choose a ChartMogul field."),
        ({"type": "date"}, "type", "MRR cannot be read as a date."),
        ({"type": "nonsense"}, "type", "Choose a type."),
    ],
)
def test_each_field_says_what_is_wrong_with_it(person, cast, provider, changes, field, words):
    factories.make_property(cast.acme, "Taken")

    answer = send(person(cast.ada), **changes)

    assert answer.status_code == 422
    assert problem(answer.text, field).startswith(words)
    assert 'aria-invalid="true"' in answer.text
    assert "<title>Error: New property" in answer.text
    assert "There is a problem" not in answer.text
    assert len(kept()) == 1


def test_several_problems_are_summed_up(person, cast, provider):
    answer = send(person(cast.ada), name="", field="", type="nonsense")

    assert answer.status_code == 422
    summary = answer.text.split('id="problems"')[1].split("</div>")[0]
    assert "There is a problem" in summary
    assert [field for field in ("name", "field", "type") if f'<a href="#{field}">' in summary] == [
        "name",
        "field",
        "type",
    ]
    assert answer.text.count("autofocus") == 1


def test_same_form_twice_saves_one_property(person, cast, provider):
    ada = person(cast.ada)

    answers = [send(ada, codename="mrr", suggested="mrr", matched="cm_mrr") for _ in range(2)]

    assert [answer.location for answer in answers] == ["/properties?saved=mrr"] * 2
    assert len(kept()) == 1


def test_another_property_of_the_same_name_is_refused_but_not_a_neighbours(person, cast, provider):
    factories.make_property(cast.globex, "MRR")

    assert send(person(cast.ada)).status_code == 303
    again = send(person(cast.ada), field="cm_arr")

    assert problem(again.text, "name") == "There is a property with this name already."


def test_codename_made_from_the_name_is_always_free(person, cast, provider):
    factories.make_property(cast.acme, "MRR")
    ada = person(cast.ada)

    send(ada, name="M.R.R", codename="")
    send(ada, name="mrr!", codename="")
    send(ada, name="Name", codename="", field="cm_company", type="text")
    send(ada, name="日本", codename="", field="cm_city", type="text")

    assert {row.codename for row in kept()} == {"mrr", "m_r_r", "mrr_2", "name_2", "property"}


def test_race_for_a_codename_has_one_winner(person, cast, provider, monkeypatch):
    factories.make_property(cast.acme, "Other", codename="mrr")
    looked = iter([None])  # the first look comes before the other property does
    monkeypatch.setattr(forms, "_codename_problem", lambda *of, look=forms._codename_problem: next(looked, look(*of)))

    answer = send(person(cast.ada), codename="mrr")

    assert answer.status_code == 422
    assert problem(answer.text, "codename") == "There is a property with this codename already."
    assert len(kept()) == 1


def test_race_for_a_slot_is_told_as_what_it_is(person, cast, provider, monkeypatch):
    slot = factories.make_property(cast.acme, "Other").slot
    monkeypatch.setattr(Property, "slot_for", lambda *_: slot)

    answer = send(person(cast.ada))

    assert answer.status_code == 422
    assert problem(answer.text, "name") == "Another property was saved in the same moment. Save again."
    assert "codename already" not in answer.text
    assert len(kept()) == 1


@pytest.mark.parametrize("state", [None, ProviderState.DISCONNECTED])
def test_without_connection_chartmogul_cannot_be_chosen(person, cast, state):
    if state:
        factories.make_provider(cast.acme, state)
    ada = person(cast.ada)

    page, answer = ada.get("/properties/new").text, send(ada)

    assert '<option value="chartmogul" disabled>' in page
    assert '<a href="/settings/providers">Connect ChartMogul first</a>' in page
    assert value_of(page, "source") == "by_hand"
    assert problem(answer.text, "source") == "Connect ChartMogul first."
    assert answer.status_code == 422


def test_before_the_first_import_saving_works(person, cast):
    factories.make_provider(cast.acme, ProviderState.SETTING_UP)
    ada = person(cast.ada)

    page = ada.get("/properties/new?name=MRR").text

    assert "Values appear after the first import." in page
    assert send(ada).status_code == 303
    assert "The first import is being set up by our team." in ada.get("/properties").text


def test_extra_fields_change_nothing(person, cast, provider):
    send(person(cast.ada), tenant_id=str(cast.globex.id), version="9", id=str(uuid4()), filled_count="5")

    (row,) = kept()
    assert (row.tenant_id, row.version, row.filled_count) == (cast.acme.id, 1, 0)
