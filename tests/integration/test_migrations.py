"""The schema that the migrations make is the one that the models mean, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect

from tests.conftest import make_settings
from tests.postgresql import APP, OWNER
from webapp import create_app
from webapp.extensions import db


def differences() -> list[object]:
    with db.engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), db.metadata))


def test_migrations_make_what_the_models_mean(app):
    assert differences() == []


def test_migrations_go_back_and_forth(settings):
    as_owner = make_settings(settings.data_dir, database_url=settings.database.replace(APP, OWNER))
    with create_app(as_owner).app_context():
        downgrade(revision="base")
        left = set(inspect(db.engine).get_table_names())
        upgrade()

        assert left == {"alembic_version"}
        assert differences() == []
        db.engine.dispose()
