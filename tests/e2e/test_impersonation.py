"""Support looks at a tenant: with a reason, read-only, for a while, and the tenant can see that it did."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chartmogul import ChartMogul
from tests.e2e.holdings import connect, imports_of
from tests.e2e.house import House
from tests.e2e.pages.providers import Providers
from tests.e2e.pages.support import Support
from tests.e2e.people import Cast
from tests.e2e.watch import Watch

REASON = "Ticket 4711: the import looks odd"
PAGES = ("/customers", "/properties", "/imports", "/settings/providers")


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def support(
    request: pytest.FixtureRequest,
    signed_in: Callable[..., Page],
    house: House,
    chartmogul: ChartMogul,
    cast: Cast,
) -> Support:
    """Sam, asked for the reason to look at Acme, which is connected."""
    connect(house, cast.acme, chartmogul.account(cast.acme.name, size=5))
    support = Support(signed_in(cast.sam, java_script_enabled=request.param))
    support.open()
    support.ask_to_impersonate(cast.acme)
    return support


def test_reason_is_required(support: Support) -> None:
    support.impersonate("   ")

    expect(support.page.get_by_text("Enter a reason. The tenant's admins can read it.")).to_be_visible()
    expect(support.reason).to_be_focused()
    expect(support.banner).to_have_count(0)


def test_support_sees_what_the_admin_sees_and_can_change_nothing(
    support: Support, watch: Watch, house: House, chartmogul: ChartMogul, cast: Cast
) -> None:
    watch.expect(403, 404)
    page = support.page

    support.impersonate(REASON)

    for path in PAGES:
        page.goto(path)
        expect(support.banner).to_contain_text(f"You are viewing {cast.acme.name} as support (read-only)")
        expect(support.banner).to_contain_text(REASON)
        expect(support.banner).to_contain_text("30 minutes left")
        assert page.title().startswith("[Support] ")
        for button in page.get_by_role("main").locator("form[method=post]").get_by_role("button").all():
            expect(button).to_be_disabled()
    token = page.locator("input[name=csrf_token]").first.input_value()
    for path in ("/imports", "/settings/providers/chartmogul/disconnect", "/properties/new"):
        answer = page.request.post(path, form={"csrf_token": token}, max_redirects=0)
        assert answer.status == 403, path
    for path in ("/settings/providers/chartmogul/connect", "/settings/providers/chartmogul/replace", "/customers.csv"):
        assert page.request.get(path).status == 403, path
    assert page.request.get("/support").status == 404
    assert imports_of(house, cast.acme) == []
    assert chartmogul.state["requests"] == 0


def test_tenant_sees_who_looked_and_that_it_is_over(
    support: Support, signed_in: Callable[..., Page], watch: Watch, cast: Cast
) -> None:
    admin = Providers(signed_in(cast.ada))

    support.impersonate(REASON)
    expect(support.banner).to_be_visible()
    admin.open()
    expect(admin.support_access).to_contain_text(cast.sam.email)
    expect(admin.support_access).to_contain_text(REASON)
    expect(admin.support_access).to_contain_text("Looking now")

    support.stop_impersonating()
    expect(support.page.get_by_role("heading", level=1, name=cast.acme.name)).to_be_visible()
    expect(support.banner).to_have_count(0)
    admin.open()
    expect(admin.support_access).to_contain_text(f"Stopped by {cast.sam.email}")
    watch.expect(403)
    support.page.goto("/customers")
    expect(support.page.get_by_role("heading", level=1, name="Customers")).to_have_count(0)


def test_one_tenant_at_a_time(support: Support, signed_in: Callable[..., Page], watch: Watch, cast: Cast) -> None:
    watch.expect(403)
    support.impersonate(REASON)
    expect(support.banner).to_be_visible()
    elsewhere = Support(signed_in(cast.sam))
    elsewhere.open()

    elsewhere.ask_to_impersonate(cast.globex)
    elsewhere.impersonate("Another reason")

    expect(elsewhere.page.get_by_role("alert")).to_contain_text(f"You are viewing {cast.acme.name} already")
