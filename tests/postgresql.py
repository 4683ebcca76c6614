"""Databases on the PostgreSQL server that TEST_POSTGRES_URL names, and the two roles of production: one owns the
tables, the app works as the other. Row level security holds for both."""

import os

import psycopg
from sqlalchemy import make_url

SERVER = os.environ.get("TEST_POSTGRES_URL")
OWNER, APP = "customerscore_owner", "customerscore_app"
PASSWORD = "tests"


def create(name: str) -> None:
    _make_roles()
    _run(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE template0")


def grant(name: str) -> None:
    """What the app's role may do, as docs/production.md has it; said after the migrations."""
    _run(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APP}", name)


def empty(name: str) -> None:
    """Delete all rows of a database and end what a test left open: a hundred times faster than a new database."""
    _run(
        """
        DO $$ DECLARE name text; BEGIN
            PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid();
            SET LOCAL session_replication_role = replica;  -- foreign keys are not asked, so the order is any
            FOR name IN SELECT tablename FROM pg_tables
                WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
                EXECUTE format('DELETE FROM %I', name);
            END LOOP;
        END $$
        """,
        name,
    )


def drop(name: str) -> None:
    _run(f"DROP DATABASE {name} WITH (FORCE)")


def end_connection(pid: int) -> None:
    _run(f"SELECT pg_terminate_backend({pid}, 1000)")


def address(name: str, role: str = APP) -> str:
    assert SERVER
    return make_url(SERVER).set(username=role, password=PASSWORD, database=name).render_as_string(hide_password=False)


def _make_roles() -> None:
    """Once a server, whichever test process comes first."""
    _run(f"""
        DO $$ BEGIN
            PERFORM pg_advisory_xact_lock(1);
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP}') THEN
                CREATE ROLE {OWNER} LOGIN PASSWORD '{PASSWORD}';
                CREATE ROLE {APP} LOGIN PASSWORD '{PASSWORD}';
            END IF;
        END $$
    """)


def _run(statement: str, database: str = "postgres") -> None:
    assert SERVER
    server = make_url(SERVER).set(drivername="postgresql", database=database)
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(statement.encode())
