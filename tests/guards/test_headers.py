"""What is asked of a page beside its address: HEAD, odd headers, htmx's own, another host."""

import pytest

from tests.guards.world import World, nothing

# None of it depends on which database it is.
DATABASES = ["sqlite"]


@pytest.mark.parametrize("who", ["member", "admin", "looking"])
def test_head_is_a_get_without_its_body(world: World, who: str):
    """A view that serves GET and POST must not take a HEAD, which carries no token, for the POST."""
    before, wrong = world.fingerprint(), []
    for rule in world.rules():
        if "GET" in (rule.methods or set()) and world.access(rule) != "staff":
            for address in world.addresses(rule):
                head, get = (world.ask(who, method, address, token=None) for method in ("HEAD", "GET"))
                if head.status_code != get.status_code or head.data:
                    wrong.append(f"HEAD {address} by {who}: {head.status_code}, and GET: {get.status_code}")

    nothing(wrong)
    assert world.fingerprint() == before


def test_odd_headers_never_break_a_page(world: World):
    wrong = []
    for rule in world.rules():
        if "GET" not in (rule.methods or set()) or world.access(rule) == "staff":
            continue
        for headers in (
            {"HX-Request": "true", "HX-Current-URL": "http://[not an address"},
            {"HX-Request": "true", "HX-Current-URL": "x" * 5000, "HX-Target": "'\"<>"},
            {"HX-Request": "maybe", "HX-History-Restore-Request": "true"},
            {"Accept-Language": "\xff", "X-Forwarded-For": "1.2.3.4", "X-Forwarded-Host": "evil.example"},
            {"Cookie": "sid=\xff; theme=<script>; __Host-sid=x"},
        ):
            for who in ("stranger", "admin"):
                answer = world.ask(who, "GET", world.addresses(rule)[0], headers=headers)
                if answer.status_code >= 500 or "evil.example" in answer.text + str(answer.headers):
                    wrong.append(f"GET {rule} by {who} with {headers}: {answer.status_code}")

    nothing(wrong)


@pytest.mark.parametrize("who", ["member", "admin", "looking"])
def test_history_restore_gets_the_whole_page(world: World, who: str):
    wrong = []
    for rule in world.rules():
        if "GET" not in (rule.methods or set()) or world.access(rule) != "members":
            continue
        headers = {"HX-History-Restore-Request": "true"}
        page = world.ask(who, "GET", world.addresses(rule)[0], htmx=True, headers=headers)
        if page.mimetype == "text/html" and page.status_code == 200 and not page.text.startswith("<!DOCTYPE html>"):
            wrong.append(f"GET {rule} by {who} gives a history restore a fragment")

    nothing(wrong)


@pytest.mark.parametrize("who", ["stranger", "admin", "staff"])
def test_wrong_host_is_refused(world: World, who: str):
    for path in ("/login", "/customers", "/support", "/healthz"):
        assert world.ask(who, "GET", path, base_url="http://evil.example").status_code == 400
