"""Keeps processes of the Procfile running under the project's own supervisor, until a SIGTERM: those that it is
told, some perhaps several times, or one of each."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bin"))

from supervisor import Supervisor, guarded, procfile  # noqa: E402 — it lies in bin/

PROCESSES = procfile(ROOT / "Procfile")


async def keep_all(supervisor: Supervisor) -> None:
    for name in sys.argv[1:] or PROCESSES:
        supervisor.keep(name, PROCESSES[name])


guarded(lambda: Supervisor(dict(os.environ), ROOT, PROCESSES).run(keep_all))
