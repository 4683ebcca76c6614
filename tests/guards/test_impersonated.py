"""Support inside a tenant: sees what the tenant's admin sees, changes nothing, and cannot be overlooked."""

import re

import pytest
from sqlalchemy import func, select

from tests.guards.drawing import move_in
from tests.guards.world import REASON, UNSAFE, World, nothing
from webapp.audit import AuditEntry
from webapp.extensions import db

# The only writes of somebody who looks: to stop looking, and to sign out.
ENDS_IT = {"support.impersonations.remove", "auth.remove"}
FORM = re.compile(r"<form\b[^>]*>.*?</form>", re.S)


def refusals() -> int:
    refused = select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "authz:refused")
    return db.session.scalar(refused) or 0


def test_only_stopping_and_signing_out_are_marked_as_ending_it(world: World):
    assert {rule.endpoint for rule in world.rules() if world.mark(rule, "ends_impersonation")} == ENDS_IT


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_every_write_is_refused_and_on_the_record(world: World, htmx: bool):
    before, wrong = world.fingerprint(), []
    for rule in world.rules():
        if rule.endpoint in ENDS_IT:
            continue
        for method in sorted((rule.methods or set()) & set(UNSAFE)):
            refused = refusals()
            answer = world.ask("looking", method, world.addresses(rule)[0], htmx, data={"api_key": "a" * 32})
            if answer.status_code != 403 or (htmx and answer.data):
                wrong.append(f"{method} {rule}: {answer.status_code}, not 403")
            if refusals() != refused + 1:
                wrong.append(f"{method} {rule}: no audit entry")

    nothing(wrong)
    assert world.fingerprint() == before


def test_refusal_names_support_tenant_and_impersonation(world: World):
    world.ask("looking", "POST", "/imports")
    newest = select(AuditEntry).where(AuditEntry.action == "authz:refused").order_by(AuditEntry.at.desc()).limit(1)
    entry = db.session.scalars(newest).one()

    assert (entry.actor, entry.tenant_id) == (world.sid.email, world.acme_id)
    assert entry.impersonation_id is not None


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_reads_what_the_admin_reads_but_no_keys_exports_or_staff_pages(world: World, htmx: bool):
    before, wrong = world.fingerprint(), []
    for rule in world.rules():
        if "GET" not in (rule.methods or set()) or world.access(rule) == "public":
            continue
        for address in world.addresses(rule):
            status = world.ask("looking", "GET", address, htmx).status_code
            expected = (404,) if world.access(rule) == "staff" else (200, 204, 303)
            if world.mark(rule, "not_for_support"):
                expected = (403,)
            wrong += [f"GET {address}: {status}, not {expected}"] if status not in expected else []

    nothing(wrong)
    assert world.fingerprint() == before


def test_keys_and_files_are_not_for_support(world: World):
    """A page that takes a key, or that hands out a file, is marked so."""
    visitors, wrong = ("admin", move_in(world, "none")), []
    for rule in world.rules():
        if "GET" not in (rule.methods or set()) or world.access(rule) not in ("admins", "members"):
            continue
        pages = [world.ask(who, "GET", world.addresses(rule)[0]) for who in visitors]
        handles = any('name="api_key"' in page.text or page.mimetype != "text/html" for page in pages)
        if handles and not world.mark(rule, "not_for_support"):
            wrong.append(f"{rule}: mark it @not_for_support")

    nothing(wrong)


def test_banner_stands_on_every_full_page_and_no_fragment_touches_it(world: World):
    wrong = []
    for rule in world.rules():
        if "GET" not in (rule.methods or set()):
            continue
        address = world.addresses(rule)[0]
        page, piece = world.ask("looking", "GET", address), world.ask("looking", "GET", address, htmx=True)
        if page.mimetype == "text/html" and page.status_code not in (302, 303):
            wrong += [f"{address} ({page.status_code}): {problem}" for problem in without_banner(page.text, world)]
        if 'class="banner"' in piece.text and not piece.text.startswith("<!DOCTYPE"):
            wrong.append(f"{address}: the fragment holds the banner, which a swap could then remove")

    nothing(wrong)


def without_banner(page: str, world: World) -> list[str]:
    """What a page's banner lacks. It is the first thing after the skip link, and cannot be closed."""
    found = re.search(r'<section class="banner".*?</section>', page, re.S)
    if not found:
        return ["no banner"]
    banner, missing = found[0], []
    for what, words in (
        ("the tenant", world.cast.acme.name),
        ("the reason", REASON),
        ("the minutes left", "minutes</span> left"),
        ("that it is read-only", "read-only"),
        ("a button to stop", 'action="/support/impersonation/stop"'),
        ("a form token", 'name="csrf_token"'),
    ):
        missing += [f"the banner lacks {what}"] if words not in banner else []
    missing += ["the banner can be closed"] if "data-close" in banner else []
    missing += ["the banner is not first"] if "<main" in page[: found.start()] else []
    missing += ["the title does not begin [Support]"] if "<title>[Support] " not in page else []
    return missing


def test_controls_that_write_stay_visible_and_are_disabled(world: World):
    wrong = []
    for rule in world.rules():
        if "GET" not in (rule.methods or set()) or world.access(rule) == "public":
            continue
        for address in world.addresses(rule):
            page = world.ask("looking", "GET", address)
            for form in FORM.findall(page.text if page.status_code == 200 else ""):
                ends_it = "/support/impersonation/stop" in form or 'action="/logout"' in form
                live = [button for button in re.findall(r"<button\b[^>]*>", form) if 'type="submit"' in button]
                if 'method="post"' in form and not ends_it and any(" disabled" not in button for button in live):
                    wrong.append(f"{address}: {re.search(r'<form[^>]*>', form)[0]} can be sent")

    nothing(wrong)
