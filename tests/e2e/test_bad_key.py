"""A key that is not one: said beside the field, and nothing is kept."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chartmogul import ChartMogul
from tests.e2e.house import House
from tests.e2e.pages.providers import Providers
from tests.e2e.people import Cast
from webapp import credentials
from webapp.extensions import db
from webapp.models import Provider

REVOKED = "0123456789abcdef0123456789abcdef"
ENDED_TRIAL = "fedcba9876543210fedcba9876543210"
BAD_KEYS = {
    "empty": ("", "Enter the API key."),
    "blanks": ("   ", "Enter the API key."),
    "masked": ("abc...xyz", "This is the masked preview, not the key. Paste the whole key from ChartMogul."),
    "in two pieces": (
        "0123456789abcdef 0123456789abcdef",
        "This has blanks or line breaks inside. Paste the key in one piece.",
    ),
    "short": ("abc123", "This is too short for an API key. Paste the whole key."),
    "long": ("a" * 10_000, "This is too long for an API key. Paste the key alone."),
    "foreign letters": (
        "schlüssel-aus-chartmogul",
        "This has characters that no API key has. Copy the key from ChartMogul again.",
    ),
}


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def providers(request: pytest.FixtureRequest, signed_in: Callable[..., Page], cast: Cast) -> Providers:
    providers = Providers(signed_in(cast.ada, java_script_enabled=request.param))
    providers.open()
    return providers


def nothing_is_kept(house: House, cast: Cast) -> bool:
    with house.rows(cast.acme.id):
        keys = [name for name in credentials.store().names() if str(cast.acme.id) in name]
        return Provider.current() is None and not keys and db.session.query(Provider).count() == 0


def test_what_cannot_be_a_key_is_refused_without_asking_chartmogul(
    providers: Providers, house: House, chartmogul: ChartMogul, cast: Cast
) -> None:
    providers.connect_opener.click()

    for key, sentence in BAD_KEYS.values():
        providers.upload(key)

        expect(providers.page.get_by_text(sentence)).to_be_visible()
        expect(providers.key).to_have_value("")
        expect(providers.key).to_be_focused()
        expect(providers.key).to_have_accessible_description(re.compile(re.escape(sentence)))
    assert chartmogul.state["requests"] == 0
    assert nothing_is_kept(house, cast)


def test_key_that_chartmogul_refuses_is_not_kept(
    providers: Providers, house: House, chartmogul: ChartMogul, cast: Cast
) -> None:
    account = chartmogul.account(cast.acme.name, size=5, key=REVOKED)
    chartmogul.revoke(account.key)

    providers.connect(account.key)

    expect(providers.alert).to_contain_text("Upload failed / invalid token")
    expect(providers.alert).to_contain_text(
        "Re-check that you copied the full key and that its access level is at least Read-only."
    )
    expect(providers.key).to_have_value("")
    expect(providers.key).to_be_focused()
    assert nothing_is_kept(house, cast)
    assert REVOKED not in providers.page.content()


def test_key_of_an_account_whose_trial_ended_is_not_kept(
    providers: Providers, house: House, chartmogul: ChartMogul, cast: Cast
) -> None:
    chartmogul.account(cast.acme.name, size=5, key=ENDED_TRIAL)
    chartmogul.fault("status", status=403, match="/(ping|account)")

    providers.connect(ENDED_TRIAL)

    expect(providers.alert).to_contain_text("This key may not read your ChartMogul account")
    expect(providers.alert).to_contain_text("Read-only")
    assert nothing_is_kept(house, cast)


def test_good_key_with_blanks_around_it_is_accepted(providers: Providers, chartmogul: ChartMogul, cast: Cast) -> None:
    account = chartmogul.account(cast.acme.name, size=5)

    providers.connect(f"  {account.key}\n")

    expect(providers.toast).to_contain_text("Credentials uploaded")
    expect(providers.card).to_contain_text(account.mask)


def test_key_of_a_connection_that_exists_is_not_taken_again(
    providers: Providers, signed_in: Callable[..., Page], chartmogul: ChartMogul, cast: Cast
) -> None:
    account = chartmogul.account(cast.acme.name, size=5)
    elsewhere = Providers(signed_in(cast.ada))
    elsewhere.open()
    elsewhere.connect_opener.click()
    providers.connect(account.key)
    expect(providers.card).to_contain_text("Setting up")

    elsewhere.upload(account.key)

    expect(elsewhere.alert).to_contain_text("ChartMogul is already connected")
