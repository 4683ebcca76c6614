"""Logging in, the ChartMogul card and what opens from it, and the error pages."""

from datetime import timedelta

from playwright.sync_api import Page

from tests.e2e.people import Cast
from tests.e2e.scenes import rows
from tests.e2e.scenes.stage import CONNECTION, after, fill, press, scene, still
from webapp.models import ImportState, ProviderState
from webapp.models.types import now

KEY = "0123456789abcdef0123456789abcdef"


def spoil_the_form(page: Page) -> None:
    page.locator("input[name=csrf_token]").first.evaluate("field => { field.value = 'spoiled' }")
    press("Log in")(page)


still("login", "/login", None)
still("login_wrong", "/login", None, press("Log in"))
still("login_session_over", "/login?next=/imports", None)
still("login_code", "/login/code", "sam", session="code")
still("login_code_wrong", "/login/code", "sam", fill("Code", "000000", "Log in"), session="code")
still("error_400", "/login", None, spoil_the_form)
still("error_403", f"{CONNECTION}/connect", "max", status=403)
still("error_404", "/customers/00000000-0000-0000-0000-000000000000", status=404)
still("providers_not_connected", "/settings/providers")
still("connect_dialog", "/settings/providers", act=press("Connect to ChartMogul"))
still("connect_dialog_empty", "/settings/providers", act=press("Connect to ChartMogul", "Upload credentials"))
still(
    "connect_dialog_refused",
    "/settings/providers",
    act=after(press("Connect to ChartMogul"), fill("API key", KEY, "Upload credentials")),
)
still("connect_page", f"{CONNECTION}/connect")
still("connection_that_is_not_there", CONNECTION)


@scene()
def providers_setting_up(cast: Cast) -> str:
    rows.set_up_pending(cast.acme)
    return "/settings/providers"


@scene()
def providers_connected(cast: Cast) -> str:
    rows.import_(rows.provider(cast.acme), ImportState.DONE)
    return "/settings/providers"


@scene("max")
def providers_seen_by_a_member(cast: Cast) -> str:
    return providers_connected(cast)


@scene()
def providers_paused(cast: Cast) -> str:
    rows.provider(cast.acme, ProviderState.PAUSED)
    return "/settings/providers"


@scene()
def providers_action_needed(cast: Cast) -> str:
    why = {"action_reason": "key_refused", "action_since": now() - timedelta(hours=3)}
    rows.import_(rows.provider(cast.acme, ProviderState.ACTION_NEEDED, **why), ImportState.FAILED, reason="key_refused")
    return "/settings/providers"


@scene(act=press("Replace API key", "Replace API key"))
def replace_dialog_empty(cast: Cast) -> str:
    return providers_action_needed(cast)


@scene()
def replace_page(cast: Cast) -> str:
    providers_action_needed(cast)
    return f"{CONNECTION}/replace"


@scene()
def providers_disconnected(cast: Cast) -> str:
    rows.furnished(cast.acme, ProviderState.DISCONNECTED)
    return "/settings/providers"


@scene()
def connect_page_when_connected(cast: Cast) -> str:
    rows.provider(cast.acme)
    return f"{CONNECTION}/connect"


@scene(act=press("Manage"))
def manage_dialog(cast: Cast) -> str:
    return providers_connected(cast)


@scene()
def manage_page_action_needed(cast: Cast) -> str:
    providers_action_needed(cast)
    return CONNECTION


@scene(act=press("Manage", "Disconnect from ChartMogul"))
def disconnect_dialog(cast: Cast) -> str:
    rows.import_(rows.furnished(cast.acme).provider, ImportState.RUNNING)
    return "/settings/providers"


@scene()
def disconnect_page(cast: Cast) -> str:
    disconnect_dialog(cast)
    return f"{CONNECTION}/disconnect"
