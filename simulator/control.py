"""The simulator's own controls under `/_control/`, for other processes; never counted as API requests."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from simulator.account import Account
from simulator.faults import KINDS
from simulator.front import SETTINGS, Front
from simulator.keys import KeyState, key_of

_ACCOUNT_SETTINGS = ("cursor_skips", "float_mrr", "vintage")
Body = dict[str, Any]


def answer(front: Front, method: str, target: str, body: bytes) -> tuple[int, bytes]:
    """Status and JSON. A request that makes no sense is a 400 with `error`."""
    path = urlsplit(target).path.removeprefix("/_control/")
    act = _ACTS.get((method, path))
    if act is None:
        known = sorted(f"{each[0]} /_control/{each[1]}" for each in _ACTS)
        return 404, _encode({"error": "no such control", "controls": known})
    try:
        return 200, _encode(act(front, json.loads(body or b"{}")))
    except (ValueError, TypeError, KeyError, AttributeError, StopIteration) as error:
        return 400, _encode({"error": f"{type(error).__name__}: {error}"})


def _encode(payload: Any) -> bytes:
    return json.dumps(payload, ensure_ascii=False).encode()


def _state(front: Front, body: Body) -> Body:
    settings = {name: getattr(front, name) for name in SETTINGS}
    return {
        **front.log.state(),
        "settings": settings,
        "errors": [repr(error) for error in getattr(front, "errors", [])],
    }


def _log(front: Front, body: Body) -> list[Body]:
    shown = ("at", "method", "path", "query", "account", "status", "fault")
    return [{name: getattr(seen, name) for name in shown} for seen in list(front.log)[-1000:]]


def _clear_log(front: Front, body: Body) -> Body:
    front.log.clear()
    return _state(front, {})


def _reset(front: Front, body: Body) -> Body:
    front.reset()
    return _state(front, {})


def _settings(front: Front, body: Body) -> Body:
    """Settings of the server, and with `account` also those of that account."""
    account = front.account_named(body.pop("account")) if "account" in body else None
    for name, value in body.items():
        if account and name in _ACCOUNT_SETTINGS:
            setattr(account, name, value)
        elif name in SETTINGS:
            setattr(front, name, value)
        else:
            raise ValueError(f"unknown setting: {name}")
    return _state(front, {})


def _keys(front: Front, body: Body) -> list[Body]:
    return [
        {"key": key.key, "account": key.account.name, "note": key.note, "state": key.state}
        for key in front.keys.values()
    ]


def _set_key(front: Front, body: Body) -> list[Body]:
    """`{"key": ..., "state": "revoked"}`, or with `account` a new key of that account."""
    state = KeyState(body.get("state", "active"))
    if "account" in body:
        front.add_key(body["key"], front.account_named(body["account"]), body.get("note", ""), state)
    else:
        front.set_state(body["key"], state)
    return _keys(front, {})


def _faults(front: Front, body: Body) -> list[Body]:
    return [fault.state() for fault in front.faults]


def _add_faults(front: Front, body: Body | list[Body]) -> list[Body]:
    for spec in body if isinstance(body, list) else [body]:
        front.faults.add(**spec)
    return _faults(front, {})


def _clear_faults(front: Front, body: Body) -> list[Body]:
    front.faults.clear()
    return []


def _kinds(front: Front, body: Body) -> list[str]:
    return list(KINDS)


def _accounts(front: Front, body: Body) -> list[Body]:
    return [_account(account) for account in front.accounts]


def _account(account: Account) -> Body:
    with account.lock:
        snapshot = account.snapshot()
        return {
            "name": account.name, "seed": account.seed, "size": account.size, "currency": account.currency,
            "day": account.day, "customers": len(snapshot.customers), "movements": len(snapshot.movements),
            "mrr": account.mrr,
        }  # fmt: skip


def _add_account(front: Front, body: Body) -> Body:
    """`{"name": ..., "seed": 7, "size": 20000}` and, if wanted, `key`; the answer tells the key."""
    key = body.pop("key", None)
    account = Account(**body)
    if any(each.name == account.name for each in front.accounts):
        raise ValueError("there is an account of that name")
    added = front.add_key(key or key_of(account), account)
    return {**_account(account), "key": added.key}


def _day(front: Front, body: Body) -> list[Body]:
    """`{"advance": 1}` or `{"day": 3}`, for one `account` or for all."""
    accounts = [front.account_named(body["account"])] if "account" in body else front.accounts
    for account in accounts:
        account.day = body["day"] if "day" in body else account.day + body.get("advance", 1)
    return [{"name": account.name, "day": account.day} for account in accounts]


def _customer(front: Front, body: Body) -> Body:
    """`{"account": ..., "uuid": ..., "delete": true}`, `"merge_into": uuid`, or `"set": {...}`, also of a list of
    uuids."""
    account, uuid = front.account_named(body["account"]), body["uuid"]
    if body.get("delete"):
        account.delete(uuid)
    elif "merge_into" in body:
        account.merge(body["merge_into"], uuid)
    else:
        account.edit(*(uuid if isinstance(uuid, list) else [uuid]), **body["set"])
    return _account(account)


Act = Callable[[Front, Any], Any]
_ACTS: dict[tuple[str, str], Act] = {
    ("GET", "state"): _state,
    ("GET", "log"): _log,
    ("DELETE", "log"): _clear_log,
    ("POST", "reset"): _reset,
    ("POST", "settings"): _settings,
    ("GET", "keys"): _keys,
    ("POST", "keys"): _set_key,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "kinds"): _kinds,
    ("GET", "accounts"): _accounts,
    ("POST", "accounts"): _add_account,
    ("POST", "day"): _day,
    ("POST", "customers"): _customer,
}
