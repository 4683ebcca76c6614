"""API keys: whose they are and whether they still work."""

import random
from base64 import b64decode
from binascii import Error as BadBase64
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from simulator.account import Account


class KeyState(StrEnum):
    ACTIVE = "active"
    REVOKED = "revoked"
    TRIAL_EXPIRED = "trial_expired"


REFUSED: dict[str, Any] = {"code": 401, "message": "No valid API key provided", "param": None}
# The body that goes with 403 isn't confirmed; the status is documented as "trial account expired".
TRIAL_EXPIRED: dict[str, Any] = {"code": 403, "message": "Your trial has expired", "param": None}


@dataclass(frozen=True)
class Key:
    key: str
    account: Account
    note: str = ""
    state: KeyState = KeyState.ACTIVE


def key_of(account: Account) -> str:
    """The key that an account has unless it is given another: 32 lower-case hex characters."""
    return f"{random.Random(f'{account.seed}:{account.name}:key').getrandbits(128):032x}"


def sent_key(authorization: str | None) -> str | None:
    """The user name of HTTP Basic. The password must be empty or the key again, as documented."""
    scheme, _, coded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = b64decode(coded.strip(), validate=True).decode().partition(":")
    except (BadBase64, UnicodeDecodeError):
        return None
    return user if password in ("", user) else None
