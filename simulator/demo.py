"""The accounts and keys of the demo. The keys are fixed: other programs may print them, see README.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from simulator.account import Account
from simulator.front import Front
from simulator.keys import KeyState

ACME = "Acme Analytics"
GLOBEX = "Globex"
HOOLI = "Hooli"
EMPTY = "Empty"
INITECH = "Initech"


@dataclass(frozen=True)
class DemoKey:
    key: str
    account: str
    note: str
    state: KeyState = KeyState.ACTIVE


_KEYS = (
    DemoKey("5d0c9f6a1b7e4c2f8a3d6e9b0f1c2a47", ACME, "about 1,284 customers, EUR, Europe/Berlin"),
    DemoKey("a81f3c5e7d9b0246c8e1f3a5b7d90c42", ACME, "a second key of the same account, to replace the first"),
    DemoKey("2b4d6f80a1c3e5079b1d3f5a7c9e0b84", GLOBEX, "about 320 customers, USD, America/New_York"),
    DemoKey("c0ffee1234567890abcdef0987654321", HOOLI, "another account: to try a key that isn't Acme's"),
    DemoKey("00112233445566778899aabbccddeeff", EMPTY, "an account without customers"),
    DemoKey("9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b", INITECH, "20,000 customers and 60,000 movements"),
    DemoKey("deadbeef00000000deadbeef00000000", ACME, "a revoked key: 401", KeyState.REVOKED),
    DemoKey("ffffffff11111111ffffffff11111111", ACME, "a key whose trial has expired: 403", KeyState.TRIAL_EXPIRED),
)
DEMO_KEYS: Sequence[tuple[str, str]] = tuple((each.key, f"{each.account}: {each.note}") for each in _KEYS)


def demo_accounts(epoch: date | None = None, today: date | None = None) -> list[Account]:
    """Worlds are drawn at the first request for them, so none of these costs anything yet."""
    plain = partial(Account, epoch=epoch, today=today)
    return [
        plain(ACME, seed=11, size=1284),
        plain(GLOBEX, seed=12, size=320, currency="USD", time_zone="America/New_York", week_start_on="sunday"),
        plain(HOOLI, seed=13, size=85, currency="JPY", time_zone="Asia/Tokyo"),
        plain(EMPTY, seed=14, size=0, currency="GBP", time_zone="Europe/London"),
        plain(INITECH, seed=15, size=20_000, currency="USD", time_zone="America/Chicago"),
    ]


def add_demo_keys(front: Front) -> None:
    """Replace the keys that the accounts came with by the demo's."""
    front.keys.clear()
    for each in _KEYS:
        front.add_key(each.key, front.account_named(each.account), each.note, each.state)
    front.remember()
