"""notices: one for each episode, who has read them, who wants them, and their mails

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OF_THE_TENANT = """
    tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid)
    OR (SELECT current_setting('app.across_tenants', true)) = 'on'
"""
MOMENT = sa.DateTime(timezone=True)
TABLES = ("notices", "notice_readers", "notice_readings", "notice_mails")


def upgrade() -> None:
    op.add_column("scorings", sa.Column("noticed_at", MOMENT, nullable=True))
    _notices()
    _readers()
    _readings()
    _mails()
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY of_the_tenant ON {table} USING ({OF_THE_TENANT})")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_column("scorings", "noticed_at")


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("customer_uuid", sa.String(length=80), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("about", sa.String(length=500), nullable=False),
        sa.Column("grade_before", sa.Integer(), nullable=True),
        sa.Column("grade", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=30), nullable=True),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "provider_id"],
            ["providers.tenant_id", "providers.id"],
            name=op.f("fk_notices_tenant_id_provider_id"),
        ),
        _of_a_tenant("notices"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_notices_tenant_id_id")),
    )
    op.create_index("ix_notices_newest", "notices", ["tenant_id", "opened_at", "id"])
    still = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_notices_open",
        "notices",
        ["tenant_id", "provider_id", "kind", "customer_uuid"],
        unique=True,
        sqlite_where=still,
        postgresql_where=still,
    )


def _readers() -> None:
    op.create_table(
        "notice_readers",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("read_until", MOMENT, nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        _of_a_tenant("notice_readers"),
        _of_a_user("notice_readers"),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", name=op.f("pk_notice_readers")),
    )


def _readings() -> None:
    op.create_table(
        "notice_readings",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "notice_id"],
            ["notices.tenant_id", "notices.id"],
            name=op.f("fk_notice_readings_tenant_id_notice_id"),
        ),
        _of_a_tenant("notice_readings"),
        _of_a_user("notice_readings"),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", "notice_id", name=op.f("pk_notice_readings")),
    )


def _mails() -> None:
    op.create_table(
        "notice_mails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("notice_ids", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("not_before", MOMENT, nullable=False),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        _of_a_tenant("notice_mails"),
        _of_a_user("notice_mails"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_mails")),
    )
    op.create_index("ix_notice_mails_due", "notice_mails", ["state", "not_before"])


def _of_a_tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id"))


def _of_a_user(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f(f"fk_{table}_user_id"))
