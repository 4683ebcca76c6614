"""How fast and how parallel one key may ask ChartMogul: one budget for all workers, kept in Redis.

Without Redis each process keeps to a budget of its own. After a 429 nobody asks for a while and the pace is halved;
it grows back with every answer that is none.
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

from flask import current_app
from redis import Redis
from redis.exceptions import RedisError

from webapp import queue

# Longer than a request can last: the place of a process that died is free again after this.
PLACE_SECONDS = 30
# A Redis that failed to answer is left alone so long: each request would else wait for it, twice.
ALONE_SECONDS = 10
SLOWEST = 1.0
GROWTH = 0.2
# One spike is met by several requests under way: the pace is halved once in so long.
HALVED_SECONDS = 1.0
# So long nobody asks after a 429 that does not say how long, and at the most. Who waits longer waits by itself.
PAUSE, LONGEST_PAUSE = 1.0, 20.0

# KEYS: pace, next free moment, places. ARGV: most per second, most at once, my id, place's life in ms, longest pause
# in ms. Answers the milliseconds to wait (0: go). A free moment further away than any pause or step was noted before
# Redis's clock was set back.
TAKE = """
local t = redis.call('TIME'); local now = t[1] * 1000 + t[2] / 1000
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
if redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[2]) then return 20 end
local pace = math.min(tonumber(redis.call('GET', KEYS[1]) or ARGV[1]), tonumber(ARGV[1]))
local free = tonumber(redis.call('GET', KEYS[2]) or '0')
if free > now + math.max(ARGV[5], 1000 / pace) then free = 0 end
if free > now then return math.ceil(free - now) end
redis.call('SET', KEYS[2], string.format('%.3f', math.max(free, now - 50) + 1000 / pace), 'PX', 60000)
redis.call('ZADD', KEYS[3], now + ARGV[4], ARGV[3])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
return 0
"""
# KEYS: pace, next free moment, places, whether it was just halved. ARGV: most per second, my id, the pause in ms after
# a 429 or 0, slowest, growth, how long one halving counts in ms.
GIVE_BACK = """
redis.call('ZREM', KEYS[3], ARGV[2])
local pace = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
local pause = tonumber(ARGV[3])
if pause > 0 then
  local t = redis.call('TIME'); local now = t[1] * 1000 + t[2] / 1000
  local free = math.max(tonumber(redis.call('GET', KEYS[2]) or '0'), now + pause)
  redis.call('SET', KEYS[2], string.format('%.3f', free), 'PX', 60000)
  if redis.call('SET', KEYS[4], '1', 'NX', 'PX', ARGV[6]) then
    redis.call('SET', KEYS[1], string.format('%.3f', math.max(pace / 2, tonumber(ARGV[4]))), 'PX', 600000)
  end
elseif pace < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], string.format('%.3f', pace + tonumber(ARGV[5])), 'PX', 600000)
end
return 0
"""


def budget_of(key: str) -> "Budget":
    """The budget that all who ask with a key share, as the settings say."""
    settings = current_app.config["SETTINGS"]
    per_second, parallel = settings.chartmogul_requests_per_second, settings.chartmogul_parallel
    return Budget(queue.redis(), settings.secret_key, key, per_second, parallel)


class Budget:
    """A key's budget of requests. `with budget.turn(): ask()`; `turn.too_fast()` after a 429."""

    def __init__(self, redis: Redis, secret: str, key: str, per_second: int, parallel: int) -> None:
        name = hmac.new(secret.encode(), key.encode(), hashlib.sha256).hexdigest()[:24]
        self.keys = [f"budget:{{{name}}}:{part}" for part in ("pace", "free", "places", "halved")]
        self.per_second, self.parallel = per_second, parallel
        self.take, self.give_back = redis.register_script(TAKE), redis.register_script(GIVE_BACK)
        self._lock = threading.Lock()
        self._line: list[tuple[bool, int, threading.Event]] = []
        self._numbers = count()
        self._pace, self._free, self._halved_at = float(per_second), 0.0, 0.0
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
        life, longest = PLACE_SECONDS * 1000, LONGEST_PAUSE * 1000
        try:
            arguments: list[str | int | float] = [self.per_second, self.parallel, turn.id, life, longest]
            return float(self.take(keys=self.keys[:3], args=arguments)) / 1000
        except RedisError:
            self._alone_until = time.monotonic() + ALONE_SECONDS
            return self._ask_alone()

    def _ask_alone(self) -> float:
        """The budget of this process, for as long as Redis does not answer."""
        with self._lock:
            now = time.monotonic()
            if self._free > now:
                return self._free - now
            self._free = max(self._free, now - 0.05) + 1 / self._pace
            return 0.0

    def _done(self, turn: "Turn") -> None:
        if time.monotonic() < self._alone_until:
            return self._done_alone(turn)
        pause, halved = turn.pause * 1000, round(HALVED_SECONDS * 1000)
        try:
            arguments: list[str | int | float] = [self.per_second, turn.id, pause, SLOWEST, GROWTH, halved]
            self.give_back(keys=self.keys, args=arguments)
        except RedisError:
            self._done_alone(turn)  # its place in Redis runs out by itself

    def _done_alone(self, turn: "Turn") -> None:
        with self._lock:
            now = time.monotonic()
            if not turn.pause:
                self._pace = min(self._pace + GROWTH, self.per_second)
                return
            self._free = max(self._free, now + turn.pause)
            if now >= self._halved_at + HALVED_SECONDS:
                self._pace, self._halved_at = min(max(self._pace / 2, SLOWEST), self.per_second), now


class Turn:
    def __init__(self, id_: str) -> None:
        self.id = id_
        self.pause = 0.0

    def too_fast(self, retry_after: float | None = None) -> None:
        """ChartMogul answered 429: nobody asks with this key for as long as it says, within reason."""
        self.pause = min(retry_after or PAUSE, LONGEST_PAUSE)
