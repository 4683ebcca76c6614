"""Reading several things of ChartMogul side by side."""

import threading
from pathlib import Path

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
