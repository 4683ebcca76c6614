"""Who may pass where: every address of the app, with every method, for everybody there is."""

import re
from collections.abc import Iterator

import pytest
from werkzeug.routing import Rule

from tests.guards.world import UNSAFE, World, nothing

# Open to anybody. To add one here is to say that a stranger may see and do what it shows and does.
PUBLIC = {
    "assets.show",
    "auth.create",
    "auth.create_code",
    "auth.remove",
    "auth.store",
    "auth.store_code",
    "dashboard.show",
    "system.show_health",
    "system.show_readiness",
}
# A member changes nothing of the tenant's; these change only what the member sees.
MEMBERS_MAY_WRITE = {
    "customers.columns.update",
    "customers.views.create",
    "customers.views.remove",
    "notices.update",
    "notices.update_all",
    "notices.update_settings",
}
# A tenant's admin may find one of its own pages closed: it is a setting of ours.
CLOSED_BY_A_SETTING = {"providers.self_serve.create"}
VERBS = {"index", "show", "create", "store", "update", "remove", "export", "sync", "retry", "cancel", "pause", "resume"}
SEGMENT = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.csv)?|<uuid:[a-z_]+>")


def doors(world: World, closed: bool = True) -> Iterator[tuple[Rule, str]]:
    """Every rule with each method that it answers to; `closed`: without the public ones."""
    for rule in world.rules():
        if not (closed and rule.endpoint in PUBLIC):
            for method in sorted((rule.methods or set()) - {"OPTIONS"}):
                yield rule, method


def test_public_pages_are_listed(world: World):
    public = {rule.endpoint for rule in world.rules() if world.access(rule) == "public"}

    assert public == PUBLIC, "an endpoint is @public that PUBLIC does not list, or the other way round"


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_stranger_is_sent_to_sign_in(world: World, htmx: bool):
    wrong = []
    for rule, method in doors(world):
        address = world.addresses(rule)[0]
        answer = world.ask("stranger", method, address, htmx)
        place = answer.headers.get("HX-Redirect" if htmx else "Location", "")
        if answer.status_code != (401 if htmx else 303) or not place.startswith("/login") or (htmx and answer.data):
            wrong.append(f"{method} {address}: {answer.status_code} {place}")

    nothing(wrong)


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_member_reads_what_is_marked_and_nothing_else(world: World, htmx: bool):
    before, wrong = world.fingerprint(), []
    for rule, method in doors(world):
        access, address = world.access(rule), world.addresses(rule)[0]
        if rule.endpoint in MEMBERS_MAY_WRITE and method in UNSAFE:
            continue
        expected = {"members": (200, 204, 303), "staff": (404,), "admins": (403,)}[access]
        answer = world.ask("member", method, address, htmx)
        if answer.status_code not in expected:
            wrong.append(f"{method} {address} ({access}): {answer.status_code}")
        if access == "members" and method in UNSAFE:
            wrong.append(f"{method} {address} is open to members, who change nothing: see MEMBERS_MAY_WRITE")

    nothing(wrong)
    assert world.fingerprint() == before


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_admin_reads_everything_of_the_tenant_and_no_staff_page(world: World, htmx: bool):
    wrong = []
    for rule, method in doors(world):
        for address in world.addresses(rule):
            if world.access(rule) == "staff":
                answer = world.ask("admin", method, address, htmx)
                wrong += [f"{method} {address}: {answer.status_code}, not 404"] if answer.status_code != 404 else []
            elif method not in UNSAFE:
                answer = world.ask("admin", method, address, htmx)
                wrong += (
                    [f"{method} {address}: {answer.status_code}"] if answer.status_code not in (200, 204, 303) else []
                )

    nothing(wrong)


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_staff_has_its_console_and_no_page_of_a_tenant(world: World, htmx: bool):
    before, wrong = world.fingerprint(), []
    for rule, method in doors(world):
        for address in world.addresses(rule):
            if world.access(rule) != "staff":
                answer = world.ask("staff", method, address, htmx)
                wrong += [f"{method} {address}: {answer.status_code}, not 403"] if answer.status_code != 403 else []
            elif method not in UNSAFE:
                answer = world.ask("staff", method, address, htmx)
                allowed = (200, 204, 303, 404) if rule.rule.endswith(("/set-up", "/probe")) else (200,)
                wrong += [f"{method} {address}: {answer.status_code}"] if answer.status_code not in allowed else []

    nothing(wrong)
    assert world.fingerprint() == before


def test_methods_that_no_view_names_are_refused(world: World):
    before, wrong = world.fingerprint(), []
    answered = {address: set[str]() for address in {rule.rule for rule in world.rules()}}
    for rule in world.rules():
        answered[rule.rule] |= rule.methods or set()
    for rule in world.rules():
        for method in {"POST", "DELETE"} - answered[rule.rule]:
            answer = world.ask("admin", method, world.addresses(rule)[0])
            wrong += [f"{method} {rule}: {answer.status_code}, not 405"] if answer.status_code != 405 else []

    nothing(wrong)
    assert world.fingerprint() == before


def test_addresses_are_spelled_by_the_house_rules(world: World):
    wrong = []
    for rule in world.rules():
        segments = [part for part in rule.rule.split("/") if part]
        if rule.endpoint != "assets.show" and not all(SEGMENT.fullmatch(part) for part in segments):
            wrong.append(f"{rule}: kebab-case, and every id as <uuid:...>")
        if rule.rule != "/" and rule.rule.endswith("/"):
            wrong.append(f"{rule}: no slash at the end")
        if not (rule.methods or set()) <= {"GET", "HEAD", "OPTIONS", "POST"}:
            wrong.append(f"{rule}: forms send GET and POST, nothing else")

    nothing(wrong)


def test_views_are_named_after_what_they_do(world: World):
    wrong = []
    for rule in world.rules():
        verb = rule.endpoint.rpartition(".")[2].partition("_")[0]
        if verb not in VERBS:
            wrong.append(f"{rule.endpoint}: index, show, create, update, remove; else a new noun under the thing")
        if verb in VERBS - {"index", "show", "export", "create", "update", "remove"} and "GET" in (
            rule.methods or set()
        ):
            wrong.append(f"{rule.endpoint}: a link never changes anything, so this answers to POST alone")

    nothing(wrong)


def test_staff_pages_lie_under_support_and_nothing_else_does(world: World):
    under = {rule.endpoint for rule in world.rules() if rule.rule.startswith("/support")}
    staff = {rule.endpoint for rule in world.rules() if world.access(rule) == "staff"}

    assert under == staff


@pytest.mark.parametrize("who", ["stranger", "member", "admin", "staff", "looking"])
def test_unknown_address_is_a_404_for_everybody(world: World, who: str):
    assert world.ask(who, "GET", "/no-such-page").status_code == 404
    assert world.ask(who, "GET", "/no-such-page", htmx=True).data == b""
