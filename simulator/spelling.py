"""How ChartMogul spells dates, uuids and JSON. Times are whole seconds since 1970 in UTC everywhere else."""

import json
import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

DAY = 86_400
HOUR = 3_600


def midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def offset_time(at: int) -> str:
    """`2016-01-01T12:00:00+00:00`: customer-since, activities, metrics subscriptions."""
    return datetime.fromtimestamp(at, UTC).isoformat()


def milli_time(at: int) -> str:
    """`2015-11-01T00:00:00.000Z`: created_at, lead dates, timestamps among the custom attributes."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def nano_time(at: int) -> str:
    """`2016-01-01T12:00:00.000000000Z`: inside cursors."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")


def new_uuid(rng: random.Random) -> str:
    bits = f"{rng.getrandbits(128):032x}"
    return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-a{bits[17:20]}-{bits[20:]}"


def encode(payload: Any, *, ascii_only: bool = False) -> bytes:
    """UTF-8 JSON with `&`, `<` and `>` escaped as recorded; `ascii_only` for texts that UTF-8 cannot hold."""
    text = json.dumps(payload, ensure_ascii=ascii_only, separators=(",", ":"))
    return _escape_markup(text).encode()


def _escape_markup(text: str) -> str:
    for sign, escape in (("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e")):
        if sign in text:
            text = text.replace(sign, escape)
    return text


Clock = Callable[[], date]


def real_today() -> date:
    return datetime.now(UTC).date()
