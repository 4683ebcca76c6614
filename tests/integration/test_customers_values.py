"""Values that admins set by hand, on a customer's page."""

import json
from uuid import uuid4

import pytest
from sqlalchemy import select

from tests import factories, syncing
from tests.factories import Cast
from tests.pages import look_around, problem, value_of
from tests.texts import words_of
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.models import Property, Source, ValueChange
from webapp.models.types import now
from webapp.tenancy import across_tenants, acting_for, owned_delete

MANY = [str(number) for number in range(100, 400)]


@pytest.fixture
def customer(cast: Cast):
    return factories.make_customer(factories.make_provider(cast.acme, last_success_at=now()), "Blue Finch")


def by_hand(cast, type_="text", name="Owner"):
    return factories.make_property(cast.acme, name, type=type_, source=Source.BY_HAND, field=None)


def address(customer, property_):
    return f"/customers/{customer.id}/values/{property_.id}"


def kept(property_):
    found = factories.values_of(property_)
    assert len(found) < 2
    return ((None, found[0]) if isinstance(found[0], str) else (found[0], None)) if found else None


@pytest.mark.parametrize(
    ("type_", "typed", "stored"),
    [
        ("text", "  Petra K. ", (None, "Petra K.")),
        ("number", "-1234.5", (-12_345_000, None)),
        ("number", "1.23456e5", (1_234_560_000, None)),
        ("money", "12.340", (1234, None)),
        ("money", "1.25e1", (1250, None)),
        ("percent", "12.5 %", (1250, None)),
        ("percent", "12.500%", (1250, None)),
        ("boolean", "yes", (1, None)),
        ("boolean", "no", (0, None)),
        ("date", "2026-11-14", (20_771, None)),
        ("list", " a ; b;a;; ", (None, '["a","b"]')),
        ("list", ";".join(MANY), (None, json.dumps(MANY, separators=(",", ":")))),
    ],
)
def test_what_is_typed_becomes_a_value_of_its_type(person, cast, customer, type_, typed, stored):
    property_ = by_hand(cast, type_)

    answer = person(cast.ada).post(address(customer, property_), value=typed)

    assert answer.status_code == 303
    assert answer.location == f"/customers/{customer.id}#value-owner"
    assert kept(property_) == stored
    page = person(cast.ada).get(f"/customers/{customer.id}").text
    assert value_of(page, "input-owner")
    assert "ada@acme.example" in page


@pytest.mark.parametrize(
    ("type_", "hint"), [("list", "Separate items with ;"), ("money", "EUR"), ("percent", "%"), ("text", None)]
)
def test_field_says_how_it_is_to_be_filled(person, cast, customer, type_, hint):
    by_hand(cast, type_)

    page = person(cast.ada).get(f"/customers/{customer.id}").text

    described = '<span class="hint" id="input-owner-h">'
    assert (described in page) == (hint is not None)
    assert ('aria-describedby="input-owner-h"' in page) == (hint is not None)
    assert hint is None or f"{described}{hint}</span>" in page


@pytest.mark.parametrize(
    ("type_", "typed", "words"),
    [
        ("number", "12,5", "Enter a plain number, for example 1234.5."),
        ("number", "9" * 30, "Enter a smaller number: this one is too large to keep."),
        ("number", "1.23456", "Enter at most 4 decimal places."),
        ("number", "1e-7", "Enter at most 4 decimal places."),
        ("number", f"1.{'0' * 30}1", "Enter at most 4 decimal places."),
        ("money", "12.345", "Enter at most 2 decimal places."),
        ("money", "1e-3", "Enter at most 2 decimal places."),
        ("percent", "0.125 %", "Enter at most 2 decimal places."),
        ("money", "a lot", "Enter a plain amount, for example 1234.50."),
        ("percent", "%", "Enter a percentage, for example 12.5."),
        ("boolean", "perhaps", "Choose Yes or No."),
        ("date", "14.11.2026", "Enter a date as YYYY-MM-DD, for example 2026-11-14."),
        ("text", "x" * 2001, "Enter at most 2,000 characters."),
        ("list", ";".join(str(number) for number in range(1000)), "Enter at most 2,000 characters."),
        (
            "list",
            ";".join(str(number) for number in range(450)),
            "Enter fewer or shorter items: all of them together are too long to keep.",
        ),
        ("text", "a\0b", "Enter text without control characters."),
    ],
)
def test_what_cannot_be_read_is_said_beside_the_field(person, cast, customer, type_, typed, words):
    property_ = by_hand(cast, type_)
    ada = person(cast.ada)

    page, row = (ada.post(address(customer, property_), htmx=htmx, value=typed) for htmx in (False, True))

    assert (page.status_code, row.status_code) == (422, 422)
    assert problem(page.text, "input-owner") == problem(row.text, "input-owner") == words
    assert "<title>Error: Blue Finch" in page.text
    assert row.text.lstrip().startswith('<tr id="value-owner">')
    assert kept(property_) is None
    if type_ == "number" and len(typed) < 9:
        assert value_of(row.text, "input-owner") == typed


