"""A saved view keeps the currency in which its amounts were meant.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("saved_views", sa.Column("currency", sa.String(10), nullable=True))


def downgrade() -> None:
    op.drop_column("saved_views", "currency")
