"""Fields of which an account sends nothing: found by an import, said in the form and on a property's page."""

from datetime import timedelta

import pytest

from simulator import Simulator
from tests import factories, syncing
from tests.factories import Cast
from tests.texts import words_of
from webapp.chartmogul.fields import FIELDS, Cost
from webapp.evidence import fields_without_values
from webapp.extensions import db
from webapp.models import Customer, ImportWarning, Movement, Provider
from webapp.models.types import now
from webapp.tenancy import acting_for, insert_rows, owned
from webapp.values import Moment, field_values

NONE_HAS_ONE = "None of the 2 customers of the last import has a value of this field."


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now(), last_attempt_at=now())


def lacking(provider):
    with acting_for(provider.tenant_id):
        return fields_without_values(provider, now())


def test_account_without_customers_lacks_nothing(provider):
    assert lacking(provider) == []


def test_customers_alone_lack_every_field_of_movements(provider):
    factories.make_customer(provider, city=None, country="", tags=[], company="Finch Ltd")
    factories.make_customer(provider, "Gone", city="Bonn", tags=["old"], gone_at=now())

    found = lacking(provider)

    of_movements = {codename for codename, field in FIELDS.items() if field.cost is Cost.MOVEMENTS}
    assert of_movements <= set(found)
    assert set(found) - of_movements == {
        "cm_trial_to_paid_days",
        "cm_days_past_due",
        "cm_country",
        "cm_city",
        "cm_billing_system",
        "cm_tags",
    }


def test_one_customer_with_a_value_is_enough(provider):
    factories.make_customer(provider, city=None)
    customer = factories.make_customer(
        provider, city="Bonn", tags=["a"], free_trial_started_at=now() - timedelta(days=500), billing_system="Stripe",
        country="DE", company="Finch", past_due_since=now(), status="Past Due",
    )  # fmt: skip
    for number, type_ in enumerate(("new_biz", "expansion", "contraction", "churn")):
        factories.make_movement(customer, now() - timedelta(days=9 - number), 100, 100, type=type_)

    assert lacking(provider) == ["cm_scheduled_churn_on"]


def test_movements_of_a_read_that_is_not_finished_and_other_types_do_not_count(provider):
    customer = factories.make_customer(provider)
    factories.make_movement(customer, now() - timedelta(days=9), 100, 100)
    factories.make_movement(customer, now() + timedelta(days=9), -50, 50, type="contraction")
    factories.make_movement(customer, now() - timedelta(days=1), -50, 50, type="churn", read=7)

    found = set(lacking(provider))

    assert {"cm_churned_on", "cm_scheduled_churn_on", "cm_days_since_contraction"} <= found
    assert not {"cm_last_movement", "cm_mrr_vs_peak_pct", "cm_scheduled_mrr_change"} & found


def test_what_an_import_finds_lacking_nobody_has_a_value_of(app, cast, chartmogul: Simulator):
    syncing.run(app, syncing.connect(cast.acme, chartmogul))

    with acting_for(cast.acme.id):
        provider = Provider.current()
        moment = Moment(now(), provider.zone, 1)
        customers = db.session.scalars(owned(Customer)).all()
        movements = db.session.scalars(Movement.that_count(provider)).all()
        for customer in customers:
            of = [movement for movement in movements if movement.customer_uuid == customer.uuid]
            found = field_values(list(FIELDS), customer, of, moment)
            assert not set(found) & set(provider.fields_without_values)


def test_form_says_so_of_the_field_and_marks_it_in_the_choice(person, cast, provider):
    provider.fields_without_values = ["cm_city"]
    for name in ("A", "B"):
        factories.make_customer(provider, name, city=None, country="DE")
    ada = person(cast.ada)

    city, country = (ada.get(f"/properties/new?name={name}").text for name in ("City", "Country"))

    assert NONE_HAS_ONE in words_of(city)
    assert ">City (text): no customer has a value</option>" in city
    assert NONE_HAS_ONE not in words_of(country)
    assert ">City (text): no customer has a value</option>" in country


def test_attribute_that_the_account_no_longer_sends_says_so_too(person, cast, provider):
    for name in ("A", "B"):
        factories.make_customer(provider, name)
    property_ = factories.make_property(
        cast.acme, "Region", type="text", field="cm_custom_region", custom_key="region", filled_version=1
    )

    assert NONE_HAS_ONE in words_of(person(cast.ada).get(f"/properties/{property_.id}/edit").text)


def test_property_filled_for_nobody_says_so_on_its_page(person, cast, provider):
    import_ = factories.make_import(provider)
    filled = {"filled_version": 1, "filled_at": now(), "filled_import_id": import_.id, "type": "text"}
    empty = factories.make_property(cast.acme, "City", field="cm_city", **filled)
    full = factories.make_property(cast.acme, "Country", field="cm_country", filled_count=2, **filled)
    waiting = factories.make_property(cast.acme, "Tags", field="cm_tags", version=2, **filled)
    for name in ("A", "B"):
        factories.make_customer(provider, name)
    max_ = person(cast.max)

    assert NONE_HAS_ONE in words_of(max_.get(f"/properties/{empty.id}").text)
    assert 'id="no-values"' not in max_.get(f"/properties/{full.id}").text
    assert 'id="no-values"' not in max_.get(f"/properties/{waiting.id}").text


def test_values_that_cannot_be_read_are_values_of_the_field(person, cast, provider):
    import_ = factories.make_import(provider)
    filled = {"filled_version": 1, "filled_at": now(), "filled_import_id": import_.id, "type": "number"}
    property_ = factories.make_property(cast.acme, "City", field="cm_city", **filled)
    factories.make_customer(provider, city="Bonn")
    with acting_for(cast.acme.id):
        warned = {"import_id": import_.id, "kind": "value_unreadable", "property_id": property_.id}
        insert_rows(ImportWarning, [warned])
        db.session.commit()

    page = person(cast.max).get(f"/properties/{property_.id}").text

    assert 'id="no-values"' not in page
    assert "Left empty 1 value that cannot be read as a number" in words_of(page)
