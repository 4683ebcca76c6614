"""The schema that the migrations make is the one that the models mean, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect

from webapp.extensions import db


def differences() -> list[object]:
    with db.engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), db.metadata))


def test_migrations_make_what_the_models_mean(app):
    assert differences() == []


def test_migrations_go_back_and_forth(app):
    db.session.remove()

    downgrade(revision="base")
    left = set(inspect(db.engine).get_table_names())
    upgrade()

    assert left == {"alembic_version"}
    assert differences() == []
