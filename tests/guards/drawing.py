"""Every partial as the pages draw it: who draws what, in every state that a tenant can be in."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, ClassVar

from jinja2 import Template
from werkzeug.routing import Rule

from tests import factories
from tests.guards.world import World
from webapp.models import ProviderState, Role
from webapp.models.types import now

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Watched(Template):
    """A template that keeps what it drew, by its name."""

    drawn: ClassVar[dict[str, set[str]]] = {}

    @property
    def root_render_func(self) -> Any:  # type: ignore[override]
        def render(context: Any) -> Iterator[str]:
            parts = []
            for part in self._render(context):
                parts.append(part)
                yield part
            self.drawn.setdefault(str(self.name), set()).add("".join(parts))

        return render

    @root_render_func.setter
    def root_render_func(self, render: Any) -> None:
        self._render = render


class Roots(HTMLParser):
    """The outermost elements of a piece of HTML, each with its attributes; and text outside of them."""

    def __init__(self, piece: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.ids: list[str] = []
        self.feed(piece)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [id_] if (id_ := given.get("id")) else []
        if not self.open:
            self.found.append((tag, given))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self.open:
            self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.text += "" if self.open else data.strip()


def draw_everything(world: World) -> None:
    """Open every page, as everybody, and as the admins of tenants in every other state; then send every form
    empty, to see its complaints."""
    visitors = {"stranger": "acme", "member": "acme", "admin": "acme", "looking": "acme"}
    for state in ("none", *ProviderState):
        visitors[move_in(world, str(state))] = "acme"
    for who, owner in [*visitors.items(), *(("staff", owner) for owner in world.ids)]:
        for rule in world.rules():
            if "GET" in (rule.methods or set()) and _reaches(world, who, rule, owner):
                for address in world.addresses(rule, owner):
                    for htmx in (False, True):
                        world.ask(who, "GET", address, htmx)
    for who in ("none", "setting_up", "connected", "staff"):
        for rule in world.rules():
            access = world.access(rule)
            if "POST" in (rule.methods or set()) and access == ("staff" if who == "staff" else "admins"):
                owner = "setting_up" if who == "staff" and len(rule.arguments) == 1 else "acme"
                world.ask(who, "POST", world.addresses(rule, owner)[0], htmx=True)
    world.ask("admin", "GET", "/imports/new-rows?after=1", htmx=True)


def _reaches(world: World, who: str, rule: Rule, owner: str) -> bool:
    """Whether to send somebody there: staff to its console, for whatever of it an owner has."""
    if who != "staff":
        return world.access(rule) != "staff"
    return world.access(rule) == "staff" and (owner in ("acme", "globex") or set(rule.arguments) <= {"tenant_id"})


def move_in(world: World, state: str) -> str:
    """A tenant whose connection is in a state, and its admin, named after it."""
    tenant = factories.make_tenant(f"In state {state}")
    user = factories.make_user(f"{state}@example.org", Role.ADMIN, tenant)
    world.ids[state] = {"tenants": [tenant.id]}
    if state != "none":
        more: dict[str, Any] = {"disconnected_at": now()} if state == "disconnected" else {}
        provider = factories.make_provider(tenant, state, **more)
        if state == ProviderState.PAUSED:  # an import has been, and the account's months could not be read
            factories.make_import(provider)
    world.sign_in(state, user)
    return state
