"""Rows of one tenant: by the shape of the tables, and by every way that SQLAlchemy has of asking for them."""

import warnings
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import bindparam, exists, func, insert, literal, select, text, union, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import aliased
from werkzeug.exceptions import NotFound

from tests.guards.world import World, nothing
from webapp.extensions import db
from webapp.models import Customer, Property, Tenant, User
from webapp.tenancy import (
    TenantMissing,
    TenantOwned,
    across_tenants,
    acting_for,
    owned,
    owned_or_404,
    owned_update,
    read_rows,
    rows_in_parts,
    write_rows,
)

NET = False  # what is tried here has to be refused by the app, not by the tests' own net
# Tables that are not one tenant's, and why.
OF_NOBODY = {
    "tenants": "the tenants themselves",
    "users": "staff are of no tenant; a tenant's users are found by their session",
    "user_sessions": "found by the cookie, before anybody knows whose it is",
    "impersonations": "staff's, with the tenant that they look at",
    "audit_entries": "support's deeds and failed sign-ins stand beside the tenants' own",
}
# Keys that do not begin with the tenant: what they begin with can itself be only one tenant's.
BOUND_BY = {
    "provider_id": "a provider is one tenant's: foreign keys name (tenant_id, provider_id)",
    "customer_id": "a customer is one tenant's: its id is computed from its provider's",
    "import_id": "imports are uuids that no form takes and no page of another tenant shows",
}
# References that do not name the tenant as well, and why no other tenant's row can get there.
ALONE = {
    ("properties", "filled_import_id"): "written by the import itself, about its own tenant's properties",
    ("property_versions", "filled_import_id"): "as of properties",
}


def models() -> list[type[Any]]:
    """In one order for every test process: the registry is a set."""
    found = [mapper.class_ for mapper in db.Model.registry.mappers if issubclass(mapper.class_, TenantOwned)]
    return sorted(found, key=lambda model: model.__name__)


def test_every_table_has_a_tenant_or_is_listed():
    owned_tables = {model.__tablename__ for model in models()}
    others = set(db.metadata.tables) - owned_tables

    assert others == set(OF_NOBODY), "make the model TenantOwned, or list its table in OF_NOBODY and say why"


def test_every_table_of_the_database_is_one_of_the_models(world: World):
    assert set(world.tables()) == set(db.metadata.tables) | {"alembic_version"}


@pytest.mark.parametrize("model", models(), ids=lambda model: model.__name__)
def test_tables_tie_their_rows_to_the_tenant(model: type[Any]):
    table, wrong = model.__table__, []
    refers_to = {key.target_fullname for key in table.c.tenant_id.foreign_keys}
    if table.c.tenant_id.nullable or not refers_to & {"tenants.id", "providers.tenant_id", "properties.tenant_id"}:
        wrong.append("tenant_id refers to tenants, or to what is tied to them, and is never empty")
    for constraint in table.foreign_key_constraints:
        target, columns = constraint.referred_table.name, [column.name for column in constraint.columns]
        if target in {model.__tablename__ for model in models()} and columns[0] != "tenant_id":
            wrong += [] if (table.name, columns[0]) in ALONE else [f"{columns} refers to {target} without the tenant"]
    unique = [index.columns for index in table.indexes if index.unique]
    unique += [
        constraint.columns for constraint in table.constraints if type(constraint).__name__ == "UniqueConstraint"
    ]
    for columns in [*unique, table.primary_key.columns]:
        first = next(iter(columns)).name
        if first not in {"tenant_id", "id", *BOUND_BY}:
            wrong.append(f"a unique key over {[c.name for c in columns]}: it tells whether a neighbour has the value")

    nothing([f"{table.name}: {complaint}" for complaint in wrong])


@pytest.mark.parametrize("model", models(), ids=lambda model: model.__name__)
def test_the_world_has_a_row_of_every_model(world: World, model: type[Any]):
    with acting_for(world.acme_id):
        assert db.session.scalar(owned(model, func.count())), f"make a {model.__name__} in tests/guards/world.py"


# Reading. Each asks for customers as code might that forgot owned(); the id is one of Acme's.

