"""The names that outsiders rely on: commands, pages, settings, the health checks, the file of customers. Whoever
changes one here breaks somebody's script, bookmark or manual."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskCliRunner
from sqlalchemy import create_engine, select

from tests.conftest import make_settings
from tests.factories import make_customer, make_property, make_provider, make_user, make_value
from tests.guards.world import World
from tests.person import Browser
from webapp import create_app
from webapp.cli import DEMO_PASSWORD
from webapp.config import ROOT
from webapp.extensions import db
from webapp.models import Role, Tenant, User
from webapp.values import PropertyType, encode

PAGES = {
    "admin": ["/settings/providers", "/properties", "/imports", "/customers", "/customers/{id}", "/customers.csv"],
    "staff": ["/support"],
    "stranger": ["/login", "/healthz", "/readyz"],
}


@pytest.mark.parametrize("name", ["bin/start", "bin/test", "bin/flask", ".ci/run"])
def test_commands_are_there_and_can_be_run(name: str):
    assert os.access(ROOT / name, os.X_OK)


def test_start_knows_the_demo():
    said = subprocess.run([sys.executable, ROOT / "bin/start", "--help"], capture_output=True, text=True, check=True)

    assert "--demo" in said.stdout


def test_continuous_integration_runs_every_test():
    assert "bin/test" in (ROOT / ".ci/run").read_text()


def test_processes_of_production():
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())

    assert set(lines) == {"web", "worker", "clock"}
    assert "webapp:create_app()" in lines["web"]
    assert "--limit-request-line 8190" in lines["web"]  # the most that gunicorn takes: lists have long addresses
    assert lines["worker"].endswith("python -m worker")
    assert lines["clock"].endswith("python -m worker.schedule")


@pytest.mark.parametrize(("who", "path"), [(who, path) for who, paths in PAGES.items() for path in paths])
def test_page_answers(world: World, who: str, path: str):
    assert world.ask(who, "GET", path.format(id=world.ids["acme"]["customers"][0])).status_code == 200


# The command line.


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("NEW_USER_PASSWORD", "a long password")
    db.session.rollback()
    runner = FlaskCliRunner(world.app)
    yield lambda *words, **more: runner.invoke(args=words, **more)
    db.session.rollback()


def test_tenant_is_created_and_its_slug_printed(run: Any):
    first, second = run("tenants", "create", "Initech & Söhne"), run("tenants", "create", "Initech & Söhne")

    assert (first.exit_code, first.output) == (0, "initech-sohne\n")
    assert second.output == "initech-sohne-2\n"
    assert run("tenants", "create", " ").exit_code != 0


@pytest.mark.parametrize(
    ("email", "options", "role"),
    [
        ("bill@initech.example", ["--tenant", "acme", "--role", "admin"], "admin"),
        ("tom@initech.example", ["--tenant", "acme", "--role", "member"], "member"),
        ("sue@customerscore.example", ["--staff"], "staff"),
    ],
)
def test_user_is_created_with_the_password_of_the_environment(run: Any, world: World, email, options, role):
    done = run("users", "create", email, *options)

    assert done.exit_code == 0, done.output
    user = db.session.scalars(select(User).where(User.email == email)).one()
    assert (user.role, user.tenant_id) == (role, None if role == "staff" else world.acme_id)
    assert User.password_fits(user, "a long password")
    assert "a long password" not in done.output
    assert run("users", "create", email, *options).exit_code != 0, "twice"


def test_password_is_asked_for_where_the_environment_has_none(run: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NEW_USER_PASSWORD")
    done = run("users", "create", "ann@initech.example", "--staff", input="typed by hand\ntyped by hand\n")

    assert done.exit_code == 0, done.output
    assert "typed by hand" not in done.output


@pytest.mark.parametrize(
    "words",
    [
        ["x@initech.example"],
        ["x@initech.example", "--tenant", "acme"],
        ["x@initech.example", "--role", "admin"],
        ["x@initech.example", "--staff", "--tenant", "acme", "--role", "admin"],
        ["x@initech.example", "--tenant", "no-such", "--role", "admin"],
        ["x@initech.example", "--tenant", "acme", "--role", "staff"],
        ["not an address", "--staff"],
    ],
)
def test_user_that_makes_no_sense_is_refused(run: Any, words: list[str]):
    assert run("users", "create", *words).exit_code != 0


def test_schema_is_brought_up_to_date_by_the_command_line(run: Any):
    assert run("db", "upgrade").exit_code == 0


def test_demo_is_seeded_once_however_often(run: Any):
    first, second = run("demo", "seed"), run("demo", "seed")

    assert first.exit_code == second.exit_code == 0, first.output
    assert first.output == second.output
    for word in ("ada@acme.example", "gil@globex.example", "sam@customerscore.example", DEMO_PASSWORD):
        assert word in first.output


# What a supervisor asks.


def test_readiness_names_what_does_not_answer(world: World):
    assert world.ask("stranger", "GET", "/healthz").json == {"ok": True}
    answer = world.ask("stranger", "GET", "/readyz")
    assert (answer.status_code, answer.json) == (200, {"database": True, "queue": True, "secret_store": True})


@pytest.mark.parametrize("down", ["database", "queue", "secret_store"])
def test_readiness_is_503_and_says_what_is_down(world: World, tmp_path: Path, down: str):
    of_world = world.app.config["SETTINGS"]
    urls = {"database_url": of_world.database, "redis_url": of_world.redis}
    if down == "queue":
        urls["redis_url"] = f"unix://{tmp_path}/nobody"
    if down == "secret_store":
        (tmp_path / "vault.json").write_text("{}")
        (tmp_path / "vault.json").chmod(0o644)
    app = create_app(make_settings(tmp_path, **urls))
    with app.app_context():
        db.engine.dispose()
        if down == "database":
            db.engines[None] = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
        answer = Browser(app).get("/readyz")
        alive = Browser(app).get("/healthz")
        db.engine.dispose()

    assert answer.status_code == 503
    assert json.loads(answer.text) == {name: name != down for name in ("database", "queue", "secret_store")}
    assert alive.status_code == 200


# The file of customers.


VALUES: dict[str, Any] = {
    "money": 1234,
    "text": "=1+1",
    "list": ("a", "b; c"),
    "boolean": True,
    "date": date(2026, 11, 22),
}


def test_csv_of_customers(world: World):
    tenant = Tenant(name="Csv", slug="csv")
    db.session.add(tenant)
    db.session.commit()
    world.sign_in("csv", make_user("csv@example.org", Role.ADMIN, tenant))
    provider = make_provider(tenant, currency="JPY")
    customer = make_customer(provider, "Blue, “Finch”\nLtd", uuid="cus_1", external_id="ext 1")
    make_customer(provider, "Álamo", uuid="cus_2", external_id=None)
    for type_, value in VALUES.items():
        property_ = make_property(tenant, f"A {type_}", type=type_, source="by_hand", field=None)
        number, text = encode(PropertyType(type_), value)
        make_value(property_, customer, number=number, text=text)

    answer = world.ask("csv", "GET", "/customers.csv")

    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8"))))
    assert answer.content_type == "text/csv; charset=utf-8"
    assert rows[0] == ["name", "external_id", "chartmogul_uuid", *(f"a_{type_}" for type_ in VALUES)]
    assert {row[2]: row for row in rows[1:]} == {
        "cus_1": ["Blue, “Finch”\nLtd", "ext 1", "cus_1", "12.34", "'=1+1", "a; b; c", "true", "2026-11-22"],
        "cus_2": ["Álamo", "", "cus_2", "", "", "", "", ""],
    }
