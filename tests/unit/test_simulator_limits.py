"""The simulator refuses what ChartMogul refuses: writes, haste, crowds and dead keys; and it counts them all."""

import socket
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from simulator import Account, KeyState, Simulator
from simulator.limits import Limits


def get(sim: Simulator, path: str = "/ping", key: str | None = None) -> requests.Response:
    return requests.get(sim.url + path, auth=(key or sim.key, ""), timeout=30)


def frozen(**settings: Any) -> Simulator:
    """A simulator whose rate limit thinks that no time passes."""
    sim = Simulator(Account(size=1), **settings)
    sim.limits.clock = lambda: 100.0
    return sim


def basic(key: str) -> str:
    return f"Basic {b64encode(f'{key}:'.encode()).decode()}"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_only_reading_is_allowed(method: str) -> None:
    with Simulator(Account(size=1)) as sim:
        answer = requests.request(method, sim.url + "/customers", json={}, auth=(sim.key, ""), timeout=30)

        assert answer.status_code == 405
        assert sim.log.non_get_requests == 1


def test_head_is_get_without_a_body() -> None:
    with Simulator(Account(size=5)) as sim:
        head = requests.head(sim.url + "/customers", auth=(sim.key, ""), timeout=30)
        body = get(sim, "/customers").content

        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == str(len(body))
        assert sim.log.non_get_requests == 0


def test_headers_are_those_of_the_recordings() -> None:
    with Simulator(Account(size=1)) as sim:
        headers = get(sim).headers

    assert headers.keys() >= {"X-Request-Id", "X-Runtime", "ETag", "Cache-Control"}
    assert headers["Content-Type"] == "application/json"
    assert headers["ETag"].startswith('W/"')
    assert not [name for name in headers if "ratelimit" in name.lower()]


def test_forty_first_request_in_a_second_is_refused() -> None:
    with Simulator(Account(size=1)) as sim:
        sim.limits.clock = lambda: 100.0
        statuses = [get(sim).status_code for _ in range(45)]
        refused = get(sim)
        sim.limits.clock = lambda: 101.0

        assert statuses == [200] * 40 + [429] * 5
        assert refused.json()["message"] == "Your request rate has exceeded our rate limit."
        assert "Retry-After" not in refused.headers
        assert sim.log.statuses[429] == 6
        assert get(sim).status_code == 200


def test_the_second_is_any_second() -> None:
    now = 0.0
    limits = Limits(rate=40, parallel=0)
    limits.clock = lambda: now
    accepted = []
    for tick in range(300):
        now = tick / 100
        if limits.enter("key", object()) is None:
            accepted.append(now)

    for start in accepted:
        assert len([each for each in accepted if start <= each < start + 1]) <= 40
    assert len(accepted) == 120


def test_limit_is_per_key() -> None:
    with Simulator(Account(size=1), Account(name="Other", seed=2, size=1), rate_limit=3) as sim:
        sim.limits.clock = lambda: 100.0
        one, other = sim.keys
        statuses = [get(sim, key=one).status_code for _ in range(4)]

        assert statuses == [200, 200, 200, 429]
        assert get(sim, key=other).status_code == 200


@pytest.mark.parametrize(("retry_after", "expected"), [(2, "2"), ("86400", "86400"), ("soon", "soon")])
def test_retry_after_as_wanted(retry_after: int | str, expected: str) -> None:
    with frozen(rate_limit=1, retry_after=retry_after) as sim:
        get(sim)

        assert get(sim).headers["Retry-After"] == expected


def test_retry_after_as_a_date() -> None:
    with frozen(rate_limit=1, retry_after="date:30") as sim:
        get(sim)

        wait = parsedate_to_datetime(get(sim).headers["Retry-After"]).timestamp() - time.time()
        assert 25 < wait <= 31


def test_more_than_twenty_at_a_time_are_refused() -> None:
    with Simulator(Account(size=1), rate_limit=0) as sim, ExitStack() as stack:
        sim.faults.add("hang", seconds=60)
        for _ in range(20):
            busy = stack.enter_context(socket.create_connection((sim.host, sim.port)))
            busy.sendall(f"GET /v1/ping HTTP/1.1\r\nAuthorization: {basic(sim.key)}\r\n\r\n".encode())
        while sim.log.parallel < 20:
            time.sleep(0.005)

        assert get(sim).status_code == 503
        assert sim.log.max_parallel == 21
        sim.reset()
        assert get(sim).status_code == 200


def test_latency_is_felt_and_parallel_requests_share_it() -> None:
    with Simulator(Account(size=1), latency_ms=100) as sim, ThreadPoolExecutor(8) as pool:
        started = time.monotonic()
        list(pool.map(lambda _: get(sim), range(8)))

        assert time.monotonic() - started >= 0.1
        assert sim.log.max_parallel > 1


