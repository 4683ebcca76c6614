"""What stands between a request and the account: keys, limits, latency, faults, and the log of it all."""

import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from simulator import api
from simulator.account import Account
from simulator.cache import Cache
from simulator.faults import ON_THE_WIRE, Fault, Faults, retry_after
from simulator.faulty_rows import Struck, strike_rows
from simulator.keys import REFUSED, TRIAL_EXPIRED, Key, KeyState, key_of, sent_key
from simulator.limits import Limits
from simulator.log import Log, Seen
from simulator.paging import Page, Query, Refusal
from simulator.spelling import encode

JSON = "application/json"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
SETTINGS = ("latency_ms", "rate_limit", "parallel_limit", "retry_after", "gzip")

_GATEWAY_WORDS = {
    402: "Payment Required", 404: "Not Found", 500: "Internal Server Error", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Gateway Timeout", 520: "Web Server Returned an Unknown Error",
    524: "A Timeout Occurred",
}  # fmt: skip
TOO_MANY = {"code": 429, "message": "Your request rate has exceeded our rate limit.", "param": None}
_PAGE_200 = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>\n"


@dataclass
class Reply:
    """An answer on its way out. `wire` names how it is broken on the wire, `seconds` how slowly."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    wire: str = ""
    seconds: float = 0.0


class Front:
    """The settings may be changed at any time; the next request feels them.

    `retry_after` goes with the 429 of the rate limit: None, seconds, or `date` (see `faults.retry_after`).
    `gzip` compresses answers for clients that accept it.
    """

    def __init__(
        self,
        *accounts: Account,
        latency_ms: float = 0,
        rate_limit: int = 40,
        parallel_limit: int = 20,
        retry_after: int | str | None = None,
        gzip: bool = False,
    ) -> None:
        self.accounts = list(accounts)
        self.keys: dict[str, Key] = {}
        self._remembered: dict[str, Any] = {}
        for account in accounts:
            self.add_key(key_of(account), account)
        self.latency_ms = latency_ms
        self.retry_after = retry_after
        self.gzip = gzip
        self.limits = Limits(rate_limit, parallel_limit)
        self.faults = Faults()
        self.log = Log()
        self.stopping = threading.Event()
        self._cache = Cache()
        self.remember()

    def remember(self) -> None:
        """Take settings, accounts and keys as they are for what `reset` goes back to."""
        self._remembered = {name: getattr(self, name) for name in SETTINGS}
        self._remembered |= {"accounts": list(self.accounts), "keys": dict(self.keys)}

    def reset(self) -> None:
        """As if nothing had happened: no faults, nothing in the log, worlds and keys as they were."""
        for name, value in self._remembered.items():
            setattr(self, name, value.copy() if isinstance(value, list | dict) else value)
        for account in self.accounts:
            account.reset()
        self.faults.clear()
        self.limits.forget()
        self.log.clear()

    @property
    def rate_limit(self) -> int:
        return self.limits.rate

    @rate_limit.setter
    def rate_limit(self, rate: int) -> None:
        self.limits.rate = rate

    @property
    def parallel_limit(self) -> int:
        return self.limits.parallel

    @parallel_limit.setter
    def parallel_limit(self, parallel: int) -> None:
        self.limits.parallel = parallel

    def add_key(self, key: str, account: Account, note: str = "", state: KeyState = KeyState.ACTIVE) -> Key:
        if account not in self.accounts:
            self.accounts.append(account)
        self.keys[key] = Key(key, account, note, state)
        return self.keys[key]

    def revoke(self, key: str) -> None:
        self.set_state(key, KeyState.REVOKED)

    def use(self, account: Account, key: str | None = None) -> str:
        """Serve this account and no other, until `reset`; gives its key."""
        self.accounts, self.keys = [], {}
        return self.add_key(key or key_of(account), account).key

    def set_state(self, key: str, state: KeyState) -> None:
        self.keys[key] = replace(self.keys[key], state=state)

    def account_named(self, name: str) -> Account:
        return next(account for account in self.accounts if account.name == name)

    def begin(self, method: str, target: str, authorization: str | None) -> Seen:
        """Write the request down. Whoever calls this calls `end`, whatever happens between."""
        path, _, query = target.removeprefix("/v1").partition("?")
        sent = sent_key(authorization)
        key = self.keys.get(sent or "")
        seen = Seen(
            time.monotonic(), method, path, dict(parse_qsl(query, keep_blank_values=True)),
            key=key.key if key else ("unknown" if sent else ""), account=key.account.name if key else "",
        )  # fmt: skip
        self.log.begin(seen)
        seen.refused = self.limits.enter(seen.key, seen)
        return seen

    def stray(self, method: str) -> Reply:
        """The answer outside of /v1: to a health check, or to a client that has the address wrong."""
        self.log.strayed(method)
        return _json(404, {"code": 404, "message": "Not found", "param": None})

    def end(self, seen: Seen) -> None:
        self.limits.leave(seen.key, seen)
        self.log.end(seen)

    def reply(self, seen: Seen, target: str, *, accepts_gzip: bool = False) -> Reply | None:
        """The answer to a request; None to close the connection without one."""
        reply = self._reply(seen, target)
        if reply and self.gzip and accepts_gzip and not reply.wire:
            compressor = zlib.compressobj(level=1, wbits=31)
            reply.body = compressor.compress(reply.body) + compressor.flush()
            reply.headers["Content-Encoding"] = "gzip"
        seen.status = reply.status if reply else 0
        self.log.answered(seen)
        return reply

    def _reply(self, seen: Seen, target: str) -> Reply | None:
        if self.latency_ms:
            self.stopping.wait(self.latency_ms / 1000)
        if seen.method not in ("GET", "HEAD"):
            return _json(405, {"code": 405, "message": "Method not allowed", "param": None}, Allow="GET, HEAD")
        if seen.refused:
            return self._too_many(self.retry_after) if seen.refused == 429 else _plain(seen.refused)
        fault = self.faults.strike(target.removeprefix("/v1"), seen.key)
        if fault:
            seen.fault = fault.label
            return self._under(fault, seen, target)
        return self._plain_answer(seen, target)

    def _plain_answer(self, seen: Seen, target: str) -> Reply:
        key = self.keys.get(seen.key)
        if key is None or key.state is KeyState.REVOKED:
            return _json(401, REFUSED)
        if key.state is KeyState.TRIAL_EXPIRED:
            return _json(403, TRIAL_EXPIRED)
        query = self.faults.real_query(seen.path, seen.query)
        place = (key.account.state, target)
        kept = self._cache.get(place) if query is seen.query else None
        if kept:
            return Reply(200, kept)
        try:
            with key.account.lock:
                found = api.answer(key.account, seen.path, query)
                reply = _json(200, found.payload() if isinstance(found, Page) else found)
        except Refusal as refusal:
            return _refused(refusal)
        if query is seen.query:
            self._cache.put(place, reply.body)
        return reply

    def _under(self, fault: Fault, seen: Seen, target: str) -> Reply | None:
        if fault.kind in _INSTEAD:
            return _INSTEAD[fault.kind](self, fault)
        if fault.kind in ON_THE_WIRE:
            reply = self._plain_answer(seen, target)
            reply.wire, reply.seconds = fault.kind, fault.seconds
            return reply
        return self._with_struck_rows(fault, seen, target)

    def _with_struck_rows(self, fault: Fault, seen: Seen, target: str) -> Reply:
        key = self.keys.get(seen.key)
        if key is None or key.state is not KeyState.ACTIVE:
            return self._plain_answer(seen, target)
        query = self.faults.real_query(seen.path, seen.query, fault)
        try:
            with key.account.lock:
                page = api.answer(key.account, seen.path, query)
                if not isinstance(page, Page):
                    page = Page([page], 0, 1, dict, None, False)
                    return _json(200, strike_rows(self._struck(fault, page, query, key))["entries"][0])
                return _json(200, strike_rows(self._struck(fault, page, query, key)))
        except Refusal as refusal:
            return _refused(refusal)

    def _struck(self, fault: Fault, page: Page, query: Query, key: Key) -> Struck:
        return Struck(fault, page, page.payload(), query, key.account, self.faults)

    def _too_many(self, wait: int | str | None) -> Reply:
        reply = _json(429, TOO_MANY)
        header = retry_after(wait)
        if header is not None:
            reply.headers["Retry-After"] = header
        return reply

    def _status(self, fault: Fault) -> Reply:
        if fault.status == 429:
            return self._too_many(fault.retry_after)
        known = {401: REFUSED, 403: TRIAL_EXPIRED}.get(fault.status)
        if known:
            reply = _json(fault.status, known)
        elif fault.status in (400, 402, 404, 422):
            reply = _json(fault.status, {"code": fault.status, "message": _words(fault.status), "param": None})
        else:
            reply = _plain(fault.status)
        header = retry_after(fault.retry_after)
        if header is not None:
            reply.headers["Retry-After"] = header
        return reply

    def _hang(self, fault: Fault) -> None:
        self.stopping.wait(fault.seconds)


_INSTEAD: dict[str, Callable[[Front, Fault], Reply | None]] = {
    "status": Front._status,
    "html_200": lambda front, fault: Reply(200, (fault.body or _PAGE_200).encode(), HTML),
    "not_json": lambda front, fault: Reply(200, (fault.body or '{"entries":[{"uuid":').encode()),
    "redirect": lambda front, fault: Reply(302, b"", HTML, {"Location": fault.url}),
    "hang": Front._hang,
    "close": lambda front, fault: None,
    "reset": lambda front, fault: Reply(0, wire="reset"),
}


def _json(status: int, payload: Any, **headers: str) -> Reply:
    try:
        return Reply(status, encode(payload), JSON, headers)
    except UnicodeEncodeError:  # a lone surrogate: JSON can escape it, UTF-8 cannot hold it
        return Reply(status, encode(payload, ascii_only=True), JSON, headers)


def _plain(status: int) -> Reply:
    return Reply(status, f"{status} {_words(status)}".encode(), TEXT)


def _words(status: int) -> str:
    return _GATEWAY_WORDS.get(status, "Error")


def _refused(refusal: Refusal) -> Reply:
    if isinstance(refusal.payload, str):
        return Reply(refusal.status, refusal.payload.encode(), HTML)
    return _json(refusal.status, refusal.payload)
