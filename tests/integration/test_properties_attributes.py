"""Custom attributes that an import found: offered until they are used or dismissed."""

import pytest
from sqlalchemy import select

from simulator import Simulator
from tests import factories, syncing
from tests.factories import Cast
from tests.pages import look_around, table, value_of
from tests.texts import words_of
from webapp.audit import AuditEntry
from webapp.chartmogul.fields import custom_codename
from webapp.extensions import db
from webapp.models import Provider, ProviderState
from webapp.models.types import now
from webapp.tenancy import across_tenants

ATTRIBUTES = {
    "Seats": {"type": "number", "mixed": False, "count": 12, "samples": ["5", "7"]},
    "Tier": {"type": "text", "mixed": False, "count": 3, "samples": ["Gold"]},
    "odd key": {"type": "text", "mixed": True, "count": 7, "samples": ["5", "yes"]},
}
DISMISSED = "/properties/dismissed-attributes"


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now(), attributes=ATTRIBUTES)


def page_of(somebody):
    return somebody.get("/properties").text


def offers(somebody):
    page = page_of(somebody)
    return table(page[page.index('id="attributes"') :]) if 'id="attributes"' in page else []


def dismiss(somebody, *keys):
    return somebody.post(DISMISSED, **{"fields[]": [custom_codename(key) for key in keys]})


def dismissed():
    with across_tenants():
        db.session.expire_all()
        return db.session.scalars(select(Provider.dismissed_attributes)).one()


def test_new_ones_are_offered_with_their_types_and_values(person, cast, provider):
    ada = person(cast.ada)

    assert "3 new attributes found: Seats, odd key, Tier" in words_of(page_of(ada))
    assert [row[:4] for row in offers(ada)] == [
        ["Attribute", "Type", "Customers", "Values"],
        ["Seats", "Number", "12", "5 · 7"],
        ["odd key", "Text Mixed types, read as text", "7", "5 · yes"],
        ["Tier", "Text", "3", "Gold"],
    ]


def test_values_of_a_new_one_read_as_values_do_everywhere(person, cast):
    moments = ["2028-06-26T00:00:00.000Z", "2024-01-09T00:00:00.000Z"]
    found = {"mixed": False, "count": 1}
    attributes = {
        "live": {**found, "type": "boolean", "samples": ["False", "True"]},
        "renewal": {**found, "type": "date", "samples": [*moments, "soon"]},
        "spend": {**found, "type": "number", "samples": ["1234.50"]},
    }
    factories.make_provider(cast.acme, last_success_at=now(), attributes=attributes)

    assert [row[3] for row in offers(person(cast.ada))[1:]] == [
        "No · Yes",
        "26 Jun 2028 · 9 Jan 2024 · soon",
        "1,234.5",
    ]


def test_one_leads_to_the_form_with_its_field_chosen(person, cast, provider):
    ada = person(cast.ada)
    codename = custom_codename("odd key")
    address = f"/properties/new?name=odd+key&source=chartmogul&field={codename}"

    assert f'href="{address.replace("&", "&amp;")}"' in page_of(ada)
    form = ada.get(address).text
    assert (value_of(form, "name"), value_of(form, "field"), value_of(form, "type")) == ("odd key", codename, "text")


def test_used_one_is_offered_no_more(person, cast, provider):
    factories.make_property(cast.acme, "Seats", type="number", field="cm_custom_seats", custom_key="Seats")

    assert [row[0] for row in offers(person(cast.ada))[1:]] == ["odd key", "Tier"]


def test_dismissed_one_is_offered_no_more_and_can_still_be_chosen(person, cast, provider):
    ada = person(cast.ada)

    answer = dismiss(ada, "Seats")

    assert (answer.status_code, answer.location) == (303, "/properties")
    page = page_of(ada)
    assert "1 attribute dismissed" in page
    assert "2 new attributes found: odd key, Tier" in words_of(page)
    assert value_of(ada.get("/properties/new?name=Seats").text, "field") == custom_codename("Seats")
    (entry,) = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "attributes:dismissed")).all()
    assert entry.details == {"keys": ["Seats"]}


def test_all_are_dismissed_at_once_and_twice_without_harm(person, cast, provider):
    ada = person(cast.ada)

    for _ in range(2):
        assert dismiss(ada, *ATTRIBUTES).status_code == 303

    assert offers(ada) == []
    assert sorted(dismissed()) == sorted(ATTRIBUTES)
    assert len(db.session.scalars(select(AuditEntry).where(AuditEntry.action == "attributes:dismissed")).all()) == 1


def test_nonsense_dismisses_nothing(person, cast, provider):
    ada = person(cast.ada)

    assert ada.post(DISMISSED, **{"fields[]": ["cm_mrr", "", "Seats"]}).status_code == 303
    assert person(cast.gil).post(DISMISSED, **{"fields[]": [custom_codename("Seats")]}).status_code == 303
    assert dismissed() == []


def test_next_import_offers_only_what_it_finds_new(app, person, cast, chartmogul: Simulator):
    provider = syncing.connect(cast.acme, chartmogul)
    syncing.run(app, provider)
    ada = person(cast.ada)
    with across_tenants():
        keys = list(db.session.scalars(select(Provider.attributes)).one())
    dismiss(ada, *keys[1:])

    syncing.run(app, provider)

    assert [row[0] for row in offers(ada)[1:]] == keys[:1]


def test_many_are_counted_and_the_most_filled_shown(person, cast, provider):
    many = {f"Key {n}": {"type": "text", "mixed": False, "count": n, "samples": []} for n in range(20)}
    with across_tenants():
        db.session.get_one(Provider, provider.id).attributes = many
        db.session.commit()
    ada = person(cast.ada)

    assert "20 new attributes found: Key 19, Key 18" in words_of(page_of(ada))
    assert "and 12 more" in words_of(page_of(ada))
    assert len(offers(ada)) == 9
    assert page_of(ada).count('name="fields[]"') == 8 + 20


def test_account_that_is_no_longer_connected_offers_none(person, cast):
    factories.make_provider(cast.acme, ProviderState.DISCONNECTED, attributes=ATTRIBUTES)

    assert offers(person(cast.ada)) == []


def test_members_see_none_and_support_cannot_dismiss(person, cast, provider):
    max_, sam = person(cast.max), look_around(person(cast.sam), cast)

    assert offers(max_) == []
    assert len(offers(sam)) == 4
    assert "Create property" not in page_of(sam)
    assert dismiss(max_, "Seats").status_code == 403
    assert dismiss(sam, "Seats").status_code == 403
    assert dismissed() == []
