"""Running imports in a test's own process, whole or cut off anywhere, as a worker would."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import event, select, update

from simulator import Account, Simulator
from webapp import credentials
from webapp.chartmogul.client import check_key
from webapp.extensions import db
from webapp.models import Import, ImportState, Provider, Tenant, Trigger
from webapp.models.types import now
from webapp.tenancy import across_tenants, acting_for
from worker.sync import sync

from . import factories

KEY = "0123456789abcdef0123456789abcdef"


class Killed(BaseException):
    """What `kill -9` is to a process: nothing of the code sees it coming, nothing may handle it."""


def connect(tenant: Tenant, chartmogul: Simulator, **changes: Any) -> Provider:
    """A set-up connection of a tenant to the simulated account, with its real key in the secret store."""
    account = check_key(chartmogul.url, chartmogul.key)
    return factories.make_provider(
        tenant,
        secret_name=credentials.store_key(tenant.id, chartmogul.key),
        account_id=account.id,
        account_name=account.name,
        currency=account.currency,
        time_zone=account.time_zone,
        **changes,
    )


def connect_only(tenant: Tenant, chartmogul: Simulator, account: Account) -> Provider:
    """The same, with an account that is the only one there is."""
    chartmogul.accounts[:] = [account]
    chartmogul.keys.clear()
    chartmogul.add_key(KEY, account)
    return connect(tenant, chartmogul)


def start(provider: Provider, trigger: Trigger = Trigger.MANUAL) -> UUID:
    with acting_for(provider.tenant_id):
        import_ = provider.start_import(trigger, "ada@acme.example", now())
        db.session.commit()
        return import_.id


def run(app: Flask, provider: Provider, import_id: UUID | None = None) -> Import:
    """Run an import until it has ended or waits for somebody, in as many turns as it takes; a new one unless
    told which."""
    import_id = import_id or start(provider)
    tenant_id = provider.tenant_id
    while True:
        db.session.commit()
        turn(app, tenant_id, import_id)
        db.session.expire_all()
        with across_tenants():
            import_ = db.session.scalars(select(Import).where(Import.id == import_id)).one()
        if import_.state != ImportState.RUNNING:
            return import_


def turn(app: Flask, tenant_id: UUID, import_id: UUID) -> None:
    """One worker's turn at an import, in a session of its own."""
    with app.app_context(), acting_for(tenant_id):
        try:
            sync(import_id, threading.Event())
        finally:
            db.session.remove()


def run_cut_off(app: Flask, provider: Provider, times: int, seed: int) -> tuple[Import, int]:
    """Run a new import that is cut off up to `times` times, each time taken up again by another turn once its lease
    has run out; answers also how often it was. A turn's first save comes at about its 42nd statement. How many turns
    that save nothing end an import is not tried here: they are not counted."""
    import_id, chance = start(provider), random.Random(seed)
    provider_id, tenant_id = provider.id, provider.tenant_id
    db.session.commit()
    cut_off = 0
    for number in range(times):
        try:
            with killed_at_statement(chance.randrange(30, 60 + 3 * number)):
                turn(app, tenant_id, import_id)
        except Killed:
            cut_off += 1
        let_lease_run_out(import_id, attempt=1)
    with across_tenants():
        provider = db.session.scalars(select(Provider).where(Provider.id == provider_id)).one()
    return run(app, provider, import_id), cut_off


@contextmanager
def killed_at_statement(number: int) -> Iterator[None]:
    """Cut off whatever runs at its n-th statement from here on, also in the middle of a transaction."""
    left = [number]

    def count(_connection: Any, cursor: Any, *_: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            cursor.close()  # one of the server, opened and not yet used, would else complain of it when it is collected
            raise Killed

    with listening(count):
        yield


@contextmanager
def listening(listener: Callable[..., None]) -> Iterator[None]:
    engine = db.engine
    event.listen(engine, "before_cursor_execute", listener)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", listener)


def let_lease_run_out(import_id: UUID, **changes: Any) -> None:
    with across_tenants():
        db.session.execute(
            update(Import)
            .where(Import.id == import_id, Import.lease_until.is_not(None))
            .values(lease_until=now() - timedelta(seconds=1), **changes)
        )
        db.session.commit()
