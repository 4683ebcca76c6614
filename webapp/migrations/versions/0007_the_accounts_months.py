"""the account's months, and its MRR as an import found it

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

import webapp.models.types

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("providers", sa.Column("months", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("providers", sa.Column("months_read_at", webapp.models.types.UtcDateTime(), nullable=True))
    op.add_column("imports", sa.Column("mrr_minor", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("imports", "mrr_minor")
    op.drop_column("providers", "months_read_at")
    op.drop_column("providers", "months")