READS: dict[str, Callable[[UUID], Any]] = {
    "select": lambda id_: select(Customer).where(Customer.id == id_),
    "columns": lambda id_: select(Customer.id, Customer.name).where(Customer.id == id_),
    "count": lambda id_: select(func.count(Customer.id)).where(Customer.id == id_).having(func.count(Customer.id) > 0),
    "exists": lambda id_: select(literal(1)).where(exists().where(Customer.id == id_)),
    "exists beside another": lambda id_: select(User.id).where(exists().where(Customer.id == id_)),
    "in a subquery": lambda id_: select(Tenant).where(
        Tenant.id.in_(select(Customer.tenant_id).where(Customer.id == id_))
    ),
    "alias": lambda id_: select(alias := aliased(Customer)).where(alias.id == id_),
    "subquery": lambda id_: select(select(Customer.id).where(Customer.id == id_).subquery()),
    "cte": lambda id_: select(select(Customer.id).where(Customer.id == id_).cte()),
    "union": lambda id_: union(*[select(Customer.id).where(Customer.id == id_)] * 2),
    "join": lambda id_: select(Property.id, Customer.id).join(Customer, Customer.id == id_),
    "table": lambda id_: select(Customer.__table__).where(Customer.__table__.c.id == id_),
    "table's column": lambda id_: select(Customer.__table__.c.name),
    "text": lambda id_: text("SELECT name FROM customers"),
    "from text": lambda id_: select(Customer).from_statement(text("SELECT * FROM customers")),
}


@pytest.mark.parametrize("read", READS)
def test_read_without_owned_finds_nothing_of_a_neighbours(world: World, read: str):
    rows = refused(lambda: db.session.execute(READS[read](world.ids["acme"]["customers"][0])).all(), world.globex_id)

    assert not any("Quagga" in str(row) or str(world.acme_id) in str(row) or row for row in rows)


@pytest.mark.parametrize("read", READS)
def test_read_without_any_tenant_is_refused(world: World, read: str):
    db.session.rollback()
    with pytest.raises(TenantMissing):
        db.session.execute(READS[read](world.ids["acme"]["customers"][0])).all()


def test_only_a_select_that_owned_began_for_this_tenant_is_read_without_the_orm(world: World):
    db.session.rollback()
    id_ = world.ids["acme"]["customers"][0]
    with acting_for(world.acme_id):
        mine = owned(Customer, Customer.id).where(Customer.id == id_)
        assert read_rows(mine) == [(id_,)]
        with rows_in_parts(owned(Customer, Customer.id), 1) as parts:
            assert len(next(parts)) == 1  # whoever leaves early leaves nothing open
    with acting_for(world.globex_id):
        for statement in (mine, *(read(id_) for read in READS.values())):
            with pytest.raises(TenantMissing):
                read_rows(statement)
            with pytest.raises(TenantMissing), rows_in_parts(statement, 1):
                raise AssertionError("it was read")


def test_only_an_update_that_owned_update_began_for_this_tenant_is_run_without_the_orm(world: World):
    db.session.rollback()
    named = Customer.id == world.ids["acme"]["customers"][0]
    with acting_for(world.acme_id):
        mine = owned_update(Customer).where(named).values(owner=bindparam("new_owner"))
        assert write_rows(db.session, mine, {"new_owner": "Petra"}) == 1
        db.session.rollback()
    with acting_for(world.globex_id):
        for statement in (mine, update(Customer).where(named).values(owner=bindparam("new_owner"))):
            with pytest.raises(TenantMissing):
                write_rows(db.session, statement, {"new_owner": "Gil"})


# What the session itself holds it gives without asking anybody: test_boundaries forbids session.get on such models.
HOLDS: dict[str, Callable[[Customer], Any]] = {
    "get": lambda row: db.session.get(Customer, row.id, populate_existing=True),
    "refresh": lambda row: db.session.refresh(row) or row,
    "expired": lambda row: db.session.expire(row) or (row.name and row),
    "ours": lambda row: db.session.scalar(owned(Customer).where(Customer.id == row.id)),
}


@pytest.mark.parametrize("hold", HOLDS)
def test_row_held_from_another_tenants_turn_is_not_read_again(world: World, hold: str):
    db.session.rollback()
    with acting_for(world.acme_id):
        row = db.session.scalars(owned(Customer).where(Customer.id == world.ids["acme"]["customers"][0])).one()

    assert not refused(lambda: [found] if (found := HOLDS[hold](row)) is not None else [], world.globex_id)


