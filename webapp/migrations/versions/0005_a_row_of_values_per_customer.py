"""a row for each customer holds its values of all properties; changes of values are kept, and views of the list

Revision ID: 0005
Revises: 0004
"""

import json
import unicodedata
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBERS = [f"n{number}" for number in range(1, 61)]
TEXTS = [f"t{number}" for number in range(1, 41)]
IN_TURNS = [slot for pair in zip_longest(NUMBERS, TEXTS) for slot in pair if slot]
OF_THE_TENANT = """
    tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid)
    OR (SELECT current_setting('app.across_tenants', true)) = 'on'
"""
BINARY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
LOT = 2_000


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT set_config('app.across_tenants', 'on', true)")
    _require_room()
    _make_tables()
    _add_rows()
    op.add_column("providers", sa.Column("statuses", sa.JSON(), server_default="[]", nullable=False))
    _note_statuses()
    op.add_column("properties", sa.Column("slot", sa.String(length=3), server_default="", nullable=False))
    _move_values()
    op.create_index("uq_properties_slot", "properties", ["tenant_id", "slot"], unique=True)
    op.drop_table("property_values")
    op.drop_table("filled_customers")
    op.drop_index("ix_customers_tenant_provider_name", "customers")
    _guard("customer_values", "value_changes", "saved_views")


def _require_room() -> None:
    """Until now nothing limited how many properties a tenant has; SQLite would keep half of a migration that fails."""
    as_text = "CASE WHEN type IN ('text', 'list') THEN 1 ELSE 0 END"
    counts = sa.text(f"SELECT tenant_id, {as_text} AS as_text, count(*) AS number FROM properties GROUP BY 1, 2")
    for found in op.get_bind().execute(counts).fetchall():
        kind, most = ("texts", len(TEXTS)) if found.as_text else ("numbers", len(NUMBERS))
        if found.number > most:
            who = f"tenant {found.tenant_id} has {found.number} properties of {kind}"
            raise RuntimeError(f"{who}; there is room for {most}: delete some first")


