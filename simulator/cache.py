"""Encoded answers, kept so that a benchmark measures its client and not us."""

import threading
from collections import OrderedDict
from collections.abc import Hashable

_CACHE_BYTES = 96 * 1024 * 1024


class Cache:
    """As many answers as fit; the least recently used is thrown away first."""

    def __init__(self) -> None:
        self._bodies: OrderedDict[Hashable, bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, place: Hashable) -> bytes | None:
        with self._lock:
            body = self._bodies.get(place)
            if body is not None:
                self._bodies.move_to_end(place)
            return body

    def put(self, place: Hashable, body: bytes) -> None:
        with self._lock:
            self._size += len(body) - len(self._bodies.pop(place, b""))
            self._bodies[place] = body
            while self._size > _CACHE_BYTES:
                self._size -= len(self._bodies.popitem(last=False)[1])
