"""The schema that the migrations make is the one that the models mean, on both databases."""

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect

from tests.conftest import DATABASES, make_settings, new_database
from tests.postgresql import OWNER, address
from webapp import create_app
from webapp.config import Settings
from webapp.extensions import db


def differences() -> list[object]:
    with db.engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), db.metadata))


def test_migrations_make_what_the_models_mean(app):
    assert differences() == []


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
