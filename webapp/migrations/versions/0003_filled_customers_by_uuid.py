"""filled customers by provider and uuid; what is lost is compared anew by the next import

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OF_THE_TENANT = """
    tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid)
    OR (SELECT current_setting('app.across_tenants', true)) = 'on'
"""


def upgrade() -> None:
    of_provider = sa.ForeignKeyConstraint(
        ["tenant_id", "provider_id"],
        ["providers.tenant_id", "providers.id"],
        name=op.f("fk_filled_customers_tenant_id_provider_id"),
    )
    uuid = sa.Column("customer_uuid", sa.String(length=80), nullable=False)
    _make_anew([sa.Column("provider_id", sa.Uuid(), nullable=False), uuid], of_provider)


def downgrade() -> None:
    of_customer = sa.ForeignKeyConstraint(
        ["customer_id"], ["customers.id"], name=op.f("fk_filled_customers_customer_id")
    )
    _make_anew([sa.Column("customer_id", sa.Uuid(), nullable=False)], of_customer)


def _make_anew(key: list[sa.Column[object]], of: sa.ForeignKeyConstraint) -> None:
    op.drop_table("filled_customers")
    op.create_table(
        "filled_customers",
        *key,
        sa.Column("hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        of,
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_filled_customers_tenant_id")),
        sa.PrimaryKeyConstraint(*(column.name for column in key), name=op.f("pk_filled_customers")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE filled_customers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY of_the_tenant ON filled_customers USING ({OF_THE_TENANT})")
