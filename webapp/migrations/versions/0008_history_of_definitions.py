"""the history of properties' definitions, fields without values, and attributes nobody wants

Revision ID: 0008
Revises: 0007
"""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OF_THE_TENANT = """
    tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid)
    OR (SELECT current_setting('app.across_tenants', true)) = 'on'
"""
MOMENT = sa.DateTime(timezone=True)
ALIKE = (
    sa.column("tenant_id", sa.Uuid()),
    sa.column("version", sa.Integer()),
    sa.column("name", sa.String()),
    sa.column("source", sa.String()),
    sa.column("type", sa.String()),
    sa.column("field", sa.String()),
    sa.column("custom_key", sa.String()),
    sa.column("filled_at", MOMENT),
    sa.column("filled_import_id", sa.Uuid()),
)
PROPERTIES = sa.table(
    "properties",
    *ALIKE,
    sa.column("id", sa.Uuid()),
    sa.column("filled_version", sa.Integer()),
    sa.column("created_at", MOMENT),
    sa.column("updated_at", MOMENT),
)


def upgrade() -> None:
    for name in ("fields_without_values", "dismissed_attributes"):
        op.add_column("providers", sa.Column(name, sa.JSON(), server_default="[]", nullable=False))
    versions = _make_table()
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE property_versions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY of_the_tenant ON property_versions USING ({OF_THE_TENANT})")
        op.execute("SELECT set_config('app.across_tenants', 'on', true)")
    op.bulk_insert(versions, [_version(row) for row in op.get_bind().execute(sa.select(PROPERTIES)).mappings()])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT set_config('app.across_tenants', '', true)")


def downgrade() -> None:
    op.drop_table("property_versions")
    for name in ("dismissed_attributes", "fields_without_values"):
        op.drop_column("providers", name)


def _make_table() -> sa.Table:
    return op.create_table(
        "property_versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("property_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("type", sa.String(length=10), nullable=False),
        sa.Column("field", sa.String(length=80), nullable=True),
        sa.Column("custom_key", sa.String(length=255), nullable=True),
        sa.Column("defined_at", MOMENT, nullable=False),
        sa.Column("defined_by", sa.String(length=254), nullable=True),
        sa.Column("filled_at", MOMENT, nullable=True),
        sa.Column("filled_import_id", sa.Uuid(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["filled_import_id"], ["imports.id"], name=op.f("fk_property_versions_filled_import_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "property_id"],
            ["properties.tenant_id", "properties.id"],
            name=op.f("fk_property_versions_tenant_id_property_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_property_versions_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_property_versions")),
        sa.UniqueConstraint(
            "tenant_id", "property_id", "version", name=op.f("uq_property_versions_tenant_id_property_id_version")
        ),
    )


def _version(row: sa.RowMapping) -> dict[str, object]:
    """The definition that a property has now. Who made it is not known; when, only of the first; and which import
    filled it, only of the last one."""
    kept = {column.name: row[column.name] for column in ALIKE}
    if row["filled_version"] != row["version"]:
        kept |= {"filled_at": None, "filled_import_id": None}
    since = row["created_at"] if row["version"] == 1 else row["updated_at"]
    return {"id": uuid4(), "property_id": row["id"], "defined_at": since, "defined_by": None, **kept}