def test_dead_keys() -> None:
    with Simulator(Account(size=1)) as sim:
        sim.add_key("f" * 32, sim.account, state=KeyState.TRIAL_EXPIRED)
        assert get(sim).status_code == 200
        sim.revoke(sim.key)

        assert get(sim).status_code == 401
        assert get(sim, key="f" * 32).status_code == 403


def test_two_keys_of_one_account_see_the_same() -> None:
    with Simulator(Account(size=5)) as sim:
        sim.add_key("a" * 32, sim.account)

        assert get(sim, "/customers").content == get(sim, "/customers", key="a" * 32).content


def test_log_tells_what_was_asked() -> None:
    with Simulator(Account(size=5)) as sim:
        get(sim, "/customers?per_page=2")
        get(sim, f"/customers/{sim.account.customers()[0]['uuid']}/activities")
        get(sim, "/ping", key="wrong")

        seen = list(sim.log)
        assert [each.path for each in seen][0::2] == ["/customers", "/ping"]
        assert seen[0].query == {"per_page": "2"}
        assert [each.status for each in seen] == [200, 200, 401]
        assert [each.account for each in seen] == ["Acme Analytics", "Acme Analytics", ""]
        assert sim.log.paths == {"/customers": 1, "/customers/{uuid}/activities": 1, "/ping": 1}
        assert sim.log.keys == {sim.key: 2, "unknown": 1}
        assert 1 <= sim.log.max_in_a_second <= 3


def test_reset_undoes_everything() -> None:
    with Simulator(Account(size=5)) as sim:
        before = get(sim, "/customers").json()
        sim.faults.add(500)
        sim.latency_ms = 5
        sim.rate_limit = 1
        sim.add_key("a" * 32, Account(name="Other", size=1))
        sim.revoke(sim.key)
        sim.account.advance(30)
        sim.account.delete(sim.account.customers()[0]["uuid"])

        sim.reset()

        assert get(sim, "/customers").json() == before
        assert (sim.latency_ms, sim.rate_limit, len(sim.accounts)) == (0, 40, 1)
        assert sim.log.total == 1


def test_answers_follow_every_change_of_the_account() -> None:
    with Simulator(Account(size=5)) as sim:
        uuid = get(sim, "/customers").json()["entries"][0]["uuid"]
        for name in ("One", "Two"):
            sim.account.edit(uuid, name=name)
            assert get(sim, "/customers").json()["entries"][0]["name"] == name
            sim.account.reset()


def test_serves_on_loopback_only() -> None:
    with pytest.raises(ValueError, match="loopback"):
        Simulator(host="0.0.0.0")


def test_down_refuses_connections_and_comes_back_on_the_same_port() -> None:
    with Simulator(Account(size=1)) as sim:
        url = sim.url
        with sim.down(), pytest.raises(requests.ConnectionError):
            get(sim)

        assert sim.url == url
        assert get(sim).status_code == 200


def test_gzip_for_those_who_accept_it() -> None:
    with Simulator(Account(size=50), gzip=True) as sim:
        packed = get(sim, "/customers")
        plain = requests.get(
            sim.url + "/customers", auth=(sim.key, ""), headers={"Accept-Encoding": "identity"}, timeout=30
        )

        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in plain.headers
        assert packed.json() == plain.json()


def test_paths_outside_v1_are_strays() -> None:
    with Simulator(Account(size=1)) as sim:
        answers = [requests.get(sim.address + path, timeout=30).status_code for path in ("/", "/v2/ping", "/v1")]
        requests.post(sim.address + "/customers", timeout=30)

        assert answers == [404, 404, 404]
        assert (sim.log.strays, sim.log.total, sim.log.non_get_requests) == (4, 0, 1)


def test_another_account_can_take_over() -> None:
    with Simulator(Account(size=1)) as sim:
        first = sim.key
        second = sim.use(Account(name="Other", size=3), "a" * 32)

        assert (sim.key, sim.account.name) == (second, "Other")
        assert (get(sim).status_code, get(sim, key=first).status_code) == (200, 401)
        sim.reset()
        assert get(sim).status_code == 200


def test_answer_to_a_request_before_the_clearing_is_not_counted() -> None:
    with Simulator(Account(size=1), latency_ms=200) as sim, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(get, sim)
        while not sim.log.parallel:
            time.sleep(0.005)
        sim.log.clear()

        assert asked.result().status_code == 200
        assert (sim.log.total, sim.log.statuses) == (0, {})
