"""The account's page: MRR now and how it was checked, the last months, and every state before them."""

from datetime import timedelta

import pytest

from simulator import Account
from tests import factories, syncing
from tests.pages import look_around, statements, table
from webapp.extensions import db
from webapp.models import Import, ImportState, ImportWarning, ProviderState
from webapp.models.types import now
from webapp.tenancy import acting_for

NBSP = "\u00a0"


@pytest.fixture
def connected(app, chartmogul, cast):
    account = Account(name="Acme Analytics", seed=9, size=120)
    return syncing.connect_only(cast.acme, chartmogul, account), account


@pytest.fixture
def provider(cast):
    return factories.make_provider(cast.acme, last_success_at=now() - timedelta(hours=1))


def page_of(somebody) -> str:
    answer = somebody.get("/account")
    assert answer.status_code == 200
    return " ".join(answer.text.replace(NBSP, " ").split())


def warn(import_: Import, *kinds: str) -> None:
    with acting_for(import_.tenant_id):
        of = {"tenant_id": import_.tenant_id, "import_id": import_.id}
        db.session.add_all(ImportWarning(kind=kind, **of) for kind in kinds)
        db.session.commit()


def test_whole_path_from_the_import_to_the_page(app, connected, person, cast):
    provider, account = connected
    syncing.run(app, provider)
    total = sum(customer["mrr"] for customer in account.customers())

    page = page_of(person(cast.max))

    assert f"{total / 100:,.2f} EUR" in page
    assert "The customers add up to ChartMogul's own figure, to the cent." in page
    assert "Each customer's movements add up to its MRR." in page
    assert page.count('role="img"') == 3


def test_page_shows_the_months_newest_first_and_says_which_is_running(person, cast, provider):
    factories.give_months(provider)
    factories.make_import(provider, mrr_minor=1_234_500, account_difference_minor=0)

    page = page_of(person(cast.ada))

    rows = table(page)
    assert rows[0] == ["Month", "MRR", "Net MRR movement", "Churned MRR", "Customer churn rate", "Net MRR churn rate"]
    assert len(rows) == 14
    assert rows[1] == [f"{now():%b %Y} So far", "12,345.00 EUR", "+100.00 EUR", "42.00 EUR", "1.71 %", "-0.82 %"]
    assert "<caption" in page
    assert "+4,245.00 EUR in the 12 whole months from" in page
    assert "1,779.00 EUR in the 12 whole months from" in page
    assert "<dd>Europe/Berlin</dd>" in page
    assert "<dd>Acme Analytics</dd>" in page


@pytest.mark.parametrize(
    ("difference", "words"), [(4200, "42.00 EUR</strong> more than"), (-1, "0.01 EUR</strong> less than")]
)
def test_difference_is_said_with_its_size_and_side(person, cast, provider, difference, words):
    factories.make_import(provider, mrr_minor=10_000, account_difference_minor=difference)

    page = page_of(person(cast.ada))

    assert words in page
    assert f"{(10_000 - difference) / 100:,.2f} EUR" in page


def test_customers_whose_movements_do_not_add_up_are_counted_with_a_link(person, cast, provider):
    import_ = factories.make_import(provider, mrr_minor=0, account_difference_minor=0, warnings=3)
    warn(import_, "mrr_differs", "mrr_differs", "too_long")

    page = page_of(person(cast.ada))

    assert "<span>2 customers have movements that do not add up to their MRR." in page
    assert f'href="/imports/{import_.id}#errors"' in page


def test_warnings_that_were_not_kept_make_the_count_a_least(person, cast, provider):
    """None counts as none: those of sums have room of their own among the warnings that are kept."""
    import_ = factories.make_import(provider, mrr_minor=0, account_difference_minor=0, warnings=9)
    warn(import_, "too_long")
    assert "Each customer's movements add up to its MRR" in page_of(person(cast.ada))

    warn(import_, "mrr_differs")
    assert "At least 1 customer has movements" in page_of(person(cast.ada))


@pytest.mark.parametrize("state", [ProviderState.CONNECTED, ProviderState.DISCONNECTED])
def test_what_warnings_said_that_are_kept_no_more_is_no_longer_known(person, cast, state):
    long_ago = now() - timedelta(days=400)
    provider = factories.make_provider(cast.acme, state, last_success_at=long_ago, disconnected_at=now())
    factories.make_import(provider, mrr_minor=0, account_difference_minor=0, warnings=2, ended_at=long_ago)

    page = page_of(person(cast.ada))

    assert "What import #1 found of single customers is no longer kept." in page
    assert ("The next import checks each of them again." in page) == (state == ProviderState.CONNECTED)
    assert "Each customer's movements add up" not in page


def test_import_that_was_retried_and_ended_last_is_the_newest_everywhere(person, cast, provider):
    customer = factories.make_customer(provider)
    factories.make_import(provider, ImportState.PARTLY_DONE, mrr_minor=100, ended_at=now())
    factories.make_import(provider, mrr_minor=200)
    ada = person(cast.ada)

    preview = ada.htmx("/properties/preview?source=chartmogul&field=cm_mrr&type=money").text
    of_customer = ada.get(f"/customers/{customer.id}").text

    assert "import #1" in page_of(ada)
    assert "from import #1" in preview
    assert "Import #1" in of_customer
    assert "#2" not in page_of(ada) + preview + of_customer


