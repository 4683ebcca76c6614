"""The health score in the customers' table and on a customer's page."""

from datetime import timedelta

from playwright.sync_api import Page

from tests import factories
from tests.e2e.people import Cast, Company
from tests.e2e.scenes import rows
from tests.e2e.scenes.rows import Furnished
from tests.e2e.scenes.stage import fill, press, scene
from tests.kept_scores import TODAY, ago, keep_day, keep_now, note_scored
from webapp import scoring
from webapp.extensions import db
from webapp.models import HealthVersion, ProviderState, Tenant, User

NOTE = "MRR counts less since the spring, and who pays late is told apart from who has left"


def scored(company: Company, furnished: Furnished) -> HealthVersion:
    """Everybody has a score and a year of it, by two versions; some have none, of every kind."""
    tenant = db.session.get_one(Tenant, company.id)
    mrr, change, status, since, *_ = furnished.properties
    factors = [
        scoring.row_of(status, 3, by_text={"active": 100, "past due": 20}),
        scoring.row_of(mrr, 2, -50_000, 100_000),
        scoring.row_of(change, 2, -50_000, 50_000, empty=100),
        scoring.row_of(since, 1, 20_400, 20_000),
    ]
    first = factories.make_health_version(tenant, *factors[:-1], note="")
    version = factories.make_health_version(tenant, *factors, number=2, note=NOTE)
    for index, customer in enumerate(furnished.customers):
        for back in (360, 200, 150, 90, 75, 60, 45, 33):
            past = [min(1000, 60 * index + 2 * back + 5 * each) for each in range(3)]
            keep_day(customer, first, past, ago(back), rebuilt=back > 100)
        why = {"Cancelled": "churned", "Lead": "lead"}.get(customer.status or "")
        caps = ["past_due"] if customer.status == "Past Due" else []
        points = [200 if caps else 1000, 40 * index, None if index % 5 == 4 else 73 * index + 5, 988]
        points = [0, 0, 31, 400] if index == 0 else points
        trend = 37 * (index - 6)
        keep_now(customer, version, points, caps, why_none=why, trend=None if why else trend)
    note_scored(version)
    return version


def _customer(cast: Cast, place: int = 0, state: str = ProviderState.CONNECTED) -> str:
    furnished = rows.furnished(cast.acme, state)
    scored(cast.acme, furnished)
    return f"/customers/{furnished.customers[place].id}"


def _said(cast: Cast, place: int, reason: str, **changes: object) -> str:
    furnished = rows.furnished(cast.acme)
    scored(cast.acme, furnished)
    ada = db.session.get_one(User, cast.ada.id)
    customer = furnished.customers[place]
    factories.make_opinion(customer, ada, reason="Over by itself.", expires_on=TODAY - timedelta(days=1), grade=2)
    factories.make_opinion(customer, ada, reason=reason, **changes)
    return f"/customers/{customer.id}"


@scene()
def customers_with_scores(cast: Cast) -> str:
    _said(cast, 2, "Their champion has left.")
    return "/customers"


@scene()
def customers_with_stale_scores(cast: Cast) -> str:
    scored(cast.acme, rows.furnished(cast.acme, ProviderState.DISCONNECTED))
    return "/customers"


@scene("max")
def customers_by_risk_filtered_by_grade(cast: Cast) -> str:
    scored(cast.acme, rows.furnished(cast.acme))
    return "/customers?sort=-risk&grade=4,5,none&trend=decline,sharp_decline,stable"


@scene(act=press("Filter"))
def filters_dialog_with_the_score(cast: Cast) -> str:
    scored(cast.acme, rows.furnished(cast.acme))
    return "/customers?grade=4,5&trend=decline&mrr.max=900"


@scene()
def customer_with_a_score(cast: Cast) -> str:
    return _customer(cast)


@scene()
def customer_with_a_capped_score(cast: Cast) -> str:
    return _customer(cast, 8)


@scene("max")
def customer_with_a_second_opinion_seen_by_a_member(cast: Cast) -> str:
    return _said(cast, 5, "W" * 200 + " and they say that they will not renew <unless> the price is halved.", grade=5)


@scene()
def customer_with_a_second_opinion(cast: Cast) -> str:
    return _said(cast, 6, "They have renewed by phone.", grade=1)


def _give_without_a_reason(page: Page) -> None:
    page.get_by_text("Give a second opinion").click()
    fill("Reason", " ", "Keep second opinion")(page)


@scene(act=_give_without_a_reason)
def customer_with_a_second_opinion_refused(cast: Cast) -> str:
    return _customer(cast, 7)


@scene(session="looking", who="sam")
def customer_with_a_second_opinion_seen_by_support(cast: Cast) -> str:
    return _said(cast, 6, "They have renewed by phone.", grade=1)


@scene()
def customer_with_a_stale_score(cast: Cast) -> str:
    return _customer(cast, 6, ProviderState.DISCONNECTED)


@scene()
def customer_that_has_churned(cast: Cast) -> str:
    return _customer(cast, 3)


@scene()
def customer_without_enough_values(cast: Cast) -> str:
    furnished = rows.furnished(cast.acme)
    version = scored(cast.acme, furnished)
    keep_now(furnished.customers[5], version, [None, 500, None, 400])
    return f"/customers/{furnished.customers[5].id}"
