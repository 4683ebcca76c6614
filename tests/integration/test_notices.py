"""Notices: opened once for each episode, ended when it is over; who reads them, and how they come."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from tests import factories
from tests.texts import words_of
from webapp import scoring
from webapp.extensions import db
from webapp.models import Notice, NoticeMail, NoticeReading, ProviderState, Scoring
from webapp.models.types import now
from webapp.tenancy import across_tenants, acting_for
from worker import notices

HOUR = timedelta(hours=1)


def told(**where) -> list[Notice]:
    with across_tenants():
        rows = select(Notice).filter_by(**where).order_by(Notice.opened_at, Notice.kind)
        found = list(db.session.scalars(rows.execution_options(populate_existing=True)))
        db.session.rollback()
        return found


def change(row, **changes) -> None:
    with acting_for(row.tenant_id):
        for name, value in changes.items():
            setattr(row, name, value)
        db.session.commit()


class Scored:
    """A customer of a tenant whose scores are made day by day."""

    def __init__(self, tenant, name="Blue Finch"):
        self.tenant = tenant
        property_ = factories.make_property(tenant)
        self.version = factories.make_health_version(tenant, scoring.row_of(property_, 3, 0, 100))
        self.provider = factories.make_provider(tenant, last_success_at=now(), next_import_at=now() + HOUR)
        self.customer = factories.make_customer(self.provider, name)
        self.today = now().date()
        self.moment = now() - HOUR

    def scored(self, ago: int, points: int | None) -> None:
        """It has this score (in whole points) since some days ago."""
        kept = None if points is None else points * 10
        factories.give_score(self.customer, self.version, [kept], self.today - timedelta(days=ago))

    def looked_at(self) -> None:
        """All scores are of today now, and the clock looks."""
        self.moment += timedelta(seconds=1)
        with acting_for(self.tenant.id):
            kept = {"wanted": 1, "scored": 1, "day": self.today, "scored_at": self.moment}
            row = db.session.scalars(select(Scoring)).first() or Scoring(tenant_id=self.tenant.id)
            for name, value in kept.items():
                setattr(row, name, value)
            db.session.add(row)
            db.session.commit()
        notices.watch()


@pytest.fixture
def acme(cast):
    return Scored(cast.acme)


def test_fall_is_told_once_ends_and_is_told_again(acme, cast):
    acme.scored(20, 85)
    acme.scored(1, 30)
    acme.looked_at()
    assert told() == [], "not before it has stayed two days"

    acme.scored(2, 30)
    acme.looked_at()
    acme.looked_at()
    (notice,) = told()
    assert (notice.grade_before, notice.grade, notice.about, notice.ended_at) == (1, 4, "Blue Finch", None)

    acme.scored(0, 70)
    acme.looked_at()
    assert told()[0].ended_at is not None

    acme.today += timedelta(days=5)
    acme.scored(2, 10)
    acme.looked_at()
    assert [(row.grade, row.ended_at is None) for row in told()] == [(4, False), (5, True)]


def test_days_that_were_rebuilt_are_no_fall(acme):
    acme.scored(20, 85)
    acme.scored(3, 30)
    with acting_for(acme.tenant.id):
        from webapp.models import ScoreDay
        from webapp.tenancy import owned_update

        db.session.execute(owned_update(ScoreDay).where(ScoreDay.score > 800).values(rebuilt=True))
        db.session.commit()

    acme.looked_at()

    assert told() == []


def test_customer_without_a_score_any_more_ends_the_episode(acme):
    acme.scored(20, 85)
    acme.scored(3, 10)
    acme.looked_at()
    acme.scored(0, None)
    acme.looked_at()

    assert [row.ended_at is not None for row in told()] == [True]


@pytest.mark.parametrize(
    "moment", ["2026-03-29T01:30:00+00:00", "2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00"]
)
def test_fall_on_the_night_when_clocks_change_begins_at_the_tenants_midnight(cast, moment):
    cast.acme.time_zone = "Europe/Berlin"
    db.session.commit()
    acme = Scored(cast.acme)
    fell_on = datetime.fromisoformat(moment).astimezone(UTC).date()
    acme.today = fell_on + timedelta(days=2)
    acme.scored(20, 85)
    acme.scored(2, 10)

    acme.looked_at()

    (notice,) = told()
    assert notice.since == datetime(fell_on.year, fell_on.month, fell_on.day, tzinfo=UTC) - HOUR * (
        1 if fell_on.month == 3 else 2
    )


def test_failing_import_is_one_episode_until_it_succeeds(cast):
    provider = factories.make_provider(cast.acme, last_success_at=now(), failures=1)
    factories.make_import(provider, "failed", reason="unavailable")
    notices.watch()
    change(provider, failures=3, state=ProviderState.ACTION_NEEDED, action_reason="unavailable")
    notices.watch()
    (notice,) = told()
    assert (notice.kind, notice.reason, notice.ended_at) == ("import_failing", "unavailable", None)

    with acting_for(cast.acme.id):
        provider.recover(now())
        db.session.commit()
    notices.watch()
    assert told()[0].ended_at is not None

    change(provider, failures=1)
    notices.watch()
    assert len(told()) == 2


def test_notice_of_a_refused_key_leads_to_the_connection(cast, person):
    factories.make_provider(
        cast.acme, ProviderState.ACTION_NEEDED, action_reason="key_refused", action_since=now(), failures=3
    )
    notices.watch()
    (notice,) = told()
    ada = person(cast.ada)

    assert "Open the connection" in ada.get("/notices").text
    assert ada.post(f"/notices/{notice.id}").location == "/settings/providers"


@pytest.mark.parametrize(
    ("hours", "every", "is_told"), [(49, 24, True), (47, 24, False), (60, 48, False), (97, 48, True)]
)
def test_stale_data_is_told_after_48_hours_or_two_turns_of_a_slower_schedule(cast, hours, every, is_told):
    provider = factories.make_provider(cast.acme, last_success_at=now() - hours * HOUR, every_hours=every)
    notices.watch()
    assert [row.kind for row in told()] == (["data_stale"] if is_told else [])

    change(provider, last_success_at=now())
    notices.watch()
    assert all(row.ended_at for row in told())


def test_disconnecting_ends_what_was_wrong_with_the_connection(cast):
    provider = factories.make_provider(cast.acme, last_success_at=now() - 60 * HOUR, failures=2)
    notices.watch()
    assert len(told(ended_at=None)) == 2

    with acting_for(cast.acme.id):
        provider.disconnect(now())
        db.session.commit()
    notices.watch()
    notices.watch()

    assert told(ended_at=None) == []
    assert len(told()) == 2


def test_tenants_wait_for_none_with_much_to_tell(cast, monkeypatch):
    monkeypatch.setattr(notices, "AT_ONCE", 1)
    globex, acme = Scored(cast.globex), Scored(cast.acme)
    for tenant in (acme, globex):
        tenant.scored(20, 85)
        tenant.scored(3, 10)
    globex.moment += timedelta(minutes=5)
    acme.moment += timedelta(minutes=1)
    with acting_for(cast.globex.id):
        kept = {"wanted": 1, "scored": 1, "day": globex.today, "scored_at": globex.moment}
        db.session.add(Scoring(tenant_id=cast.globex.id, **kept))
        db.session.commit()

    acme.looked_at()
    first = [row.tenant_id for row in told()]
    notices.watch()

    assert first == [cast.acme.id]
    assert {row.tenant_id for row in told()} == {cast.acme.id, cast.globex.id}


def test_second_clock_makes_none_twice(acme, monkeypatch):
    """Both have seen the same fall; the other one writes first."""
    acme.scored(20, 85)
    acme.scored(3, 10)
    look = notices._new_falls

    def seen_by_both():
        found = look()
        db.session.rollback()
        monkeypatch.setattr(notices, "_new_falls", look)
        token = notices.reading()
        token.__enter__()
        from webapp.extensions import _reading

        _reading.set(False)
        notices.watch()
        token.__exit__(None, None, None)
        return found

    monkeypatch.setattr(notices, "_new_falls", seen_by_both)
    acme.looked_at()

    assert len(told()) == 1


def test_what_is_long_over_is_forgotten_with_who_read_it(cast, person):
    provider, customer_of = factories.make_provider(cast.acme), factories.make_customer
    long_ago, lately = now() - timedelta(days=366), now() - timedelta(days=364)
    old, new, open_ = (
        factories.make_notice(provider, "score_fell", customer_of(provider), opened_at=long_ago, ended_at=ended)
        for ended in (long_ago, lately, None)
    )
    for notice in (old, new):
        person(cast.ada).post(f"/notices/{notice.id}")
    with acting_for(cast.acme.id):
        for days, state in ((31, "sent"), (31, "sending"), (31, "given_up"), (31, "waiting"), (29, "sent")):
            mail = {"user_id": cast.ada.id, "state": state, "not_before": now() - timedelta(days=days)}
            db.session.add(NoticeMail(tenant_id=cast.acme.id, **mail))
        db.session.commit()

    notices.forget()

    assert {notice.id for notice in told()} == {new.id, open_.id}
    with across_tenants():
        assert [row.notice_id for row in db.session.scalars(select(NoticeReading))] == [new.id]
        assert sorted(row.state for row in db.session.scalars(select(NoticeMail))) == ["sent", "waiting"]


# In the app.


def test_notice_is_unread_until_it_is_opened(cast, person):
    provider = factories.make_provider(cast.acme)
    customer = factories.make_customer(provider)
    notice = factories.make_notice(provider, "score_fell", customer)
    factories.make_notice(provider, "import_failing", reason="unavailable")
    ada, max_ = person(cast.ada), person(cast.max)
    assert "2 unread" in words_of(ada.get("/customers").text)

    answer = ada.post(f"/notices/{notice.id}")
    ada.post(f"/notices/{notice.id}")

    assert answer.location == f"/customers/{customer.id}"
    assert "1 unread" in words_of(ada.get("/notices").text)
    assert "2 unread" in words_of(max_.get("/notices").text)
    max_.post("/notices/reading")
    assert "unread" not in words_of(max_.get("/notices").text).lower()


def test_list_is_newest_first_in_pages_of_fifty(cast, person):
    provider = factories.make_provider(cast.acme)
    customer = factories.make_customer(provider)
    for number in range(51):
        at = now() - timedelta(minutes=60 - number)
        factories.make_notice(provider, "score_fell", customer, about=f"Number {number}", opened_at=at, ended_at=now())
    with acting_for(cast.acme.id):
        cast.ada.created_at = now() - timedelta(days=1)
        db.session.commit()
    ada = person(cast.ada)

    first, second = words_of(ada.get("/notices").text), words_of(ada.get("/notices?page=2").text)

    assert first.index("Number 50 fell") < first.index("Number 49 fell")
    assert "Number 0 fell" not in first
    assert "Number 0 fell from 2 Stable to 4 At risk" in second


def test_user_chooses_for_each_kind(cast, person):
    provider = factories.make_provider(cast.acme)
    factories.make_notice(provider, "data_stale")
    ada = person(cast.ada)

    ada.post("/notices/settings", score_fell="both", import_failing="app", data_stale="none")

    assert "unread" not in words_of(ada.get("/notices").text).lower()
    assert 'value="none" selected' in ada.get("/notices/settings").text
    assert (
        ada.post("/notices/settings", score_fell="both", import_failing="app", data_stale="pigeon").status_code == 422
    )
    assert "1 unread" in words_of(person(cast.max).get("/notices").text)


def test_mails_are_not_even_kept_while_no_server_is_set(cast, person):
    factories.make_provider(cast.acme, last_success_at=now() - 60 * HOUR)
    notices.watch()

    assert len(told()) == 1
    with across_tenants():
        assert db.session.scalars(select(NoticeMail)).all() == []
    assert "E-mail is not set up on this server" in person(cast.ada).get("/notices").text


def test_name_with_markup_and_line_breaks_is_shown_as_text(cast, person):
    acme = Scored(cast.acme, "<b>Evil</b>\r\nBcc: all@example.org")
    acme.scored(20, 85)
    acme.scored(3, 10)
    acme.looked_at()

    assert "&lt;b&gt;Evil&lt;/b&gt; Bcc: all@example.org fell" in person(cast.ada).get("/notices").text
