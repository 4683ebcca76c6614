"""The HTTP side: a loopback server in background threads, and how an answer can break on the wire."""

import gzip
import ipaddress
import socket
import ssl
import struct
import sys
import threading
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import TracebackType
from typing import Any, Self

from simulator import control
from simulator.account import Account
from simulator.front import JSON, Front, Reply

_BROKEN = (ConnectionError, TimeoutError, ssl.SSLError)


class Simulator(Front):
    """A ChartMogul on a loopback port.

    `with Simulator(Account(size=300)) as sim:` serves at `sim.url`; the first account's key is `sim.key`.
    `certificate` is a pair of paths (certificate, private key) to serve https instead.
    """

    def __init__(
        self,
        *accounts: Account,
        host: str = "127.0.0.1",
        port: int = 0,
        certificate: tuple[str, str] | None = None,
        **settings: Any,
    ) -> None:
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError("the simulator serves on loopback only")
        super().__init__(*(accounts or (Account(),)), **settings)
        self.host = host
        self.port = port
        self.errors: list[BaseException] = []
        self._tls = _tls(certificate) if certificate else None
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def address(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.address}/v1"

    @property
    def account(self) -> Account:
        return self.accounts[0]

    @property
    def key(self) -> str:
        return next(iter(self.keys))

    def start(self) -> Self:
        self.stopping.clear()
        self._server = _Server(self, (self.host, self.port), self._tls)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening and end every connection; a later `start` listens on the same port."""
        self.stopping.set()
        if self._server and self._thread:
            self._server.shutdown()
            self._server.hang_up()
            self._server.server_close()
            self._thread.join()
        self._server = self._thread = None

    @contextmanager
    def down(self) -> Iterator[None]:
        """Connections are refused for as long as this lasts."""
        self.stop()
        try:
            yield
        finally:
            self.start()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, simulator: Simulator, address: tuple[str, int], tls: ssl.SSLContext | None) -> None:
        self.simulator = simulator
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, _Handler)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.simulator.log.connected()
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        with self._lock:
            for connection in self._open:
                _shut(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if error is not None and not isinstance(error, _BROKEN):
            self.simulator.errors.append(error)
            traceback.print_exc()


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _tls(certificate: tuple[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    _numbers = count(1)

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what was asked is in the simulator's log."""

    def _serve(self) -> None:
        if self.path.startswith("/_control/"):
            self._control()
            return
        front, started = self.server.simulator, time.monotonic()
        if not self.path.startswith("/v1/"):
            self._send(front.stray(self.command), started)
            return
        seen = front.begin(self.command, self.path, self.headers.get("Authorization"))
        try:
            reply = front.reply(seen, self.path, accepts_gzip="gzip" in self.headers.get("Accept-Encoding", ""))
            if reply is None:
                self.close_connection = True
            else:
                self._send(reply, started)
        finally:
            front.end(seen)

    def _control(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        status, payload = control.answer(self.server.simulator, self.command, self.path, self.rfile.read(length))
        self._send(Reply(status, payload, JSON), time.monotonic())

    def _send(self, reply: Reply, started: float) -> None:
        if self.command not in ("GET", "HEAD") and not self.path.startswith("/_control/"):
            self.close_connection = True
            self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 1_000_000))
        if reply.wire:
            self.close_connection = True
            _ON_THE_WIRE[reply.wire](self, reply, started)
            return
        head = self._head(reply, len(reply.body), started)
        self.wfile.write(head if self.command == "HEAD" else head + reply.body)

    def _head(self, reply: Reply, length: int, started: float, **more: str) -> bytes:
        headers = {
            "Date": self.date_time_string(),
            "Content-Type": reply.content_type,
            "Content-Length": str(length),
            "Cache-Control": "max-age=0, private, must-revalidate",
            "ETag": f'W/"{zlib.crc32(reply.body):08x}"',
            "X-Request-Id": f"{next(self._numbers):032x}",
            "X-Runtime": f"{time.monotonic() - started:.6f}",
            **reply.headers,
            **more,
        }
        if self.close_connection:
            headers["Connection"] = "close"
        phrase = HTTPStatus(reply.status).phrase if reply.status in set(HTTPStatus) else "Unknown"
        lines = [
            f"HTTP/1.1 {reply.status} {phrase}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _truncated(self, reply: Reply, started: float) -> None:
        self.wfile.write(self._head(reply, len(reply.body), started) + reply.body[: len(reply.body) // 2])

    def _wrong_length(self, reply: Reply, started: float) -> None:
        self.wfile.write(self._head(reply, len(reply.body) // 2, started) + reply.body)

    def _broken_gzip(self, reply: Reply, started: float) -> None:
        packed = bytearray(gzip.compress(reply.body, 1))
        for index in range(len(packed) // 2, len(packed)):
            packed[index] ^= 0x5A
        head = self._head(reply, len(packed), started, **{"Content-Encoding": "gzip"})
        self.wfile.write(head + packed)

    def _slow_drip(self, reply: Reply, started: float) -> None:
        self.wfile.write(self._head(reply, len(reply.body), started))
        self._drip(reply.body, reply.seconds)

    def _slow_headers(self, reply: Reply, started: float) -> None:
        self._drip(self._head(reply, len(reply.body), started) + reply.body, reply.seconds)

    def _drip(self, text: bytes, seconds: float) -> None:
        for byte in text:
            self.wfile.write(bytes((byte,)))
            if self.server.simulator.stopping.wait(seconds):
                return

    def _stall(self, reply: Reply, started: float) -> None:
        self._truncated(reply, started)
        self.server.simulator.stopping.wait(reply.seconds)

    def _reset(self, reply: Reply, started: float) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.rfile.close()
        self.connection.close()


_ON_THE_WIRE: dict[str, Callable[[_Handler, Reply, float], None]] = {
    "truncated": _Handler._truncated,
    "wrong_length": _Handler._wrong_length,
    "broken_gzip": _Handler._broken_gzip,
    "slow_drip": _Handler._slow_drip,
    "slow_headers": _Handler._slow_headers,
    "stall": _Handler._stall,
    "reset": _Handler._reset,
}
