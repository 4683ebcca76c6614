"""What a line of the log looks like, and what never stands in one."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import structlog

from webapp import logs

KEY = "cafe0123456789abcdef0123456789ab"
BASIC = "Basic Y2FmZTAxMjM0NTY3ODlhYmNkZWY6"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Take our handler away again: it writes where this test's output was caught."""
    root = logging.getLogger()
    level = root.level
    yield
    root.handlers[:] = [handler for handler in root.handlers if type(handler) is not logging.StreamHandler]
    root.setLevel(level)
    structlog.contextvars.clear_contextvars()


Said = Callable[[], str]


@pytest.fixture
def said() -> Said:
    """What was logged since it was last asked for."""
    stream = io.StringIO()

    def read() -> str:
        before = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        return before

    logs.configure("DEBUG")
    logging.getLogger().handlers[0].setStream(stream)  # type: ignore[attr-defined]
    return read


def events(said: Said) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said().splitlines()]


@pytest.mark.parametrize(
    "told",
    [
        {"event": f"key {KEY}"},
        {"event": "x", "answer": f"({KEY}), and more"},
        {"event": "x", "answer": {"deep": [{"deeper": f"'{KEY}'"}]}},
        {"event": "x", "answer": {KEY: 1}},
        {"event": "x", "answer": (KEY, {KEY})},
        {"event": "x", "answer": KEY.encode()},
        {"event": "x", "answer": KEY.upper()},
        {"event": "x", "answer": ValueError(KEY)},
        {"event": f"Authorization: {BASIC}"},
        {"event": "x", "headers": {"Authorization": BASIC, "Accept": "*/*"}},
        {"event": "x", "headers": [("authorization", "Bearer abcdefgh.ijkl-mnop_q")]},
        {"event": "x", "api_key": "short"},
        {"event": "x", "form": {"password": "short", "email": "a"}},
        {"event": "x", "sent": {"Cookie": "sid=short", "csrf_token": "short"}},
    ],
    ids=str,
)
def test_secret_is_struck_out_wherever_it_stands(said: Said, told: dict[str, Any]):
    structlog.get_logger().info(**told)

    line = said()
    assert KEY not in line.lower()
    assert "Y2FmZTAx" not in line
    assert "short" not in line
    assert "ijkl" not in line
    assert "[redacted]" in line


def test_secret_is_struck_out_of_what_libraries_log(said: Said):
    logging.getLogger("some.library").warning("asked %s with %s", KEY, {"Authorization": BASIC})

    (line,) = events(said)
    assert line["event"] == "asked [redacted] with {'Authorization': '[redacted]'}"
    assert (line["logger"], line["level"]) == ("some.library", "warning")


def test_secret_is_struck_out_of_tracebacks_and_locals_are_not_shown(said: Said):
    def fail(key: str) -> None:
        raise RuntimeError(f"refused: {key}")

    try:
        fail(KEY)
    except RuntimeError:
        structlog.get_logger().exception("failed")
        logging.getLogger("some.library").exception("failed")

    for line in events(said):
        assert KEY not in json.dumps(line)
        assert "RuntimeError: refused: [redacted]" in line["exception"]


def test_ids_stay_readable(said: Said):
    id_, request = uuid4(), uuid4().hex
    structlog.contextvars.bind_contextvars(request=request)

    structlog.get_logger().info("import ended", import_id=str(id_), tenant=id_, rows=12, done=True, reason=None)

    (line,) = events(said)
    assert (line["import_id"], line["request"]) == (str(id_), request)
    assert (line["rows"], line["done"], line["reason"]) == (12, True, None)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\u2028", "\x1b[31m", "\0"])
def test_one_event_is_one_line_whatever_it_says(said: Said, end: str):
    forged = f'fine{end}{{"event": "user:created", "level": "info"}}'
    structlog.get_logger().warning("refused", why=forged)
    logging.getLogger("some.library").warning("%s", forged)

    lines = said()
    assert lines.count("\n") == len(lines.splitlines()) == 2
    assert "\x1b" not in lines
    assert json.loads(lines.splitlines()[0])["event"] == "refused"


@pytest.mark.parametrize(("level", "expected"), [("DEBUG", "INFO"), ("INFO", "INFO"), ("ERROR", "ERROR")])
def test_libraries_that_log_secrets_never_say_all(level: str, expected: str):
    logs.configure(level)

    for name in ("botocore", "boto3", "urllib3", "requests", "rq"):
        assert logging.getLevelName(logging.getLogger(name).level) == expected


def test_statements_and_what_they_carry_are_never_logged(said: Said):
    assert not logging.getLogger("sqlalchemy.engine.Engine").isEnabledFor(logging.INFO)


def test_setting_up_again_says_nothing_twice(said: Said):
    logs.configure("INFO")
    logs.configure("ERROR")

    ours = [handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler]
    assert len(ours) == 1
    assert logging.getLogger().level == logging.ERROR
