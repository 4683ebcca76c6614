"""Changes of values are kept: when, from what to what, and by which import or whom."""

from collections import Counter

import pytest
from sqlalchemy import select

from simulator import Account
from tests import expected, factories, syncing
from tests.texts import words_of
from webapp.chartmogul.fields import FIELDS, PropertyType
from webapp.customer_columns import all_properties
from webapp.extensions import db
from webapp.models import Customer, ImportState, Property, Source, ValueChange
from webapp.tenancy import across_tenants, acting_for, owned
from webapp.values import decode

KEPT = ("cm_status", "cm_mrr", "cm_country", "cm_tags", "cm_mrr_change_30d", "cm_customer_since")


@pytest.fixture
def connected(app, chartmogul, cast):
    account = Account(name="Acme Analytics", seed=4, size=120)
    for field in (*KEPT, "cm_tenure_days", "cm_recurring_revenue", "cm_mrr_share"):
        factories.make_property(cast.acme, field, codename=field, field=field, type=FIELDS[field].type)
    return syncing.connect_only(cast.acme, chartmogul, account), account


def changes(provider):
    """What is kept, in words: (customer, field, before, after, import)."""
    with acting_for(provider.tenant_id):
        properties = {row.id: row for row in all_properties()}
        uuids = dict(db.session.execute(owned(Customer, Customer.id, Customer.uuid)).all())
        rows = db.session.scalars(owned(ValueChange)).all()
    found = []
    for row in rows:
        property_ = properties[row.property_id]
        type_ = PropertyType(property_.type)
        before, after = decode(type_, row.number_before, row.text_before), decode(type_, row.number, row.text)
        found.append((uuids[row.customer_id], property_.field, before, after, row.import_id))
    return found


def test_first_filling_is_no_change(app, connected):
    provider, _ = connected

    import_ = syncing.run(app, provider)

    assert import_.values_changed > 500
    assert changes(provider) == []


def test_import_tells_what_it_changed_and_nothing_else(app, connected):
    provider, account = connected
    syncing.run(app, provider)
    before = expected.held_values(provider)
    account.advance(3)

    import_ = syncing.run(app, provider)

    after = expected.held_values(provider)
    wanted = Counter(
        (uuid, field, before.get(uuid, {}).get(field), after.get(uuid, {}).get(field), import_.id)
        for uuid in before.keys() | after.keys()
        for field in KEPT
        if before.get(uuid, {}).get(field) != after.get(uuid, {}).get(field)
    )
    listed = {raw["uuid"] for raw in account.customers()}
    found = [change for change in changes(provider) if change[0] in listed]
    assert len(wanted) > 5
    assert Counter(found) == Counter(change for change in wanted.elements() if change[0] in listed)


def test_import_that_was_cut_off_tells_each_change_once(app, connected, monkeypatch):
    monkeypatch.setattr("worker.refresh.MOST_IN_A_SLICE", 10)
    provider, account = connected
    syncing.run(app, provider)
    before = expected.held_values(provider)
    account.advance(3)

    import_, cut_off = syncing.run_cut_off(app, provider, 12, seed=1)

    assert (import_.state, cut_off > 3) == (ImportState.DONE, True)
    found = Counter((uuid, field) for uuid, field, *_ in changes(provider))
    after = expected.held_values(provider)
    assert set(found.values()) == {1}
    assert {
        (uuid, field)
        for uuid in before.keys() & after.keys()
        for field in KEPT
        if before[uuid].get(field) != after[uuid].get(field)
    } <= set(found)


def test_import_that_is_retried_counts_also_what_its_first_try_changed(app, person, connected, chartmogul, cast):
    provider, account = connected
    syncing.run(app, provider)
    account.advance(3)
    victim = account.customers()[5]["uuid"]
    account.delete(victim)
    chartmogul.faults.add("edit_row", match="/customers", row=1, times=1, set={"mrr": "a lot"})
    first = syncing.run(app, provider)
    state, changed, gone = first.state, first.values_changed, first.gone

    assert person(cast.ada).post(f"/imports/{first.id}/retry").status_code == 303
    again = syncing.run(app, provider, first.id)

    assert (state, again.state) == (ImportState.PARTLY_DONE, ImportState.DONE)
    listed = len([change for change in changes(provider) if change[-1] == first.id])
    assert again.values_changed >= changed >= listed > 5
    assert again.gone == gone >= 1
    page = words_of(person(cast.max).get(f"/imports/{first.id}").text)
    assert f"Property values {again.values_changed:,} changed: which" in page


