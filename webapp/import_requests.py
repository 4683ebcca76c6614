"""A person asks for an import: a new one, or that one which ended badly goes on. For the tenant's admins and for
support alike; both refuse with a sentence, and commit before a worker is woken."""

from flask import abort
from sqlalchemy.exc import IntegrityError

from webapp import audit
from webapp.extensions import db
from webapp.models import Import, Provider, ProviderState, Trigger
from webapp.models.types import now
from webapp.queue import commit_and_wake
from webapp.rendering import self_serve

TRIES = 3


class CannotRun(Exception):
    """Why no import was started or taken up again, as a sentence."""


def why_no_sync(provider: Provider | None) -> str | None:
    """Why no import can be started right now; None when one can."""
    if provider is None or not provider.live:
        return "ChartMogul is not connected."
    if provider.state == ProviderState.PAUSED:
        return "Imports are paused by our team."
    if provider.state == ProviderState.ACTION_NEEDED and provider.awaits_set_up:
        return "ChartMogul refused the API key. Replace it first."
    if provider.imports_may_run:
        return None
    return "The set-up is not complete yet." if self_serve() else "Our team still sets up the first import."


def start_import(by: str) -> tuple[Import, bool]:
    """A new import, or the one that is live already, and whether it is new. Of many clicks one starts it: whoever
    else clicks at the same moment is told so by the database."""
    for _ in range(TRIES):
        provider = Provider.current(lock=True)
        problem = why_no_sync(provider)
        if provider is None or problem:
            raise CannotRun(problem)
        live = provider.live_import()
        if live is not None:
            return live, False
        import_ = provider.start_import(Trigger.MANUAL, by, now())
        try:
            db.session.flush()
        except IntegrityError:
            db.session.rollback()
            continue
        audit.record("import:started", import_, number=import_.number, trigger=import_.trigger)
        commit_and_wake(import_)
        return import_, True
    abort(409)


def retry_import(import_: Import, by: str) -> bool:
    """Let an import that ended badly go on; False for one that waits or runs already, which stays as it is."""
    db.session.refresh(import_, with_for_update=True)  # the import first, as everywhere, then its provider
    provider = Provider.current(lock=True)
    if import_.live:
        return False
    if not import_.retryable:
        raise CannotRun("This import cannot be retried. Start a new one.")
    if provider is None or provider.id != import_.provider_id:
        raise CannotRun("The ChartMogul account of this import is no longer connected.")
    live = provider.live_import()
    problem = f"Import #{live.number} is running. Retry when it has ended." if live else why_no_sync(provider)
    if problem:
        raise CannotRun(problem)
    import_.retry(by, provider.generation, now())
    audit.record("import:retried", import_, number=import_.number)
    try:
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        raise CannotRun("Another import is running. Retry when it has ended.") from None
    commit_and_wake(import_)
    return True
