"""The jobs: what a queue entry may ask for. Each takes the tenant's id, most of them one more, and
nothing else."""

import threading
from functools import cache
from uuid import UUID

from flask import Flask

from webapp import create_app
from webapp.extensions import db
from webapp.tenancy import acting_for
from worker import scores
from worker.probe import probe
from worker.sync import sync

stopping = threading.Event()


@cache
def app() -> Flask:
    """The app of this process: made once, before the first child is forked, so that children begin at once."""
    return create_app(for_jobs=True)


def stop_soon() -> None:
    """Asked to stop: the running import ends at its next page and is taken up again later."""
    stopping.set()


def run_import(tenant_id: str, import_id: str) -> None:
    with app().app_context(), acting_for(UUID(tenant_id)):
        db.engine.dispose(close=False)  # whatever the parent had open stays the parent's
        sync(UUID(import_id), stopping)


def probe_provider(tenant_id: str, provider_id: str) -> None:
    with app().app_context(), acting_for(UUID(tenant_id)):
        db.engine.dispose(close=False)
        probe(UUID(provider_id))


def score_tenant(tenant_id: str) -> None:
    with app().app_context(), acting_for(UUID(tenant_id)):
        db.engine.dispose(close=False)
        scores.score_tenant(stopping)
