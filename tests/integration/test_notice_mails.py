"""Notices by e-mail, over a real connection to a mail server of the tests' own."""

import re
from datetime import timedelta

import pytest
import trustme
from sqlalchemy import select

from tests import factories
from tests.conftest import make_settings
from tests.smtp import MailServer
from webapp.extensions import db
from webapp.models import NoticeMail, NoticeReader
from webapp.models.types import now
from webapp.tenancy import across_tenants, acting_for, owned_update
from worker import mails, notices


@pytest.fixture
def server():
    with MailServer() as server:
        yield server


@pytest.fixture
def settings(tmp_path, database_url, redis_url, server):
    return make_settings(
        tmp_path,
        database_url=database_url,
        redis_url=redis_url,
        smtp_host="127.0.0.1",
        smtp_port=server.port,
        smtp_user="app",
        smtp_password="the password of the server",
        smtp_starttls=False,
        smtp_from="notices@customerscore.example",
        base_url="https://app.customerscore.example/",
    )


@pytest.fixture
def stale(cast):
    """Acme's data is stale, and Ada has a mail waiting about it."""
    provider = factories.make_provider(cast.acme, last_success_at=now() - timedelta(hours=60))
    notices.watch()
    return provider


def kept() -> list[NoticeMail]:
    with across_tenants():
        rows = list(db.session.scalars(select(NoticeMail).execution_options(populate_existing=True)))
        db.session.rollback()
        return rows


def let_time_pass(cast) -> None:
    with acting_for(cast.acme.id):
        db.session.execute(owned_update(NoticeMail).values(not_before=now() - timedelta(seconds=1)))
        db.session.commit()


def test_mail_says_what_happened_and_where_to_press(stale, settings, server, cast):
    mails.send_waiting(settings)
    mails.send_waiting(settings)

    ((to, message),) = server.taken
    assert to == "ada@acme.example", "Max, a member, hears of it in the app"
    assert message["Subject"] == "ChartMogul's data is more than 48 hours old"
    assert message["From"] == "notices@customerscore.example"
    assert message.get_content_type() == "text/plain"
    words = message.get_content().replace("\r\n", "\n")
    assert "https://app.customerscore.example/imports\n" in words
    assert "https://app.customerscore.example/notices/settings" in words
    for secret in (stale.secret_name, stale.key_mask, settings.smtp_password, settings.secret_key):
        assert secret not in message.as_string()
    assert [(mail.state, mail.tries) for mail in kept()] == [("sent", 1)]


def test_deactivated_user_and_who_chose_otherwise_get_none(cast, settings, server):
    cast.ada.active = False
    db.session.commit()
    factories.make_provider(cast.acme, last_success_at=now() - timedelta(hours=60))
    factories.make_provider(cast.globex, last_success_at=now() - timedelta(hours=60))
    with acting_for(cast.globex.id):
        chosen = {"data_stale": "app"}
        db.session.add(NoticeReader(tenant_id=cast.globex.id, user_id=cast.gil.id, choices=chosen))
        db.session.commit()

    notices.watch()
    mails.send_waiting(settings)

    assert server.taken == []


def test_user_deactivated_meanwhile_gets_none(stale, cast, settings, server):
    cast.ada.active = False
    db.session.commit()

    mails.send_waiting(settings)

    assert server.taken == []
    assert [mail.state for mail in kept()] == ["given_up"]


def test_refused_mail_is_tried_again_after_growing_pauses_and_then_given_up(stale, cast, settings, server):
    server.answers["RCPT"] = "450 later"
    pauses = []
    for _ in range(len(mails.PAUSES)):
        before = now()
        mails.send_waiting(settings)
        mails.send_waiting(settings)
        pauses.append(round((kept()[0].not_before - before).total_seconds() / 60))
        let_time_pass(cast)
    mails.send_waiting(settings)

    assert pauses == [1, 5, 15, 60, 240]
    assert [(mail.state, mail.tries) for mail in kept()] == [("given_up", 6)]
    assert server.taken == []


def test_mail_refused_for_good_is_given_up_at_once(stale, settings, server):
    server.answers["RCPT"] = "550 nobody of that name"
    mails.send_waiting(settings)

    assert [(mail.state, mail.tries) for mail in kept()] == [("given_up", 1)]


