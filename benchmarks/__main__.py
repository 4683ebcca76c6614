"""`bin/bench`: imports of whole accounts, each beside a floor of the same run. Prints a table in Markdown.

bin/bench [--sizes 20000,100000] [--databases sqlite,postgresql]
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.chartmogul import ChartMogul, serving
from benchmarks.floor import pages
from benchmarks.place import databases, machine, place

LATENCY_MS, LIMIT, BUDGET = 100, 40, 36
CHANGED = 0.01
PROPERTIES = 20
Figures = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__)
    parser.add_argument("--sizes", default="20000", help="customers of the accounts")
    parser.add_argument("--databases", default="sqlite,postgresql")
    options = parser.parse_args()
    print(f"{machine()}\n")
    print("| database | rows | what | measured | target |\n|---|---|---|---|---|")
    for size in map(int, options.sizes.split(",")):
        with serving(size) as chartmogul:
            chartmogul.behave(latency_ms=LATENCY_MS, rate_limit=LIMIT, parallel_limit=20)
            chain = _run({**os.environ, "FLOOR_URL": "sqlite://"}, "floor", chartmogul.url, "read")["seconds"]
            for database in databases(options.databases):
                for line in _lines(chartmogul, database, chain):
                    print(f"| {database} | {line}", flush=True)


def _lines(chartmogul: ChartMogul, database: str, chain: float) -> Iterator[str]:
    """Figure by figure: rows read, what was measured, the figure, the target. `chain` is the seconds that reading the
    same pages one after another took."""
    chartmogul.behave(latency_ms=0, rate_limit=0, parallel_limit=0)
    with place(chartmogul, database, per_second=1000) as env:
        floor = _run(env, "floor", chartmogul.url, "all")
        first = _run(env, "importing", "new", "0")
        rows = f"{first['read']:,}"
        cost = first["cpu"] / first["read"] / (floor["cpu"] / floor["rows"])
        yield f"{rows} | CPU per row of a first import, in floors | {cost:.2f} | ≤ 2.5 |"
        yield f"{rows} | peak memory of the worker | {first['peak_mb']:.0f} MB | ≤ 200 MB |"
        filled = _run(env, "importing", "again", "0")
        yield f"{rows} | CPU per row when nothing changed, in floors | {filled['cpu'] / floor['cpu']:.2f} | |"
    with place(chartmogul, database, per_second=1000) as env:
        seconds = [_run(env, "importing", which, str(PROPERTIES))["steps"]["properties"] for which in ("new", "again")]
        yield f"{rows} | {PROPERTIES} properties of each customer filled for the first time | {seconds[0]:.1f} s | |"
        yield f"{rows} | the same computed again | {seconds[1]:.1f} s | ≤ 10 s for 100,000 customers |"
    chartmogul.behave(latency_ms=LATENCY_MS, rate_limit=LIMIT, parallel_limit=20)
    with place(chartmogul, database, per_second=BUDGET) as env:
        first = _run(env, "importing", "new", "0")
        least = first["requests"] / BUDGET
        yield f"{rows} | first import, in (requests ÷ budget) | {first['seconds'] / least:.2f} | ≤ 1.25 |"
        yield f"{rows} | first import | {first['seconds']:.1f} s, {first['requests']} requests | |"
        yield f"{rows} | one chain after the other, read only | {chain:.1f} s | |"
        yield f"{rows} | faster than that | {chain / first['seconds']:.1f} × | ≥ 3 × |"
        yield f"{rows} | answers 429 | {first['slowdowns']} | 0 |"
        yield f"{rows} | first customers stored after | {first['first_customers']:.1f} s | ≤ 2 s |"
        _change(chartmogul)
        second = _run(env, "importing", "again", "0")
        share = 100 * second["written"] / second["read"]
        time.sleep(2)  # the limit has forgotten these requests, too
        alone = _run(env, "importing", "read", "0")
        yield f"{rows} | second import, 1 % changed: rows written of rows read | {share:.2f} % | ≤ 2 % |"
        yield f"{rows} | second import, in its reading alone | {second['seconds'] / alone['seconds']:.2f} | ≤ 1.1 |"
        yield f"{rows} | second import | {second['seconds']:.1f} s, {second['requests']} requests | |"
        yield f"{rows} | second import, answers 429 | {second['slowdowns']} | 0 |"


def _change(chartmogul: ChartMogul) -> None:
    """Rename one customer in a hundred."""
    account = chartmogul.control("accounts")[0]["name"]
    every = round(1 / CHANGED)
    uuids = [row["uuid"] for page in pages(chartmogul.url, "/customers", "cursor") for row in page[::every]]
    chartmogul.control("customers", account=account, uuid=uuids, set={"name": "Renamed"})
    for path, parameter in (("/customers?status=Active", "cursor"), ("/activities", "start-after")):
        next(pages(chartmogul.url, path, parameter))  # the simulator draws the account anew: not the import's time
    time.sleep(2)  # and its limit has forgotten these requests


def _run(env: dict[str, str], module: str, *arguments: str) -> Figures:
    if module == "floor":
        arguments = (arguments[0], env["FLOOR_URL"], arguments[1])
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    figures: Figures = json.loads(subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE).stdout)
    return figures


if __name__ == "__main__":
    main()
