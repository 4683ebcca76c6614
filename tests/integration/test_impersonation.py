"""Support looking at a tenant: with a reason, read-only, on the record, and over when its time is."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.factories import PASSWORD, Cast
from tests.person import TOKEN, Person
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.models import Impersonation, Role, User
from webapp.models.types import now

STOP = "/support/impersonation/stop"


def begin(sam: Person, cast: Cast, reason: str = "ticket 42"):
    return sam.post(f"/support/tenants/{cast.acme.id}/impersonation", reason=reason)


def looks() -> list[Impersonation]:
    rows = list(db.session.scalars(select(Impersonation).order_by(Impersonation.started_at)))
    db.session.rollback()
    return rows


@pytest.fixture
def sam(person, cast: Cast) -> Person:
    """Sam, looking at Acme."""
    sam = person(cast.sam)
    assert begin(sam, cast).status_code == 303
    sam._csrf = None
    return sam


def pass_time(total: timedelta = timedelta(), idle: timedelta = timedelta()) -> None:
    """As if the impersonation had begun, and the last click been, that long ago."""
    ends_at = now() + timedelta(minutes=30) - total
    db.session.execute(update(Impersonation).values(ends_at=ends_at, last_action_at=now() - idle))
    db.session.commit()


def test_form_asks_for_the_reason_first(person, cast: Cast):
    page = person(cast.sam).get(f"/support/tenants/{cast.acme.id}/impersonation").text

    assert "<h1>Impersonate Acme</h1>" in page
    assert '<label for="reason">Reason</label>' in page
    assert looks() == []


@pytest.mark.parametrize("reason", ["", "   ", "\t\n", "x" * 301, "nul\0"])
def test_without_a_good_reason_nothing_begins(person, cast: Cast, reason):
    answer = begin(person(cast.sam), cast, reason)

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert looks() == []


def test_unknown_tenant_is_404(person, cast: Cast):
    path = "/support/tenants/00000000-0000-0000-0000-000000000000/impersonation"

    assert person(cast.sam).post(path, reason="x").status_code == 404


def test_it_begins_under_a_new_session_name_with_the_customers(person, cast: Cast):
    sam = person(cast.sam)
    before = sam.client.get_cookie("sid").value

    answer = begin(sam, cast, "  ticket\n 42 ")

    assert (answer.status_code, answer.location) == (303, "/customers")
    assert sam.client.get_cookie("sid").value != before
    (look,) = looks()
    assert (look.staff_id, look.tenant_id, look.reason) == (cast.sam.id, cast.acme.id, "ticket 42")
    started = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "impersonation:started")).one()
    assert (started.tenant_id, started.actor_id) == (cast.acme.id, cast.sam.id)


def test_old_cookie_is_worth_nothing_any_more(app, person, cast: Cast):
    sam = person(cast.sam)
    old = sam.client.get_cookie("sid").value
    begin(sam, cast)
    thief = app.test_client()
    thief.set_cookie("sid", old)

    assert thief.get("/support").status_code == 303
    assert thief.get("/customers").location.startswith("/login")


@pytest.mark.parametrize("path", ["/customers", "/properties", "/imports", "/settings/providers"])
def test_banner_is_on_every_page(sam, cast: Cast, path):
    page = sam.get(path).text

    assert "<title>[Support] " in page
    assert "You are viewing <strong>Acme</strong> as support (read-only). Reason: ticket 42." in page
    assert "30 minutes</span> left" in page
    assert f'<form method="post" action="{STOP}">' in page
    assert page.index("Stop impersonating") < page.index("<main")


def test_reason_is_shown_as_text(person, cast: Cast):
    sam = person(cast.sam)
    begin(sam, cast, "<script>alert(1)</script>")

    assert "<script>alert(1)" not in sam.get("/customers").text


def test_stop_ends_it_under_a_new_session_name(sam, cast: Cast):
    before = sam.client.get_cookie("sid").value

    answer = sam.post(STOP)

    assert (answer.status_code, answer.location) == (303, f"/support/tenants/{cast.acme.id}")
    assert sam.client.get_cookie("sid").value != before
    assert sam.get("/support").status_code == 200
    assert sam.get("/customers").status_code == 403
    (look,) = looks()
    assert look.ended_by == "stopped"
    ended = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "impersonation:ended")).one()
    assert (ended.tenant_id, ended.details) == (cast.acme.id, {"by": "stopped"})


def test_stopping_twice_is_no_error(sam):
    sam.post(STOP)
    sam._csrf = None

    assert sam.post(STOP).location == "/support"


def test_stop_needs_the_token_and_is_no_link(sam):
    assert sam.get(STOP).status_code in (404, 405)
    assert sam.client.post(STOP).status_code == 400
    assert looks()[0].ended_at is None


def test_logging_out_ends_it(sam):
    sam.post("/logout")

    assert looks()[0].ended_by == "logout"


def test_from_another_browser_a_second_one_is_refused_and_can_be_ended(sam, person, cast: Cast):
    other = person(cast.sam)

    answer = other.post(f"/support/tenants/{cast.globex.id}/impersonation", reason="more")

    assert answer.status_code == 403
    assert "You are viewing Acme already" in answer.text
    assert [look.tenant_id for look in looks()] == [cast.acme.id]
    assert "as support in another session" in other.get("/support").text
    other.post(STOP)
    assert sam.get("/customers", follow_redirects=True).status_code == 200
    assert looks()[0].ended_by == "stopped"
    assert sam.get("/customers").status_code == 403


def test_after_one_that_was_left_open_a_new_one_may_begin(sam, person, cast: Cast):
    pass_time(idle=timedelta(minutes=16))

    assert begin(person(cast.sam), cast, "next").status_code == 303
    assert [look.ended_by for look in looks()] == ["idle", None]


@pytest.mark.parametrize(
    ("passed", "by"),
    [({"total": timedelta(minutes=31)}, "expired"), ({"idle": timedelta(minutes=16)}, "idle")],
)
def test_it_ends_by_itself_and_support_is_back_in_its_console(sam, cast: Cast, passed, by):
    pass_time(**passed)

    poll = sam.client.get("/imports/new-rows", headers={"HX-Request": "true"})

    assert (poll.status_code, poll.headers["HX-Redirect"]) == (401, "/support")
    assert looks()[0].ended_by == by
    page = sam.get("/support").text
    assert "Impersonation ended" in page
    assert "[Support]" not in page


def test_a_plain_page_after_the_end_leads_to_the_console(sam):
    pass_time(total=timedelta(minutes=31))

    answer = sam.get("/customers")

    assert (answer.status_code, answer.location) == (303, "/support")


def test_clicks_go_on_and_polls_do_not(sam):
    pass_time(idle=timedelta(minutes=14))
    sam.htmx("/imports/new-rows")
    after_poll = looks()[0].last_action_at
    sam.get("/customers")

    assert now() - after_poll > timedelta(minutes=13)
    assert now() - looks()[0].last_action_at < timedelta(minutes=1)


@pytest.mark.parametrize("change", [{"role": Role.MEMBER}, {"active": False}])
def test_right_taken_away_ends_it_on_the_next_request(sam, cast: Cast, change):
    tenant = {"tenant_id": cast.globex.id} if "role" in change else {}
    db.session.execute(update(User).where(User.id == cast.sam.id).values(**change, **tenant))
    db.session.commit()

    answer = sam.get("/settings/providers")

    assert answer.status_code == 303
    assert "Acme" not in answer.text
    assert "Acme" not in sam.get("/settings/providers").text


def test_tenants_admin_sees_who_looked_and_why(sam, person, cast: Cast):
    sam.post(STOP)

    page = person(cast.ada).get("/settings/providers").text

    assert "sam@customerscore.example" in page
    assert "ticket 42" in page
    assert "Stopped by sam@customerscore.example" in page
    assert "ticket 42" not in person(cast.gil).get("/settings/providers").text


def test_sign_in_of_support_goes_to_the_console(stranger, cast: Cast):
    token = TOKEN.search(stranger.get("/login").text)[1]
    fields = {"csrf_token": token, "email": "sam@customerscore.example", "password": PASSWORD}

    assert stranger.post("/login", data=fields).location == "/support"