def test_newest_complete_import_is_the_one_that_counts(person, cast, provider):
    factories.make_import(provider, mrr_minor=100, account_difference_minor=0, ended_at=now() - timedelta(days=2))
    factories.make_import(provider, ImportState.PARTLY_DONE, mrr_minor=200, account_difference_minor=0)
    factories.make_import(provider, ImportState.FAILED, mrr_minor=300, account_difference_minor=0)

    page = page_of(person(cast.ada))

    assert "2.00 EUR" in page
    assert "import #2" in page
    assert "MRR now 2.00 EUR · last 12 months" in person(cast.max).get("/customers").text.replace(NBSP, " ")


def test_months_that_could_not_be_read_lately_are_muted_with_their_date(person, cast, provider):
    factories.give_months(provider, now() - timedelta(days=3))
    factories.make_import(provider, mrr_minor=1, account_difference_minor=0)

    page = page_of(person(cast.ada))

    assert "Import #1 could not read the monthly figures" in page
    assert "Stale since <time" in page
    assert '<tbody class="muted">' in page
    assert '<h2 id="reconciliation-name">MRR now</h2>' in page


def test_months_never_read_say_so_and_when_they_are_asked_for(person, cast, provider):
    factories.make_import(provider, mrr_minor=1)

    page = page_of(person(cast.ada))

    assert "ChartMogul has not given its monthly figures so far." in page
    assert "the next one starts" in page
    assert "could not read ChartMogul's own figure" in page
    assert "<table" not in page


def test_figures_are_stale_after_disconnecting(person, cast):
    ended = now() - timedelta(hours=3)
    provider = factories.make_provider(
        cast.acme, ProviderState.DISCONNECTED, last_success_at=ended, disconnected_at=now()
    )
    factories.give_months(provider, ended)
    factories.make_import(provider, mrr_minor=1, account_difference_minor=0)

    page = page_of(person(cast.max))

    assert "is not connected any more: what it told is kept as it was" in page
    assert page.count("Stale since <time") == 2
    assert '<tbody class="muted">' in page
    assert '<h2 id="reconciliation-name">MRR on ' in page
    assert "MRR now" not in person(cast.max).get("/customers").text


def test_nothing_connected_leads_to_connecting_for_who_may(person, cast):
    assert 'href="/settings/providers/chartmogul/connect"' in page_of(person(cast.ada))
    member = page_of(person(cast.max))
    assert "Only admins can configure integrations." in member
    assert "/connect" not in member
    assert "disabled>Connect to ChartMogul</button>" in page_of(look_around(person(cast.sam), cast))
    assert "last 12 months" not in person(cast.ada).get("/customers").text


@pytest.mark.parametrize(
    ("state", "import_", "words"),
    [
        (ProviderState.SETTING_UP, None, "Your first import is being set up"),
        (ProviderState.CONNECTED, None, "No import has finished so far."),
        (ProviderState.CONNECTED, ImportState.WAITING, "An import is about to start."),
        (ProviderState.CONNECTED, ImportState.RUNNING, "An import is running."),
        (ProviderState.CONNECTED, ImportState.FAILED, "No import has finished so far."),
        (ProviderState.DISCONNECTED, None, "the connection ended before an import had finished"),
    ],
)
def test_page_before_the_first_import_says_what_comes_next(person, cast, state, import_, words):
    more = {"disconnected_at": now()} if state == ProviderState.DISCONNECTED else {}
    provider = factories.make_provider(cast.acme, state, **more)
    if import_:
        factories.make_import(provider, import_)

    page = page_of(person(cast.max))

    assert words in page
    assert 'href="/imports"' in page
    assert 'id="months"' not in page


def test_neighbour_sees_only_his_own_account(person, cast, provider):
    factories.give_months(provider)
    factories.make_import(provider, mrr_minor=77_700, account_difference_minor=0)
    own = factories.make_provider(cast.globex, account_name="Globex Analytics")
    factories.make_import(own, mrr_minor=88_800, account_difference_minor=0)

    page = page_of(person(cast.gil))

    assert "888.00 EUR" in page
    assert "777.00" not in page
    assert "Acme" not in page
    assert "ChartMogul has not given its monthly figures" in page


def test_support_looking_at_a_tenant_sees_its_account(person, cast, provider):
    factories.give_months(provider)
    factories.make_import(provider, mrr_minor=77_700, account_difference_minor=0)

    assert "777.00 EUR" in page_of(look_around(person(cast.sam), cast))


def test_page_asks_few_questions_however_many_customers_there_are(person, cast, provider):
    factories.give_months(provider)
    factories.make_import(provider, mrr_minor=77_700, account_difference_minor=0)
    ada = person(cast.ada)
    page_of(ada)
    said: list[str] = []
    statements(said)

    page_of(ada)

    assert not [each for each in said if "FROM customers" in each or "FROM movements" in each]
    assert len(said) < 15
