"""The property form while it is filled in: what follows from each field, with scripts and without."""

import pytest

from tests import factories
from tests.factories import Cast
from tests.pages import table, value_of
from webapp.extensions import db
from webapp.models import ImportState, ProviderState
from webapp.models.types import now
from webapp.tenancy import acting_for

ATTRIBUTES = {
    "Plan Tier": {"type": "text", "mixed": False, "count": 12, "samples": ["Gold", "Silver"]},
    "odd": {"type": "text", "mixed": True, "count": 2, "samples": ["5", "yes"]},
}


@pytest.fixture
def provider(cast: Cast):
    provider = factories.make_provider(
        cast.acme, last_success_at=now(), last_attempt_at=now(), attributes=ATTRIBUTES, movements_read=1
    )
    factories.make_import(provider)
    return provider


def test_best_match_of_the_name_is_preselected(person, cast, provider):
    answer = person(cast.ada).htmx("/properties/fields?name=Monthly+recurring+revenue&source=chartmogul")

    assert answer.text.lstrip().startswith('<div id="fields"')
    assert value_of(answer.text, "field") == "cm_mrr"
    assert value_of(answer.text, "type") == "money"
    assert value_of(answer.text, "codename") == "monthly_recurring_revenue"
    assert 'id="codename-field" data-hx-swap-oob="true"' in answer.text
    assert 'id="preview" aria-labelledby="preview-name" data-hx-swap-oob="true"' in answer.text
    assert 'id="name"' not in answer.text
    assert 'id="source"' not in answer.text


def test_another_name_changes_only_what_was_filled_in_by_itself(person, cast, provider):
    ada = person(cast.ada)
    untouched = "source=chartmogul&field=cm_mrr&matched=cm_mrr&codename=mrr&suggested=mrr"
    touched = "source=chartmogul&field=cm_arr&matched=cm_mrr&codename=money&suggested=mrr"

    follows, stays = (ada.htmx(f"/properties/fields?name=Country&{query}").text for query in (untouched, touched))

    assert (value_of(follows, "field"), value_of(follows, "codename")) == ("cm_country", "country")
    assert (value_of(stays, "field"), value_of(stays, "codename")) == ("cm_arr", "money")


def test_another_source_offers_its_own_choices(person, cast, provider):
    page = person(cast.ada).htmx("/properties/fields?name=Owner&source=by_hand").text

    assert 'id="field"' not in page
    assert value_of(page, "type") == "text"
    assert "You set its values by hand" in page


def test_another_field_resets_the_type_to_its_own(person, cast, provider):
    page = (
        person(cast.ada)
        .htmx("/properties/types?name=x&source=chartmogul&field=cm_customer_since&type=money&typed_for=cm_mrr")
        .text
    )

    assert page.lstrip().startswith('<div id="types"')
    assert value_of(page, "type") == "date"
    assert [option for option in ("date", "text", "list", "money") if f'value="{option}"' in page] == [
        "date",
        "text",
        "list",
    ]
    assert "Day of the first paid subscription." in page
    assert "customers: customer-since" in page


def test_fields_are_grouped_with_type_and_live_samples(person, cast, provider):
    factories.make_customer(provider, "A", mrr_minor=129_00, country="DE")
    factories.make_customer(provider, "B", mrr_minor=0, country=None)
    factories.make_customer(provider, "C", mrr_minor=249_00, country="DE")
    factories.make_customer(provider, "D", mrr_minor=5, country="FR")

    page = person(cast.ada).get("/properties/new").text

    assert '<optgroup label="Revenue">' in page
    assert ">MRR (money): 129.00\u00a0EUR · 0.00\u00a0EUR · 249.00\u00a0EUR</option>" in page
    assert ">Country (text): DE · FR</option>" in page
    assert '<optgroup label="Custom attributes">' in page
    assert ">Plan Tier (text): Gold · Silver</option>" in page


