"""Acting for a tenant: whose rows are found, changed and added."""

import threading
from contextlib import suppress
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.exceptions import NotFound

from tests import factories
from tests.factories import Cast
from webapp.extensions import db
from webapp.models import Customer, CustomerValues, ImportPage, Property, ValueChange
from webapp.tenancy import (
    TenantMissing,
    across_tenants,
    acting_for,
    array_of,
    current_tenant_id,
    insert_rows,
    owned,
    owned_delete,
    owned_or_404,
    owned_update,
    set_tenant,
    update_rows,
    upsert_rows,
)


@pytest.fixture
def both(cast: Cast) -> tuple[Property, Property]:
    """A property of each tenant, of the same name."""
    return factories.make_property(cast.acme, "MRR"), factories.make_property(cast.globex, "MRR")


def names_of(tenant_id) -> list[str]:
    db.session.rollback()
    with acting_for(tenant_id):
        return list(db.session.scalars(owned(Property, Property.name).order_by(Property.name)))


def test_nothing_is_asked_while_no_tenant_is_set(app: Flask):
    for ask in (current_tenant_id, lambda: owned(Property), lambda: db.session.scalars(select(Property)).all()):
        with pytest.raises(TenantMissing):
            ask()


def test_tenant_of_before_is_back_afterwards_whatever_happened():
    outer, inner = uuid4(), uuid4()
    with acting_for(outer):
        with suppress(KeyError), acting_for(inner):
            assert current_tenant_id() == inner
            raise KeyError
        assert current_tenant_id() == outer
    with pytest.raises(TenantMissing):
        current_tenant_id()


def test_reading_across_tenants_ends_with_its_block(app: Flask, both):
    with across_tenants():
        assert len(db.session.scalars(select(Property)).all()) == 2
    with pytest.raises(TenantMissing):
        db.session.scalars(select(Property)).all()


def test_thread_starts_without_a_tenant():
    found = []

    def look() -> None:
        try:
            found.append(current_tenant_id())
        except TenantMissing:
            found.append(None)

    with acting_for(uuid4()):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    assert found == [None]


def test_request_starts_without_the_tenant_of_the_one_before(app: Flask, stranger, cast: Cast):
    """A server's thread serves one tenant after the other."""
    seen = []
    app.view_functions["auth.create"] = view = lambda: seen.append(_tenant_or_none()) or ""
    view.access = "public"
    set_tenant(cast.acme.id)

    stranger.get("/login")

    set_tenant(None)
    assert seen == [None]


def _tenant_or_none():
    try:
        return current_tenant_id()
    except TenantMissing:
        return None


def test_row_is_found_by_its_own_tenant_alone(cast: Cast, both):
    acmes, globexs = (row.id for row in both)
    with acting_for(cast.acme.id):
        assert owned_or_404(Property, acmes).tenant_id == cast.acme.id
        for id_ in (globexs, uuid4()):
            with pytest.raises(NotFound):
                owned_or_404(Property, id_)


def test_change_and_deletion_stop_at_the_tenant(cast: Cast, both):
    with acting_for(cast.acme.id):
        db.session.execute(owned_update(Property).values(name="Mine"))
        db.session.commit()
    assert (names_of(cast.acme.id), names_of(cast.globex.id)) == (["Mine"], ["MRR"])

    with acting_for(cast.acme.id):
        db.session.execute(owned_delete(Property))
        db.session.commit()
    assert (names_of(cast.acme.id), names_of(cast.globex.id)) == ([], ["MRR"])


def test_inserted_rows_are_the_tenants_whatever_they_say(cast: Cast):
    row = {"import_id": uuid4(), "stream": "customers", "number": 1, "seen": b""}
    with acting_for(cast.acme.id):
        insert_rows(ImportPage, [{**row, "tenant_id": cast.globex.id}])
        insert_rows(ImportPage, [])
        db.session.commit()
        (page,) = db.session.scalars(owned(ImportPage)).all()
        assert page.tenant_id == cast.acme.id


def columns_of(customer: Customer) -> dict:
    return {name: getattr(customer, name) for name in Customer.__table__.c.keys() if name != "tenant_id"}  # noqa: SIM118


ODD = (
    "",
    "NULL",
    "null",
    '"',
    "\\",
    '\\"',
    "{a,b}",
    ",",
    "it's",
    "\n\t ",
    "é\U0001f600",
    "\x01",
    " padded ",
    "%s",
    ":a",
    None,
)


