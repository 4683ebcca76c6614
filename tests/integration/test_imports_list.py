"""Finding imports: filters, pages, the CSV file, and addresses that make no sense."""

import csv
import io
import re

import pytest

from tests.factories import Cast, make_import, make_provider
from tests.pages import look_around, statements
from tests.person import Person
from tests.texts import without_tokens
from webapp.extensions import db
from webapp.models import ImportState, ImportWarning, Provider, ProviderState, Reason
from webapp.models.types import now
from webapp.tenancy import acting_for, insert_rows


@pytest.fixture
def provider(cast: Cast) -> Provider:
    return make_provider(cast.acme)


@pytest.fixture
def ada(person, cast: Cast) -> Person:
    return person(cast.ada)


def numbers(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'<li id="run-(\d+)"', page)]


def cells(answer) -> list[list[str]]:
    assert answer.content_type == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    return list(csv.reader(io.StringIO(answer.text)))


@pytest.mark.parametrize(
    ("status", "found"), [("", [4, 3, 2, 1]), ("done", [1]), ("failed", [2]), ("running", [4]), ("waiting", [])]
)
def test_status_filter(ada: Person, provider: Provider, status: str, found: list[int]):
    for state in (ImportState.DONE, ImportState.FAILED, ImportState.CANCELLED, ImportState.CANCELLING):
        make_import(provider, state)

    assert numbers(ada.get(f"/imports?status={status}&provider=").text) == found


def test_filter_without_a_match_offers_to_clear_it(ada: Person, provider: Provider):
    make_import(provider)

    page = ada.get("/imports?status=failed").text

    assert "No imports match" in page
    assert 'href="/imports">Clear filters</a>' in page
    assert '<option value="failed" selected>' in page


def test_accounts_are_told_apart_once_there_are_two(ada: Person, cast: Cast, provider: Provider):
    make_import(provider)
    assert f'<option value="{provider.id}">ChartMogul</option>' in ada.get("/imports").text
    old = make_provider(cast.acme, ProviderState.DISCONNECTED, account_name="Acme <Old>", disconnected_at=now())
    make_import(old)

    page = ada.get(f"/imports?provider={old.id}").text

    assert numbers(page) == [2]
    assert f'<option value="{old.id}" selected>ChartMogul: Acme &lt;Old&gt; (not connected)</option>' in page


def test_htmx_gets_the_list_alone(ada: Person, provider: Provider):
    make_import(provider)

    whole, part = ada.get("/imports?status=done").text, ada.htmx("/imports?status=done").text

    assert part.startswith('<div id="import-list">')
    assert without_tokens(part) in without_tokens(whole)


def test_pages_hold_25_and_lead_to_each_other(ada: Person, provider: Provider):
    for _ in range(30):
        make_import(provider)

    first, second = ada.get("/imports").text, ada.get("/imports?page=2").text

    assert numbers(first) == list(range(30, 5, -1))
    assert numbers(second) == [5, 4, 3, 2, 1]
    assert "Imports 1 to 25 of 30" in first
    assert "Imports 26 to 30 of 30" in second
    assert (">Newer<" in first, ">Older<" in first) == (False, True)
    assert (">Newer<" in second, ">Older<" in second) == (True, False)


def test_pages_keep_the_filter(ada: Person, provider: Provider):
    for _ in range(26):
        make_import(provider)

    assert "/imports?page=2&amp;status=done" in ada.get("/imports?status=done").text


@pytest.mark.parametrize(
    "query",
    [
        "status=nonsense",
        "status=Done",
        "provider=1",
        "provider=%00",
        "page=0",
        "page=-1",
        "page=2",
        "page=1.5",
        "page=%D9%A3",
        "page=99999999999999999999999999",
        "page=1&page=2",
        "status=done&status=failed",
    ],
)
def test_address_without_sense_is_not_found(ada: Person, provider: Provider, query: str):
    make_import(provider)

    assert ada.get(f"/imports?{query}").status_code == 404
    assert ada.htmx(f"/imports?{query}").data == b""
    assert ada.get(f"/imports.csv?{query}").status_code == (200 if query == "page=2" else 404)


