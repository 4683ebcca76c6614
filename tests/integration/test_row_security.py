"""PostgreSQL's row level security, with the role that production works as: the net below the ORM's."""

import pytest
from flask import Flask
from sqlalchemy import Connection
from sqlalchemy.exc import ProgrammingError

from tests import factories
from tests.conftest import DATABASES
from tests.factories import Cast
from tests.postgresql import APP
from webapp.extensions import db
from webapp.tenancy import TenantOwned, across_tenants, acting_for

pytestmark = pytest.mark.parametrize("database_url", set(DATABASES) & {"postgresql"}, indirect=True)
# Written so that neither owned() nor the ORM sees it: what a mistake, or an injection, would look like.
ALL = "SELECT name /* tenant_id */ FROM properties ORDER BY name"


@pytest.fixture
def both(app: Flask, cast: Cast) -> Cast:
    factories.make_property(cast.acme, "Acme's")
    factories.make_property(cast.globex, "Globex's")
    db.session.commit()
    return cast


def names(connection: Connection) -> list[str]:
    return list(connection.exec_driver_sql(ALL).scalars())


def test_role_has_no_way_around_it(app: Flask):
    with db.engine.connect() as connection:
        role = "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        assert connection.exec_driver_sql(role).one() == (APP, False, False)
        owned = "SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = current_user"
        assert connection.exec_driver_sql(owned).scalar_one() == 0


def test_every_tenants_table_has_its_policy_forced(app: Flask):
    """Whichever migration made the table."""
    mappers = db.Model.registry.mappers  # type: ignore[attr-defined]
    guarded = "SELECT relname FROM pg_class JOIN pg_policy ON polrelid = pg_class.oid"
    with db.engine.connect() as connection:
        forced = connection.exec_driver_sql(f"{guarded} WHERE relrowsecurity AND relforcerowsecurity")
        assert set(forced.scalars()) == {
            mapper.local_table.name for mapper in mappers if issubclass(mapper.class_, TenantOwned)
        }


def test_nobody_sees_nothing(both: Cast):
    with db.engine.connect() as connection:
        assert names(connection) == []


def test_tenant_sees_its_own_also_when_it_changes_in_mid_transaction(both: Cast):
    with db.engine.connect() as connection:
        for tenant, its in ((both.acme, ["Acme's"]), (both.globex, ["Globex's"]), (both.acme, ["Acme's"])):
            with acting_for(tenant.id):
                assert names(connection) == its
        assert names(connection) == []
        with across_tenants():
            assert names(connection) == ["Acme's", "Globex's"]


def test_next_transaction_of_a_connection_begins_with_nobody(both: Cast):
    with db.engine.connect() as connection:
        backend = connection.connection.driver_connection.info.backend_pid
        with acting_for(both.acme.id):
            assert names(connection) == ["Acme's"]
        connection.commit()
        assert names(connection) == []
    with db.engine.connect() as connection:
        assert connection.connection.driver_connection.info.backend_pid == backend
        assert names(connection) == []
        with acting_for(both.globex.id):
            assert names(connection) == ["Globex's"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE properties SET tenant_id = '{other}'",
        "INSERT INTO import_pages (import_id, stream, number, seen, tenant_id) "
        "VALUES ('{other}', 'customers', 1, '', '{other}')",
    ],
)
def test_nothing_is_written_for_another_tenant(both: Cast, statement: str):
    with (
        db.engine.connect() as connection,
        acting_for(both.acme.id),
        pytest.raises(ProgrammingError, match="row-level security"),
    ):
        connection.exec_driver_sql(statement.format(other=both.globex.id))


def test_anothers_rows_are_neither_changed_nor_deleted(both: Cast):
    with db.engine.connect() as connection:
        with acting_for(both.acme.id):
            of_globex = f"/* tenant_id */ WHERE name = 'Globex''s' AND '{both.globex.id}' <> ''"
            assert connection.exec_driver_sql(f"UPDATE properties SET name = 'Mine' {of_globex}").rowcount == 0
            assert connection.exec_driver_sql(f"DELETE FROM properties {of_globex}").rowcount == 0
        connection.commit()
        with across_tenants():
            assert names(connection) == ["Acme's", "Globex's"]
