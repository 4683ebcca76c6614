"""What a scene is: who looks, which rows there are, where, and what is pressed."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.e2e.people import Cast

Prepare = Callable[[Cast], str]
Act = Callable[[Page], None]
CONNECTION = "/settings/providers/chartmogul"


@dataclass(frozen=True)
class Scene:
    """`prepare` makes the rows of Acme and says where to go; `act` then presses what has to be pressed."""

    name: str
    prepare: Prepare
    who: str | None = "ada"
    session: str = ""  # what is special about it: `looking` at Acme as support, `code` waited for
    act: Act | None = None
    status: int = 200


SCENES: list[Scene] = []


def scene(
    who: str | None = "ada", *, session: str = "", act: Act | None = None, status: int = 200
) -> Callable[[Prepare], Prepare]:
    def note(prepare: Prepare) -> Prepare:
        SCENES.append(Scene(prepare.__name__, prepare, who, session, act, status))
        return prepare

    return note


def still(
    name: str, path: str, who: str | None = "ada", act: Act | None = None, status: int = 200, session: str = ""
) -> None:
    """A scene that needs no rows."""
    SCENES.append(Scene(name, lambda _: path, who, session, act, status))


def press(*names: str) -> Act:
    """Press links or buttons, one after the other, each time until the page shows what came of it."""

    def act(page: Page) -> None:
        for name in names:
            found = page.get_by_role("link", name=name).or_(page.get_by_role("button", name=name))
            opened = page.locator("dialog[open]")
            _settled(page, (opened.locator(found) if opened.count() else found).first.click)

    return act


def fill(label: str, value: str, *then: str) -> Act:
    """Fill a field, then press buttons; without any, until the page shows what follows from the field."""

    def act(page: Page) -> None:
        field = page.get_by_label(label, exact=True)
        if then:
            field.fill(value)
            press(*then)(page)
        else:
            field.fill(value)
            _settled(page, lambda: field.press("Tab"))

    return act


def choose(label: str, value: str) -> Act:
    """Choose an option, and wait for what follows from it."""

    def act(page: Page) -> None:
        _settled(page, lambda: page.get_by_label(label, exact=True).select_option(value))

    return act


def _settled(page: Page, do: Callable[[], None]) -> None:
    with page.expect_response(lambda answer: answer.request.resource_type in ("document", "xhr")):
        do()
    page.wait_for_load_state()
    page.wait_for_function("() => !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')")


def after(*acts: Act) -> Act:
    def act(page: Page) -> None:
        for each in acts:
            each(page)

    return act
