"""A key's whole life, web and worker, in good and bad hours, with everything logged that can be: afterwards it
lies nowhere but sealed in the secret store."""

import base64
import io
import logging
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import select

from simulator import KeyState, Simulator
from tests import syncing
from tests.conftest import make_settings
from tests.factories import Cast
from tests.person import Browser, Person
from webapp import credentials
from webapp.config import Settings
from webapp.extensions import db
from webapp.models import Import, ImportState, Provider, User
from webapp.tenancy import across_tenants, acting_for
from worker.probe import probe

CANARY = "cafe0123456789abcdef0123456789ab"
SUCCESSOR = "feed0123456789abcdef0123456789ab"
WRONG = "dead0123456789abcdef0123456789ab"
KEYS = (CANARY, SUCCESSOR, WRONG)
CHARTMOGUL = "/settings/providers/chartmogul"


class Noted(Browser):
    """Keeps everything that any answer said."""

    said: list[str]

    def open(self, *args: Any, **kwargs: Any) -> Any:
        answer = super().open(*args, **kwargs)
        self.said.append(f"{answer.headers}{answer.text}")
        return answer


class Raw(logging.Handler):
    """Keeps what was about to be logged, before anything is struck out of it, and what was logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.written = io.StringIO()
        ours = next(handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler)
        ours.setStream(self.written)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {record.msg!r} {record.args!r} {record.exc_info!r}")


@pytest.fixture
def settings(tmp_path: Path, database_url: str, redis_url: str, chartmogul: Simulator) -> Settings:
    urls = {"database_url": database_url, "redis_url": redis_url, "chartmogul_api_url": chartmogul.url}
    return make_settings(tmp_path, **urls, log_level="DEBUG")


@pytest.fixture
def noted(app: Flask, chartmogul: Simulator) -> Iterator[Raw]:
    app.test_client_class, Noted.said = Noted, []
    for key in (CANARY, SUCCESSOR):
        chartmogul.add_key(key, chartmogul.account)
    raw = Raw()
    logging.getLogger().addHandler(raw)
    yield raw
    logging.getLogger().removeHandler(raw)


def spellings(key: str) -> set[str]:
    """A key as it is, and as an Authorization header or an address would carry it."""
    coded = [base64.b64encode(text.encode()).decode() for text in (key, f"{key}:", f"{key}:{key}")]
    return {key, key.upper(), key[::-1], key.encode().hex(), *coded, *(quote(text, safe="") for text in coded)}


def places(settings: Settings, raw: Raw) -> dict[str, bytes]:
    """Everything that is left of it all, by where it lies."""
    redis, queued = Redis.from_url(settings.redis), b""
    for key in redis.scan_iter():
        queued += key + (redis.dump(key) or b"")
        for value in redis.hvals(key) if redis.type(key) == b"hash" else []:
            with suppress(zlib.error):
                queued += zlib.decompress(value)  # RQ squeezes what a job is given
    with across_tenants():
        rows = [repr(row) for table in db.metadata.sorted_tables for row in db.session.execute(select(table))]
        db.session.rollback()
    files = b"".join(path.read_bytes() for path in settings.data_dir.rglob("*") if path.is_file())
    return {
        "the database": "\n".join(rows).encode(),
        "a file, its log included": files,
        "the queue": queued,
        "an answer": "\n".join(Noted.said).encode(),
        "the log": raw.written.getvalue().encode(),
        "what was about to be logged": "\n".join(raw.lines).encode(),
        "the process list": Path("/proc/self/cmdline").read_bytes() + Path("/proc/self/environ").read_bytes(),
    }


def nowhere(found: dict[str, bytes]) -> None:
    wrong = {
        f"{key[:4]}... lies in {place}"
        for place, held in found.items()
        for key in KEYS
        for spelled in spellings(key)
        if spelled.encode() in held
    }

    assert not wrong, wrong


def look_at_everything(*people: Person) -> None:
    paths = ("", "/chartmogul", "/chartmogul/connect", "/chartmogul/replace", "/chartmogul/disconnect")
    for person in people:
        for path in [*(f"/settings/providers{rest}" for rest in paths), "/imports", "/support"]:
            person.get(path)
            person.htmx(path)


def sync(app: Flask, tenant_id: UUID) -> str:
    """Run the tenant's waiting import as workers would, in as many turns as it takes; gives the state that it is in
    then."""
    with across_tenants():
        id_ = db.session.scalars(select(Import.id).order_by(Import.number.desc()).limit(1)).one()
        db.session.rollback()
    state = ImportState.RUNNING
    while state == ImportState.RUNNING:
        try:
            syncing.turn(app, tenant_id, id_)
        except RuntimeError:
            logging.getLogger("rq.worker").exception("a job failed")  # what RQ does with it
        with across_tenants():
            state = db.session.scalars(select(Import.state).where(Import.id == id_)).one()
            db.session.rollback()
    return state


def test_key_is_found_nowhere_after_its_whole_life(
    app: Flask,
    noted: Raw,
    person: Callable[[User], Person],
    chartmogul: Simulator,
    cast: Cast,
    settings: Settings,
):
    ada, max_, sam, acme = person(cast.ada), person(cast.max), person(cast.sam), cast.acme.id
    vault = settings.data_dir / "vault.json"

    # The web: refused, broken, kept.
    ada.post(f"{CHARTMOGUL}/connect", api_key=WRONG)
    ada.post(f"{CHARTMOGUL}/connect", htmx=True, api_key=f"{CANARY}\n{CANARY}")
    struck = chartmogul.faults.add(500)
    ada.post(f"{CHARTMOGUL}/connect", api_key=CANARY)
    chartmogul.faults.remove(struck)
    ada.post(f"{CHARTMOGUL}/connect", htmx=True, api_key=f"  {CANARY} ")
    max_.post(f"{CHARTMOGUL}/connect", api_key=SUCCESSOR)
    look_at_everything(ada, max_, sam)

    # The worker: the probe, then imports that go well and that do not.
    provider_id, _ = connection_of(acme)
    for _ in range(2):
        with app.app_context(), acting_for(acme):
            probe(provider_id)
        vault.chmod(0o644)
    sam.post(f"/support/tenants/{acme}/set-up", schedule="hours", every_hours="6", import_leads="y")
    states = [sync(app, acme)]
    vault.chmod(0o600)
    faults = (
        {"kind": "entries_null", "match": "/customers"},
        {"kind": "status", "status": 400, "match": "/activities"},
        {"kind": "status", "status": 403},
    )
    for fault in faults:
        struck = chartmogul.faults.add(**fault)
        ada.post("/imports")
        sam.post(f"/support/tenants/{acme}/imports")
        states.append(sync(app, acme))
        chartmogul.faults.remove(struck)
        ada.post(f"/imports/{newest()}/retry")
    look_at_everything(ada, sam)

    # Rotation: a wrong key, the right one, the old one revoked, an import that goes well.
    ada.post(f"{CHARTMOGUL}/replace", api_key=WRONG)
    ada.post(f"{CHARTMOGUL}/replace", htmx=True, api_key=SUCCESSOR)
    chartmogul.set_state(CANARY, KeyState.REVOKED)
    in_use = credentials.load_key(connection_of(acme)[1])
    ada.post("/imports")
    ada.post(f"/imports/{newest()}/retry")
    states.append(sync(app, acme))
    ada.post("/imports")
    with syncing.listening(break_down_at(60)):
        states.append(sync(app, acme))
    chartmogul.set_state(SUCCESSOR, KeyState.REVOKED)
    ada.post("/imports")
    states.append(sync(app, acme))
    before = places(settings, noted)
    ada.post(f"{CHARTMOGUL}/disconnect")
    look_at_everything(ada, max_, sam)

    assert in_use == SUCCESSOR
    assert ImportState.DONE in states
    assert states.count(ImportState.FAILED) >= 3
    assert credentials.mask(CANARY) in "".join(Noted.said)
    assert b"import ended" in before["the log"]
    assert b"a mistake of ours" in before["the log"]
    assert b"import failed" in before["what was about to be logged"]
    assert not credentials.store().names()
    nowhere(before)
    nowhere(places(settings, noted))


def break_down_at(number: int) -> Callable[..., None]:
    """Our own mistake, in the middle of an import, with the key at hand."""
    left = [number]

    def break_down(*_: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise RuntimeError("a mistake of ours")

    return break_down


def connection_of(tenant_id: UUID) -> tuple[UUID, str]:
    """The id of a tenant's connection, and where its key lies."""
    with acting_for(tenant_id):
        provider = Provider.current()
        assert provider is not None
        found = provider.id, str(provider.secret_name)
        db.session.rollback()
    return found


def newest() -> UUID:
    with across_tenants():
        id_ = db.session.scalars(select(Import.id).order_by(Import.number.desc()).limit(1)).one()
        db.session.rollback()
    return id_
