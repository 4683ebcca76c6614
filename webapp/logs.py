"""One line of JSON per event, on standard error; keys and authorization headers never get that far."""

import logging
import re
import sys
from typing import Any

import structlog

# What an HTTP Basic or Bearer header looks like, and ChartMogul's documented key format.
SECRETS = re.compile(r"(?i)\b(basic|bearer)\s+[a-z0-9+/=._~-]{8,}|(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
# Whatever has one of these names is not shown, whatever it looks like.
SECRET_NAMES = frozenset({"authorization", "api_key", "password", "cookie", "set-cookie", "csrf_token", "x-csrftoken"})
STRUCK_OUT = "[redacted]"
OURS = frozenset({"request", "timestamp", "_record", "_from_structlog"})
# Their DEBUG lines carry secrets (measured), whatever LOG_LEVEL says.
TALKATIVE = ("botocore", "boto3", "urllib3", "requests", "rq")


def configure(level: str) -> None:
    """Set up the process's logging; harmless to call again."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLevelName(level)))
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _redact(_logger: Any, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Strike out secrets, save in what is set here and in structlog: a request's id looks like one."""
    return {name: value if name in OURS else _struck_out(name, value) for name, value in event.items()}


def _struck_out(name: Any, value: Any) -> Any:
    """A value without its secrets, in the shape that it had; what has no shape of JSON as its words."""
    if str(name).lower() in SECRET_NAMES:
        return STRUCK_OUT
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {_words(key): _struck_out(key, inner) for key, inner in value.items()}
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):  # a header
        return [_words(value[0]), _struck_out(*value)]
    if isinstance(value, list | tuple | set | frozenset):
        return [_struck_out(None, inner) for inner in value]
    return _words(value)


def _words(value: Any) -> str:
    return SECRETS.sub(STRUCK_OUT, value.decode(errors="replace") if isinstance(value, bytes) else str(value))
