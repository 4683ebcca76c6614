"""What was asked: every request under /v1, and the counts that tests and benchmarks look at."""

import threading
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_KEPT = 200_000


@dataclass(slots=True)
class Seen:
    """One request. `status` is 0 until it is answered, and stays 0 when it never was."""

    at: float
    method: str
    path: str
    query: dict[str, str]
    key: str
    account: str = ""
    status: int = 0
    fault: str = ""
    refused: int | None = None
    round: int = 0


@dataclass
class Log:
    """The requests in order of arrival, the latest of them kept; the counts are since the last `clear`."""

    total: int = 0
    connections: int = 0
    strays: int = 0
    non_get_requests: int = 0
    max_parallel: int = 0
    max_in_a_second: int = 0
    paths: Counter[str] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    parallel: int = 0
    _round: int = 0
    _entries: deque[Seen] = field(default_factory=lambda: deque(maxlen=_KEPT), repr=False)
    _second: deque[float] = field(default_factory=deque, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __iter__(self) -> Iterator[Seen]:
        with self._lock:
            return iter(list(self._entries))

    def __len__(self) -> int:
        return self.total

    def __getitem__(self, index: int) -> Seen:
        return self._entries[index]

    def to(self, path: str) -> list[Seen]:
        """The requests for exactly this path, written without /v1."""
        return [seen for seen in self if seen.path == path]

    def begin(self, seen: Seen) -> None:
        with self._lock:
            seen.round = self._round
            self.total += 1
            self.paths[_pattern(seen.path)] += 1
            self.keys[seen.key or "none"] += 1
            self.non_get_requests += seen.method not in ("GET", "HEAD")
            self.parallel += 1
            self.max_parallel = max(self.max_parallel, self.parallel)
            self._second.append(seen.at)
            while self._second[0] <= seen.at - 1:
                self._second.popleft()
            self.max_in_a_second = max(self.max_in_a_second, len(self._second))
            self._entries.append(seen)

    def answered(self, seen: Seen) -> None:
        """Count the answer before it is sent, so that whoever has received it finds it counted."""
        with self._lock:
            if seen.round != self._round:
                return
            self.statuses[seen.status] += 1
            if seen.fault:
                self.faults[seen.fault] += 1

    def end(self, seen: Seen) -> None:
        with self._lock:
            self.parallel -= 1

    def strayed(self, method: str) -> None:
        """Someone asked for a path that is neither under /v1 nor a control."""
        with self._lock:
            self.strays += 1
            self.non_get_requests += method not in ("GET", "HEAD")

    def connected(self) -> None:
        with self._lock:
            self.connections += 1

    def clear(self) -> None:
        """Start counting anew; what is in flight still counts as parallel, its answer no more."""
        with self._lock:
            self._round += 1
            self.total = self.connections = self.strays = self.non_get_requests = self.max_in_a_second = 0
            self.max_parallel = self.parallel
            for counter in (self.paths, self.keys, self.statuses, self.faults):
                counter.clear()
            self._entries.clear()
            self._second.clear()

    def state(self) -> dict[str, Any]:
        with self._lock:
            return {
                "requests": self.total,
                "connections": self.connections,
                "strays": self.strays,
                "non_get_requests": self.non_get_requests,
                "refused_429": self.statuses[429],
                "refused_503": self.statuses[503],
                "unanswered": self.statuses[0],
                "parallel": self.parallel,
                "max_parallel": self.max_parallel,
                "max_in_a_second": self.max_in_a_second,
                "per_path": dict(self.paths),
                "per_key": dict(self.keys),
                "per_status": {str(status): count for status, count in self.statuses.items()},
                "per_fault": dict(self.faults),
            }


def _pattern(path: str) -> str:
    """`/customers/cus_1/activities` counts as `/customers/{uuid}/activities`."""
    parts = path.split("/")
    if len(parts) > 2 and parts[1] != "metrics" and parts[2] != "search":
        parts[2] = "{uuid}"
    return "/".join(parts)
