"""How Python and the C library treat a worker: much data, and many threads that wait for the network."""

import ctypes
import gc
import sys

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
LARGE = 128 * 1024


def prepare() -> None:
    """To be called once; children made by fork inherit it.

    Memory: pages are decoded by one thread and freed by another, which makes glibc hold on to a heap per thread
    and to the largest pages of each, a third of a worker's memory. One heap, and large pieces given back at once.

    Time: a thread whose answer has come waits for the one that computes to pause, by default 5 ms each time, and
    dozens of times a request. A tenth of that keeps the pace of requests even. Each page is ten thousand objects
    without a cycle among them: looking for cycles every 700 objects, and in all that was ever imported, is a
    twelfth of an import's work.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc alone has it
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)
        mallopt(M_MMAP_THRESHOLD, LARGE)
    sys.setswitchinterval(0.0005)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
