"""Writes come from our own pages: every one carries its session's token and is refused to other sites."""

import re
from collections.abc import Iterator

import pytest
from werkzeug.routing import Rule

from tests.guards.world import UNSAFE, World, nothing

# Tokens are asked for the same way on both; tests/guards/test_reading.py opens every page on both.
DATABASES = ["sqlite"]
FOREIGN = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://["},
    {"Origin": "http://localhost.evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
)


def writers(world: World) -> Iterator[tuple[str, Rule, str]]:
    """Who may write where: the visitor, the rule and an address."""
    for rule in world.rules():
        if set(rule.methods or ()) & set(UNSAFE):
            who = "staff" if world.access(rule) == "staff" else "admin"
            yield who, rule, world.addresses(rule)[0]
            if world.access(rule) == "public":
                yield "stranger", rule, world.addresses(rule)[0]


def test_every_write_without_a_token_is_refused(world: World):
    before, wrong = world.fingerprint(without=("user_sessions",)), []
    for who, _rule, address in writers(world):
        for htmx in (False, True):
            answer = world.ask(who, "POST", address, htmx, token=None)
            if answer.status_code != 400 or (htmx and answer.data):
                wrong.append(f"POST {address} by {who}: {answer.status_code}, not 400")

    nothing(wrong)
    assert world.fingerprint(without=("user_sessions",)) == before


@pytest.mark.parametrize("where", ["header", "form", "query"])
def test_every_write_with_a_wrong_token_is_refused(world: World, where: str):
    """A token of another session, one in the address where it is written to logs, and one that is cut."""
    before, wrong = world.fingerprint(without=("user_sessions",)), []
    for who, _rule, address in writers(world):
        foreign = world.tokens["neighbour"]
        if where == "header":
            answer = world.ask(who, "POST", address, token=foreign)
        elif where == "form":
            answer = world.ask(who, "POST", address, token=None, data={"csrf_token": foreign})
        else:
            answer = world.ask(who, "POST", address, token=None, query_string={"csrf_token": world.tokens[who]})
        wrong += [f"POST {address} by {who}: {answer.status_code}, not 400"] if answer.status_code != 400 else []

    nothing(wrong)
    assert world.fingerprint(without=("user_sessions",)) == before


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_every_write_from_another_site_is_refused(world: World, headers: dict[str, str]):
    before, wrong = world.fingerprint(), []
    for who, _rule, address in writers(world):
        answer = world.ask(who, "POST", address, headers=headers)
        wrong += [f"POST {address} by {who}: {answer.status_code}, not 403"] if answer.status_code != 403 else []

    nothing(wrong)
    assert world.fingerprint() == before


def test_pages_may_be_opened_from_another_site(world: World):
    """A link in an e-mail leads to a page; only writes are refused."""
    answer = world.ask("admin", "GET", "/imports", headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 200


def test_every_form_on_every_page_carries_its_sessions_token(world: World):
    wrong = []
    for who in ("stranger", "member", "admin", "staff", "looking"):
        for rule in world.rules():
            if "GET" not in (rule.methods or set()):
                continue
            for address in world.addresses(rule):
                for htmx in (False, True):
                    wrong += [
                        f"{address} for {who}: {form}" for form in bare_forms(world.ask(who, "GET", address, htmx).text)
                    ]

    nothing(wrong)


def bare_forms(page: str) -> list[str]:
    """The forms of a page that write and carry no token, or that name another address to htmx than to others."""
    bare = []
    for opening, inside in re.findall(r"(<form\b[^>]*>)(.*?)</form>", page, re.S):
        if 'method="post"' not in opening:
            bare += [f"{opening} is sent by htmx, but not without scripts"] if "data-hx-post" in opening else []
            continue
        action = re.search(r' action="([^"]*)"', opening)
        sent_by_htmx = re.search(r' data-hx-post="([^"]*)"', opening)
        if not re.search(r'name="csrf_token" value="[^"]+"', inside):
            bare.append(f"{opening} has no csrf_token")
        if action is None or (sent_by_htmx and sent_by_htmx[1] != action[1]):
            bare.append(f"{opening}: action and data-hx-post are one address")
    return bare


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (400, {"data": "{}", "content_type": "application/json", "token": None}),
        (413, {"data": b"a=" + b"b" * 2_000_000, "content_type": "application/x-www-form-urlencoded"}),
        (
            413,
            {"data": {f"f{n}": (b"x", "") for n in range(300)}, "content_type": "multipart/form-data", "token": None},
        ),
    ],
    ids=["json", "too large", "too many parts"],
)
def test_what_no_form_of_ours_sends_is_refused(world: World, status: int, sent: dict):
    wrong = []
    for who, _rule, address in writers(world):
        answer = world.ask(who, "POST", address, **sent)
        if answer.status_code not in (status, 400):
            wrong.append(f"POST {address} by {who}: {answer.status_code}, not {status}")

    nothing(wrong)
