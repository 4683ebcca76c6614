"""What pages are made of: the choice of page or partial, and the filters that format for people."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, current_app, g, make_response, render_template, request
from flask.wrappers import Response
from flask_login import current_user
from markupsafe import Markup

from webapp.direction import apart
from webapp.extensions import htmx
from webapp.models import Tenant
from webapp.models.types import now

MINUTE, HOUR, DAY = 60, 3600, 86400


def wants_partial() -> bool:
    """Whether htmx asks for a piece. A history restore wants the whole page again."""
    return bool(htmx) and not request.headers.get("HX-History-Restore-Request")


def page_or_partial(page: str, partial: str, status: int = 200, **context: Any) -> Response:
    """The whole page, or for htmx only the partial that the page includes."""
    template = partial if wants_partial() else page
    return make_response(render_template(template, **context), status)


def zone() -> ZoneInfo:
    """The zone in which this page's exact times are written: the tenant's."""
    tenant = _whose()
    return ZoneInfo(tenant.time_zone) if tenant else ZoneInfo("UTC")


def _whose() -> Tenant | None:
    """Whose page this is: None for our support team, unless it looks as one of a tenant, and for strangers."""
    looking = getattr(g, "impersonation", None)
    found: Tenant | None = looking.tenant if looking is not None else getattr(current_user, "tenant", None)
    return found


def _hour(local: datetime) -> str:
    """The zone is told where it is nobody's own."""
    return f"{local:%H:%M}" if _whose() else f"{local:%H:%M %Z}"


def _day_and_month(value: date) -> str:
    """A day by its month, and its year if that is not the present one."""
    return f"{value.day} {value:%b}" + ("" if value.year == now().astimezone(zone()).year else f" {value.year}")


def ago(moment: datetime) -> str:
    """A time for people: relative within a day of now, else its date."""
    seconds = (now() - moment).total_seconds()
    size = abs(seconds)
    if size < 5:
        return "just now"
    if size >= DAY:
        local = moment.astimezone(zone())
        return f"{_day_and_month(local.date())}, {_hour(local)}"
    amount, unit = (
        (size, "second") if size < MINUTE else (size / MINUTE, "minute") if size < HOUR else (size / HOUR, "hour")
    )
    whole = int(amount)
    words = f"{whole} {unit}{'' if whole == 1 else 's'}"
    return f"{words} ago" if seconds > 0 else f"in {words}"


def exact(moment: datetime) -> str:
    local = moment.astimezone(zone())
    return f"{local.day} {local:%b %Y, %H:%M:%S} {local.tzname()}"


def clock_time(moment: datetime) -> str:
    """A time to come or gone by, by the clock: `today, 09:00`."""
    local, today = moment.astimezone(zone()), now().astimezone(zone()).date()
    days = (local.date() - today).days
    day = {0: "today", 1: "tomorrow", -1: "yesterday"}.get(days) or _day_and_month(local.date())
    return f"{day}, {_hour(local)}"


def at(moment: datetime) -> str:
    """A time for the middle of a sentence: `at 09:05`, `tomorrow at 00:05`."""
    day, _, hour = clock_time(moment).rpartition(", ")
    return f"at {hour}" if day == "today" else f"{day} at {hour}"


def time_tag(moment: datetime | None, style: str = "ago") -> Markup:
    """A `<time>`: machine-readable in UTC, the exact local time as its title."""
    if moment is None:
        return Markup("never")
    words = {"ago": ago, "clock": clock_time, "at": at}[style](moment)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), exact(moment), words
    )


def duration(seconds: float | None) -> str:
    """A length of time: `0.4 s`, `52 s`, `1 m 48 s`, `2 h 5 m`."""
    if seconds is None:
        return "not started"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} m {whole % MINUTE} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} m"


def waiting(since: datetime) -> str:
    """How long somebody has waited: `34 minutes`, `2 days`."""
    seconds = max(0, int((now() - since).total_seconds()))
    for size, unit in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


def number(value: int | None) -> str:
    return "none" if value is None else f"{value:,}"


def count(value: int, one: str, many: str | None = None) -> str:
    """`1 customer`, `1,284 customers`."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def share(part: int, whole: int) -> str:
    """A part in whole percents: neither 0 nor 100 unless it is none or all."""
    if whole <= 0 or not 0 < part < whole:
        return "100 %" if part and whole > 0 else "0 %"
    return f"{min(99, max(1, round(100 * part / whole)))} %"


def money(minor: int | None, currency: str | None) -> str:
    """Integer hundredths as `2,490.00 EUR`."""
    if minor is None:
        return "none"
    sign = "-" if minor < 0 else ""
    whole, cents = divmod(abs(minor), 100)
    return f"{sign}{whole:,}.{cents:02d}" + (f"\u00a0{currency}" if currency else "")


def day(value: date | None) -> str:
    return f"{value.day} {value:%b %Y}" if value else "none"


def older_than_a_day(moment: datetime) -> bool:
    return now() - moment > timedelta(days=1)


def install(app: Flask) -> None:
    app.jinja_env.filters.update(
        apart=apart,
        ago=ago,
        exact=exact,
        time=time_tag,
        duration=duration,
        waiting=waiting,
        number=number,
        count=count,
        share=share,
        money=money,
        day=day,
        older_than_a_day=older_than_a_day,
    )
    app.jinja_env.globals.update(now=now, self_serve=self_serve)
    app.context_processor(_page_facts)


def self_serve() -> bool:
    """Whether the tenants' admins complete the set-up of a connection themselves, without our support."""
    return bool(current_app.config["SETTINGS"].self_serve_setup)


def _page_facts() -> dict[str, Any]:
    theme = request.cookies.get("theme")
    return {
        "theme": theme if theme in ("light", "dark") else None,
        "impersonation": getattr(g, "impersonation", None),
        "may_write": bool(current_user and current_user.is_authenticated and current_user.is_admin),
    }
