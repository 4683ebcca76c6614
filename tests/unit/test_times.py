"""Times as text, held to Python's own."""

import random
from datetime import UTC, datetime, timedelta

from webapp.times import to_the_second, utc_text


def test_text_is_what_isoformat_writes() -> None:
    chance, first = random.Random(5), datetime(1, 1, 1, tzinfo=UTC)
    whole = [first + timedelta(seconds=chance.randrange(300_000_000_000)) for _ in range(2_000)]
    times = [*whole, *(at.replace(microsecond=chance.randrange(1_000_000)) for at in whole), first]

    for at in times:
        assert utc_text(at) == at.isoformat()
        assert to_the_second(at, " ") == at.replace(tzinfo=None).isoformat(" ", "seconds")
