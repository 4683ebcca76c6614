"""How fast and how parallel one key may ask ChartMogul: one budget for all workers, kept in Redis.

Without Redis each process keeps to a budget of its own. After a 429 the pace is halved, and grows back with
every answer that is none.
"""

import hashlib
import hmac
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heapify, heappush
from itertools import count
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError

# Longer than a request can last: the place of a process that died is free again after this.
PLACE_SECONDS = 30
# A Redis that failed to answer is left alone so long: each request would else wait for it, twice.
ALONE_SECONDS = 10
SLOWEST = 1.0
GROWTH = 0.2

# KEYS: pace, next free moment, places. ARGV: most per second, most at once, my id, place's life in ms.
# Answers the milliseconds to wait (0: go).
TAKE = """
local t = redis.call('TIME'); local now = t[1] * 1000 + t[2] / 1000
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
if redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[2]) then return 20 end
local pace = math.min(tonumber(redis.call('GET', KEYS[1]) or ARGV[1]), tonumber(ARGV[1]))
local free = tonumber(redis.call('GET', KEYS[2]) or '0')
if free > now then return math.ceil(free - now) end
redis.call('SET', KEYS[2], string.format('%.3f', math.max(free, now - 50) + 1000 / pace), 'PX', 60000)
redis.call('ZADD', KEYS[3], now + ARGV[4], ARGV[3])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
return 0
"""
# KEYS: pace, places. ARGV: most per second, my id, whether it was too fast, slowest, growth.
GIVE_BACK = """
redis.call('ZREM', KEYS[2], ARGV[2])
local pace = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
if ARGV[3] == '1' then
  redis.call('SET', KEYS[1], string.format('%.3f', math.max(pace / 2, tonumber(ARGV[4]))), 'PX', 600000)
elseif pace < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], string.format('%.3f', pace + tonumber(ARGV[5])), 'PX', 600000)
end
return 0
"""


class Budget:
    """A key's budget of requests. `with budget.turn(): ask()`; `turn.too_fast()` after a 429."""

    def __init__(self, redis: Redis, secret: str, key: str, per_second: int, parallel: int) -> None:
        name = hmac.new(secret.encode(), key.encode(), hashlib.sha256).hexdigest()[:24]
        self.keys = [f"budget:{{{name}}}:{part}" for part in ("pace", "free", "places")]
        self.per_second, self.parallel = per_second, parallel
        self.take, self.give_back = redis.register_script(TAKE), redis.register_script(GIVE_BACK)
        self._lock = threading.Lock()
        self._line: list[tuple[bool, int, threading.Event]] = []
        self._numbers = count()
        self._free = 0.0
        self._alone_until = 0.0

    @contextmanager
    def turn(self, stopped: threading.Event, urgent: bool = False) -> Iterator["Turn"]:
        """Wait for a turn, take it, give its place back. Ends early, without a turn, when stopped."""
        turn = Turn(uuid4().hex)
        with self._head_of_the_line(stopped, urgent):
            while (wait := self._ask(turn)) > 0:
                if stopped.wait(wait):
                    break
        try:
            yield turn
        finally:
            self._done(turn)

    @contextmanager
    def _head_of_the_line(self, stopped: threading.Event, urgent: bool) -> Iterator[None]:
        """Of this process's threads one at a time asks Redis, those first who are urgent."""
        my_turn = threading.Event()
        ticket = (not urgent, next(self._numbers), my_turn)
        with self._lock:
            heappush(self._line, ticket)
            if self._line[0] is ticket:
                my_turn.set()
        while not my_turn.wait(0.2) and not stopped.is_set():
            continue
        try:
            yield
        finally:
            with self._lock:
                self._line.remove(ticket)
                heapify(self._line)
                if self._line:
                    self._line[0][2].set()

    def _ask(self, turn: "Turn") -> float:
        if time.monotonic() < self._alone_until:
            return self._ask_alone()
        try:
            arguments: list[str | int | float] = [self.per_second, self.parallel, turn.id, PLACE_SECONDS * 1000]
            return float(self.take(keys=self.keys, args=arguments)) / 1000
        except RedisError:
            self._alone_until = time.monotonic() + ALONE_SECONDS
            return self._ask_alone()

    def _ask_alone(self) -> float:
        """The budget of this process, for as long as Redis does not answer."""
        with self._lock:
            now = time.monotonic()
            if self._free > now:
                return self._free - now
            self._free = max(self._free, now - 0.05) + 1 / self.per_second
            return 0.0

    def _done(self, turn: "Turn") -> None:
        if time.monotonic() < self._alone_until:
            return
        try:
            arguments: list[str | int | float] = [
                self.per_second,
                turn.id,
                "1" if turn.was_too_fast else "0",
                SLOWEST,
                GROWTH,
            ]
            self.give_back(keys=[self.keys[0], self.keys[2]], args=arguments)
        except RedisError:
            return  # its place runs out by itself


class Turn:
    def __init__(self, id_: str) -> None:
        self.id = id_
        self.was_too_fast = False

    def too_fast(self, pause: float | None = None) -> None:
        self.was_too_fast = True
