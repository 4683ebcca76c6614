"""Tenants apart: a neighbour's id is no better than one that never was, and nothing of Acme's is ever said to
Globex."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import select
from werkzeug.routing import Rule

from tests.guards.world import SENTINEL, World, links_of, nothing, without_varying
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.tenancy import across_tenants

MOST_PAGES = 400


def mixed_ids(world: World, rule: Rule, owner: str, other: str) -> Iterator[tuple[str, str]]:
    """For each id in an address: the address with the other's id in that place, and with one that never was;
    every other id in it is the owner's."""
    own, foreign = world.known(rule, owner), world.known(rule, other)
    firsts = {name: ids[0] for name, ids in own.items()}
    for name in own:
        for id_ in foreign[name]:
            yield world.fill(rule, {**firsts, name: id_}), world.fill(rule, {**firsts, name: uuid4()})


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_neighbours_id_is_answered_like_one_that_never_was(world: World, htmx: bool):
    before, wrong = world.fingerprint(), []
    for rule in world.rules():
        if not rule.arguments or world.access(rule) in ("public", "staff"):
            continue
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            for theirs, nobodys in mixed_ids(world, rule, "globex", "acme"):
                answer, unknown = (world.ask("neighbour", method, at, htmx) for at in (theirs, nobodys))
                if answer.status_code != 404 or unknown.status_code != 404:
                    wrong.append(f"{method} {theirs}: {answer.status_code}, unknown id: {unknown.status_code}")
                elif without_varying(answer) != without_varying(unknown):
                    wrong.append(f"{method} {theirs} does not look like the page for an unknown id")
                elif htmx and answer.data:
                    wrong.append(f"{method} {theirs}: a fragment of a 404 is empty")

    nothing(wrong)
    assert world.fingerprint() == before


def test_staff_finds_no_row_of_one_tenant_under_another(world: World):
    before, wrong = world.fingerprint(), []
    for rule in world.rules():
        if world.access(rule) != "staff" or len(rule.arguments) < 2:
            continue
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            own, foreign = world.known(rule, "globex"), world.known(rule, "acme")
            for name in set(own) - {"tenant_id"}:
                mixed = {**{key: ids[0] for key, ids in own.items()}, name: foreign[name][0]}
                answer = world.ask("staff", method, world.fill(rule, mixed))
                wrong += [f"{method} {rule}: {answer.status_code}, not 404"] if answer.status_code != 404 else []

    nothing(wrong)
    assert world.fingerprint() == before


@pytest.mark.parametrize("who", ["neighbour", "stranger"])
@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_no_page_says_a_word_of_another_tenants(world: World, who: str, htmx: bool):
    start = [world.addresses(rule, "globex") for rule in world.rules() if "GET" in (rule.methods or set())]
    waiting, seen, wrong = [address for some in start for address in some], set[str](), []
    while waiting and len(seen) < MOST_PAGES:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        answer = world.ask(who, "GET", address, htmx)
        said = answer.text + str(answer.headers)
        if SENTINEL.lower() in said.lower() or str(world.acme_id) in said:
            wrong.append(f"{who} reads of Acme at {address}")
        waiting += [link for link in links_of(answer.text) if link not in seen]

    nothing(wrong)
    assert len(seen) > 20, "the crawl ended before it began"
    assert len(seen) < MOST_PAGES, "the pages lead to ever more pages"


def test_admin_does_find_the_word_on_acmes_own_pages(world: World):
    """The crawl above proves something only if the word is really shown where it may be."""
    silent = []
    for rule in world.rules():
        if "GET" in (rule.methods or set()) and world.access(rule) in ("admins", "members"):
            asked = [(address, htmx) for address in world.addresses(rule) for htmx in (False, True)]
            said = "".join(world.ask("admin", "GET", address, htmx).text for address, htmx in asked)
            body = re.sub(r'<header class="side">.*?</header>', "", said, flags=re.S)
            silent += [rule.rule] if SENTINEL not in body else []

    assert set(silent) <= WITHOUT_WORDS_OF_THE_TENANT, f"make these show a word of world.furnish(): {silent}"


WITHOUT_WORDS_OF_THE_TENANT = {
    "/customers/views/new",
    "/health-score/back-test",
    "/health-score/draft/spread",
    "/health-score/progress",
    "/imports.csv",
    "/imports/<uuid:id>/live",
    "/notices/settings",
    "/properties/preview",
    "/properties/types",
    "/settings/providers/chartmogul/connect",
}


def test_audit_entries_name_the_tenant_that_they_are_about(world: World):
    with across_tenants():
        entries = db.session.scalars(select(AuditEntry).where(AuditEntry.tenant_id == world.globex_id)).all()

    assert entries
    assert not [entry for entry in entries if SENTINEL.lower() in f"{entry.details} {entry.actor}".lower()]
