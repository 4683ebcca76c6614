"""Who may do what: members read, neighbours find nothing."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests import factories
from tests.e2e.chartmogul import ChartMogul
from tests.e2e.holdings import connect, customers_held, imports_of
from tests.e2e.house import House
from tests.e2e.pages.customers import Customers
from tests.e2e.pages.imports import Imports
from tests.e2e.pages.providers import Providers
from tests.e2e.people import Cast
from tests.e2e.watch import Watch
from webapp.extensions import db
from webapp.models import ImportState, Provider, Tenant

ADMIN_WRITES = {
    "/settings/providers/chartmogul/connect": {"api_key": "0123456789abcdef0123456789abcdef"},
    "/settings/providers/chartmogul/replace": {"api_key": "0123456789abcdef0123456789abcdef"},
    "/settings/providers/chartmogul/disconnect": {},
    "/imports": {},
    "/properties/new": {"name": "Sneaked in", "source": "by_hand", "type": "text"},
}


def test_member_sees_what_there_is_and_no_way_to_change_it(
    signed_in: Callable[..., Page], house: House, chartmogul: ChartMogul, cast: Cast
) -> None:
    account = chartmogul.account(cast.acme.name, size=5)
    connect(house, cast.acme, account)
    page = signed_in(cast.max)
    providers = Providers(page)

    providers.open()

    expect(providers.card).to_contain_text("Connected")
    expect(providers.card).to_contain_text("Only admins can configure integrations.")
    expect(providers.card).not_to_contain_text(account.mask)
    expect(providers.card.get_by_role("link")).to_have_count(0)
    expect(providers.card.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("heading", name="Support access")).to_have_count(0)
    for path in ("/imports", "/properties"):
        page.goto(path)
        buttons = page.get_by_role("main").get_by_role("button").all_inner_texts()
        assert set(buttons) <= {"Filter", "Search"}, path


def test_member_is_refused_whatever_is_posted(
    signed_in: Callable[..., Page], house: House, chartmogul: ChartMogul, cast: Cast
) -> None:
    connect(house, cast.acme, chartmogul.account(cast.acme.name, size=5))
    page = signed_in(cast.max)
    page.goto("/customers")
    token = page.locator("input[name=csrf_token]").first.input_value()

    for path, fields in ADMIN_WRITES.items():
        for headers in ({}, {"HX-Request": "true"}):
            answer = page.request.post(path, form={**fields, "csrf_token": token}, headers=headers, max_redirects=0)
            assert answer.status == 403, path

    assert imports_of(house, cast.acme) == []
    assert chartmogul.state["requests"] == 0


def test_member_meets_a_page_that_says_so(signed_in: Callable[..., Page], watch: Watch, cast: Cast) -> None:
    watch.expect(403)
    page = signed_in(cast.max)

    page.goto("/settings/providers/chartmogul/connect")

    expect(page.get_by_role("heading", level=1)).to_have_text("Only admins can do this")


def test_neighbour_finds_nothing_of_acme(
    signed_in: Callable[..., Page], watch: Watch, house: House, cast: Cast
) -> None:
    watch.expect(404)
    with house.rows():
        acme = db.session.get_one(Tenant, cast.acme.id)
        provider: Provider = factories.make_provider(acme)
        import_ = factories.make_import(provider, ImportState.FAILED, reason="unavailable")
        customer = factories.make_customer(provider, name="Sentinel of Acme")
        property_ = factories.make_property(acme, "Sentinel property")
        ids = {
            "imports": str(import_.id),
            "customers": str(customer.id),
            "properties": str(property_.id),
        }
    page = signed_in(cast.gil)

    for path in ("/customers", "/properties", "/imports", "/settings/providers", "/customers?q=Sentinel"):
        page.goto(path)
        expect(page.get_by_role("main")).not_to_contain_text("Sentinel")
        expect(page.get_by_role("main")).not_to_contain_text(cast.acme.name)
    for folder, id_ in ids.items():
        answer = page.goto(f"/{folder}/{id_}")
        assert answer
        assert answer.status == 404, folder
        expect(page.get_by_role("heading", level=1)).to_have_text("Page not found")
    page.goto("/customers")
    token = page.locator("input[name=csrf_token]").first.input_value()
    for action in ("cancel", "retry"):
        path = f"/imports/{ids['imports']}/{action}"
        assert page.request.post(path, form={"csrf_token": token}, max_redirects=0).status == 404
    assert page.request.get("/customers.csv").text().count("\n") == 1
    assert [row.state for row in imports_of(house, cast.acme)] == ["failed"]


def test_two_companies_of_one_chartmogul_account_stay_apart(
    signed_in: Callable[..., Page], house: House, chartmogul: ChartMogul, cast: Cast
) -> None:
    account = chartmogul.account("Shared", size=20)
    connect(house, cast.acme, account)
    connect(house, cast.globex, account)
    imports = Imports(signed_in(cast.ada))

    imports.open()
    imports.sync_now()
    imports.wait_until(1, "Done")

    assert customers_held(house, cast.acme) == account.customers
    assert customers_held(house, cast.globex) == 0
    neighbour = Customers(signed_in(cast.gil))
    neighbour.open()
    expect(neighbour.page.get_by_role("heading", name="No customers yet")).to_be_visible()


def test_stranger_of_no_session_is_sent_to_log_in(browse: Callable[..., Page]) -> None:
    page = browse()

    for path in ("/customers", "/imports", "/properties", "/settings/providers", "/support"):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_have_text("Log in")


def test_support_console_does_not_exist_for_an_admin(signed_in: Callable[..., Page], watch: Watch, cast: Cast) -> None:
    watch.expect(404)
    page = signed_in(cast.ada)

    for path in ("/support", f"/support/tenants/{cast.acme.id}", f"/support/tenants/{cast.globex.id}/set-up"):
        answer = page.goto(path)
        assert answer
        assert answer.status == 404, path
