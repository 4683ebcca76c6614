"""ChartMogul's two limits, per key: requests in a second, and requests at a time."""

import threading
import time
from collections import defaultdict, deque


class Limits:
    """40 requests in any one second, then 429; 20 at a time, then 503. 0 or less switches a limit off.

    Whether ChartMogul counts per key or per account, and whether a refused request counts, isn't confirmed;
    here it is per key, and refused requests do not count.
    """

    def __init__(self, rate: int, parallel: int) -> None:
        self.rate = rate
        self.parallel = parallel
        self.clock = time.monotonic
        self._lock = threading.Lock()
        self._recent: dict[str, deque[float]] = defaultdict(deque)
        self._open: dict[str, set[int]] = defaultdict(set)

    def enter(self, key: str, request: object) -> int | None:
        """Count a request in; the status to refuse it with, or None. Every call needs its `leave`."""
        now = self.clock()
        with self._lock:
            self._open[key].add(id(request))
            if 0 < self.parallel < len(self._open[key]):
                return 503
            recent = self._recent[key]
            while recent and recent[0] <= now - 1:
                recent.popleft()
            if 0 < self.rate <= len(recent):
                return 429
            recent.append(now)
            return None

    def leave(self, key: str, request: object) -> None:
        with self._lock:
            self._open[key].discard(id(request))

    def forget(self) -> None:
        """Also the requests that still hang: that they leave later changes nothing."""
        with self._lock:
            self._recent.clear()
            self._open.clear()
