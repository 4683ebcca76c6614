"""Where a tenant's data comes from, and since when it is no longer kept up to date."""

from datetime import datetime, timedelta

from sqlalchemy import case, func

from webapp.extensions import db
from webapp.models import Customer, Property, Provider, ProviderState
from webapp.models.types import now
from webapp.tenancy import owned

STALE_AFTER = timedelta(hours=48)


def data_provider() -> Provider | None:
    """The tenant's provider: the live one, else the one that was disconnected last."""
    disconnected = case((Provider.state == ProviderState.DISCONNECTED, 1), else_=0)
    newest = func.coalesce(Provider.disconnected_at, Provider.connected_at).desc()
    found: Provider | None = db.session.scalar(owned(Provider).order_by(disconnected, newest).limit(1))
    return found


def stale_since(provider: Provider | None, at: datetime | None = None) -> datetime | None:
    """When ChartMogul's data was last brought up to date, if that is too long ago; None while it is fresh
    or while there is none yet."""
    if provider is None or provider.last_success_at is None:
        return None
    patience = max(STALE_AFTER, timedelta(hours=2 * (provider.every_hours or 0)))
    old = provider.last_success_at + patience < (at or now())
    return provider.last_success_at if old or not provider.live else None


def customer_count(provider: Provider | None) -> int:
    """How many customers ChartMogul has now: without those no longer in it."""
    if provider is None:
        return 0
    known = owned(Customer, func.count()).where(Customer.provider_id == provider.id, Customer.gone_at.is_(None))
    return db.session.scalar(known) or 0


def property_state(property_: Property, provider: Provider | None, stale: datetime | None) -> str:
    """`by_hand`, `waiting` (filled on the next sync), `stale` or `fresh`."""
    if not property_.from_chartmogul:
        return "by_hand"
    if property_.waiting or provider is None or provider.last_success_at is None:
        return "waiting"
    return "stale" if stale else "fresh"
