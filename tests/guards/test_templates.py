"""Templates: what no template may hold, and that a fragment is a part of its page."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from tests.guards.drawing import Roots, Watched, draw_everything
from tests.guards.world import World, nothing
from tests.texts import words_of
from webapp.assets import FILES, ICONS, STATIC, icon
from webapp.config import ROOT
from webapp.wording import STATES, STEP_STATES

# What is drawn is the same on both; tests/guards/test_reading.py opens every page on both.
DATABASES = ["sqlite"]
FOLDER = ROOT / "webapp" / "templates"
TEMPLATES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.html"))
PARTIALS = [name for name in TEMPLATES if name.rpartition("/")[2].startswith("_")]
# Partials that are not one element with an id, and why.
MANY_ROOTS = {
    "components/_toast.html": "as many toasts as there are; they go into #toasts",
    "imports/_head_oob.html": "pieces that go to their own places out of band",
    "imports/_new_rows.html": "rows that go on top of a list out of band, and what asks for the next ones",
    "imports/_sync.html": "nothing, for who may not start an import",
    "providers/_done.html": "pieces that go to their own places out of band",
}
WITHOUT_ID = {"components/_banner.html": "never swapped", "components/_side.html": "never swapped"}
OTHER_ID = {"providers/_card.html": "named after the provider: there may be several cards"}

# What a template's source never holds, and why.
FORBIDDEN = {
    r"\s(?:hx)-[a-z]": "write data-hx-...: the page stays valid HTML",
    r"\sstyle=|<style": "the policy forbids inline styles: app.css",
    r"<script(?![^>]* src=)": "the policy forbids inline scripts: app.js",
    r"\son[a-z]+\s*=": "the policy forbids inline handlers: app.js",
    r"hx-on|hx-vals=.js:|hx-trigger=\"[^\"]*\[": "the policy forbids what htmx would have to evaluate",
    r"hx-(boost|confirm|disabled-elt|history|ext)\b|transition:true": "not used in this house: see the guide",
    r"\|\s*safe|autoescape\s+false|\bMarkup\b": "nothing goes around the escaping",
    r"javascript:|data:": "the policy forbids such addresses",
    r"https?://(?!www\.w3\.org)": "nothing is loaded from, or said about, another host in a template",
    r'target="_blank"(?![^>]*rel="[^"]*noopener)': "a page that we open gets no handle of ours",
    r"tabindex=\"[1-9]": "the order of focus is the order of the page",
}


@pytest.fixture(scope="module")
def drawn(world: World) -> dict[str, set[str]]:
    """Everything that every template drew, by its name."""
    world.app.jinja_env.template_class = Watched
    assert world.app.jinja_env.cache is not None
    world.app.jinja_env.cache.clear()
    Watched.drawn.clear()
    draw_everything(world)
    return Watched.drawn


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_compiles(world: World, name: str):
    assert world.app.jinja_env.get_template(name)


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_holds_nothing_that_is_forbidden(name: str):
    source = re.sub(r"{#.*?#}", "", (FOLDER / name).read_text(), flags=re.S)

    nothing([f"{name}: {found[0]!r}: {why}" for what, why in FORBIDDEN.items() if (found := re.search(what, source))])


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_icon_is_one_of_the_sprite(name: str):
    source = (FOLDER / name).read_text()
    named = re.findall(r'\bicon(?:_name)?\s*[(=]\s*"([a-z0-9-]+)"', source)

    assert set(named) <= set(ICONS), "add the icon's name to webapp.assets.ICONS"


def test_words_of_states_name_icons_of_the_sprite():
    assert {look.icon for look in (*STATES.values(), *STEP_STATES.values())} <= set(ICONS)
    with pytest.raises(KeyError):
        icon("no-such-icon")


def test_every_partial_is_drawn_by_some_page(drawn: dict[str, set[str]]):
    unseen = set(PARTIALS) - set(drawn)

    assert not unseen, "nobody draws it: delete it, or add the state that shows it to tests/guards/drawing.py"


@pytest.mark.parametrize("name", PARTIALS)
def test_partial_is_one_element_named_after_it(drawn: dict[str, set[str]], name: str):
    wrong = []
    for piece in drawn.get(name, ()):
        roots = Roots(piece)
        if name in MANY_ROOTS:
            continue
        if len(roots.found) != 1 or roots.text:
            wrong.append(f"{len(roots.found)} roots and the text {roots.text[:50]!r} in {piece[:80]!r}")
            continue
        id_, stem = roots.found[0][1].get("id"), name.rpartition("/")[2][1:].removesuffix(".html")
        words = [word for word in re.split("[-_]", stem) if word != "oob"]
        if name not in WITHOUT_ID and not id_:
            wrong.append(f"its root has no id: {piece[:80]!r}")
        elif name not in {**WITHOUT_ID, **OTHER_ID} and not any(word[:8] in str(id_) for word in words):
            wrong.append(f"its root is #{id_}, which does not say {stem}")

    nothing([f"{name}: {complaint}" for complaint in wrong])


class Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_what_htmx_sends_says_where_the_answer_goes(drawn: dict[str, set[str]]):
    """Inheritance is off, so each element stands for itself; a link works without scripts too."""
    wrong = set()
    for name, pieces in drawn.items():
        for tag, given in (element for piece in pieces for element in Elements(piece).found):
            asks = given.get("data-hx-get") or given.get("data-hx-post")
            if asks and not given.get("data-hx-target"):
                wrong.add(f"{name}: <{tag}> asks {asks} without data-hx-target")
            if tag == "a" and asks and given.get("href") != asks:
                wrong.add(f"{name}: a link whose href is not what htmx asks: {given.get('href')}, {asks}")
            if asks and asks.startswith(("http", "//")):
                wrong.add(f"{name}: {asks} is not ours")

    nothing(sorted(wrong))


def test_ids_are_unique_on_every_page(drawn: dict[str, set[str]]):
    wrong = set()
    for name in set(TEMPLATES) - set(PARTIALS):
        for page in drawn.get(name, ()):
            ids = Roots(page).ids if page.startswith("<!DOCTYPE") else []
            wrong |= {f"{name}: two elements #{id_}" for id_ in ids if ids.count(id_) > 1}

    nothing(sorted(wrong))


# Fragments. What opens in the dialog looks other than on a page of its own, so of that the words are compared.
HEADING = re.compile(r'<div class="dlg-head">.*?</div>\s*</div>|<h[12][^>]*>.*?</h[12]>', re.S)
VARYING = re.compile(r'(name="csrf_token" value=")[^"]*|\sdata-hx-swap-oob="[^"]*"|(shown=)[\w.]+|\s+')


@pytest.mark.parametrize("who", ["member", "admin", "looking"])
def test_fragment_is_a_part_of_its_page(world: World, drawn: dict[str, set[str]], who: str):
    wrong, compared = [], 0
    for rule, address in pages_of(world):
        page, piece = world.ask(who, "GET", address), world.ask(who, "GET", address, htmx=True)
        if piece.status_code != 200 or page.status_code != 200 or piece.text.startswith("<!DOCTYPE"):
            continue
        compared += 1
        whole, words = plain(page.text), words_of(HEADING.sub("", page.text))
        wrong += [
            f"{rule} for {who}: a piece that the page has not: {root[:100]}"
            for root in roots_of(piece.text)
            if plain(root) not in whole and not ('id="dlg-' in root and words_of(HEADING.sub("", root)) in words)
        ]

    nothing(wrong)
    assert compared > 4


def pages_of(world: World) -> Iterator[tuple[str, str]]:
    for rule in world.rules():
        ours = "GET" in (rule.methods or set()) and world.access(rule) in ("members", "admins")
        if ours and not world.mark(rule, "is_poll"):  # what is polled for is only what has changed
            yield from ((rule.rule, address) for address in world.addresses(rule))


def plain(piece: str) -> str:
    return VARYING.sub(lambda found: found[1] or found[2] or "", HEADING.sub("", piece))


def roots_of(piece: str) -> list[str]:
    """The outermost elements of a piece, each as it was written."""
    starts: list[int] = []

    class Places(HTMLParser):
        depth = 0

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if not self.depth:
                starts.append(sum(map(len, lines[: self.getpos()[0] - 1])) + self.getpos()[1])
            self.depth += tag not in ("br", "hr", "img", "input", "link", "meta", "wbr")

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            self.depth -= 1

    lines = piece.splitlines(keepends=True)
    Places().feed(piece)
    return [piece[a:b] for a, b in pairwise([*starts, len(piece)])]


def test_scripts_and_styles_are_those_of_a_fixed_list(world: World):
    page = world.ask("admin", "GET", "/customers").text
    loaded = re.findall(r'(?:src|href)="(/assets/[^"?]+)', page)

    assert {name.removeprefix("/assets/") for name in loaded} <= set(FILES)
    assert len((STATIC / "app.js").read_text().splitlines()) < 60
    for name in FILES:
        assert world.ask("stranger", "GET", f"/assets/{name}").status_code == 200
    for name in ("../config.py", "..%2fconfig.py", "app.py", ".env", "htmx.js/"):
        assert world.ask("stranger", "GET", f"/assets/{name}").status_code == 404