def test_any_text_and_bytes_are_kept_as_they_are(cast: Cast):
    """Also those that mean something in the way in which PostgreSQL is told of many rows at once."""
    customer, import_id = factories.make_customer(factories.make_provider(cast.acme)), uuid4()
    rows = [
        {
            **columns_of(customer),
            "id": uuid4(),
            "uuid": str(number),
            "name": text,
            "tags": [text],
            "custom": {"a": text},
        }
        for number, text in enumerate(ODD)
    ]
    seen = [b"", b"\x00\xff", rb'\x"{},NULL', b"\\"]
    with acting_for(cast.acme.id):
        insert_rows(Customer, rows)
        pages = [{"import_id": import_id, "stream": "a", "number": at, "seen": each} for at, each in enumerate(seen)]
        insert_rows(ImportPage, pages)
        db.session.commit()
        kept = db.session.execute(owned(Customer, Customer.uuid, Customer.name, Customer.tags, Customer.custom))

        assert {int(uuid): told for uuid, *told in kept if uuid.isdecimal()} == {
            number: [text, [text], {"a": text}] for number, text in enumerate(ODD)
        }
        assert db.session.scalars(owned(ImportPage, ImportPage.seen).order_by(ImportPage.number)).all() == seen


def test_text_that_holds_nul_shifts_no_other():
    with pytest.raises(ValueError, match="NUL"):
        array_of(["a", "b\0c", None])


def change_row(property_: Property, customer: Customer, number: int) -> dict:
    of = {"property_id": property_.id, "customer_id": customer.id, "version": 1, "at": datetime(2026, 1, 1, tzinfo=UTC)}
    return {**of, "number": number, "by": f"{number}@acme.example"}


CHANGE = ("tenant_id", "property_id", "customer_id", "at")


def test_upsert_adds_what_is_new_and_changes_what_is_there(cast: Cast, both):
    customer = factories.make_customer(factories.make_provider(cast.acme))
    with acting_for(cast.acme.id):
        upsert_rows(ValueChange, [change_row(both[0], customer, 1)], CHANGE)
        upsert_rows(ValueChange, [change_row(both[0], customer, 2)], CHANGE)
        upsert_rows(ValueChange, [], CHANGE)
        db.session.commit()
        (value,) = db.session.scalars(owned(ValueChange)).all()

        assert (value.number, value.by) == (2, "2@acme.example")


def test_upsert_leaves_a_neighbours_row_of_the_same_key_as_it_is(cast: Cast, both):
    customer = factories.make_customer(factories.make_provider(cast.acme))
    columns = columns_of(customer)
    with acting_for(cast.globex.id):
        upsert_rows(Customer, [{**columns, "name": "taken"}], ["id"])
        db.session.commit()

    with acting_for(cast.acme.id):
        assert db.session.scalars(owned(Customer, Customer.name)).all() == ["Blue Finch"]


def test_update_of_many_rows_leaves_a_neighbours_row_of_the_same_key_as_it_is(cast: Cast, both):
    customer = factories.make_customer(factories.make_provider(cast.acme))
    row = {"provider_id": customer.provider_id, "uuid": customer.uuid, "title": "taken"}
    with acting_for(cast.globex.id):
        update_rows(CustomerValues, [row], ("provider_id", "uuid"))
        db.session.commit()

    with acting_for(cast.acme.id):
        assert db.session.scalars(owned(CustomerValues, CustomerValues.title)).all() == ["blue finch"]


def test_row_is_not_added_for_moved_to_or_taken_from_another_tenant(cast: Cast, both):
    def fails() -> None:
        with pytest.raises(TenantMissing):
            db.session.flush()
        db.session.rollback()

    with acting_for(cast.globex.id):
        db.session.add(Property(tenant_id=cast.acme.id, name="x", codename="x", type="text", source="by_hand"))
        fails()
        db.session.add(Property(name="x", codename="x", type="text", source="by_hand"))
        fails()
    acme, globex = cast.acme.id, cast.globex.id
    for target in (globex, acme):
        with acting_for(acme):
            row = db.session.scalars(owned(Property)).one()
        row.tenant_id, row.name = target, "taken"
        with acting_for(globex):
            fails()
    assert names_of(cast.acme.id) == ["MRR"]