def test_property_made_later_is_filled_without_a_word_and_its_neighbours_changes_are_told(app, connected, cast):
    provider, account = connected
    syncing.run(app, provider)
    factories.make_property(cast.acme, "City", type="text", field="cm_city")
    uuid = account.customers()[0]["uuid"]
    account.edit(uuid, country="US", city="Portland")

    import_ = syncing.run(app, provider)

    assert [(field, after) for of, field, _, after, _ in changes(provider) if of == uuid] == [("cm_country", "US")]
    assert not [change for change in changes(provider) if change[1] == "cm_city"]
    assert import_.values_changed > 50


def test_redefinition_ends_the_values_and_keeps_them(person, app, connected, cast):
    provider, _ = connected
    syncing.run(app, provider)
    with across_tenants():
        country = db.session.scalars(select(Property).where(Property.field == "cm_country")).one()
    held = factories.values_of(country)
    sent = {"name": "Country", "codename": country.codename, "source": "by_hand", "type": "text"}

    answer = person(cast.ada).post(f"/properties/{country.id}/edit", **sent)

    assert answer.status_code == 303
    with across_tenants():
        ended = db.session.scalars(select(ValueChange).where(ValueChange.property_id == country.id)).all()
    assert Counter(change.text_before for change in ended) == Counter(held)
    assert {(change.text, change.version, change.by) for change in ended} == {(None, 1, "ada@acme.example")}
    assert factories.values_of(country) == []


def test_type_that_is_kept_otherwise_gets_another_slot(person, app, connected, cast):
    provider, _ = connected
    syncing.run(app, provider)
    with across_tenants():
        mrr = db.session.scalars(select(Property).where(Property.field == "cm_mrr")).one()
    before, count = mrr.slot, len(factories.values_of(mrr))
    sent = {"name": "MRR", "codename": mrr.codename, "source": "chartmogul", "field": "cm_mrr", "type": "text"}

    person(cast.ada).post(f"/properties/{mrr.id}/edit", typed_for="cm_mrr", **sent)
    db.session.expire_all()
    import_ = syncing.run(app, provider)

    with across_tenants():
        mrr = db.session.scalars(select(Property).where(Property.field == "cm_mrr")).one()
        ended = db.session.scalars(select(ValueChange).where(ValueChange.property_id == mrr.id)).all()
    assert import_.state == ImportState.DONE
    assert (before[0], mrr.slot[0], mrr.version) == ("n", "t", 2)
    assert len(ended) == count
    assert all(isinstance(value, str) for value in factories.values_of(mrr))


def test_what_a_person_sets_is_told_with_who_and_only_if_it_changes(person, cast):
    provider = factories.make_provider(cast.acme)
    customer = factories.make_customer(provider)
    owner = factories.make_property(cast.acme, "Owner", type="text", source=Source.BY_HAND, field=None)
    ada = person(cast.ada)

    for value in ("Petra", "Petra", "Kim", ""):
        ada.post(f"/customers/{customer.id}/values/{owner.id}", value=value)

    with across_tenants():
        told = db.session.scalars(select(ValueChange).order_by(ValueChange.at)).all()
    assert [(change.text_before, change.text) for change in told] == [(None, "Petra"), ("Petra", "Kim"), ("Kim", None)]
    assert {(change.by, change.import_id) for change in told} == {("ada@acme.example", None)}


def test_deleting_takes_the_changes_along(person, app, connected, cast):
    provider, account = connected
    syncing.run(app, provider)
    account.advance(3)
    syncing.run(app, provider)
    with across_tenants():
        id_ = db.session.scalars(select(Property.id).where(Property.field == "cm_mrr")).one()
    assert [change for change in changes(provider) if change[1] == "cm_mrr"]

    person(cast.ada).post(f"/properties/{id_}/delete")
    db.session.expire_all()

    assert changes(provider)
    with across_tenants():
        left = db.session.scalars(select(ValueChange).where(ValueChange.property_id == id_)).all()
    assert left == []
