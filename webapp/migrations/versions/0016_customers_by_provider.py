"""A customer's id is made of its provider and uuid: no index has to hold these once more.

Revision ID: 0016
Revises: 0015
"""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.drop_index("uq_customers_tenant_provider_uuid", "customers")  # first: it takes the stronger lock
    op.create_index("ix_customers_provider", "customers", ["provider_id"])


def downgrade() -> None:
    columns = ["tenant_id", "provider_id", "uuid"]
    op.drop_index("ix_customers_provider", "customers")
    op.create_index("uq_customers_tenant_provider_uuid", "customers", columns, unique=True)
