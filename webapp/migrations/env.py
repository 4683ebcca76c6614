"""Runs the migrations against the app's own database. Used by `flask db`."""

from typing import Any, Literal

from alembic import context
from flask import current_app
from sqlalchemy import Connection

from webapp.extensions import db
from webapp.models.types import UtcDateTime

target = db.metadata


def render_item(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:
    """Migrations stand for themselves: they import nothing of the app."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=target,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_item,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


with current_app.extensions["migrate"].db.engine.connect() as connection:
    run(connection)
