"""From key to property and back: a company connects, support sets up, imports run, a property fills, it ends."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chartmogul import Account, ChartMogul
from tests.e2e.holdings import held, there
from tests.e2e.house import House
from tests.e2e.pages.customers import Customers
from tests.e2e.pages.imports import Imports
from tests.e2e.pages.login import Login
from tests.e2e.pages.properties import Properties
from tests.e2e.pages.providers import Providers
from tests.e2e.pages.support import Support
from tests.e2e.people import Cast

SLOW = 250  # milliseconds per answer: long enough to see an import run


@dataclass
class Stage:
    """Ada of Acme and Sam of support, each in a browser of their own."""

    house: House
    chartmogul: ChartMogul
    cast: Cast
    account: Account
    ada: Page
    sam: Page
    scripts: bool


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def stage(
    request: pytest.FixtureRequest,
    browse: Callable[..., Page],
    house: House,
    chartmogul: ChartMogul,
    cast: Cast,
) -> Stage:
    account = chartmogul.account(f"{cast.acme.name} Analytics", size=450)
    ada, sam = (browse(java_script_enabled=request.param) for _ in range(2))
    return Stage(house, chartmogul, cast, account, ada, sam, request.param)


def test_from_key_to_property_and_back(stage: Stage) -> None:
    sign_in(stage)
    connect(stage)
    support_completes_the_set_up(stage)
    first_import_runs_before_her_eyes(stage)
    create_a_property(stage)
    next_sync_fills_it(stage)
    customers_show_it(stage)
    disconnect(stage)
    assert stage.chartmogul.state["non_get_requests"] == 0


def sign_in(stage: Stage) -> None:
    for page, somebody in ((stage.ada, stage.cast.ada), (stage.sam, stage.cast.sam)):
        login = Login(page)
        login.open()
        login.log_in(somebody)
    expect(stage.ada.get_by_role("heading", name="ChartMogul is not connected")).to_be_visible()
    expect(stage.sam.get_by_role("heading", level=1, name="Pending set-ups")).to_be_visible()


def connect(stage: Stage) -> None:
    providers = Providers(stage.ada)

    providers.open_by_navigation()
    expect(providers.card).to_contain_text("Not connected")
    expect(providers.card).to_contain_text("never writes back to it")
    providers.connect(stage.account.key)

    expect(providers.toast).to_contain_text("Credentials uploaded")
    expect(providers.toast).to_contain_text(f"{stage.account.name}, currency EUR, time zone Europe/Berlin")
    expect(providers.card).to_contain_text("Setting up")
    expect(providers.card).to_contain_text(stage.account.mask)
    expect(providers.card).to_contain_text(stage.cast.ada.email)
    assert stage.account.key not in stage.ada.content()
    stage.ada.goto("/imports")
    expect(stage.ada.get_by_role("heading", name="Your first import is being set up")).to_be_visible()


def support_completes_the_set_up(stage: Stage) -> None:
    support = Support(stage.sam, stage.scripts)

    support.open()
    expect(support.pending(stage.cast.acme)).to_contain_text(stage.account.mask)
    support.open_set_up(stage.cast.acme)
    support.wait_for_probe()
    expect(support.probe).to_contain_text("Accepted")
    expect(support.probe).to_contain_text(f"{stage.account.customers:,} customers")
    expect(support.probe).to_contain_text("movements")
    expect(support.probe.get_by_role("table", name="Sample customers").get_by_role("row").nth(1)).to_be_visible()
    stage.chartmogul.set(latency_ms=SLOW)
    support.complete_set_up(hours=6)

    expect(stage.sam.locator("#toasts")).to_contain_text("Set-up completed")
    expect(stage.sam.get_by_role("main")).to_contain_text("every 6 hours")
    support.open()
    expect(support.pending(stage.cast.acme)).to_have_count(0)


def first_import_runs_before_her_eyes(stage: Stage) -> None:
    imports = Imports(stage.ada, stage.scripts)

    imports.open()
    expect(imports.row(1)).to_contain_text("first import")
    imports.wait_until(1, "Running")
    if stage.scripts:
        expect(imports.row(1).get_by_role("progressbar")).to_be_visible()
        expect(imports.row(1)).to_contain_text(f"of {stage.account.customers}")
    imports.wait_until(1, "Done")
    stage.chartmogul.set(latency_ms=0)

    everybody = f"{stage.account.customers} of {stage.account.customers} customers imported"
    expect(imports.row(1)).to_contain_text(everybody)
    expect(imports.row(1)).to_contain_text(f"{stage.account.customers} changed")
    assert held(stage.house, stage.cast.acme) == there(stage.chartmogul, stage.account)
    imports.open_import(1)
    expect(imports.steps.filter(has_text=": done")).to_have_count(5)
    expect(stage.ada.get_by_role("region", name="What changed")).to_contain_text("New customers")


def create_a_property(stage: Stage) -> None:
    properties = Properties(stage.ada, stage.scripts)

    properties.open()
    properties.begin()
    properties.describe("MRR")
    expect(properties.field).to_have_value("cm_mrr")
    expect(properties.codename).to_have_value("mrr")
    expect(properties.type).to_have_value("money")
    expect(properties.preview.get_by_role("row")).to_have_count(6)
    properties.save()

    expect(properties.toast).to_contain_text("MRR saved. Filled on the next sync.")
    expect(properties.row("MRR")).to_contain_text("Filled on the next sync")
    expect(properties.row("MRR")).to_contain_text(f"0 of {stage.account.customers}")


def next_sync_fills_it(stage: Stage) -> None:
    imports, properties = Imports(stage.ada, stage.scripts), Properties(stage.ada)

    imports.open()
    imports.sync_now()
    expect(imports.toast).to_contain_text("Import #2 started")
    imports.wait_until(2, "Done")
    properties.open()

    expect(properties.row("MRR")).to_contain_text("Up to date")
    expect(properties.row("MRR")).to_contain_text(f"{stage.account.customers} of {stage.account.customers}")


def customers_show_it(stage: Stage) -> None:
    customers = Customers(stage.ada)
    known = stage.chartmogul.all("/customers", stage.account.key)
    names = [row["name"] for row in known]
    chosen = next(row for row in known if row["mrr"] > 0 and row["name"] and names.count(row["name"]) == 1)
    shown = f"{chosen['mrr'] / 100:,.2f}\N{NO-BREAK SPACE}EUR"

    customers.open()
    expect(customers.count).to_have_text(f"{stage.account.customers} customers")
    customers.search(chosen["name"])
    expect(customers.row(chosen["name"])).to_contain_text(shown)
    customers.show(chosen["name"])
    expect(stage.ada.get_by_role("heading", level=1)).to_have_text(chosen["name"])
    expect(customers.value("MRR")).to_contain_text(shown)
    expect(customers.value("MRR")).to_contain_text("import #2")
    expect(stage.ada.get_by_role("img", name="MRR")).to_be_visible()
    expect(stage.ada.get_by_role("table", name="Movements").get_by_role("row").nth(1)).to_be_visible()

    customers.open()
    exported = {row["chartmogul_uuid"]: row["mrr"] for row in customers.download()}
    assert exported == {row["uuid"]: f"{row['mrr'] / 100:.2f}" for row in known}


def disconnect(stage: Stage) -> None:
    providers, customers = Providers(stage.ada), Customers(stage.ada)

    providers.open()
    providers.ask_to_disconnect()
    expect(providers.confirmation).to_be_visible()
    expect(providers.keep_button).to_be_focused()
    expect(stage.ada.get_by_text("Disconnecting cannot be undone.")).to_be_visible()
    expect(stage.ada.get_by_text("1 property stops updating: MRR")).to_be_visible()
    stale = f"values stay on {stage.account.customers} customers, marked as stale"
    expect(stage.ada.get_by_text(stale)).to_be_visible()
    providers.confirm_disconnect()

    expect(providers.toast).to_contain_text("ChartMogul disconnected")
    expect(providers.card).to_contain_text("Not connected")
    expect(providers.card).not_to_contain_text(stage.account.mask)
    customers.open()
    expect(customers.callout).to_be_visible()
    expect(customers.count).to_have_text(f"{stage.account.customers} customers")
    everything_looks_stale(stage)


def everything_looks_stale(stage: Stage) -> None:
    """In the list, on a customer's page and on a property's page: what is kept is muted, with its date."""
    customers, properties = Customers(stage.ada), Properties(stage.ada)
    name = customers.names()[0]
    old = re.compile(r"\bmuted\b")

    for cell in customers.row(name).get_by_role("cell").all():
        expect(cell).to_have_class(re.compile(r"\b(muted|none)\b"))
    customers.show(name)
    expect(customers.callout.first).to_be_visible()
    expect(customers.value("MRR").get_by_role("cell").first).to_have_class(old)
    expect(customers.value("MRR")).to_contain_text("Stale since")
    properties.open()
    expect(properties.row("MRR")).to_contain_text("Stale since")
    properties.show("MRR")
    expect(stage.ada.get_by_role("main").get_by_text("Stale since")).to_be_visible()
    examples = stage.ada.get_by_role("table", name="Some customers and their values")
    expect(examples.get_by_role("cell").first).to_have_class(old)
