"""The dashboard and the notices, at each stage."""

from datetime import timedelta

from tests import factories
from tests.e2e.people import Cast
from tests.e2e.scenes import rows
from tests.e2e.scenes.stage import press, scene, still
from webapp import scoring
from webapp.extensions import db
from webapp.models import ImportState, NoticeKind, ProviderState, Scoring, Tenant
from webapp.models.types import now

still("dashboard_not_connected", "/")
still("dashboard_not_connected_seen_by_a_member", "/", "max")
still("notices_none", "/notices")
still("notice_settings", "/notices/settings")
POINTS = (980, 900, 730, 640, 520, 410, 333, 245, 150, 20, None)


@scene()
def dashboard_setting_up(cast: Cast) -> str:
    rows.set_up_pending(cast.acme)
    return "/"


@scene()
def dashboard_first_import_running(cast: Cast) -> str:
    rows.import_(rows.provider(cast.acme), ImportState.RUNNING)
    return "/"


@scene()
def dashboard_no_score_published(cast: Cast) -> str:
    rows.furnished(cast.acme)
    return "/"


@scene()
def dashboard(cast: Cast, state: str = ProviderState.CONNECTED) -> str:
    furnished = rows.furnished(cast.acme, state, count=14)
    tenant = db.session.get_one(Tenant, cast.acme.id)
    version = factories.make_health_version(tenant, scoring.row_of(furnished.properties[0], 3, 0, 100))
    today = now().date()
    for number, (customer, points) in enumerate(zip(furnished.customers, POINTS, strict=False)):
        before = 500 if points is None else min(1000, max(0, points + (-1) ** number * 90))
        factories.give_score(customer, version, [before], today - timedelta(days=12))
        factories.give_score(customer, version, [points], today)
    db.session.add(Scoring(tenant_id=tenant.id, wanted=1, scored=1, day=today, scored_at=now()))
    db.session.commit()
    return "/"


@scene()
def dashboard_stale(cast: Cast) -> str:
    return dashboard(cast, ProviderState.DISCONNECTED)


@scene("sam", session="looking")
def impersonated_dashboard(cast: Cast) -> str:
    return dashboard(cast)


@scene()
def notices(cast: Cast) -> str:
    furnished = rows.furnished(cast.acme)
    for number, customer in enumerate(furnished.customers[:5]):
        at = now() - timedelta(minutes=number)
        ended = now() if number > 2 else None
        factories.make_notice(
            furnished.provider,
            NoticeKind.SCORE_FELL,
            customer,
            since=at - timedelta(days=2),
            opened_at=at,
            ended_at=ended,
        )
    factories.make_notice(furnished.provider, NoticeKind.IMPORT_FAILING, reason="unavailable")
    factories.make_notice(furnished.provider, NoticeKind.DATA_STALE, since=now() - timedelta(hours=60))
    return "/notices"


@scene("sam", session="looking")
def impersonated_notices(cast: Cast) -> str:
    return notices(cast)


@scene(act=press("Mark all as read"))
def notices_all_read(cast: Cast) -> str:
    return notices(cast)
