"""A ChartMogul of our own over HTTP, read side only, for the demo, the tests and the benchmarks."""

from simulator.account import Account
from simulator.faults import Fault
from simulator.keys import KeyState
from simulator.server import Simulator

__all__ = ["Account", "Fault", "KeyState", "Simulator"]
