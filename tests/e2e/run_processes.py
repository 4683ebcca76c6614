"""Keeps the Procfile's processes running under the project's own supervisor, until a SIGTERM."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bin"))

from supervisor import Supervisor, guarded, procfile  # noqa: E402 — it lies in bin/

PROCESSES = procfile(ROOT / "Procfile")


async def keep_all(supervisor: Supervisor) -> None:
    for name, command in PROCESSES.items():
        supervisor.keep(name, command)


guarded(lambda: Supervisor(dict(os.environ), ROOT, PROCESSES).run(keep_all))
