"""A house full of rows for the guards: Acme's carry a word that nobody else may ever read, Globex has the same
rows without it. A new table or a new id in an address gets its row here."""

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from itertools import product
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import Dialect, Table, inspect, select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests import factories
from tests.person import Browser, Person
from webapp import scoring
from webapp.extensions import db
from webapp.models import (
    Impersonation,
    ImportPage,
    ImportState,
    ImportWarning,
    NoticeKind,
    NoticeMail,
    NoticeReader,
    NoticeReading,
    SavedView,
    Scoring,
    Source,
    Tenant,
    User,
    UserSession,
)
from webapp.models.types import now
from webapp.tenancy import across_tenants, acting_for

SENTINEL = "Quagga"
REASON = "to see what the first import brought"
# What may differ though nothing was changed: signs of life, and the record of who was refused.
SIGNS_OF_LIFE = {"user_sessions": {"last_seen_at"}, "impersonations": {"last_action_at"}}
RECORDS = {"audit_entries", "alembic_version"}
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
VISITORS = ("stranger", "member", "admin", "neighbour", "staff", "looking")
CONVERTER = re.compile(r"([\w.-]*)/<(?:\w+(?:\([^)]*\))?:)?(\w+)>")
VARYING = re.compile(r'(name="csrf_token"[^>]*value=")[^"]*|[0-9a-f]{32}')


class World:
    """The app with everybody in it. `ids` says, by owner and by the noun before it, what an id may be."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.cast = cast = factories.make_cast()
        self.sid = factories.make_user("sid@customerscore.example", factories.Role.STAFF)
        self.acme_id, self.globex_id = cast.acme.id, cast.globex.id
        self.ids = {}
        for name, tenant, word in (("acme", cast.acme, SENTINEL), ("globex", cast.globex, "Okapi")):
            with acting_for(tenant.id):
                self.ids[name] = furnish(tenant, cast.sam, word)
        users = {"member": cast.max, "admin": cast.ada, "neighbour": cast.gil, "staff": cast.sam, "looking": self.sid}
        self.clients: dict[str, Browser] = {"stranger": app.test_client()}  # type: ignore[dict-item]
        self.tokens: dict[str, str] = {"stranger": "none"}
        for name, user in users.items():
            self.sign_in(name, user)
        self._look(self.sid, cast.acme)

    def sign_in(self, name: str, user: User) -> None:
        person = Person(self.app, user)
        self.clients[name] = person.client  # type: ignore[assignment]
        self.tokens[name] = person.csrf()

    def _look(self, staff: User, tenant: Tenant) -> None:
        """Put a staff member into a tenant, as the start form does."""
        look = _look_row(staff, tenant)
        db.session.add(look)
        db.session.flush()
        session = db.session.scalars(select(UserSession).where(UserSession.user_id == staff.id)).one()
        session.content = {**session.content, "impersonation": str(look.id)}
        db.session.commit()

    # Asking.

    def ask(
        self,
        who: str,
        method: str,
        path: str,
        htmx: bool = False,
        token: str | None = "own",
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> TestResponse:
        """One request of a visitor, with its form token; every answer is held to the rules for all answers."""
        sent = {"X-CSRFToken": self.tokens[who] if token == "own" else token} if token else {}
        sent |= {"HX-Request": "true"} if htmx else {}
        answer = self.clients[who].open(path, method=method, headers={**sent, **(headers or {})}, **more)
        check_headers(answer, f"{method} {path} by {who}")
        return answer

    def rules(self) -> list[Rule]:
        return sorted(self.app.url_map.iter_rules(), key=str)

    def mark(self, rule: Rule, name: str, default: Any = None) -> Any:
        return getattr(self.app.view_functions[rule.endpoint], name, default)

    def access(self, rule: Rule) -> str:
        return str(self.mark(rule, "access", "admins"))

    def addresses(self, rule: Rule, owner: str = "acme") -> list[str]:
        """The rule's addresses with ids of an owner's rows: each known id of the first converter in turn."""
        return [
            self.fill(rule, dict(zip(rule.arguments, ids, strict=True))) for ids in product(*self._known(rule, owner))
        ]

    def fill(self, rule: Rule, values: dict[str, Any]) -> str:
        return CONVERTER.sub(lambda found: f"{found[1]}/{values[found[2]]}", rule.rule)

    def known(self, rule: Rule, owner: str) -> dict[str, list[Any]]:
        return dict(zip(rule.arguments, self._known(rule, owner), strict=True))

    def _known(self, rule: Rule, owner: str) -> list[list[Any]]:
        nouns = {argument: noun for noun, argument in CONVERTER.findall(rule.rule)}
        unknown = [noun for noun in nouns.values() if noun not in self.ids[owner]]
        assert not unknown, (
            f"{rule.rule}: tests/guards/world.py knows no id for what follows /{unknown[0]}/. "
            "Make such a row in furnish() and name it there, so that the guards can open this address."
        )
        return [self.ids[owner][nouns[argument]] for argument in rule.arguments]

    # What the database holds.

    def fingerprint(self, without: tuple[str, ...] = ()) -> dict[str, int]:
        """A hash of every table, without the signs of life."""
        db.session.rollback()
        prints = {}
        with across_tenants(), db.engine.connect() as connection:
            for table in db.metadata.sorted_tables:
                if table.name in RECORDS or table.name in without:
                    continue
                rows = connection.exec_driver_sql(_all_of(table, db.engine.dialect)).all()
                prints[table.name] = hash(tuple(sorted(repr(tuple(row)) for row in rows)))
            connection.rollback()
        return prints

    def tables(self) -> list[str]:
        return inspect(db.engine).get_table_names()


@cache
def _all_of(table: Table, dialect: Dialect) -> str:
    """The driver's own statement: rows that nobody need turn into objects come in a third of the time."""
    columns = [column for column in table.columns if column.name not in SIGNS_OF_LIFE.get(table.name, ())]
    return str(select(*columns).compile(dialect=dialect))