def test_neighbours_row_is_a_404_and_noted(world: World, caplog: pytest.LogCaptureFixture):
    with acting_for(world.globex_id), caplog.at_level("INFO"), pytest.raises(NotFound):
        owned_or_404(Customer, world.ids["acme"]["customers"][0])

    assert "Customer" in caplog.text
    assert str(world.ids["acme"]["customers"][0]) in caplog.text


# Writing. Each would change Acme's rows while acting for Globex.

WRITES: dict[str, Callable[[World], Any]] = {
    "update": lambda w: db.session.execute(update(Customer).values(name="taken")),
    "update by id": lambda w: db.session.execute(
        update(Customer), [{"id": w.ids["acme"]["customers"][0], "name": "x"}]
    ),
    "update of the table": lambda w: db.session.execute(update(Customer.__table__).values(name="taken")),
    "delete": lambda w: db.session.execute(Customer.__table__.delete()),
    "delete by text": lambda w: db.session.execute(text("DELETE FROM customers")),
    "insert": lambda w: db.session.execute(insert(Property), [property_of(w.acme_id)]),
    "insert of values": lambda w: db.session.execute(insert(Property).values(**property_of(w.acme_id))),
    "insert of many values": lambda w: db.session.execute(insert(Property).values([property_of(w.acme_id)])),
    "insert without a tenant": lambda w: db.session.execute(insert(Property), [property_of(None)]),
    "insert into the table": lambda w: db.session.execute(insert(Property.__table__), [property_of(w.acme_id)]),
    "upsert": lambda w: db.session.execute(dialect_insert()(Property).values(**property_of(w.acme_id))),
    "add": lambda w: (db.session.add(Property(**property_of(w.acme_id))), db.session.flush()),
    "move": lambda w: move(w),
    "delete what is held": lambda w: (db.session.delete(held(w)), db.session.flush()),
    "change what is held": lambda w: (setattr(held(w), "name", "taken"), db.session.flush()),
}


@pytest.mark.parametrize("write", WRITES)
def test_write_without_owned_changes_nothing_of_a_neighbours(world: World, write: str):
    db.session.rollback()
    before = everything_of(world.acme_id)

    refused(lambda: WRITES[write](world) and [], world.globex_id, commit=True)

    assert everything_of(world.acme_id) == before


REFUSALS = ("TenantMissing", "ObjectDeletedError", "InvalidRequestError")


def refused(act: Callable[[], Any], tenant_id: UUID, commit: bool = False) -> Any:
    """What an act gives while acting for a tenant; nothing if it is refused."""
    try:
        with acting_for(tenant_id), warnings.catch_warnings():
            result = act()
            if commit:
                db.session.commit()
            return result
    except Exception as error:
        if type(error).__name__ not in REFUSALS:
            raise
        return []
    finally:
        db.session.rollback()


def everything_of(tenant_id: UUID) -> str:
    with across_tenants():
        rows = [
            db.session.execute(select(model.__table__).where(model.tenant_id == tenant_id)).all() for model in models()
        ]
        db.session.rollback()
    return repr(sorted(map(repr, rows)))


def property_of(tenant_id: UUID | None) -> dict[str, Any]:
    row = {"id": uuid4(), "name": "x", "codename": uuid4().hex[:8], "type": "text", "source": "by_hand"}
    return {**row, **({"tenant_id": tenant_id} if tenant_id else {})}


def dialect_insert() -> Any:
    return postgresql_insert if db.session.get_bind().dialect.name == "postgresql" else sqlite_insert


def held(world: World) -> Customer:
    """One of Acme's rows, still in the session after Acme's turn."""
    with acting_for(world.acme_id):
        return db.session.scalars(owned(Customer).where(Customer.id == world.ids["acme"]["customers"][0])).one()


def move(world: World) -> None:
    with acting_for(world.acme_id):
        row = db.session.scalars(owned(Property).where(Property.id == world.ids["acme"]["properties"][0])).one()
    row.tenant_id = world.globex_id
    db.session.flush()
