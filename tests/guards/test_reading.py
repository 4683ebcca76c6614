"""Reading changes nothing, and no address, however odd, makes the app fail."""

import re

import pytest

from tests.guards.world import CONVERTER, World, nothing

BAD_IDS = ("-1", "0", str(2**63), "1 OR 1=1", "%00", "..%2f..%2fetc", "%ED%A0%80", "x" * 300, "None", "{{7*7}}")
ODD = (
    "",
    "-1",
    "0",
    "9" * 30,
    "1e9",
    "²",
    "٣",
    "abc",
    "1 OR 1=1",
    "'\"<script>",
    "a\x00b",
    "..%2f..%2f",
    "{{7*7}}",
    "%",
    "é" * 300,
    "\ud7ff\U0010ffff",
    "00000000-0000-0000-0000-000000000000",
)
# What any page might ask of its address; what pages' own links and forms ask is added to these.
ARGUMENTS = {
    "page",
    "q",
    "sort",
    "status",
    "provider",
    "after",
    "shown",
    "next",
    "source",
    "field",
    "type",
    "name",
    "v",
}


@pytest.mark.parametrize("who", ["stranger", "member", "admin", "staff", "looking"])
@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_reading_changes_nothing(world: World, who: str, htmx: bool):
    world.ask(who, "GET", "/login")  # a stranger gets a session for the form's token
    before, wrong = world.fingerprint(), []
    for rule in world.rules():
        if "GET" in (rule.methods or set()):
            for address in world.addresses(rule):
                world.ask(who, "GET", address, htmx)
            after = world.fingerprint()
            changed = [table for table in after if after[table] != before[table]]
            wrong += [f"GET {rule} by {who} changes {changed}"] if changed else []
            before = after

    nothing(wrong)


@pytest.mark.parametrize("who", ["admin", "staff"])
def test_odd_ids_are_not_found(world: World, who: str):
    wrong = []
    for rule in world.rules():
        if not rule.arguments or (world.access(rule) == "staff") != (who == "staff"):
            continue
        method = "GET" if "GET" in (rule.methods or set()) else "POST"
        for bad in BAD_IDS:
            for htmx in (False, True):
                status = world.ask(who, method, CONVERTER.sub(rf"\1/{bad}", rule.rule), htmx).status_code
                wrong += [f"{method} {rule} with {bad}: {status}"] if status not in (400, 404) else []

    nothing(wrong)


@pytest.mark.parametrize("who", ["stranger", "admin", "staff"])
def test_odd_questions_never_break_a_page(world: World, who: str):
    wrong = []
    for rule in world.rules():
        access = world.access(rule)
        if "GET" not in (rule.methods or set()) or {"stranger": access != "public", "staff": access != "staff"}.get(
            who
        ):
            continue
        address = world.addresses(rule)[0]
        names = ARGUMENTS | asked_by(world.ask(who, "GET", address).text)
        for number, value in enumerate(ODD):
            query = {name: [value, "1"] if number % 4 == 3 else value for name in names}
            answer = world.ask(who, "GET", address, htmx=number % 2 == 0, query_string=query)
            if answer.status_code not in (200, 204, 302, 303, 400, 404, 422):
                wrong.append(f"GET {address} with {value[:20]!r}: {answer.status_code}")

    nothing(wrong)


def asked_by(page: str) -> set[str]:
    """The arguments that a page's own forms and links use."""
    in_links = {
        name
        for query in re.findall(r'(?:href|action|data-hx-get)="[^"?]*\?([^"]*)"', page)
        for name in re.findall(r"(?:^|&amp;|&)([\w-]+)=", query)
    }
    return in_links | set(re.findall(r'<(?:input|select|button)[^>]* name="([\w-]+)"', page)) - {"csrf_token"}
