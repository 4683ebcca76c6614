"""health scores: their configurations, a customer's score and its history, and second opinions

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OF_THE_TENANT = """
    tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid)
    OR (SELECT current_setting('app.across_tenants', true)) = 'on'
"""
MOMENT = sa.DateTime(timezone=True)
TABLES = ("health_versions", "scorings", "score_days", "second_opinions")


def upgrade() -> None:
    for name in ("score", "grade", "trend"):
        op.add_column("customer_values", sa.Column(name, sa.Integer(), nullable=True))
    op.add_column("customer_values", sa.Column("score_state", sa.String(length=120), nullable=True))
    _versions()
    _scorings()
    _days()
    _opinions()
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY of_the_tenant ON {table} USING ({OF_THE_TENANT})")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    for name in ("score_state", "trend", "grade", "score"):
        op.drop_column("customer_values", name)


def _versions() -> None:
    op.create_table(
        "health_versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("factors", sa.JSON(), nullable=False),
        sa.Column("caps", sa.JSON(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("by", sa.String(length=254), nullable=True),
        sa.Column("restored", sa.Integer(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_health_versions_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_health_versions")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_health_versions_tenant_id_number")),
    )


def _scorings() -> None:
    op.create_table(
        "scorings",
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("scored", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("scored_at", MOMENT, nullable=True),
        sa.Column("rebuilt_at", MOMENT, nullable=True),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("place", sa.JSON(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("sent_at", MOMENT, nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_scorings_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_scorings")),
    )
    op.create_index("ix_scorings_due_at", "scorings", ["due_at"])


def _days() -> None:
    op.create_table(
        "score_days",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("customer_uuid", sa.String(length=80), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("points", sa.String(length=60), nullable=False),
        sa.Column("caps", sa.String(length=40), nullable=False),
        sa.Column("why_none", sa.String(length=20), nullable=True),
        sa.Column("rebuilt", sa.Boolean(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        *_of_the_provider("score_days"),
        sa.PrimaryKeyConstraint("tenant_id", "provider_id", "customer_uuid", "day", name=op.f("pk_score_days")),
        sqlite_with_rowid=False,
    )


def _opinions() -> None:
    op.create_table(
        "second_opinions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("customer_uuid", sa.String(length=80), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("by", sa.String(length=254), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        *_of_the_provider("second_opinions"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_second_opinions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_second_opinions")),
    )
    columns = ["tenant_id", "provider_id", "customer_uuid"]
    op.create_index("ix_second_opinions_customer", "second_opinions", columns)


def _of_the_provider(table: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            ["tenant_id", "provider_id"],
            ["providers.tenant_id", "providers.id"],
            name=op.f(f"fk_{table}_tenant_id_provider_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")),
    ]