def test_nothing_typed_forgets_the_value(person, cast, customer):
    property_ = by_hand(cast)
    ada = person(cast.ada)
    ada.post(address(customer, property_), value="Petra")

    answer = ada.post(address(customer, property_), htmx=True, value="  ")

    assert kept(property_) is None
    assert "The value was removed." in answer.text
    assert ada.post(address(customer, property_), value="").status_code == 303


def test_htmx_gets_the_row_and_a_toast(person, cast, customer):
    property_ = by_hand(cast)

    answer = person(cast.ada).post(address(customer, property_), htmx=True, value="<b>Petra</b>")

    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<tr id="value-owner">')
    assert value_of(answer.text, "input-owner") == "<b>Petra</b>"
    assert "Owner saved" in answer.text
    assert "<html" not in answer.text


def test_the_last_of_two_values_counts_and_both_are_on_the_record(person, cast, customer):
    property_ = by_hand(cast)
    ada = person(cast.ada)

    for value in ("Petra", "Paul"):
        ada.post(address(customer, property_), value=value)

    assert kept(property_) == (None, "Paul")
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "value:set")).all()
    assert [entry.details for entry in entries] == [{"property": "owner", "customer": str(customer.id)}] * 2


def test_property_that_is_filled_from_chartmogul_meanwhile_is_not_overwritten(person, cast, customer):
    property_ = by_hand(cast)
    with acting_for(cast.acme.id):
        property_.redefine(Source.CHARTMOGUL, "text", "cm_status", None, "ada@acme.example", now())
        db.session.commit()
    ada = person(cast.ada)

    page, row = (ada.post(address(customer, property_), htmx=htmx, value="Petra") for htmx in (False, True))

    assert (page.status_code, row.status_code) == (422, 422)
    said = "This property is filled from ChartMogul now. Reload the page. “Petra” was not kept."
    assert words_of(page.text).count(said) == words_of(row.text).count(said) == 1
    assert row.text.lstrip().startswith('<tr id="value-owner">')
    assert kept(property_) is None


def test_what_was_not_kept_is_not_quoted_when_it_was_nothing(person, cast, customer):
    property_ = factories.make_property(cast.acme)

    answer = person(cast.ada).post(address(customer, property_), htmx=True, value="")

    assert answer.status_code == 422
    assert "was not kept" not in answer.text


@pytest.mark.parametrize("htmx", [False, True])
def test_property_that_is_deleted_meanwhile_is_404(person, cast, customer, htmx):
    property_, ada = by_hand(cast), person(cast.ada)
    ada.csrf()

    def delete_it(connection, _cursor, statement, *_rest):
        if statement.startswith("SELECT properties.version"):
            connection.execute(owned_delete(Property))

    with syncing.listening(delete_it):
        answer = ada.post(address(customer, property_), htmx=htmx, value="Petra")

    assert answer.status_code == 404
    assert kept(property_) is None


def test_member_reads_and_sets_nothing(person, cast, customer):
    property_ = by_hand(cast)
    max_ = person(cast.max)

    assert max_.post(address(customer, property_), value="Petra").status_code == 403
    assert kept(property_) is None
    assert "input-owner" not in max_.get(f"/customers/{customer.id}").text


def test_support_sees_the_field_disabled_and_sets_nothing(person, cast, customer):
    property_ = by_hand(cast)
    sam = look_around(person(cast.sam), cast)

    page = sam.get(f"/customers/{customer.id}").text

    assert "input-owner" in page
    assert "Read-only while you view as support." in page
    assert sam.post(address(customer, property_), value="Petra").status_code == 403
    assert kept(property_) is None


def test_neighbours_ids_are_unknown_on_both_sides(person, cast, customer):
    property_ = by_hand(cast)
    theirs = factories.make_property(cast.globex, "Owner", type="text", source=Source.BY_HAND, field=None)
    other = factories.make_customer(factories.make_provider(cast.globex), "Other")
    gil, ada = person(cast.gil), person(cast.ada)

    assert gil.post(address(customer, property_), value="x").status_code == 404
    assert gil.post(address(customer, theirs), value="x").status_code == 404
    assert gil.post(address(other, property_), value="x").status_code == 404
    assert ada.post(address(customer, theirs), value="x").status_code == 404
    assert ada.post(f"/customers/{uuid4()}/values/{property_.id}", value="x").status_code == 404
    assert kept(property_) is None
    assert kept(theirs) is None


def test_other_fields_in_the_form_change_nothing(person, cast, customer):
    property_ = by_hand(cast)

    person(cast.ada).post(
        address(customer, property_), value="Petra", tenant_id=str(cast.globex.id), version="9", set_by="gil"
    )

    with across_tenants():
        row = db.session.scalars(select(ValueChange)).one()
        assert (row.tenant_id, row.version, row.by) == (cast.acme.id, 1, "ada@acme.example")
