"""The account's page: its MRR, how it was checked, its last months."""

from datetime import timedelta

from tests import factories
from tests.e2e.people import Cast
from tests.e2e.scenes import rows
from tests.e2e.scenes.stage import scene, still
from webapp.models import ImportState, ProviderState
from webapp.models.types import now

CHECKED = {"mrr_minor": 1_234_500, "account_difference_minor": 0}

still("account_not_connected", "/account")
still("account_not_connected_seen_by_a_member", "/account", "max")


@scene()
def account_setting_up(cast: Cast) -> str:
    rows.set_up_pending(cast.acme)
    return "/account"


@scene()
def account_no_import_yet(cast: Cast) -> str:
    rows.provider(cast.acme)
    return "/account"


@scene()
def account_first_import_running(cast: Cast) -> str:
    rows.import_(rows.provider(cast.acme), ImportState.RUNNING)
    return "/account"


@scene()
def account_page(cast: Cast) -> str:
    of = rows.furnished(cast.acme).provider
    factories.give_months(of)
    rows.import_(of, ImportState.DONE, **CHECKED)
    return "/account"


@scene("max")
def account_seen_by_a_member(cast: Cast) -> str:
    return account_page(cast)


@scene()
def account_that_does_not_add_up(cast: Cast) -> str:
    of = rows.furnished(cast.acme).provider
    factories.give_months(of)
    differs = {**CHECKED, "account_difference_minor": -4200, "skipped": 2, "warnings": 9}
    rows.warnings_of(rows.import_(of, ImportState.PARTLY_DONE, **differs))
    return "/account"


@scene()
def account_months_never_readable(cast: Cast) -> str:
    rows.import_(rows.furnished(cast.acme).provider, ImportState.DONE, mrr_minor=1_234_500)
    return "/account"


@scene()
def account_months_not_readable_lately(cast: Cast) -> str:
    of = rows.furnished(cast.acme).provider
    factories.give_months(of, now() - timedelta(days=3))
    rows.import_(of, ImportState.DONE, **CHECKED)
    return "/account"


@scene()
def account_stale(cast: Cast) -> str:
    of = rows.furnished(cast.acme, ProviderState.DISCONNECTED).provider
    factories.give_months(of)
    rows.import_(of, ImportState.DONE, **CHECKED)
    return "/account"


@scene("sam", session="looking")
def impersonated_account(cast: Cast) -> str:
    return account_page(cast)


@scene("sam", session="looking")
def impersonated_account_not_connected(_: Cast) -> str:
    return "/account"
