"""One line of JSON per event, on standard error; keys and authorization headers never get that far."""

import logging
import re
import sys
from typing import Any

import structlog

# What an HTTP Basic or Bearer header looks like, and ChartMogul's documented key format.
SECRETS = re.compile(r"(?i)\b(basic|bearer)\s+[a-z0-9+/=._~-]{8,}|\b[0-9a-f]{32}\b(?=[\"':@\s]|$)")
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
    for key, value in event.items():
        if key.lower() in ("authorization", "api_key", "password"):
            event[key] = "[redacted]"
        elif isinstance(value, str) and key not in ("request", "timestamp"):
            event[key] = SECRETS.sub("[redacted]", value)
    return event
