"""ChartMogul out of reach, slow or broken: said in words, nothing lost, and it goes on when ChartMogul is back."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chartmogul import ChartMogul
from tests.e2e.holdings import connect, customers_held, held, imports_of, there
from tests.e2e.house import House
from tests.e2e.pages.imports import Imports
from tests.e2e.pages.providers import Providers
from tests.e2e.people import Cast

NO_ANSWER = "ChartMogul did not answer. Nothing was saved. Try again."
BROKEN: list[dict[str, Any]] = [
    {"kind": "status", "status": 502},
    {"kind": "html_200"},
    {"kind": "reset"},
    {"kind": "truncated", "match": "/account"},
]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_broken_answers_at_connect_are_not_taken_for_a_key(
    scripts: bool, signed_in: Callable[..., Page], chartmogul: ChartMogul, cast: Cast
) -> None:
    account = chartmogul.account(cast.acme.name, size=5)
    providers = Providers(signed_in(cast.ada, java_script_enabled=scripts))
    providers.open()
    providers.connect_opener.click()

    for fault in BROKEN:
        chartmogul.heal()
        chartmogul.fault(**fault)
        providers.upload(account.key)
        expect(providers.alert).to_contain_text(NO_ANSWER)
        expect(providers.key).to_have_value("")
    chartmogul.heal()
    providers.upload(account.key)

    expect(providers.card).to_contain_text("Setting up")


def test_nobody_there_at_connect(signed_in: Callable[..., Page], chartmogul: ChartMogul, cast: Cast) -> None:
    account = chartmogul.account(cast.acme.name, size=5)
    providers = Providers(signed_in(cast.ada))
    providers.open()

    with chartmogul.down():
        providers.connect(account.key)
        expect(providers.alert).to_contain_text(NO_ANSWER)
    providers.upload(account.key)

    expect(providers.card).to_contain_text("Setting up")


def test_silence_at_connect_ends_by_itself(signed_in: Callable[..., Page], chartmogul: ChartMogul, cast: Cast) -> None:
    account = chartmogul.account(cast.acme.name, size=5)
    chartmogul.fault("hang", seconds=30)
    providers = Providers(signed_in(cast.ada))
    providers.open()
    providers.connect_opener.click()

    providers.key.fill(account.key)
    providers.upload_button.click()

    expect(providers.upload_button).to_have_attribute("aria-busy", "true")
    expect(providers.alert).to_contain_text(NO_ANSWER, timeout=12_000)
    expect(providers.upload_button).not_to_have_attribute("aria-busy", "true")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_import_that_loses_chartmogul_fails_with_words_and_retry_goes_on(
    scripts: bool, signed_in: Callable[..., Page], house: House, chartmogul: ChartMogul, cast: Cast
) -> None:
    account = chartmogul.account(cast.acme.name, size=300)
    connect(house, cast.acme, account)
    chartmogul.fault("status", status=500, match="/activities", after=2)
    imports = Imports(signed_in(cast.ada, java_script_enabled=scripts), scripts)

    imports.open()
    imports.sync_now()
    imports.wait_until(1, "Failed")
    expect(imports.row(1)).to_contain_text("ChartMogul did not answer")
    expect(imports.row(1)).to_contain_text("Retry in a while: the import goes on where it stopped.")
    assert customers_held(house, cast.acme) == account.customers
    chartmogul.heal()
    imports.retry(1)

    imports.wait_until(1, "Done")
    assert held(house, cast.acme) == there(chartmogul, account)
    assert chartmogul.state["per_path"]["/customers"] <= 6  # two pages, read once; the rest is this test's own


def test_nobody_there_during_an_import(
    signed_in: Callable[..., Page], house: House, chartmogul: ChartMogul, cast: Cast
) -> None:
    account = chartmogul.account(cast.acme.name, size=30)
    connect(house, cast.acme, account)
    imports = Imports(signed_in(cast.ada))
    imports.open()

    with chartmogul.down():
        imports.sync_now()
        imports.wait_until(1, "Failed")
        expect(imports.row(1)).to_contain_text("No data was changed")
    imports.retry(1)

    imports.wait_until(1, "Done")
    assert held(house, cast.acme) == there(chartmogul, account)


def test_revoked_key_needs_a_person_and_a_new_key_of_the_same_account(
    signed_in: Callable[..., Page], house: House, chartmogul: ChartMogul, cast: Cast
) -> None:
    account = chartmogul.account(cast.acme.name, size=30)
    other = chartmogul.account(f"Not {cast.acme.name}", size=5, seed=2)
    new_key = "11112222333344445555666677778888"
    chartmogul.another_key(account, new_key)
    connect(house, cast.acme, account)
    page = signed_in(cast.ada)
    imports, providers = Imports(page), Providers(page)

    imports.open()
    imports.sync_now()
    imports.wait_until(1, "Done")
    chartmogul.revoke(account.key)
    imports.open()
    imports.sync_now()
    imports.wait_until(2, "Failed")
    expect(imports.row(2)).to_contain_text("ChartMogul refused the API key")
    expect(imports.row(2).get_by_role("button", name="Retry")).to_have_count(0)

    providers.open()
    expect(providers.card).to_contain_text("Action needed")
    expect(providers.card).to_contain_text("Replace the key to go on.")
    providers.replace_key(other.key)
    expect(providers.alert).to_contain_text("This key opens another ChartMogul account")
    expect(providers.alert).to_contain_text(other.name)
    providers.replace_again(new_key)
    expect(providers.toast).to_contain_text("API key replaced")
    expect(providers.card).to_contain_text("Connected")
    expect(providers.card).to_contain_text("111...888")

    imports.open()
    imports.sync_now()
    imports.wait_until(3, "Done")
    assert [row.state for row in imports_of(house, cast.acme)] == ["done", "failed", "done"]
