"""Every page in every state: accessible, valid, quiet, light, and no wider than the screen."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Error, Page, Response

from tests.e2e import people
from tests.e2e.chartmogul import ChartMogul
from tests.e2e.house import House
from tests.e2e.html_checker import HtmlChecker
from tests.e2e.people import Cast, Somebody
from tests.e2e.scenes import SCENES, Scene
from tests.e2e.watch import Watch

# Contrast takes axe three quarters of its time: it is asked once for each scheme, and in dark nothing else is.
COLOURS = ["color-contrast", "link-in-text-block"]
COLOUR_RULES: dict[str, Any] = {"runOnly": {"type": "rule", "values": COLOURS}}
OTHER_RULES: dict[str, Any] = {"rules": {rule: {"enabled": False} for rule in COLOURS}}
LOOKS = [
    (1280, 900, "light", [OTHER_RULES, COLOUR_RULES]),
    (1280, 900, "dark", [COLOUR_RULES]),
    (390, 844, "light", [OTHER_RULES]),
]
MOST_BYTES, MOST_REQUESTS = 60 * 1024, 6
RUN_AXE = """([rules, parts]) => axe.run(parts ? {include: parts} : document, {resultTypes: ['violations'], ...rules})
  .then(found => found.violations)"""
# One element of each kind of text that is seen, that with the longest: of a hundred cells that look alike, axe need not
# work out all contrasts.
ONE_OF_EACH_LOOK = """() => {
  const said = e => [...e.childNodes].filter(n => n.nodeType == Node.TEXT_NODE).map(n => n.data.trim()).join('')
    || String(e.selectedOptions?.[0]?.text || e.value || e.placeholder || '');
  const looks = [...document.body.querySelectorAll('*')].filter(e => e.checkVisibility() && said(e)).map(e => {
    const look = [e.tagName, e.type, !!e.closest(':disabled')];
    for (let at = e; at; at = at.parentElement) {
      const its = getComputedStyle(at);
      look.push(its.color, its.backgroundColor, its.backgroundImage, its.opacity, its.position, its.textDecorationLine);
      if (at == e) look.push(its.fontSize, its.fontWeight);
    }
    return [look.join(), e];
  });
  return [...new Map(looks.sort(([, a], [, b]) => said(a).length - said(b).length)).values()];
}"""
TOO_WIDE = """() => document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
  [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1
    && !e.closest('.scroll')).map(e => `${e.tagName}.${e.className}#${e.id}`).slice(0, 5)"""


@pytest.fixture(scope="session")
def html_checker() -> Iterator[HtmlChecker]:
    checker = HtmlChecker()
    yield checker
    checker.close()


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_page_is_fit_to_be_seen(
    scene: Scene,
    browse: Callable[..., Page],
    watch: Watch,
    house: House,
    chartmogul: ChartMogul,
    cast: Cast,
    html_checker: HtmlChecker,
) -> None:
    page, path = enter(scene, browse, house, cast)
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    watch.expect(scene.status, 400, 422)

    first = page.goto(path)
    assert first
    assert first.status == scene.status
    problems = heavy(answers) + invalid(answers, html_checker)
    if scene.act:
        answers.clear()
        scene.act(page)
        problems += invalid(answers, html_checker)
    for width, height, scheme, rules in LOOKS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        problems += wide(page, width)
        problems += [f"axe, {scheme}, {width} px: {found}" for found in inaccessible(page, rules)]
        keep_picture(page, f"{scene.name}-{scheme}-{width}")

    assert not problems, "\n".join(problems)


def enter(scene: Scene, browse: Callable[..., Page], house: House, cast: Cast) -> tuple[Page, str]:
    """The rows are there, and whoever looks has signed in."""
    with house.rows(cast.acme.id):
        path = scene.prepare(cast)
    page = browse(viewport={"width": 1280, "height": 900})
    if scene.who:
        token = cookie(scene, getattr(cast, scene.who), house, cast)
        page.context.add_cookies([{"name": "sid", "value": token, "url": house.address}])
    return page, path


def cookie(scene: Scene, somebody: Somebody, house: House, cast: Cast) -> str:
    if scene.session == "code":
        return people.waiting_for_code(house, somebody)
    looking = people.looking_at(house, somebody, cast.acme, "Ticket 4711") if scene.session == "looking" else {}
    return people.session_of(house, somebody, **looking)


def heavy(answers: list[Response]) -> list[str]:
    """What the first view costs a browser that has seen nothing yet."""
    sizes = [(answer.url, answer.request.sizes()["responseBodySize"]) for answer in answers]
    total = sum(size for _, size in sizes)
    if total <= MOST_BYTES and len(answers) <= MOST_REQUESTS:
        return []
    return [f"first view: {total:,} bytes in {len(answers)} requests: {sizes}"]


def wide(page: Page, width: int) -> list[str]:
    return [f"wider than {width} px: {found}" for found in page.evaluate(TOO_WIDE)]


def inaccessible(page: Page, rules: list[dict[str, Any]]) -> list[str]:
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    violations: list[dict[str, Any]] = []
    for some in rules:
        parts = page.evaluate_handle(ONE_OF_EACH_LOOK if some is COLOUR_RULES else "null")
        violations += page.evaluate(RUN_AXE, [some, parts])
    return [f"{found['id']}: {node['html'][:200]}" for found in violations for node in found["nodes"][:3]]


def invalid(answers: list[Response], checker: HtmlChecker) -> list[str]:
    """What html-validate says of the pages, and of the pieces of pages, that came."""
    found = []
    for answer in answers:
        html = "html" in answer.headers.get("content-type", "") and answer.status not in (204, 303)
        if html and (text := _text_of(answer)):
            found += [f"{answer.request.method} {answer.url}: {problem}" for problem in checker.problems(text)]
    return found


def _text_of(answer: Response) -> str:
    """Nothing of a piece that came when the page was already left: the browser has thrown it away."""
    try:
        return answer.text()
    except Error:
        if answer.request.is_navigation_request():
            raise
        return ""


def keep_picture(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_chosen_theme_is_kept_on_the_page(signed_in: Callable[..., Page], house: House, cast: Cast) -> None:
    page = signed_in(cast.ada, color_scheme="light")
    page.context.add_cookies([{"name": "theme", "value": "dark", "url": house.address}])

    page.goto("/customers")

    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert not inaccessible(page, [OTHER_RULES, COLOUR_RULES])


def test_one_pale_word_among_many_is_found(signed_in: Callable[..., Page], cast: Cast) -> None:
    page = signed_in(cast.ada, color_scheme="light")
    page.goto("/account")
    assert not inaccessible(page, [COLOUR_RULES])

    page.evaluate("""() => {
      document.querySelector('main').insertAdjacentHTML('beforeend', '<p>One</p>'.repeat(100) + '<p>1</p>'.repeat(9));
      const one = [...document.querySelectorAll('main p')].at(-50);
      const twin = one.previousElementSibling;
      twin.hidden = true;
      twin.style.color = '#bbb';
      one.id = 'pale';
      one.style.color = '#bbb';
    }""")

    assert [found for found in inaccessible(page, [COLOUR_RULES]) if "pale" in found]
