"""One furnished world per guard module and database: it takes longer to build than most guards take to run."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from redis import Redis

from simulator import Simulator
from tests import postgresql
from tests.conftest import DATABASES, make_settings, new_database, refuse_tenantless
from tests.guards.world import World
from tests.person import Browser
from webapp import create_app
from webapp.extensions import db
from webapp.tenancy import set_tenant


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Both databases, unless a module says that its rules do not depend on them."""
    if "world" in metafunc.fixturenames:
        databases = getattr(metafunc.module, "DATABASES", DATABASES)
        metafunc.parametrize("world", databases, indirect=True, scope="module")


@pytest.fixture(scope="module")
def world(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    redis_url: str,
    _world: Simulator,
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    opened = partial(_open, redis_url=redis_url, chartmogul_url=_world.url, net=getattr(request.module, "NET", True))
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("_sqlite_template"), folder / "customerscore.sqlite")
        yield from opened(folder, f"sqlite:///{folder / 'customerscore.sqlite'}")
    else:
        with new_database(folder) as name:
            yield from opened(folder, postgresql.address(name))


def _open(folder: Path, database_url: str, redis_url: str, chartmogul_url: str, net: bool) -> Iterator[World]:
    settings = make_settings(
        folder,
        database_url=database_url,
        redis_url=redis_url,
        chartmogul_api_url=chartmogul_url,
        log_level="ERROR",  # refusals are what most of these tests ask for
    )
    Redis.from_url(settings.redis).flushall()
    app = create_app(settings)
    app.config.update(TESTING=True, PROPAGATE_EXCEPTIONS=False)
    app.test_client_class = Browser
    with app.app_context():
        if net:
            refuse_tenantless(db.engine)
        set_tenant(None)
        yield World(app)
        db.session.remove()
        db.engine.dispose()
