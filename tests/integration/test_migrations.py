"""The schema that the migrations make is the one that the models mean, on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import insert, inspect, select, text

from tests.conftest import DATABASES, make_settings, new_database, on_sqlite
from tests.postgresql import OWNER, address
from webapp import create_app
from webapp.config import Settings
from webapp.extensions import db
from webapp.models import Property, PropertyVersion, Tenant
from webapp.tenancy import across_tenants


def differences() -> list[object]:
    with db.engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), db.metadata))


def test_migrations_make_what_the_models_mean(app):
    assert differences() == []


@on_sqlite
def test_tables_that_lie_in_the_order_of_their_key_stay_so(app):
    """SQLite makes a table anew to change it, and nothing else would tell that this was forgotten."""
    without = {table.name for table in db.metadata.tables.values() if not table.dialect_options["sqlite"]["with_rowid"]}
    found = text("SELECT name FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%'")

    with db.engine.connect() as connection:
        assert set(connection.execute(found).scalars()) == without
    assert without


@pytest.fixture(params=DATABASES)
def owners_settings(request, tmp_path) -> Iterator[Settings]:
    """Of a database of the test's own, where the app may change tables."""
    if request.param == "sqlite":
        yield make_settings(tmp_path)
    else:
        with new_database(tmp_path) as name:
            yield make_settings(tmp_path, database_url=address(name, OWNER))


def test_migrations_go_back_and_forth(owners_settings):
    with create_app(owners_settings).app_context():
        upgrade()
        downgrade(revision="base")
        left = set(inspect(db.engine).get_table_names())
        upgrade()

        assert left == {"alembic_version"}
        assert differences() == []
        db.engine.dispose()


def test_history_of_definitions_begins_with_what_there_is(owners_settings):
    with create_app(owners_settings).app_context():
        upgrade()
        downgrade(revision="0004")
        ids = [_insert_property(number) for number in (1, 2)]
        upgrade()

        with across_tenants():
            kept = db.session.scalars(select(PropertyVersion).order_by(PropertyVersion.version)).all()
            assert [(row.property_id, row.version, row.defined_by, row.filled_import_id) for row in kept] == [
                (ids[0], 1, None, None),
                (ids[1], 2, None, None),
            ]
            assert [(row.defined_at.day, bool(row.filled_at)) for row in kept] == [(1, True), (2, False)]
            db.session.rollback()
        db.engine.dispose()


def test_more_properties_than_there_is_room_for_are_said_before_anything_is_changed(owners_settings, capfd):
    with create_app(owners_settings).app_context():
        upgrade()
        downgrade(revision="0004")
        _insert_property(1, count=61)

        with pytest.raises(SystemExit):
            upgrade()

        assert "has 61 properties of numbers; there is room for 60: delete some first" in capfd.readouterr().err
        assert "customer_values" not in inspect(db.engine).get_table_names()
        db.engine.dispose()


def _insert_property(version: int, count: int = 1) -> UUID:
    """A property as it was kept before, the second of them redefined since it was filled."""
    tenant, at = uuid4(), datetime(2026, 11, 1, tzinfo=UTC)
    row = {"id": uuid4(), "name": "MRR", "codename": "mrr", "type": "money", "source": "chartmogul", "field": "cm_mrr"}
    filled = {"version": version, "filled_version": 1, "filled_at": at, "filled_count": 5, "tenant_id": tenant}
    with across_tenants(), db.engine.begin() as connection:
        of = {"id": tenant, "name": "Acme", "slug": f"acme-{version}", "time_zone": "UTC", "created_at": at}
        connection.execute(insert(Tenant.__table__).values(**of))
        times = {"created_at": at, "updated_at": at + timedelta(days=1)}
        for number in range(count):
            many = {"id": uuid4(), "codename": f"mrr_{number}"} if number else {}
            connection.execute(insert(Property.__table__).values(**{**row, **filled, **times, **many}))
    return row["id"]
