"""The page of one import: its steps, what it changed, and its errors with what to do about them."""

import re

import pytest

from tests.factories import Cast, make_customer, make_import, make_provider
from tests.person import Person
from tests.texts import without_tokens, words_of
from webapp.chartmogul.records import Doubt, Refusal
from webapp.extensions import db
from webapp.models import Import, ImportState, ImportWarning, Provider, Reason
from webapp.tenancy import acting_for, insert_rows
from webapp.wording import TROUBLES

KINDS = [*Refusal, *Doubt, "mrr_differs", "account_mrr_differs", "customers_missing", "value_unreadable"]
KINDS += ["subscriptions_missing", "subscriptions_unreadable"]


@pytest.fixture
def provider(cast: Cast) -> Provider:
    return make_provider(cast.acme)


@pytest.fixture
def ada(person, cast: Cast) -> Person:
    return person(cast.ada)


def add_warnings(import_: Import, *warnings: dict[str, str]) -> None:
    with acting_for(import_.tenant_id):
        empty = {"customer_name": None, "customer_uuid": None, "detail": None}
        insert_rows(ImportWarning, [{**empty, "import_id": import_.id, **warning} for warning in warnings])
        import_.warnings = len(warnings)
        db.session.commit()


def test_done_import_shows_its_steps_and_changes(ada: Person, provider: Provider):
    steps = [
        {"name": "check_key", "state": "done", "seconds": 0.4},
        {"name": "customers", "state": "done", "seconds": 52.0},
        {"name": "movements", "state": "done", "seconds": 40.0},
        {"name": "match", "state": "done", "seconds": 3.0},
        {"name": "properties", "state": "done", "seconds": 15.0},
    ]
    customers = {"customers_read": 1284, "created": 4, "updated": 54, "unchanged": 1223, "gone": 2, "skipped": 3}
    movements = {"movements_read": 3000, "movements_added": 9, "movements_removed": 1, "values_changed": 58}
    more = {"requests": 1014, "slowdowns": 1, "account_difference_minor": -1234, **customers, **movements}
    import_ = make_import(provider, ImportState.PARTLY_DONE, steps=steps, trigger="scheduled", **more)

    words = words_of(ada.get(f"/imports/{import_.id}").text)

    assert "ChartMogul import #1 Started 1 hour ago by schedule · took 12 s · 1 attempt Partly done Retry" in words
    assert "Steps Check the API key : done 0.4 s Read customers : done 1,284 · 52 s" in words
    assert "Read movements : done 3,000 · 40 s Match customers : partly done 3 skipped · 3.0 s" in words
    assert "Fill properties : done 58 changed · 15 s" in words
    assert "New customers 4 Changed 54 Unchanged 1,223 No longer in ChartMogul 2 Skipped 3" in words
    assert "Movements 9 added, 1 removed Property values 58 changed" in words
    assert "Requests to ChartMogul 1,014, 1 slowed down by its rate limit" in words
    assert "MRR difference -12.34 EUR against ChartMogul's total" in words


def test_import_without_errors_or_difference_mentions_neither(ada: Person, provider: Provider):
    page = ada.get(f"/imports/{make_import(provider, account_difference_minor=0).id}").text

    assert 'id="errors"' not in page
    assert "MRR difference" not in page


def test_waiting_import_shows_the_steps_to_come(ada: Person, provider: Provider):
    words = words_of(ada.get(f"/imports/{make_import(provider, ImportState.WAITING).id}").text)

    assert "Check the API key : waiting Read customers : waiting Read movements : waiting Match customers" in words


def test_steps_of_a_stopped_import_do_not_seem_to_run(ada: Person, provider: Provider):
    steps = [{"name": "customers", "state": "running", "seconds": None}]
    words = words_of(ada.get(f"/imports/{make_import(provider, ImportState.CANCELLED, steps=steps).id}").text)

    assert "Read customers : stopped" in words


def test_steps_of_an_import_that_waits_again_wait_too(ada: Person, provider: Provider):
    steps = [{"name": "customers", "state": "running", "seconds": None}]
    import_ = make_import(provider, ImportState.WAITING, steps=steps, customers_read=1200)

    assert "Read customers : waiting 1,200" in words_of(ada.get(f"/imports/{import_.id}").text)


