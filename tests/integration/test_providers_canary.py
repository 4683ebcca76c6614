"""A key's whole life in the web, things going wrong at every step: it is found nowhere afterwards."""

import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import select

from simulator import Account
from tests.conftest import make_settings
from tests.factories import Cast
from tests.integration.test_providers_connect import PATH
from webapp import credentials
from webapp.extensions import db, limiter
from webapp.tenancy import across_tenants

CANARY = "cafe0123456789abcdef0123456789ab"
WRONG = "dead0123456789abcdef0123456789ab"
REPLACE = "/settings/providers/chartmogul/replace"
DISCONNECT = "/settings/providers/chartmogul/disconnect"


@pytest.fixture
def settings(tmp_path, database_url, redis_url, chartmogul):
    return make_settings(
        tmp_path,
        database_url=database_url,
        redis_url=redis_url,
        chartmogul_api_url=chartmogul.url,
        log_level="DEBUG",
    )


def every_row() -> str:
    with across_tenants():
        tables = db.metadata.sorted_tables
        found = [repr(row) for table in tables for row in db.session.execute(select(table))]
        db.session.rollback()
    return "\n".join(found)


def in_redis(url: str) -> bytes:
    """Everything in Redis; RQ squeezes what a job is given."""
    redis, found = Redis.from_url(url), b""
    for key in redis.scan_iter():
        found += key + (redis.dump(key) or b"")
        for value in redis.hvals(key) if redis.type(key) == b"hash" else []:
            with suppress(zlib.error):
                found += zlib.decompress(value)
    return found


def files_below(folder: Path) -> bytes:
    """Every file's bytes: the database with its log, the vault."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_canary_is_nowhere(app, person, chartmogul, cast: Cast, settings, capfd, caplog):
    for key in (CANARY, CANARY[::-1]):
        chartmogul.add_key(key, chartmogul.account)
    other = chartmogul.add_key(WRONG[::-1], Account("Other", seed=2, size=5)).key
    ada, sam, vault = person(cast.ada), person(cast.sam), settings.data_dir / "vault.json"
    answers: list[Any] = []

    def post(path: str, key: str = "", **fields: str) -> None:
        limiter.reset()  # these are more keys than one tenant may try out
        answers.extend(ada.post(path, htmx=htmx, api_key=key, **fields) for htmx in (True, False))
        answers.extend(ada.get(f"/settings/providers{rest}") for rest in ("", "/chartmogul"))
        answers.append(sam.get("/support"))

    post(PATH, WRONG)
    post(PATH, f"{CANARY} {CANARY}")
    for fault in (403, 429, 500, "html_200", "truncated", "close"):
        struck = chartmogul.faults.add(fault)
        post(PATH, CANARY)
        chartmogul.faults.remove(struck)
    (settings.data_dir / "vault.new").mkdir()
    post(PATH, CANARY)
    (settings.data_dir / "vault.new").rmdir()
    post(PATH, CANARY)
    answers.append(sam.get(f"/support/tenants/{cast.acme.id}/set-up"))
    answers.append(sam.post(f"/support/tenants/{cast.acme.id}/set-up", schedule="hours", every_hours="6"))
    post(REPLACE, WRONG)
    post(REPLACE, other)
    vault.chmod(0o644)
    post(REPLACE, CANARY[::-1])
    vault.chmod(0o600)
    post(REPLACE, CANARY[::-1])
    in_use = credentials.store().read(next(iter(credentials.store().names())))
    found = every_row()
    post(DISCONNECT)
    post(PATH, other)

    pages = "".join(answer.text for answer in answers)
    logs = caplog.text + "".join(capfd.readouterr())
    assert in_use == CANARY[::-1]
    assert credentials.mask(CANARY) in pages
    for key in (CANARY, CANARY[::-1], WRONG, other):
        for place in (pages, logs, found, every_row()):
            assert key not in place
        assert key.encode() not in in_redis(settings.redis)
        assert key.encode() not in files_below(settings.data_dir)
        assert key not in " ".join(f"{a.headers}" for a in answers)
