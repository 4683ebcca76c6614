"""Every kind of fault, as a plain client sees it."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from simulator import Account, Simulator
from simulator.faults import KINDS


@pytest.fixture(scope="module")
def _sim() -> Iterator[Simulator]:
    with Simulator(Account(size=30), rate_limit=0) as simulator:
        yield simulator
        assert not simulator.errors


@pytest.fixture
def sim(_sim: Simulator) -> Simulator:
    _sim.reset()
    return _sim


def get(sim: Simulator, path: str = "/customers?per_page=10", **query: Any) -> requests.Response:
    options = {"auth": (sim.key, ""), "timeout": 30, "allow_redirects": False}
    return requests.get(sim.url + path, params=query, **options)


# Instead of an answer


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422, 429])
def test_refusals_are_json(sim: Simulator, status: int) -> None:
    sim.faults.add(status)

    answer = get(sim)

    assert answer.status_code == status
    assert answer.json()["code"] == status


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 524])
def test_gateway_errors_are_plain_text(sim: Simulator, status: int) -> None:
    sim.faults.add("status", status=status)

    answer = get(sim)

    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text.startswith(str(status))


def test_retry_after_goes_with_a_status(sim: Simulator) -> None:
    sim.faults.add(429, retry_after=2, times=1)
    sim.faults.add(503, retry_after="date", times=1)

    assert get(sim).headers["Retry-After"] == "2"
    assert get(sim).headers["Retry-After"].endswith("GMT")
    assert get(sim).status_code == 200


def test_html_with_status_200(sim: Simulator) -> None:
    sim.faults.add("html_200")

    answer = get(sim)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_json_that_is_none(sim: Simulator) -> None:
    sim.faults.add("not_json")
    with pytest.raises(requests.JSONDecodeError):
        get(sim).json()


@pytest.mark.parametrize("body", ["null", "[]", '"text"', "NaN", '{"entries": 1}'])
def test_any_other_body(sim: Simulator, body: str) -> None:
    sim.faults.add("not_json", body=body)

    assert get(sim).text == body


def test_redirect_to_another_host(sim: Simulator) -> None:
    with Simulator(Account(size=1)) as other:
        sim.faults.add("redirect", url=other.url + "/ping")

        answer = get(sim)

        assert (answer.status_code, answer.headers["Location"]) == (302, other.url + "/ping")
        assert other.log.connections == 0


def test_no_answer_for_a_while(sim: Simulator) -> None:
    sim.faults.add("hang", seconds=30)
    with pytest.raises(requests.ReadTimeout):
        requests.get(sim.url + "/ping", auth=(sim.key, ""), timeout=0.1)


@pytest.mark.parametrize("kind", ["close", "reset"])
def test_connection_ends_without_an_answer(sim: Simulator, kind: str) -> None:
    sim.faults.add(kind)
    with pytest.raises(requests.ConnectionError):
        get(sim)
    assert sim.log[-1].fault == kind


# On the wire


@pytest.mark.parametrize("kind", ["truncated", "stall"])
def test_body_ends_too_early(sim: Simulator, kind: str) -> None:
    sim.faults.add(kind, seconds=0.05)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        get(sim)


def test_length_that_lies(sim: Simulator) -> None:
    whole = len(get(sim).content)
    sim.faults.add("wrong_length")

    answer = get(sim)

    assert len(answer.content) == whole // 2
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_broken_gzip(sim: Simulator) -> None:
    sim.faults.add("broken_gzip")
    with pytest.raises(requests.exceptions.ContentDecodingError):
        get(sim)


@pytest.mark.parametrize("kind", ["slow_drip", "slow_headers"])
def test_one_byte_at_a_time(sim: Simulator, kind: str) -> None:
    sim.faults.add(kind, seconds=0.002)
    started = time.monotonic()

    answer = get(sim, "/ping")

    assert answer.json() == {"data": "pong!"}
    assert time.monotonic() - started > 0.002 * len(answer.content)


def fail_to_get(sim: Simulator) -> None:
    with pytest.raises(requests.RequestException):
        get(sim, "/ping")


def test_slow_answers_end_with_the_simulator() -> None:
    with Simulator(Account(size=1)) as sim:
        sim.faults.add("slow_drip", seconds=60)
        asking = threading.Thread(target=fail_to_get, args=(sim,))
        asking.start()
        while not sim.log.parallel:
            time.sleep(0.01)
    asking.join(timeout=30)

    assert not asking.is_alive()


def test_pipelined_bytes_after_a_short_length_are_not_taken_for_an_answer(sim: Simulator) -> None:
    sim.faults.add("wrong_length")
    with socket.create_connection((sim.host, sim.port), timeout=30) as raw:
        raw.sendall(b"GET /v1/ping HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b"".join(iter(lambda: raw.recv(65536), b""))

    assert b"Connection: close" in received


# Which requests are struck


def test_match_is_a_pattern_for_the_path(sim: Simulator) -> None:
    sim.faults.add(500, match=r"/customers(\?|$)")

    uuid = sim.account.customers()[0]["uuid"]
    paths = ("/customers", "/customers?per_page=1", f"/customers/{uuid}", "/ping")
    assert [get(sim, path).status_code for path in paths] == [500, 500, 200, 200]


def test_after_nth_and_times(sim: Simulator) -> None:
    sim.faults.add(500, match="/ping", after=1, times=2)
    assert [get(sim, "/ping").status_code for _ in range(5)] == [200, 500, 500, 200, 200]

    sim.faults.clear()
    sim.faults.add(502, nth=2)
    assert [get(sim, "/ping").status_code for _ in range(4)] == [200, 502, 200, 200]


def test_faults_of_one_key(sim: Simulator) -> None:
    sim.add_key("a" * 32, sim.account)
    sim.faults.add(500, key="a" * 32)

    assert get(sim).status_code == 200
    assert requests.get(sim.url + "/ping", auth=("a" * 32, ""), timeout=30).status_code == 500


def test_faults_are_counted_and_taken_back(sim: Simulator) -> None:
    fault = sim.faults.add(500)
    get(sim)
    get(sim)
    sim.faults.remove(fault)
    get(sim)

    assert (fault.seen, fault.fired) == (2, 2)
    assert sim.log.faults == {"500": 2}


def test_nonsense_is_refused(sim: Simulator) -> None:
    for spec in ({"kind": "gremlin"}, {"kind": "close", "wher": 1}, {"kind": "close", "match": "("}):
        with pytest.raises(ValueError, match=r"unknown|no regular expression"):
            sim.faults.add(**spec)


def test_every_kind_is_tried_somewhere() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_simulator_fault*.py"))

    assert [kind for kind in KINDS if f'"{kind}"' not in tests] == []