def test_mixed_attribute_says_that_it_is_read_as_text(person, cast, provider):
    page = person(cast.ada).get("/properties/new?name=odd").text

    assert value_of(page, "field") == "cm_custom_odd"
    assert "Filled for 2 customers in the last import." in page
    assert "Its values are of several types, so they are read as text." in page


def test_preview_shows_five_customers_an_empty_and_an_unreadable_one_among_them(person, cast, provider):
    for number in range(8):
        factories.make_customer(provider, f"Customer {number}", city=str(number))
    factories.make_customer(provider, "Without", city=None)
    factories.make_customer(provider, "Worded", city="Berlin")
    factories.make_customer(provider, "Gone", city="9", gone_at=now())

    page = person(cast.ada).htmx("/properties/preview?name=x&source=chartmogul&field=cm_city&type=number").text

    assert table(page)[1:] == [
        ["Customer 0", "0", "0"],
        ["Customer 1", "1", "1"],
        ["Customer 2", "2", "2"],
        ["Without", "not set", "empty"],
        ["Worded", "Berlin", "cannot be read"],
    ]
    words = " ".join(page.replace("<", " <").split())
    assert ">8 </b>" in words
    assert "cannot be read as a number" in page
    assert "from import #1" in page
    assert "Of the first" not in page


def test_preview_shows_what_is_kept(person, cast, provider):
    factories.make_customer(provider, "A", city="0.123456789")

    page = person(cast.ada).htmx("/properties/preview?source=chartmogul&field=cm_city&type=number").text

    assert table(page)[1:] == [["A", "0.123456789", "0.1235"]]


def test_preview_says_how_many_customers_it_looked_at(person, cast, provider, monkeypatch):
    monkeypatch.setattr("webapp.previews.LOOKED_AT", 3)
    for number in range(5):
        factories.make_customer(provider, f"Customer {number}")

    page = person(cast.ada).htmx("/properties/preview?source=chartmogul&field=cm_mrr&type=money").text

    assert "Of the first 3 customers of 5." in page


def test_preview_of_movements_counts_only_finished_reads(person, cast, provider):
    from datetime import timedelta

    customer = factories.make_customer(provider, "A")
    factories.make_movement(customer, now() - timedelta(days=3), 100_00, 100_00, read=1)
    factories.make_movement(customer, now() - timedelta(days=2), 999_00, 999_00, read=2)

    page = person(cast.ada).htmx("/properties/preview?source=chartmogul&field=cm_mrr_change_30d&type=money").text

    assert table(page)[1] == ["A", "100.00", "100.00 EUR"]


def test_without_scripts_a_button_shows_the_fields(person, cast, provider):
    ada = person(cast.ada)

    page = ada.post("/properties/new", name="Country", source="chartmogul", show="y")

    assert page.status_code == 200
    assert value_of(page.text, "name") == "Country"
    assert value_of(page.text, "field") == "cm_country"
    assert "aria-invalid" not in page.text
    assert (
        '<noscript><button type="submit" class="btn" name="show" value="y">Show fields</button></noscript>' in page.text
    )
    assert "No properties yet" in ada.get("/properties").text


@pytest.mark.parametrize("piece", ["fields", "types", "preview"])
def test_piece_opened_by_itself_leads_to_the_form(person, cast, provider, piece):
    property_ = factories.make_property(cast.acme)
    ada = person(cast.ada)

    assert ada.get(f"/properties/{piece}").location == "/properties/new"
    assert ada.get(f"/properties/{piece}?of={property_.id}").location == f"/properties/{property_.id}/edit"


@pytest.mark.parametrize("piece", ["fields", "types", "preview"])
def test_nonsense_in_a_piece_is_no_error(person, cast, provider, piece):
    ada = person(cast.ada)
    theirs = factories.make_property(cast.globex)

    for query in (
        "",
        "field=x&type=y&source=z",
        "of=1",
        "name=%00&codename=%00",
        f"name={'x' * 10_000}",
        "type=a&type=b",
    ):
        assert ada.htmx(f"/properties/{piece}?{query}").status_code == 200
    assert ada.htmx(f"/properties/{piece}?of={theirs.id}").status_code == 404