def test_failed_import_says_why_and_with_what_detail(ada: Person, person, cast: Cast, provider: Provider):
    import_ = make_import(provider, ImportState.FAILED, reason=Reason.KEY_REFUSED, detail="<b>401</b>")

    page = ada.get(f"/imports/{import_.id}").text

    assert "ChartMogul refused the API key" in page
    assert '<a href="/settings/providers/chartmogul">Replace the API key</a>' in page
    assert "&lt;b&gt;401&lt;/b&gt;" in page
    assert "Replace the API key" not in person(cast.max).get(f"/imports/{import_.id}").text


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_error_has_its_words_and_its_advice(ada: Person, provider: Provider, kind: str):
    import_ = make_import(provider)
    add_warnings(import_, {"kind": kind, "customer_name": "Ink & Iron", "detail": "so and so"})

    words = words_of(ada.get(f"/imports/{import_.id}").text)

    said = "" if kind in set(Refusal) else " so and so"  # why a record was refused is in the title
    assert f"Ink & Iron {TROUBLES[kind].title}{said} {TROUBLES[kind].advice}" in words


def test_unknown_kind_of_error_shows_what_was_noted(ada: Person, provider: Provider):
    import_ = make_import(provider)
    add_warnings(import_, {"kind": "from_the_future", "customer_uuid": "cus_1", "detail": "The moon is full"})

    assert "cus_1 The moon is full Nothing to do in ChartMogul." in words_of(ada.get(f"/imports/{import_.id}").text)


def test_errors_come_50_to_a_page(ada: Person, provider: Provider):
    import_ = make_import(provider)
    add_warnings(import_, *({"kind": "too_long", "customer_name": f"Customer {number:03}"} for number in range(60)))
    address = f"/imports/{import_.id}"

    first, second = ada.get(address).text, ada.get(f"{address}?page=2").text

    assert "60 warnings" in first
    assert (first.count('<th scope="row">'), second.count('<th scope="row">')) == (50, 10)
    assert f'href="{address}?page=2#errors"' in first
    assert "Errors 51 to 60 of 60" in second
    assert ada.get(f"{address}?page=3").status_code == ada.get(f"{address}?page=x").status_code == 404


def test_what_is_wrong_with_the_whole_comes_before_what_is_with_records(ada: Person, provider: Provider):
    import_ = make_import(provider)
    of_records = {"kind": "not_an_object"}, {"kind": "too_long", "customer_name": "Anna"}
    add_warnings(import_, *of_records, {"kind": "account_mrr_differs"}, {"kind": "customers_missing"})

    words = words_of(ada.get(f"/imports/{import_.id}").text)

    kinds = "account_mrr_differs", "customers_missing", "too_long", "not_an_object"
    of_account, missing, of_anna, of_nobody = (words.index(TROUBLES[kind].title) for kind in kinds)
    assert max(of_account, missing) < of_anna < of_nobody


def test_customer_that_we_hold_is_led_to_from_its_error(ada: Person, provider: Provider):
    import_ = make_import(provider)
    held = make_customer(provider, "Anna")
    names = {"kind": "too_long", "customer_name": "Anna"}
    add_warnings(import_, {**names, "customer_uuid": held.uuid}, {**names, "customer_uuid": "cus_skipped"})

    page = ada.get(f"/imports/{import_.id}").text

    assert page.count(f'<a href="/customers/{held.id}">Anna</a>') == 1
    assert '<th scope="row">Anna</th>' in page


def test_names_from_chartmogul_are_only_ever_text(ada: Person, provider: Provider):
    evil = "<script>alert(1)</script>{{7*7}}\"' hx-get=/x \u202e"
    import_ = make_import(provider, requested_by=evil[:80])
    add_warnings(import_, {"kind": evil[:40], "customer_name": evil, "detail": evil})

    for page in (ada.get(f"/imports/{import_.id}").text, ada.get("/imports").text):
        assert "<script>alert" not in page
        assert not re.search(r"<[^>]* hx-get", page)
        assert "{{7*7}}" in page


def test_page_and_its_swap_are_the_same(ada: Person, provider: Provider):
    import_ = make_import(provider, ImportState.WAITING)
    address = f"/imports/{import_.id}"

    answer = ada.client.get(
        f"{address}/live?shown=running.0.0", headers={"HX-Request": "true", "HX-Target": "import-1-live"}
    )

    piece = answer.text.split('<p id="run-announce"')[0].strip()
    assert without_tokens(piece) in without_tokens(ada.get(address).text)


@pytest.mark.parametrize("id_", ["1", "-1", "9223372036854775808", "1%20OR%201=1", "%00", "..%2f..%2fetc"])
def test_odd_addresses_are_not_found(ada: Person, id_: str):
    assert ada.get(f"/imports/{id_}").status_code == 404
