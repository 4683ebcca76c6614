"""Since when a tenant's data is no longer kept up to date, and what that makes of its properties."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup
from sqlalchemy import func

from webapp.extensions import db
from webapp.models import Customer, Property, Provider, ProviderState
from webapp.models.types import now
from webapp.rendering import clock_time, day, exact, self_serve, zone
from webapp.tenancy import owned
from webapp.wording import cause

STALE_AFTER = timedelta(hours=48)


def stale_since(provider: Provider | None, at: datetime | None = None) -> datetime | None:
    """When ChartMogul's data was last brought up to date, if that is too long ago; None while it is fresh
    or while there is none yet."""
    if provider is None or provider.last_success_at is None:
        return None
    reconnected = provider.connected_at is not None and provider.last_success_at < provider.connected_at
    patience = max(STALE_AFTER, timedelta(hours=2 * (provider.every_hours or 0)))
    old = provider.last_success_at + patience < (at or now())
    return provider.last_success_at if old or reconnected or not provider.live else None


def known_until(customer: Customer, provider: Provider) -> datetime:
    """Up to when a customer's movements are known to have happened; what comes after was scheduled. Stale data may be
    followed by an import that has let the movements it read count, and goes on or did not end well."""
    stale = stale_since(provider)
    if customer.gone_at or stale is None:
        return customer.gone_at or now()
    return max(stale, provider.movements_read_at or stale)


def date_tag(moment: datetime, in_zone: ZoneInfo | None = None) -> Markup:
    """The day of a moment, in the tenant's zone or another, with the exact time for who wants it."""
    utc = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    local = day(moment.astimezone(in_zone or zone()).date())
    return Markup('<time datetime="{}" title="{}">{}</time>').format(utc, exact(moment), local)


def day_of(seconds: int, in_zone: ZoneInfo) -> str:
    """The day of a moment that is given in seconds since 1970."""
    return day(datetime.fromtimestamp(seconds, in_zone).date())


def customer_count(provider: Provider | None) -> int:
    """How many customers ChartMogul has now: without those no longer in it."""
    if provider is None:
        return 0
    known = owned(Customer, func.count()).where(Customer.provider_id == provider.id, Customer.gone_at.is_(None))
    return db.session.scalar(known) or 0


def property_state(property_: Property, provider: Provider | None, stale: datetime | None) -> str:
    """`by_hand`, `waiting` (filled on the next sync), `stale`, `fresh`, or `unconnected`: no sync has filled it, and
    none will as it is."""
    if not property_.from_chartmogul:
        return "by_hand"
    if provider is None or not provider.live:
        return "stale" if stale and not property_.waiting else "unconnected"
    if property_.waiting or provider.last_success_at is None:
        return "waiting"
    return "stale" if stale else "fresh"


def when_filled(provider: Provider | None) -> str:
    """When the properties that wait are filled, in a sentence."""
    if provider is None or not provider.live:
        return "ChartMogul is not connected: it fills nothing until you connect it again."
    if provider.next_import_at:
        return f"Next import: {clock_time(provider.next_import_at)}."
    if provider.state == ProviderState.ACTION_NEEDED:
        return f"No import runs: {cause(provider.action_reason).title}."
    if provider.state == ProviderState.SETTING_UP:
        return f"The first import {'waits for its set-up' if self_serve() else 'is being set up by our team'}."
    return "No import is scheduled."