def _make_tables() -> None:
    op.create_table(
        "customer_values",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("uuid", sa.String(length=80), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("title", BINARY, nullable=False),
        sa.Column("search", BINARY, nullable=False),
        sa.Column("status", sa.String(length=100), nullable=True),
        sa.Column("mrr_minor", sa.BigInteger(), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=16), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Text() if name in TEXTS else sa.BigInteger()) for name in IN_TURNS),
        sa.ForeignKeyConstraint(
            ["tenant_id", "provider_id"],
            ["providers.tenant_id", "providers.id"],
            name=op.f("fk_customer_values_tenant_id_provider_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_customer_values_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "provider_id", "uuid", name=op.f("pk_customer_values")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_customer_values_title", "customer_values", ["tenant_id", "title", "uuid", "provider_id"])
    op.create_table(
        "value_changes",
        sa.Column("property_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number_before", sa.BigInteger(), nullable=True),
        sa.Column("text_before", sa.String(length=2000), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.String(length=2000), nullable=True),
        sa.Column("import_id", sa.Uuid(), nullable=True),
        sa.Column("by", sa.String(length=254), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "property_id"],
            ["properties.tenant_id", "properties.id"],
            name=op.f("fk_value_changes_tenant_id_property_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_value_changes_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "property_id", "customer_id", "at", name=op.f("pk_value_changes")),
    )
    op.create_index("ix_value_changes_import", "value_changes", ["import_id", "customer_id"])
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("args", sa.JSON(), nullable=False),
        sa.Column("columns", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_saved_views_tenant_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_saved_views_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("tenant_id", "user_id", "name", name=op.f("uq_saved_views_tenant_id_user_id_name")),
    )


def _add_rows() -> None:
    """A row for each customer, with its texts folded."""
    named = ("name", "company", "email", "external_id", "website_url")
    columns = (*("tenant_id", "provider_id", "uuid", "id", "status", "mrr_minor", "gone_at"), *named)
    read = sa.text(f"SELECT {', '.join(columns)} FROM customers WHERE id > :after ORDER BY id LIMIT {LOT}")
    write = sa.text(
        "INSERT INTO customer_values (tenant_id, provider_id, uuid, customer_id, title, search, status, mrr_minor, gone)"
        " VALUES (:tenant_id, :provider_id, :uuid, :customer_id, :title, :search, :status, :mrr_minor, :gone)"
    )
    for customers in _in_lots(read):
        op.get_bind().execute(write, [_row(customer) for customer in customers])


def _row(customer: Any) -> dict[str, Any]:
    site = (customer.website_url or "").partition("//")[2].removeprefix("www.").rstrip("/")
    names = (customer.name, customer.company, customer.email, customer.external_id, customer.uuid)
    return {
        "tenant_id": customer.tenant_id,
        "provider_id": customer.provider_id,
        "uuid": customer.uuid,
        "customer_id": customer.id,
        "title": _fold(next(name for name in names if name)),
        "search": _fold("\n".join([*(name for name in names if name), site])),
        "status": customer.status,
        "mrr_minor": customer.mrr_minor,
        "gone": customer.gone_at is not None,
    }


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).casefold()


def _in_lots(read: sa.TextClause) -> Iterator[Any]:
    after = "0" * 32 if op.get_bind().dialect.name == "sqlite" else "00000000-0000-0000-0000-000000000000"
    while rows := op.get_bind().execute(read, {"after": after}).fetchall():
        yield rows
        after = rows[-1].id


def _note_statuses() -> None:
    found = op.get_bind().execute(
        sa.text("SELECT DISTINCT provider_id, status FROM customers WHERE status IS NOT NULL AND gone_at IS NULL")
    )
    statuses: dict[Any, list[str]] = {}
    for provider_id, status in found.fetchall():
        statuses.setdefault(provider_id, []).append(status)
    for provider_id, some in statuses.items():
        kept = {"id": provider_id, "statuses": json.dumps(sorted(some))}
        op.get_bind().execute(sa.text("UPDATE providers SET statuses = :statuses WHERE id = :id"), kept)


def _move_values() -> None:
    """Each property gets a slot of its tenant's, and its values that count go there; who set them goes to the changes."""
    found = op.get_bind().execute(
        sa.text("SELECT id, tenant_id, type, version, source FROM properties ORDER BY tenant_id, created_at, id")
    )
    taken: dict[tuple[Any, bool], int] = {}
    for property_ in found.fetchall():
        as_text = property_.type in ("text", "list")
        number = taken[property_.tenant_id, as_text] = taken.get((property_.tenant_id, as_text), 0) + 1
        slot = ("t" if as_text else "n") + str(number)
        kept = "text" if as_text else "number"
        of = {"id": property_.id, "version": property_.version, "slot": slot}
        op.get_bind().execute(sa.text("UPDATE properties SET slot = :slot WHERE id = :id"), of)
        op.get_bind().execute(
            sa.text(
                f"UPDATE customer_values SET {slot} = (SELECT v.{kept} FROM property_values v WHERE v.property_id = :id"
                " AND v.version = :version AND v.customer_id = customer_values.customer_id)"
                " WHERE tenant_id = :tenant_id"
            ),
            {"id": property_.id, "version": property_.version, "tenant_id": property_.tenant_id},
        )
    op.execute(
        'INSERT INTO value_changes (tenant_id, property_id, customer_id, at, version, number, text, import_id, "by")'
        " SELECT v.tenant_id, v.property_id, v.customer_id, v.changed_at, v.version, v.number, v.text, v.import_id, v.set_by"
        " FROM property_values v JOIN properties p ON p.id = v.property_id AND p.version = v.version"
        " WHERE p.source = 'by_hand'"
    )


def _guard(*tables: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in tables:
            op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY of_the_tenant ON {name} USING ({OF_THE_TENANT})")


def downgrade() -> None:
    """The values of today go back; how they changed is lost."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT set_config('app.across_tenants', 'on', true)")
    _make_old_tables()
    for property_ in op.get_bind().execute(sa.text("SELECT id, slot, type, version FROM properties")).fetchall():
        kept = "text" if property_.slot.startswith("t") else "number"
        op.get_bind().execute(
            sa.text(
                f"INSERT INTO property_values (tenant_id, property_id, customer_id, version, {kept}, changed_at)"
                f" SELECT tenant_id, :id, customer_id, :version, {property_.slot}, CURRENT_TIMESTAMP"
                f" FROM customer_values WHERE {property_.slot} IS NOT NULL AND tenant_id ="
                " (SELECT tenant_id FROM properties WHERE id = :id)"
            ),
            {"id": property_.id, "version": property_.version},
        )
    op.drop_index("uq_properties_slot", "properties")
    op.drop_column("properties", "slot")
    op.drop_column("providers", "statuses")
    op.drop_table("saved_views")
    op.drop_table("value_changes")
    op.drop_table("customer_values")
    op.create_index("ix_customers_tenant_provider_name", "customers", ["tenant_id", "provider_id", "name"])
    _guard("property_values", "filled_customers")


def _make_old_tables() -> None:
    op.create_table(
        "property_values",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("property_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.String(length=2000), nullable=True),
        sa.Column("import_id", sa.Uuid(), nullable=True),
        sa.Column("set_by", sa.String(length=254), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_property_values_customer_id")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "property_id"],
            ["properties.tenant_id", "properties.id"],
            name=op.f("fk_property_values_tenant_id_property_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_property_values_tenant_id")),
        sa.PrimaryKeyConstraint("customer_id", "property_id", name=op.f("pk_property_values")),
    )
    op.create_index("ix_property_values_property", "property_values", ["property_id", "number"])
    op.create_table(
        "filled_customers",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("customer_uuid", sa.String(length=80), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "provider_id"],
            ["providers.tenant_id", "providers.id"],
            name=op.f("fk_filled_customers_tenant_id_provider_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_filled_customers_tenant_id")),
        sa.PrimaryKeyConstraint("provider_id", "customer_uuid", name=op.f("pk_filled_customers")),
    )
