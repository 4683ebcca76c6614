"""Reading several things of ChartMogul side by side."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from webapp.chartmogul.client import BadKey
from webapp.queue import connect
from worker.fetch import Reader, of_each, side_by_side
from worker.limits import Budget


def test_each_is_asked_for_once_by_as_many_threads_as_may_ask(tmp_path: Path) -> None:
    budget = Budget(connect(f"unix://{tmp_path}/nobody"), "a secret", "a key", per_second=50, parallel=3)
    reader, together = Reader("", "", budget), threading.Barrier(3, timeout=20)

    def ask(_reader: Reader, uuid: str) -> str:
        together.wait()
        return uuid.upper()

    found = [item for item in side_by_side(reader, of_each(reader, ask, "abcdef")) if item is not None]

    assert sorted(found) == [(uuid, uuid.upper()) for uuid in "abcdef"]
    assert of_each(reader, ask, []) == []


def test_stream_that_fails_keeps_the_others_from_asking(tmp_path: Path) -> None:
    """Also while what came before it is still being saved."""
    budget = Budget(connect(f"unix://{tmp_path}/nobody"), "a secret", "a key", per_second=50, parallel=2)
    reader, tried = Reader("http://127.0.0.1:9", "", budget), threading.Event()

    def refused() -> Iterator[str]:
        yield "a page of before"
        raise BadKey("401")

    def late() -> Iterator[str]:
        reader.given_up.wait(20)
        try:
            yield reader.get("/customers", tries=1)
        finally:
            tried.set()

    items = side_by_side(reader, [refused, late])
    assert next(items) == "a page of before"
    assert tried.wait(20)
    with pytest.raises(BadKey):
        list(items)
    assert reader.requests == 0