@pytest.mark.parametrize("word", ["EHLO", "AUTH", "MAIL", "DATA"])
def test_server_that_comes_back_gets_it_after_all(stale, cast, settings, server, word):
    server.answers[word] = "421 not now"
    mails.send_waiting(settings)
    assert server.taken == []
    server.answers.clear()
    let_time_pass(cast)
    mails.send_waiting(settings)

    assert server.to == ["ada@acme.example"]


def test_server_that_is_not_there_is_asked_once_a_round(stale, cast, settings, server):
    gone = settings.model_copy(update={"smtp_port": 1})
    mails.send_waiting(gone)

    assert [(mail.state, mail.tries) for mail in kept()] == [("waiting", 1)]


def test_silent_server_is_left_after_the_time_limit(stale, settings, server, monkeypatch):
    monkeypatch.setattr(mails, "TIMEOUT", 0.2)
    server.answers["MAIL"] = 1.0
    mails.send_waiting(settings)

    assert [(mail.state, mail.tries) for mail in kept()] == [("waiting", 1)]


def test_mail_that_may_have_arrived_is_never_sent_twice(stale, cast, settings, server):
    """The server took it and the connection broke before it said so."""
    server.answers["END"] = MailServer.DROP
    mails.send_waiting(settings)
    let_time_pass(cast)
    server.answers.clear()
    mails.send_waiting(settings)

    assert server.to == ["ada@acme.example"]
    assert [mail.state for mail in kept()] == ["sending"]


def test_clock_that_dies_between_claiming_and_noting_sends_none_twice(stale, cast, settings, server, monkeypatch):
    with acting_for(cast.acme.id):
        (mail,) = kept()
        assert mails._note(mail.id, mails.MailState.WAITING, state=mails.MailState.SENDING)
        assert not mails._note(mail.id, mails.MailState.WAITING, state=mails.MailState.SENDING), "another clock"
    mails.send_waiting(settings)

    assert server.taken == []


def test_tenants_take_turns(cast, settings, server, monkeypatch):
    monkeypatch.setattr(mails, "AT_ONCE", 2)
    for tenant, users in ((cast.acme, [cast.ada] * 5), (cast.globex, [cast.gil])):
        provider = factories.make_provider(tenant)
        notice = factories.make_notice(provider, "data_stale")
        with acting_for(tenant.id):
            for user in users:
                due = {"notice_ids": [str(notice.id)], "not_before": notice.opened_at}
                db.session.add(NoticeMail(tenant_id=tenant.id, user_id=user.id, **due))
            db.session.commit()

    mails.send_waiting(settings)

    assert sorted(server.to) == ["ada@acme.example", "gil@globex.example"]


def test_no_name_gets_into_the_headers(cast, settings):
    provider = factories.make_provider(cast.acme)
    customer = factories.make_customer(provider, "Evil\r\nBcc: all@example.org\r\n\r\nHello\u2028x")
    notice = factories.make_notice(provider, "score_fell", customer)

    raw = mails.message_of(settings, "ada@acme.example", [notice], 1, now())

    head, _, _ = raw.partition(b"\r\n\r\n")
    assert not re.search(rb"^bcc", head, re.I | re.M)
    assert raw.count(b"\r\n\r\nHello") == 0


def test_address_that_no_header_can_hold_is_given_up(stale, cast, settings, server):
    cast.ada.email = "ada@acme.example\r\nBcc: all@example.org"
    db.session.commit()

    mails.send_waiting(settings)

    assert server.taken == []
    assert [mail.state for mail in kept()] == ["given_up"]


def test_password_goes_to_no_server_that_does_not_encrypt(stale, settings, server):
    mails.send_waiting(settings.model_copy(update={"smtp_starttls": True}))

    assert server.taken == []
    assert not any("AUTH" in line for line in server.said)


@pytest.mark.parametrize("known", [True, False])
def test_encrypted_server_gets_the_password_if_its_certificate_is_known(stale, settings, tmp_path, monkeypatch, known):
    authority, certificate = trustme.CA(), tmp_path / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    (authority if known else trustme.CA()).cert_pem.write_to_path(str(tmp_path / "known.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "known.pem"))

    with MailServer(certificate) as server:
        mails.send_waiting(settings.model_copy(update={"smtp_starttls": True, "smtp_port": server.port}))

    assert server.to == (["ada@acme.example"] if known else [])
    assert any("AUTH" in line for line in server.said) == known
    assert [mail.state for mail in kept()] == ["sent" if known else "waiting"]
