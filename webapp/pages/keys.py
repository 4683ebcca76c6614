"""Handing over an API key: the first one of a connection, and its successors. A key goes from the form to
ChartMogul and to the secret store; no page, row or log line ever gets it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from flask import Blueprint, current_app
from flask_limiter import RateLimitExceeded
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response as AnyResponse

from webapp import audit, credentials, queue
from webapp.audit import AuditEntry
from webapp.chartmogul import client
from webapp.chartmogul.records import AccountRecord
from webapp.extensions import db, limiter
from webapp.forms.providers import KeyForm
from webapp.gate import not_for_support
from webapp.models import Provider, ProviderState, Tenant
from webapp.models.types import now
from webapp.other_accounts import change_account
from webapp.pages.providers import done, forget, sheet
from webapp.rendering import self_serve
from webapp.scoring import locked_scoring
from webapp.tenancy import current_tenant_id

blueprint = Blueprint("keys", __name__, url_prefix="/chartmogul")
# Each replacement leaves a secret that AWS keeps for a week.
REPLACED_AT_MOST_EVERY = timedelta(minutes=10)
# Of one tenant: nobody tries out keys at ChartMogul through us.
TRIES = "10 per 5 minutes"


class KeyProblem(Exception):
    """Why a key was not taken: a closed set of reasons, each with its words in providers/keys.html."""

    def __init__(self, reason: str, account: AccountRecord | None = None) -> None:
        super().__init__(reason)
        self.reason, self.account = reason, account

    @property
    def confirms(self) -> str:
        """What the form has to carry to say yes to this account."""
        return _tag(self.account) if self.account else ""


class AlreadyConnected(Exception):
    """Somebody else, or the same person in another tab, has connected meanwhile."""


@blueprint.route("/connect", methods=["GET", "POST"])
@not_for_support
def create() -> AnyResponse:
    """Connect: the key is tried first, and only one that ChartMogul accepts is kept."""
    form, before = KeyForm(), Provider.current()
    status = 422 if form.is_submitted() else 200
    if before is not None and before.live:
        return sheet("already_connected", status, provider=before)
    if not form.validate_on_submit():
        return sheet("connect", status, form=form)
    try:
        account = _account_of(form.key)
        if before and not before.opens(account) and form.account_confirmed.data != _tag(account):
            raise KeyProblem("other_account", account)
        provider = _connect(account, form.key)
    except AlreadyConnected:
        return sheet("already_connected", 422, provider=Provider.current())
    except KeyProblem as problem:
        return sheet("connect", 422, form=form, problem=problem, provider=before)
    queue.enqueue_probe(provider)
    return done("Credentials uploaded", _confirmation(provider))


@blueprint.route("/replace", methods=["GET", "POST"])
@not_for_support
def update() -> AnyResponse:
    """Swap the key for another one of the same account; until then the old one works."""
    form, provider = KeyForm(), Provider.current()
    status = 422 if form.is_submitted() else 200
    if provider is None or not provider.live:
        return sheet("not_connected", status)
    if not form.validate_on_submit():
        return sheet("replace", status, form=form, provider=provider)
    try:
        if provider.state != ProviderState.ACTION_NEEDED and _replaced_lately(provider):
            raise KeyProblem("just_replaced")
        account = _account_of(form.key)
        if not provider.opens(account):
            raise KeyProblem("other_account", account)
        provider = _replace(provider, form.key)
    except KeyProblem as problem:
        return sheet("replace", 422, form=form, provider=provider, problem=problem)
    if provider.probing:
        queue.enqueue_probe(provider)
    words = f"The new key opens the same ChartMogul account, {provider.account}. It is used from now on."
    return done("API key replaced", words)


def _account_of(key: str) -> AccountRecord:
    """The account that a key opens. Asked with no transaction open: that would hold up every writer."""
    url = current_app.config["SETTINGS"].chartmogul_api_url
    db.session.rollback()
    try:
        return _ask_chartmogul(url, key)
    except RateLimitExceeded:
        raise KeyProblem("too_many_tries") from None
    except client.BadKey:
        raise KeyProblem("refused") from None
    except client.NoAccess:
        raise KeyProblem("too_little_access") from None
    except client.Busy:
        raise KeyProblem("busy") from None
    except client.ChartMogulError:
        raise KeyProblem("no_answer") from None


@limiter.shared_limit(TRIES, scope="keys", key_func=lambda: str(current_tenant_id()))
def _ask_chartmogul(url: str, key: str) -> AccountRecord:
    return client.check_key(url, key)


def _connect(account: AccountRecord, key: str) -> Provider:
    """Keep the key and begin a connection with it: the one this tenant had to the account, or a new one."""
    with _stored(key) as secret:
        scoring = locked_scoring()  # first: whoever writes scores holds it before rows of the connection
        current = Provider.current(lock=True)
        if current is not None and current.live:
            raise AlreadyConnected
        provider = Provider.before_of(account) or Provider(tenant_id=current_tenant_id(), generation=0)
        if current is not None and current.id != provider.id:
            change_account(provider, scoring)
        provider.connect(secret, credentials.mask(key), current_user.email, now())
        provider.describe(account)
        db.session.add(provider)
        _take_time_zone(account)
        try:
            db.session.flush()
        except IntegrityError:
            raise AlreadyConnected from None
        audit.record("provider:connected", provider, account=provider.account, key_mask=provider.key_mask)
        _commit(provider)
    return provider


@contextmanager
def _stored(key: str) -> Iterator[str]:
    """A new key in the secret store; if what follows fails, it is taken out again."""
    db.session.rollback()
    try:
        secret = credentials.store_key(current_tenant_id(), key)
    except credentials.SecretStoreDown:
        raise KeyProblem("not_stored") from None
    try:
        yield secret
    except Exception:
        db.session.rollback()
        forget(secret)
        raise


def _take_time_zone(account: AccountRecord) -> None:
    """A tenant that never chose a time zone gets its account's."""
    tenant = db.session.scalars(select(Tenant).where(Tenant.id == current_tenant_id())).one()
    if tenant.time_zone == "UTC":
        tenant.time_zone = account.time_zone


