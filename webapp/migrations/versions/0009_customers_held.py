"""how many customers a connection holds, as its last import counted them

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("providers", sa.Column("customers_held", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("providers", "customers_held")
