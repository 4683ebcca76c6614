"""The budget of a key: one for all workers, kept in Redis, and by each alone when Redis is away."""

import threading
import time
from contextlib import ExitStack

import pytest
from redis import Redis

from webapp.queue import connect
from worker.limits import Budget

SECRET, KEY = "a secret key for tests", "0123456789abcdef0123456789abcdef"


@pytest.fixture
def redis(redis_url):
    client = Redis.from_url(redis_url)
    client.flushall()
    return client


def take_turns(budget: Budget, count: int, hold: float = 0.0) -> list[float]:
    moments = []
    for _ in range(count):
        with budget.turn(threading.Event()):
            moments.append(time.monotonic())
            time.sleep(hold)
    return moments


def test_two_workers_of_one_key_share_the_pace(redis):
    budgets = [Budget(redis, SECRET, KEY, per_second=50, parallel=20) for _ in range(2)]
    moments: list[float] = []
    threads = [threading.Thread(target=lambda b=b: moments.extend(take_turns(b, 15))) for b in budgets]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(moments) == 30
    # 30 turns at 50 a second last 0.58 s; 50 ms may have been saved up before the first.
    assert max(moments) - min(moments) >= 0.5


def test_no_more_than_the_parallel_limit_are_under_way(redis):
    budget = Budget(redis, SECRET, KEY, per_second=1000, parallel=3)
    under_way, most, lock = [0], [0], threading.Lock()

    def work():
        with budget.turn(threading.Event()):
            with lock:
                under_way[0] += 1
                most[0] = max(most[0], under_way[0])
            time.sleep(0.05)
            with lock:
                under_way[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most[0] == 3


def test_other_keys_have_budgets_of_their_own(redis):
    one = Budget(redis, SECRET, KEY, per_second=0.2, parallel=1)
    other = Budget(redis, SECRET, "another key", per_second=0.2, parallel=1)

    began = time.monotonic()
    take_turns(one, 1)
    take_turns(other, 1)

    assert time.monotonic() - began < 4


def meet_429(budget: Budget, requests: int, retry_after: float | None = 0.01) -> None:
    """So many requests that are under way at the same time are all answered 429."""
    with ExitStack() as under_way:
        for turn in [under_way.enter_context(budget.turn(threading.Event())) for _ in range(requests)]:
            turn.too_fast(retry_after)


def test_pace_is_halved_after_a_429_and_grows_back(redis):
    budget = Budget(redis, SECRET, KEY, per_second=40, parallel=8)
    meet_429(budget, 1)

    halved = float(redis.get(budget.keys[0]))
    take_turns(budget, 2)

    assert halved == 20
    assert float(redis.get(budget.keys[0])) > 20


def test_spike_that_many_requests_meet_halves_the_pace_once(redis):
    budget = Budget(redis, SECRET, KEY, per_second=40, parallel=8)

    meet_429(budget, 8)
    halved = float(redis.get(budget.keys[0]))
    redis.delete(budget.keys[3])  # as it is a second later
    meet_429(budget, 2)

    assert (halved, float(redis.get(budget.keys[0]))) == (20, 10)


def test_429_holds_back_all_who_ask_with_the_key(redis):
    one, other = (Budget(redis, SECRET, KEY, per_second=1000, parallel=8) for _ in range(2))
    began = time.monotonic()
    meet_429(one, 1, retry_after=0.3)

    (asked,) = take_turns(other, 1)

    assert 0.25 < asked - began < 5


@pytest.mark.parametrize(("retry_after", "seconds"), [(None, 1), (0, 1), (7, 7), (86400, 20)])
def test_429_holds_back_no_longer_than_it_says_nor_for_ever(redis, retry_after, seconds):
    budget = Budget(redis, SECRET, KEY, per_second=40, parallel=8)
    began, _ = redis.time()

    meet_429(budget, 1, retry_after)

    assert seconds <= float(redis.get(budget.keys[1])) / 1000 - began < seconds + 3


def test_nobody_waits_for_a_moment_noted_before_the_clock_was_set_back(redis):
    budget = Budget(redis, SECRET, KEY, per_second=40, parallel=8)
    redis.set(budget.keys[1], (time.time() + 3600) * 1000)
    began = time.monotonic()

    (asked,) = take_turns(budget, 1)

    assert asked - began < 5


def test_key_is_not_in_redis(redis):
    budget = Budget(redis, SECRET, KEY, per_second=100, parallel=8)

    take_turns(budget, 2)

    assert all(KEY.encode() not in name for name in redis.scan_iter())


def test_without_redis_each_worker_keeps_to_the_pace_by_itself(tmp_path):
    budget = Budget(connect(f"unix://{tmp_path}/nobody"), SECRET, KEY, per_second=50, parallel=8)

    moments = take_turns(budget, 6)

    assert moments[-1] - moments[0] >= 0.04


def test_without_redis_a_429_holds_back_and_halves_the_pace_too(tmp_path):
    budget = Budget(connect(f"unix://{tmp_path}/nobody"), SECRET, KEY, per_second=40, parallel=8)
    began = time.monotonic()
    meet_429(budget, 3, retry_after=0.2)

    moments = take_turns(budget, 6)

    assert moments[0] - began > 0.15
    # 6 turns at 20 a second last 0.25 s, of which 50 ms may have been saved up; at 40 a second half of that.
    assert 0.18 < moments[-1] - moments[0] < 2


def test_waiting_for_a_turn_ends_when_the_reading_is_called_off(redis):
    budget = Budget(redis, SECRET, KEY, per_second=0.2, parallel=1)
    stopped = threading.Event()
    take_turns(budget, 1)
    threading.Timer(0.05, stopped.set).start()

    began = time.monotonic()
    with budget.turn(stopped):
        pass

    assert time.monotonic() - began < 4