def _replace(provider: Provider, key: str) -> Provider:
    """Store the new key under a name of its own and change over to it; then the old one goes. So the mask
    that is shown is always that of the key in use, also when two people replace it at once."""
    generation, old = provider.generation, provider.secret_name
    with _stored(key) as secret:
        provider = _change_over(generation, secret, key)
    if old:
        forget(old)
    return provider


def _change_over(generation: int, secret: str, key: str) -> Provider:
    provider = Provider.current(lock=True)
    if provider is None or provider.generation != generation:
        raise KeyProblem("disconnected_meanwhile")
    if provider.state != ProviderState.ACTION_NEEDED and _replaced_lately(provider):
        raise KeyProblem("just_replaced")
    provider.replace_key(secret, credentials.mask(key), current_user.email, now())
    audit.record("provider:key_replaced", provider, key_mask=provider.key_mask)
    _commit(provider)
    return provider


def _commit(provider: Provider) -> None:
    """Commit, and keep what the row says at hand: no transaction is open while a worker is woken."""
    db.session.flush()
    db.session.expunge(provider)
    db.session.commit()


def _replaced_lately(provider: Provider) -> bool:
    newest = select(func.max(AuditEntry.at)).where(
        AuditEntry.tenant_id == provider.tenant_id,
        AuditEntry.subject_id == provider.id,
        AuditEntry.action == "provider:key_replaced",
    )
    at = db.session.scalar(newest)
    return at is not None and now() - at < REPLACED_AT_MOST_EVERY


def _tag(account: AccountRecord) -> str:
    return account.id or account.name or "without a name"


def _confirmation(provider: Provider) -> str:
    next_step = (
        "Open Manage, choose when imports run and press Complete set-up."
        if self_serve()
        else "Our team now completes the data sync setup. Your imports will appear in Imports overview."
    )
    facts = f"{provider.account}, currency {provider.currency}, time zone {provider.time_zone}"
    return f"{next_step} ChartMogul account: {facts}."
