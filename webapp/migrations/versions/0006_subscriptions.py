"""what a customer's active subscriptions come to

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customers", sa.Column("plans", sa.JSON(), nullable=True))
    op.add_column("customers", sa.Column("billing_interval_months", sa.Integer(), nullable=True))
    op.add_column("customers", sa.Column("quantity", sa.BigInteger(), nullable=True))
    op.add_column("imports", sa.Column("subscribers_read", sa.Integer(), server_default="0", nullable=False))
    op.add_column("imports", sa.Column("subscribers_expected", sa.Integer(), nullable=True))


def downgrade() -> None:
    for name in ("subscribers_expected", "subscribers_read"):
        op.drop_column("imports", name)
    for name in ("quantity", "billing_interval_months", "plans"):
        op.drop_column("customers", name)
