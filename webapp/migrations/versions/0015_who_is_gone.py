"""Customers that are no longer in ChartMogul are found by when that was noticed.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    gone = sa.text("gone_at IS NOT NULL")
    columns = ["provider_id", "gone_at"]
    op.create_index("ix_customers_gone", "customers", columns, sqlite_where=gone, postgresql_where=gone)


def downgrade() -> None:
    op.drop_index("ix_customers_gone", "customers")