def test_field_that_the_account_no_longer_has_stays_chosen(person, cast, provider):
    property_ = factories.make_property(
        cast.acme, "Region", type="text", field="cm_custom_region", custom_key="region", filled_version=1
    )

    page = person(cast.ada).get(f"/properties/{property_.id}/edit").text

    assert value_of(page, "field") == "cm_custom_region"


SUBSCRIPTIONS_READ = [{"name": "subscriptions", "state": "done", "seconds": 1.0}]


@pytest.fixture
def subscribers(provider):
    """Two live subscribers, and three customers who are none."""
    held = {"plans": ["Gold", "Add-on"], "billing_interval_months": 12, "quantity": 7}
    factories.make_customer(provider, "Active", **held)
    factories.make_customer(provider, "Due", status="Past Due")
    factories.make_customer(provider, "Over", status="Cancelled")
    factories.make_customer(provider, "Gone", gone_at=now())
    factories.make_customer(provider, "Unknown", status=None)


@pytest.mark.parametrize("field", ["cm_plans", "cm_billing_interval_months", "cm_quantity"])
def test_field_that_costs_requests_says_so_instead_of_seeming_empty(person, cast, provider, subscribers, field):
    page = person(cast.ada).get(f"/properties/new?name=x&source=chartmogul&field={field}").text

    assert (
        "Values appear after the next sync: ChartMogul is asked for each subscriber's subscriptions, about 2 requests."
    ) in page
    assert "Each import asks ChartMogul for each subscriber's subscriptions: about 2 requests." in page
    assert "not set" not in page
    assert "from import #" not in page
    assert ">Plans (list)</option>" in page
    assert ">Seats (number)</option>" in page


def test_once_an_import_has_asked_the_preview_shows_what_it_found(person, cast, provider, subscribers):
    factories.make_import(provider, steps=SUBSCRIPTIONS_READ)

    page = person(cast.ada).get("/properties/new?name=Plans&source=chartmogul").text

    assert value_of(page, "field") == "cm_plans"
    assert table(page)[1:3] == [["Active", "Gold; Add-on", "Gold, Add-on"], ["Due", "not set", "empty"]]
    assert "from import #2" in page
    assert ">Seats (number): 7</option>" in page
    assert "about 2 requests" in page
    assert "Values appear" not in page


def test_what_an_older_import_found_is_not_shown_as_if_it_were_new(person, cast, provider, subscribers):
    factories.make_import(provider, steps=SUBSCRIPTIONS_READ)
    factories.make_import(provider)

    page = person(cast.ada).get("/properties/new?name=Plans&source=chartmogul").text

    assert "Values appear after the next sync" in page
    assert "Add-on" not in page


def test_what_another_accounts_import_found_is_not_of_this_one(person, cast, provider, subscribers):
    factories.make_import(provider, steps=SUBSCRIPTIONS_READ)
    with acting_for(cast.acme.id):
        provider.state = ProviderState.DISCONNECTED
        db.session.commit()
    other = factories.make_provider(cast.acme, account_id="acc_2", last_attempt_at=now())
    factories.make_import(other, ImportState.FAILED)
    factories.make_customer(other, "Of the other")

    page, mrr = (
        person(cast.ada).get(f"/properties/new?name={name}&source=chartmogul").text for name in ("Plans", "MRR")
    )

    assert "Values appear after the next sync" in page
    assert "Of the other" in mrr
    assert "from import #" not in page + mrr


def test_field_that_costs_no_requests_mentions_none(person, cast, provider, subscribers):
    assert "request" not in person(cast.ada).htmx("/properties/types?source=chartmogul&field=cm_mrr").text


def test_before_the_first_import_nobody_knows_how_many_requests(person, cast, provider):
    page = person(cast.ada).get("/properties/new?name=Seats&source=chartmogul").text

    assert "Values appear after the first import." in page
    assert "request" not in page.split('id="definition"')[1].split("</div>")[0]
