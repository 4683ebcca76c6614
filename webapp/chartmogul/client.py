"""ChartMogul over HTTP. It can send GET and nothing else, follows no redirect, and never waits for long.

ChartMogulError
├── BadKey        401: the key is not accepted
├── NoAccess      402, 403: accepted, but not allowed (a trial is over, too little access)
├── Missing       404: no such thing
├── Busy          429, 503: asked too often; `retry_after` in seconds, if ChartMogul said so
└── Unavailable   no answer, a late or broken one, any other status; worth another try
    └── Refused   400, 422: it will not answer this request, however often it is asked
        └── TooLarge  it answers with more than we take at once
"""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from webapp.chartmogul.records import AccountRecord, RecordRefused, parse_account

CONNECT_SECONDS = 5
READ_SECONDS = 20
TOTAL_SECONDS = 25
LARGEST_ANSWER = 20_000_000
CHUNK = 65536
DIGITS_AS_ZEROS, MANY_DIGITS = bytes(ord("0") if chr(byte).isdecimal() else 0 for byte in range(256)), b"0" * 19


class ChartMogulError(Exception):
    """ChartMogul did not give what was asked for. Carries no key and nothing of the answer's body."""


class BadKey(ChartMogulError):
    pass


class NoAccess(ChartMogulError):
    pass


class Missing(ChartMogulError):
    pass


class Busy(ChartMogulError):
    def __init__(self, message: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(ChartMogulError):
    pass


class Refused(Unavailable):
    pass


class TooLarge(Refused):
    pass


class _GetOnly(HTTPAdapter):
    """The last door before the network. Knows the socket in use, so that a request can be cut off: the time
    limits of requests begin anew with every byte, so an answer that drips would never end by them."""

    in_use: socket.socket | None = None

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        adapter = self

        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                adapter.in_use = self.sock

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                adapter.in_use = self.sock

        plain = type("Pool", (HTTPConnectionPool,), {"ConnectionCls": Plain})
        secure = type("Pool", (HTTPSConnectionPool,), {"ConnectionCls": Secure})
        self.poolmanager.pool_classes_by_scheme = {"http": plain, "https": secure}

    def cut(self) -> None:
        if self.in_use is not None:
            with suppress(OSError):
                self.in_use.shutdown(socket.SHUT_RDWR)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if request.method != "GET":
            raise RuntimeError("only GET is ever sent to ChartMogul")
        return super().send(request, *args, **kwargs)


class _Watch:
    """The thread that cuts off requests whose time is over: one for all of a process, because a timer for each
    request would take a quarter of what a request does."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._ends: dict[_GetOnly, float] = {}
        self._thread: threading.Thread | None = None
        self._wakes_at = 0.0

    @contextmanager
    def until(self, ends: float, adapter: _GetOnly) -> Iterator[None]:
        """What is done within is cut off at that moment of the monotonic clock."""
        with self._change:
            self._ends[adapter] = ends
            if self._thread is None:
                self._thread = threading.Thread(target=self._cut_off, daemon=True)
                self._thread.start()
            elif ends < self._wakes_at:
                self._change.notify()
        try:
            yield
        finally:
            with self._change:
                self._ends.pop(adapter, None)

    def _cut_off(self) -> None:
        with self._change:
            while True:
                now = time.monotonic()
                for adapter in [adapter for adapter, ends in self._ends.items() if ends <= now]:
                    del self._ends[adapter]
                    adapter.cut()
                self._wakes_at = min(self._ends.values(), default=now + TOTAL_SECONDS)
                self._change.wait(self._wakes_at - now)


_watch = _Watch()
os.register_at_fork(after_in_child=_watch.__init__)  # type: ignore[misc] # a fork takes no thread along


class Client:
    """One key's connection to ChartMogul; not shared between threads."""

    def __init__(self, url: str, key: str, total_seconds: float = TOTAL_SECONDS) -> None:
        self.url = url
        self.total_seconds = total_seconds
        self.session = requests.Session()
        self.session.trust_env = False  # no .netrc may replace the key
        self.session.auth = (key, "")
        self.session.headers.update({"Accept": "application/json", "User-Agent": "Customerscore"})
        self.adapter = _GetOnly(max_retries=0)
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, self.adapter)
        self._bare = self.session.prepare_request(requests.Request("GET", url))

    def get(self, path: str, **params: Any) -> Any:
        """The decoded answer to one GET. Raises one of this module's errors; never returns a part."""
        ends = time.monotonic() + self.total_seconds
        timeouts = (min(CONNECT_SECONDS, self.total_seconds), min(READ_SECONDS, self.total_seconds))
        try:
            request = self._bare.copy()  # prepared once, and straight to the adapter: what a session adds is not wanted
            request.prepare_url(self.url + path, params)
            with (
                _watch.until(ends, self.adapter),
                self.adapter.send(request, stream=True, timeout=timeouts) as response,
            ):
                _raise_for(response)
                return _decoded(_body(response, ends))
        except (requests.RequestException, HTTPError, OSError) as error:
            raise Unavailable(type(error).__name__) from None
        except (ValueError, RecursionError):
            raise Unavailable("the answer is not JSON") from None

    def close(self) -> None:
        self.session.close()


def check_key(url: str, key: str) -> AccountRecord:
    """The account that a key opens, within about ten seconds. Raises a ChartMogulError otherwise."""
    client = Client(url, key, total_seconds=5)
    try:
        client.get("/ping")
        return parse_account(client.get("/account"))
    except RecordRefused:
        raise Unavailable("the account cannot be read") from None
    finally:
        client.close()


def _raise_for(response: requests.Response) -> None:
    status = response.status_code
    if status == 200:
        return
    if status == 401:
        raise BadKey("401")
    if status in (402, 403):
        raise NoAccess(str(status))
    if status == 404:
        raise Missing("404")
    if status in (429, 503):
        raise Busy(str(status), _retry_after(response.headers.get("Retry-After")))
    raise (Refused if status in (400, 422) else Unavailable)(f"status {status}")


def _body(response: requests.Response, ends: float) -> bytes:
    """The body as it comes in, but no more of it, and for no longer, than is reasonable."""
    parts: list[bytes] = []
    size = 0
    while part := response.raw.read1(CHUNK, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > LARGEST_ANSWER:
            raise TooLarge("the answer is too large")
        if time.monotonic() > ends:
            raise Unavailable("the answer came too slowly")
    return b"".join(parts)


def _decoded(body: bytes) -> Any:
    """ValueError or RecursionError for what is no JSON. Half of a character is JSON only to Python: it is odd data, for
    which there is a rule, and no broken answer. Of a whole number that may have more than 64 bits orjson would make
    another one."""
    if MANY_DIGITS not in body.translate(DIGITS_AS_ZEROS):
        with suppress(orjson.JSONDecodeError):
            return orjson.loads(body)
    return json.loads(body)


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait, from a number of seconds or an HTTP date."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