def furnish(tenant: Tenant, staff: User, word: str) -> dict[str, list[Any]]:
    """A tenant with a row in every table, in every state that a page shows."""
    for user in db.session.scalars(select(User).where(User.tenant_id == tenant.id)).all():
        user.email = f"{word.lower()}.{user.email}"
    tenant.name = f"{tenant.name} {word}"
    db.session.commit()
    found = {"mixed": False, "count": 2, "samples": [f"{word} large"]}
    attributes = {f"{word} size": {"type": "text", **found}, f"{word} seats": {"type": "number", **found}}
    known = {"connected_by": f"{word}@example.org", "attributes": attributes, "last_success_at": now()}
    provider = factories.make_provider(tenant, account_name=f"{word} Analytics", **known)
    ended = factories.make_provider(
        tenant,
        "disconnected",
        secret_name=None,
        account_id="acc_0",
        account_name=f"{word} before",
        disconnected_at=now(),
    )
    states = (ImportState.DONE, ImportState.CANCELLED, ImportState.FAILED, ImportState.PARTLY_DONE, ImportState.RUNNING)
    imports = [
        factories.make_import(provider, state, requested_by=f"{word}@example.org", detail=f"{word} said so", sent=1)
        for state in states
    ]
    factories.give_months(provider)
    failed = imports[2]
    failed.reason, imports[1].cancelled_by = "unavailable", f"{word}@example.org"
    db.session.commit()
    customers = [
        factories.make_customer(provider, f"{word} Ltd", email=f"a@{word.lower()}.example", company=word, city=word),
        factories.make_customer(provider, f"{word} & Sons", status="Cancelled", gone_at=now(), tags=[word]),
    ]
    at = now() - timedelta(days=30)
    factories.make_movement(customers[0], at, 12900, 12900, description=f"purchased {word} Gold")
    properties = [
        factories.make_property(
            tenant, f"{word} MRR", filled_version=1, filled_count=1, filled_import_id=imports[0].id
        ),
        factories.make_property(tenant, f"{word} note", type="text", source=Source.BY_HAND, field=None),
        factories.make_property(tenant, f"{word} size", type="text", field="cm_custom_size", custom_key=f"{word} size"),
    ]
    factories.make_version(properties[0], f"{word}@example.org", name=f"{word} before", filled_import_id=imports[0].id)
    factories.make_value(properties[0], customers[0], number=12900)
    factories.make_value(properties[1], customers[0], text=f"{word} is kind", by=f"{word}@support.example")
    for import_ in imports:
        factories.make_change(properties[2], customers[0], import_, None, f"{word} small", at=import_.started_at)
    rated = [
        scoring.row_of(properties[0], 3, 0, 20_000),
        scoring.row_of(properties[1], 1, by_text={f"{word} is kind".lower(): 90}),
    ]
    published = factories.make_health_version(tenant, *rated, note=f"{word} begins")
    factories.make_health_version(tenant, *rated, number=0, note=f"{word} thinks", by=f"{word}@example.org")
    factories.give_score(customers[0], published, [645, 900], now().date())
    factories.give_score(customers[0], published, [600, 900], now().date() - timedelta(days=40))
    db.session.add(Scoring(tenant_id=tenant.id, wanted=1, scored=1, day=now().date(), scored_at=now()))
    admin = db.session.scalars(select(User).where(User.tenant_id == tenant.id).order_by(User.role)).first()
    assert admin is not None
    opinion = factories.make_opinion(customers[0], admin, reason=f"{word} told us")
    of_tenant = {"tenant_id": tenant.id, "import_id": imports[3].id}
    db.session.add(ImportPage(stream="customers", number=1, seen=b"0", **of_tenant))
    about = {"customer_uuid": "cus_1", "customer_name": f"{word} Ltd", "detail": f"{word} differs"}
    for kind in ("value_unreadable", "mrr_differs", "not_an_object"):
        db.session.add(ImportWarning(kind=kind, **about, **of_tenant))
    look = _look_row(staff, tenant, f"{word}: {REASON}")
    look.ended_at, look.ended_by = now(), "stopped"
    people = db.session.scalars(select(User).where(User.tenant_id == tenant.id).order_by(User.role)).all()
    views = [SavedView(tenant_id=tenant.id, user_id=user.id, name=f"{word} first", args={"q": word}) for user in people]
    told = [
        factories.make_notice(provider, NoticeKind.SCORE_FELL, customers[0]),
        factories.make_notice(provider, NoticeKind.IMPORT_FAILING, reason="unavailable"),
    ]
    for user in people:
        db.session.add(NoticeReader(tenant_id=tenant.id, user_id=user.id, choices={"data_stale": "none"}))
        db.session.add(NoticeReading(tenant_id=tenant.id, user_id=user.id, notice_id=told[1].id))
        mailed = {"notice_ids": [str(told[0].id)], "not_before": now()}
        db.session.add(NoticeMail(tenant_id=tenant.id, user_id=user.id, **mailed))
    db.session.add_all([look, *views])
    db.session.commit()
    assert ended.id != provider.id
    return {
        "assets": ["app.css"],
        "customers": [row.id for row in customers],
        "factors": [row.id for row in properties[:2]],
        "history": [row.id for row in properties],
        "imports": [row.id for row in reversed(imports)],
        "notices": [row.id for row in told],
        "opinions": [opinion.id],
        "properties": [row.id for row in properties],
        "providers": [provider.id],
        "tenants": [tenant.id],
        "values": [properties[1].id],
        "versions": [published.id],
        "views": [view.id for view in views],
    }


