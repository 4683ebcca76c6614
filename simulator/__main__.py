"""`python -m simulator`: the demo's accounts, or one of a given size, until SIGTERM or Ctrl-C."""

import argparse
import gc
import signal
import threading
from datetime import date
from pathlib import Path

from simulator.account import Account
from simulator.demo import add_demo_keys, demo_accounts
from simulator.server import Simulator
from simulator.spelling import real_today


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    simulator = _simulator(options)
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    if options.size is not None:
        simulator.account.snapshot()  # a benchmark must not wait for it
        # Nor stand still, as ChartMogul does not, while Python looks through all of a large account for cycles.
        gc.set_threshold(50_000, 20, 1_000)
    with simulator:
        print(f"simulator {simulator.url}", flush=True)
        done.wait()


def _simulator(options: argparse.Namespace) -> Simulator:
    epoch = options.epoch or (_stored_epoch(options.state) if options.state else None)
    sized = Account(name="Sized", seed=options.seed, size=options.size or 0, epoch=epoch)
    simulator = Simulator(
        *(demo_accounts(epoch or real_today().replace(day=1)) if options.size is None else [sized]),
        host=options.host,
        port=options.port,
        latency_ms=options.latency_ms,
        rate_limit=options.rate_limit,
        parallel_limit=options.parallel_limit,
    )
    if options.size is None:
        add_demo_keys(simulator)
    elif options.key:
        simulator.keys.clear()
        simulator.add_key(options.key, sized)
        simulator.remember()
    return simulator


def _stored_epoch(path: Path) -> date:
    """The date of the first start with this file, so that later starts continue the same story."""
    if not path.exists():
        path.write_text(real_today().isoformat())
    return date.fromisoformat(path.read_text().strip())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="a loopback address")
    add("--port", type=int, default=0, help="0 takes a free one")
    add("--latency-ms", type=float, default=0)
    add("--rate-limit", type=int, default=40, help="requests per second and key; 0 for none")
    add("--parallel-limit", type=int, default=20, help="requests at a time and key; 0 for none")
    add("--size", type=int, help="instead of the demo's accounts, one with this many customers")
    add("--seed", type=int, default=1, help="with --size: which world")
    add("--key", help="with --size: its API key")
    add(
        "--epoch",
        type=date.fromisoformat,
        help="the date of day 0; by default the first of this month, with --size today",
    )
    add("--state", type=Path, help="a file that keeps the epoch from one start to the next")
    return parser


if __name__ == "__main__":
    main()