def test_unknown_provider_of_a_good_form_matches_nothing(ada: Person, cast: Cast, provider: Provider):
    make_import(provider)
    neighbours = make_provider(cast.globex)
    make_import(neighbours)

    assert "No imports match" in ada.get(f"/imports?provider={neighbours.id}").text


def test_neighbours_imports_are_nowhere(person, cast: Cast, provider: Provider):
    import_ = make_import(provider, detail="secret of Acme")
    gil = person(cast.gil)

    assert "run-1" not in gil.get("/imports").text
    assert "acme" not in gil.get("/imports.csv").text
    for path in ("", "/live", "/errors.csv"):
        assert gil.get(f"/imports/{import_.id}{path}").status_code == 404
    for verb in ("cancel", "retry"):
        assert gil.post(f"/imports/{import_.id}/{verb}").status_code == 404


def test_csv_holds_the_filtered_imports_and_no_formula(ada: Person, provider: Provider):
    make_import(provider, customers_read=5, created=5, requested_by="=cmd|'/c calc'!A1", requests=7)
    make_import(provider, ImportState.FAILED, reason=Reason.UNAVAILABLE)

    head, *rows = cells(ada.get("/imports.csv?status=done"))
    row = dict(zip(head, rows[0], strict=True))

    assert len(rows) == 1
    assert (row["number"], row["state"], row["customers_new"], row["requests"]) == ("1", "done", "5", "7")
    assert row["requested_by"] == "'=cmd|'/c calc'!A1"
    assert row["reason"] == ""
    assert cells(ada.get("/imports.csv"))[1][head.index("reason")] == "ChartMogul did not answer"


def test_errors_csv_holds_all_errors_and_no_formula(ada: Person, cast: Cast, provider: Provider):
    import_ = make_import(provider, ImportState.PARTLY_DONE, warnings=120)
    with acting_for(cast.acme.id):
        row = {"import_id": import_.id, "customer_name": "+1 Ltd", "kind": "too_long", "detail": "company"}
        insert_rows(ImportWarning, [row] * 120)
        db.session.commit()

    head, *rows = cells(ada.get(f"/imports/{import_.id}/errors.csv"))

    assert head == ["customer", "chartmogul_uuid", "what_went_wrong", "detail", "what_to_do"]
    assert len(rows) == 120
    assert rows[0][:4] == ["'+1 Ltd", "", "Too long, cut", "company"]


def test_support_sees_the_buttons_disabled_and_gets_no_file(person, cast: Cast, provider: Provider):
    failed = make_import(provider, ImportState.FAILED, reason=Reason.BUSY)
    sam = look_around(person(cast.sam), cast)

    page = sam.get("/imports").text

    for button in ("Download as CSV", "Sync now", "Retry"):
        assert re.search(rf"<button[^>]* disabled>(<svg[^>]*>.*?</svg>)?{button}", page)
    assert "Read-only while you view as support." in page
    for path in ("/imports.csv", f"/imports/{failed.id}/errors.csv"):
        assert sam.get(path).status_code == 403
    for path in ("/imports", f"/imports/{failed.id}/retry", f"/imports/{failed.id}/cancel"):
        assert sam.post(path).status_code == 403


def test_a_long_list_costs_as_many_queries_as_a_short_one(ada: Person, provider: Provider):
    counts = []
    for rows in (2, 23):
        for _ in range(rows):
            make_import(provider, ImportState.PARTLY_DONE, skipped=1, warnings=1)
        noted: list[str] = []
        statements(noted)
        ada.get("/imports")
        counts.append(len([statement for statement in noted if statement.startswith("SELECT")]))

    assert counts[0] == counts[1] <= 9