def _look_row(staff: User, tenant: Tenant, reason: str = REASON) -> Impersonation:
    ends_at = now() + timedelta(minutes=30)
    return Impersonation(staff_id=staff.id, tenant_id=tenant.id, reason=reason, ends_at=ends_at)


def check_headers(answer: TestResponse, what: str) -> None:
    """What holds for every answer of the app, whoever asked for whatever."""
    headers = answer.headers
    policy = headers.get("Content-Security-Policy", "")
    assert "default-src 'self'" in policy, f"{what}: no content security policy"
    assert "unsafe-" not in policy, f"{what}: the content security policy allows {policy}"
    assert headers.get("X-Content-Type-Options") == "nosniff", f"{what}: no nosniff"
    assert "HX-Request" in headers.get("Vary", ""), f"{what}: Vary does not name HX-Request"
    if answer.mimetype == "text/html":
        assert "no-store" in headers.get("Cache-Control", ""), f"{what}: HTML that browsers may keep"


def nothing(wrong: list[str]) -> None:
    """Fail with every complaint, one to a line."""
    assert not wrong, "\n" + "\n".join(wrong)


def without_varying(answer: TestResponse) -> str:
    """A page without what differs each time: its form tokens and its request id."""
    return VARYING.sub(r"\1", answer.text)


def stranger_id(_: Any = None) -> UUID:
    return uuid4()


def links_of(page: str) -> Iterator[str]:
    """The addresses of ours that a page leads to or asks by itself."""
    for address in re.findall(r'(?:href|data-hx-get|action)="([^"#]+)', page):
        plain = address.replace("&amp;", "&")
        if plain.startswith("/") and not urlsplit(plain).path.startswith("/assets/"):
            yield plain
