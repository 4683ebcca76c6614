"""The health score: published, as a draft, previewed, looked back on."""

from datetime import timedelta
from typing import Any

from tests import factories
from tests.e2e.people import Cast
from tests.e2e.scenes import rows
from tests.e2e.scenes.stage import fill, press, scene, still
from webapp.customer_columns import all_properties
from webapp.default_score import default_score
from webapp.extensions import db
from webapp.models import HealthVersion, Scoring, Tenant
from webapp.models.customers import LIVE_STATUSES
from webapp.models.types import now
from webapp.scoring import row_of

DRAFT = "/health-score/draft"
LONG = "We look at the peak more than before, because in spring three customers left who had shrunk for months. " * 4

still("health_score_empty", "/health-score")
still("health_score_empty_seen_by_a_member", "/health-score", "max")


def version(cast: Cast, number: int, drop: int = 0, **changes: Any) -> HealthVersion:
    """The default, perhaps without its last factors."""
    factors = default_score(all_properties()).factors
    return factories.make_health_version(
        db.session.get_one(Tenant, cast.acme.id), *factors[: len(factors) - drop], number=number, **changes
    )


def scored(cast: Cast, draft: bool = False) -> rows.Furnished:
    """Two versions, of which customers have scores, and perhaps a draft with caps and anchors of its own."""
    made = rows.furnished(cast.acme, kinds=rows.MORE_PROPERTIES, count=30)
    version(cast, 1, drop=2, note="A first try", changed_at=now() - timedelta(days=40))
    newest = version(cast, 2, note=LONG[:500], restored=1)
    db.session.add(Scoring(tenant_id=cast.acme.id, wanted=2, scored=2, day=now().date(), scored_at=now()))
    for place, customer in enumerate(made.customers):
        if customer.status in LIVE_STATUSES:
            points = [1000 if place % 3 else 200, 100 * (place % 11), None, 1000 - 60 * (place % 13)]
            factories.give_score(customer, newest, points, now().date())
    if draft:
        made_draft = version(cast, 0, caps={"past_due": 45})
        made_draft.factors = [*made_draft.factors[:3], {**made_draft.factors[3], "zero": 0, "hundred": 500_000}]
    db.session.commit()
    return made


@scene()
def health_score_without_properties_of_the_default(cast: Cast) -> str:
    rows.read_once(cast.acme)
    return "/health-score"


@scene()
def health_score_published(cast: Cast) -> str:
    scored(cast)
    return "/health-score"


@scene("max")
def health_score_seen_by_a_member(cast: Cast) -> str:
    return health_score_published(cast)


@scene("sam", session="looking")
def health_score_seen_by_support(cast: Cast) -> str:
    scored(cast, draft=True)
    return "/health-score"


@scene()
def health_score_being_made(cast: Cast) -> str:
    scored(cast, draft=True)
    db.session.get_one(Scoring, cast.acme.id).wanted = 3
    db.session.commit()
    return "/health-score"


@scene()
def health_score_draft(cast: Cast) -> str:
    scored(cast, draft=True)
    return DRAFT


@scene("sam", session="looking")
def health_score_draft_seen_by_support(cast: Cast) -> str:
    return health_score_draft(cast)


@scene()
def health_score_draft_empty(cast: Cast) -> str:
    rows.furnished(cast.acme)
    factories.make_health_version(db.session.get_one(Tenant, cast.acme.id), number=0)
    return DRAFT


@scene(act=fill("Past due: at most", "many", "Save caps"))
def health_score_draft_with_a_wrong_cap(cast: Cast) -> str:
    return health_score_draft(cast)


@scene(act=press("Add a factor"))
def factor_choose(cast: Cast) -> str:
    return health_score_draft(cast)


@scene()
def factor_on_a_line(cast: Cast) -> str:
    made = scored(cast, draft=True)
    peak = next(row for row in made.properties if row.field == "cm_mrr_vs_peak_pct")
    return f"{DRAFT}/factors/{peak.id}"


def _amounts_in_another_currency(cast: Cast) -> str:
    mrr = next(row for row in scored(cast, draft=True).properties if row.field == "cm_mrr")
    draft = HealthVersion.draft()
    assert draft
    draft.factors = [*draft.factors, row_of(mrr, 2, 0, 150_000, currency="USD")]
    db.session.commit()
    return f"{DRAFT}/factors/{mrr.id}"


@scene()
def factor_in_another_currency(cast: Cast) -> str:
    return _amounts_in_another_currency(cast)


@scene()
def health_score_draft_in_another_currency(cast: Cast) -> str:
    _amounts_in_another_currency(cast)
    return DRAFT


@scene(act=fill("0 points at", "250"))
def factor_with_another_anchor(cast: Cast) -> str:
    return factor_on_a_line(cast)


@scene(act=fill("0 points at", "low", "Save factor"))
def factor_wrong(cast: Cast) -> str:
    return factor_on_a_line(cast)


@scene()
def factor_by_value(cast: Cast) -> str:
    made = scored(cast, draft=True)
    status = next(row for row in made.properties if row.field == "cm_status")
    return f"{DRAFT}/factors/{status.id}"


@scene(act=fill("Points of Active", "x", "Save factor"))
def factor_by_value_wrong(cast: Cast) -> str:
    return factor_by_value(cast)


@scene()
def factor_of_yes_and_no(cast: Cast) -> str:
    made = scored(cast, draft=True)
    churned = next(row for row in made.properties if row.field == "cm_churned")
    return f"{DRAFT}/factors/new?property={churned.id.hex}"


@scene()
def health_score_preview(cast: Cast) -> str:
    scored(cast, draft=True)
    return "/health-score/preview"


@scene(act=press("Look back"))
def health_score_preview_looking_back(cast: Cast) -> str:
    health_score_back_test(cast)
    return "/health-score/preview"


@scene(act=press("Publish"))
def health_score_preview_without_note(cast: Cast) -> str:
    return health_score_preview(cast)


@scene()
def health_score_back_test(cast: Cast) -> str:
    made = scored(cast, draft=True)
    for place in range(4):
        gone = factories.make_customer(made.provider, f"Gone {place}", status="Cancelled")
        factories.make_movement(gone, now() - timedelta(400), 10_000, 10_000)
        if place % 2:
            factories.make_movement(gone, now() - timedelta(90), -7_000, 3_000)
        left = now() - timedelta(20 + place)
        factories.make_movement(gone, left, -3_000 if place % 2 else -10_000, 0, type="churn")
    brief = factories.make_customer(made.provider, "Brief", status="Cancelled")
    factories.make_movement(brief, now() - timedelta(20), 10_000, 10_000)
    factories.make_movement(brief, now() - timedelta(9), -10_000, 0, type="churn")
    return "/health-score/back-test"


@scene(act=fill("Note", "We begin anew", "Publish"))
def health_score_published_just_now(cast: Cast) -> str:
    return health_score_preview(cast)
