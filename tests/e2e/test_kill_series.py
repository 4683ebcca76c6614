"""The kill series of `bin/bench faults`, shortened: a dozen kills on each database, side by side."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import postgresql
from tests.e2e.processes import ROOT

DATABASES = ["sqlite", "postgresql"] if postgresql.SERVER else ["sqlite"]
# Of the seeds two whose kills are of every kind and whose longest stop begins early.
SEEDS = {"sqlite": "70", "postgresql": "396"}


@pytest.mark.timeout(300)
def test_imports_survive_a_dozen_kills() -> None:
    with ThreadPoolExecutor() as side_by_side:
        ended = list(side_by_side.map(_series, DATABASES))

    for series in ended:
        assert series.returncode == 0, series.stdout + series.stderr


def _series(database: str) -> subprocess.CompletedProcess[str]:
    kills = ["--kills", "12", "--every", "1.2", "--workers", "3", "--seed", SEEDS[database]]
    command = [sys.executable, "-m", "benchmarks.faults", "--databases", database, *kills]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
