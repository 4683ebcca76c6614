"""The words that people, manuals and scripts look for: each on its page, spelled exactly so."""

import re
from html import unescape

import pytest

from tests.guards.drawing import move_in
from tests.guards.world import World
from tests.texts import words_of

# What is drawn is the same on both; tests/guards/test_reading.py opens every page on both.
DATABASES = ["sqlite"]
LABELLED = re.compile(
    r"<(button|a|label|h1|h2|h3|option|legend|dt|th|summary)\b[^>]*>(.*?)</\1>|aria-label=\"([^\"]*)\"", re.S
)
PROVIDERS = "/settings/providers"
CONNECTION = f"{PROVIDERS}/chartmogul"

# Who finds which labels where. `none`, `setting_up` and so on are admins of tenants in that state.
LABELS = [
    ("stranger", "/login", ["Email", "Password", "Log in"]),
    ("none", PROVIDERS, ["Settings", "Providers", "Connect to ChartMogul"]),
    ("none", f"{CONNECTION}/connect", ["API key", "Upload credentials", "Cancel"]),
    ("admin", CONNECTION, ["Replace API key", "Disconnect from ChartMogul", "Sync now"]),
    ("admin", f"{CONNECTION}/replace", ["API key", "Replace API key"]),
    ("admin", f"{CONNECTION}/disconnect", ["Disconnect from ChartMogul", "Keep connected"]),
    ("admin", "/imports", ["Imports overview", "Sync now", "Cancel", "Retry"]),
    ("admin", "/properties", ["Properties", "Create new property"]),
    ("admin", "/properties/new", ["Name", "Data source", "ChartMogul", "ChartMogul field", "Save"]),
    ("admin", "/properties/{property}/edit", ["Name", "Data source", "ChartMogul", "ChartMogul field", "Save"]),
    ("admin", "/customers", ["Customers", "Export CSV"]),
    ("none", "/health-score", ["Health score", "Begin with the default", "Begin empty", "How a score is made"]),
    ("admin", "/health-score", ["Health score", "Go on with the draft", "Versions"]),
    ("admin", "/health-score/draft", ["Preview", "Discard draft", "Add a factor", "Save caps"]),
    ("admin", "/health-score/draft/factors/{property}", ["0 points at", "100 points at", "Importance", "Save factor"]),
    ("admin", "/health-score/preview", ["Largest moves", "Note", "Publish"]),
    ("staff", "/support/tenants/{waiting}/set-up", ["Complete set-up"]),
    ("staff", "/support/tenants/{waiting}", ["Impersonate"]),
    ("staff", "/support/tenants/{waiting}/impersonation", ["Reason", "Impersonate"]),
    ("looking", "/customers", ["Stop impersonating"]),
]
# The sentences of the integration's public page, on the pages that they are about.
SENTENCES = [
    (
        "none",
        f"{CONNECTION}/connect",
        [
            "View Profile",
            "API keys",
            "Add API Key",
            "Customerscore.io",
            "Access Level",
            "Read-only",
            "ADD",
            "Reveal",
            "Copy",
            "The read-only API key you created in ChartMogul. It is stored encrypted; only a masked preview is ever "
            "displayed.",
        ],
    ),
    ("none", PROVIDERS, ["Customerscore only reads data from ChartMogul and never writes back to it."]),
    (
        "admin",
        CONNECTION,
        ["abc...xyz", "If you rotate or revoke the API key in ChartMogul, replace it here, or disconnect"],
    ),
    ("admin", f"{CONNECTION}/disconnect", ["Disconnecting cannot be undone.", "View Profile → API keys"]),
    (
        "setting_up",
        "/imports",
        [
            "Initial sync is set up manually by our team after you upload credentials. Allow some time for the first "
            "import."
        ],
    ),
    ("member", PROVIDERS, ["Only admins can configure integrations."]),
    ("admin", "/properties", ["Filled on the next sync"]),
]


@pytest.fixture(scope="module")
def house(world: World) -> World:
    for state in ("none", "setting_up"):
        move_in(world, state)
    return world


def page_of(house: World, who: str, path: str) -> str:
    ids = {"property": house.ids["acme"]["properties"][0], "waiting": house.ids["setting_up"]["tenants"][0]}
    answer = house.ask(who, "GET", path.format(**ids))
    assert answer.status_code == 200
    return answer.text


def labels_of(page: str) -> set[str]:
    """What buttons, links, fields and headings say, without what is read out only."""
    said = set()
    for _tag, inside, aria in LABELLED.findall(re.sub(r'<span class="sr">.*?</span>', "", page, flags=re.S)):
        said.add(unescape(aria) if aria else words_of(inside))
    return said | {words_of(found) for found in re.findall(r'class="group-label">(.*?)<', page)}


@pytest.mark.parametrize(("who", "path", "labels"), LABELS, ids=[f"{who} {path}" for who, path, _ in LABELS])
def test_labels_stand_on_their_page(house: World, who: str, path: str, labels: list[str]):
    said = labels_of(page_of(house, who, path))

    assert [label for label in labels if label not in said] == []


@pytest.mark.parametrize(("who", "path", "sentences"), SENTENCES, ids=[f"{who} {path}" for who, path, _ in SENTENCES])
def test_sentences_of_the_public_page_are_true(house: World, who: str, path: str, sentences: list[str]):
    said = words_of(page_of(house, who, path))

    assert [sentence for sentence in sentences if sentence not in said] == []


def test_refused_key_is_told_in_the_words_of_the_public_page(house: World):
    answer = house.ask("none", "POST", f"{CONNECTION}/connect", data={"api_key": "0" * 32})

    assert answer.status_code == 422
    assert "Upload failed / invalid token" in answer.text
    assert "Re-check that you copied the full key and that its access level is at least Read-only." in words_of(
        answer.text
    )


def test_every_page_has_one_heading_and_a_title_of_its_own(house: World):
    titles = {}
    for path in (PROVIDERS, "/imports", "/properties", "/customers"):
        page = page_of(house, "admin", path)
        titles[path] = re.search(r"<title>(.*?)</title>", page, re.S)[1]  # type: ignore[index]
        assert len(re.findall(r"<h1\b", page)) == 1, path

    assert len(set(titles.values())) == len(titles)
    assert all(title.endswith(" · Customerscore") for title in titles.values())
