"""values lie by customer, and a hash tells whether any of them changed

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OF_THE_TENANT = """
    tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid)
    OR (SELECT current_setting('app.across_tenants', true)) = 'on'
"""


def upgrade() -> None:
    op.create_table(
        "filled_customers",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_filled_customers_customer_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_filled_customers_tenant_id")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_filled_customers")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE filled_customers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY of_the_tenant ON filled_customers USING ({OF_THE_TENANT})")
    _lie_by("customer_id", "property_id", "ix_property_values_customer")
    op.create_index("ix_property_values_property", "property_values", ["property_id", "number"])


def downgrade() -> None:
    op.drop_index("ix_property_values_property", "property_values")
    _lie_by("property_id", "customer_id")
    op.create_index("ix_property_values_customer", "property_values", ["customer_id"])
    op.drop_table("filled_customers")


def _lie_by(first: str, second: str, without: str | None = None) -> None:
    with op.batch_alter_table("property_values") as table:
        if without:
            table.drop_index(without)
        table.drop_constraint(op.f("pk_property_values"), type_="primary")
        table.create_primary_key(op.f("pk_property_values"), [first, second])
