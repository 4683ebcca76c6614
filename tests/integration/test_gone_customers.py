"""A customer that is no longer in ChartMogul is kept as it was when it was last there, until it comes back."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from simulator import Account
from tests import expected, factories, syncing
from tests.factories import Cast
from tests.pages import column
from tests.person import Person
from tests.texts import words_of
from webapp.chartmogul.fields import FIELDS
from webapp.customer_columns import all_properties, fetch_values
from webapp.extensions import db
from webapp.models import Customer, CustomerValues, Property, Provider, ValueChange
from webapp.models.types import now
from webapp.tenancy import across_tenants, acting_for, owned
from worker.slices import customers_after

KEPT = ("cm_status", "cm_mrr_vs_peak_pct", "cm_recurring_revenue", "cm_last_movement", "cm_tenure_days")


@pytest.fixture
def connected(app, chartmogul, cast: Cast) -> tuple[Provider, Account, str]:
    """Imported, and then without one of its customers, who had a value of each property."""
    account = Account(name="Acme Analytics", seed=5, size=30)
    provider = syncing.connect_only(cast.acme, chartmogul, account)
    for field in KEPT:
        factories.make_property(cast.acme, field, codename=field, field=field, type=FIELDS[field].type)
    syncing.run(app, provider)
    moved = {raw["customer-uuid"] for raw in account.activities()}
    return provider, account, next(raw["uuid"] for raw in account.customers() if raw["uuid"] in moved)


def customer_of(provider: Provider, uuid: str) -> Customer:
    with across_tenants():
        this = Customer.provider_id == provider.id, Customer.uuid == uuid
        return db.session.scalars(select(Customer).where(*this)).one()


def test_customers_are_found_in_order_without_those_that_are_gone(app, connected):
    provider, account, gone = connected
    account.delete(gone)
    syncing.run(app, provider)
    expected.assert_rows_of_values_agree(provider)
    present = sorted(raw["uuid"] for raw in account.customers())

    with acting_for(provider.tenant_id):
        found, after = [], ""
        while some := customers_after(provider, after, 7, (Customer.name, Customer.uuid)):
            found, after = found + [row.uuid for row in some], some[-1].uuid
        live = customers_after(provider, "", 99, (Customer.uuid, Customer.status), CustomerValues.subscribes())

    assert gone not in present
    assert found == present
    wanted = [raw["uuid"] for raw in account.customers() if raw["status"] in ("Active", "Past Due")]
    assert [row.uuid for row in live] == sorted(wanted)


def values_of(provider: Provider, uuid: str) -> dict[str, object]:
    with acting_for(provider.tenant_id):
        customer, properties = customer_of(provider, uuid), all_properties()
        columns = fetch_values([customer], properties)
        return {property_.name: value for property_, (value,) in zip(properties, columns, strict=True)}


def changes_of(provider: Provider, uuid: str) -> list[ValueChange]:
    with acting_for(provider.tenant_id):
        this = ValueChange.customer_id == customer_of(provider, uuid).id
        return list(db.session.scalars(owned(ValueChange).where(this)))


def days_pass_for(provider: Provider, uuid: str) -> None:
    """As if the customer had begun earlier: what an import would make of it is something else."""
    with across_tenants():
        this = Customer.provider_id == provider.id, Customer.uuid == uuid
        earlier = customer_of(provider, uuid).customer_since - timedelta(days=30)
        db.session.execute(update(Customer).where(*this).values(customer_since=earlier))
        db.session.commit()


def test_values_stay_what_they_were(app, connected):
    provider, account, uuid = connected
    before = values_of(provider, uuid)
    account.delete(uuid)

    imports = [syncing.run(app, provider)]
    days_pass_for(provider, uuid)
    imports.append(syncing.run(app, provider))

    assert [import_.gone for import_ in imports] == [1, 0]
    assert None not in before.values()
    assert values_of(provider, uuid) == before
    assert changes_of(provider, uuid) == []


def test_customer_that_comes_back_has_the_values_of_now(app, connected):
    provider, account, uuid = connected
    before = values_of(provider, uuid)
    account.delete(uuid)
    syncing.run(app, provider)
    days_pass_for(provider, uuid)
    account.reset()

    import_ = syncing.run(app, provider)

    assert (import_.created, import_.updated) == (0, 1)
    assert values_of(provider, uuid) == before
    account.edit(uuid, country="US")
    account.remove_movement(next(raw["uuid"] for raw in account.activities() if raw["customer-uuid"] == uuid))
    syncing.run(app, provider)
    assert values_of(provider, uuid) != before


def test_page_says_what_is_kept_and_that_the_movements_are_not(app, person, cast: Cast, connected):
    provider, account, uuid = connected
    account.delete(uuid)
    syncing.run(app, provider)
    syncing.run(app, provider)

    words = words_of(person(cast.max).get(f"/customers/{customer_of(provider, uuid).id}").text)

    assert "Its record and values are kept as they were, and not updated any more." in words
    assert words.count("ChartMogul no longer lists its movements.") == 2
    assert "No movements yet." not in words
    assert "import #3" not in words.partition("Changed in the last import")[0]


def test_property_of_later_has_no_value_of_it_and_awaits_none(app, person, cast: Cast, connected):
    provider, account, uuid = connected
    account.delete(uuid)
    syncing.run(app, provider)
    later = factories.make_property(cast.acme, "MRR of later", field="cm_mrr", type="money")
    factories.make_version(later)
    address = f"/customers/{customer_of(provider, uuid).id}"
    ada = person(cast.ada)

    waiting = words_of(ada.get(address).text)
    syncing.run(app, provider)
    words, history = words_of(ada.get(address).text), words_of(ada.get(f"{address}/history/{later.id}").text)

    assert values_of(provider, uuid)["MRR of later"] is None
    assert "Filled on the next sync" not in waiting
    for page in (waiting, words):
        assert "MRR of later History of MRR of later none ChartMogul Never filled" in page
    assert "Now: none" in history
    assert "Nothing is recorded: it was gone before this was first filled." in history
    assert "Recorded since" not in history


def test_property_that_was_redefined_has_no_value_of_it_any_more(app, person, cast: Cast, connected):
    provider, account, uuid = connected
    account.delete(uuid)
    syncing.run(app, provider)
    with acting_for(provider.tenant_id):
        tenure = db.session.scalars(owned(Property).where(Property.name == "cm_tenure_days")).one()
    form = {"name": "Churned", "codename": tenure.codename, "source": "chartmogul", "field": "cm_churned"}
    answer = person(cast.ada).post(f"/properties/{tenure.id}/edit", **form, type="boolean", typed_for="cm_churned")
    assert answer.status_code == 303
    db.session.expire_all()

    import_ = syncing.run(app, provider)

    assert import_.state == "done"
    assert values_of(provider, uuid)["Churned"] is None
    assert "Churned History of Churned none ChartMogul Never filled" in words_of(
        person(cast.max).get(f"/customers/{customer_of(provider, uuid).id}").text
    )


def gone_on(somebody: Person, address: str) -> tuple[list[str], str]:
    """Which customers the page of an import names as gone, and the page."""
    page = somebody.get(address).text
    return column(page[page.index('aria-labelledby="gone"') :]), page


def test_page_of_the_import_names_who_was_gone_until_they_come_back(app, person, cast: Cast, connected):
    provider, account, uuid = connected
    name = customer_of(provider, uuid).title
    account.delete(uuid)
    imports = [syncing.run(app, provider).id]
    other = account.customers()[0]["uuid"]
    account.delete(other)
    imports += [syncing.run(app, provider).id]
    max_, addresses = person(cast.max), [f"/imports/{id_}" for id_ in imports]

    (first, page), (second, _) = (gone_on(max_, address) for address in addresses)
    account.reset()
    db.session.expire_all()
    syncing.run(app, provider)

    assert (first, second) == ([name], [customer_of(provider, other).title])
    assert "No longer in ChartMogul 1: which" in words_of(page)
    assert f'href="/customers/{customer_of(provider, uuid).id}"' in page
    assert "All of them came back since." in max_.get(addresses[0]).text


def test_gone_customers_come_50_to_a_page_of_an_index(app, person, cast: Cast):
    provider = factories.make_provider(cast.acme, last_success_at=now())
    import_ = factories.make_import(provider, gone=60)
    gone = {"gone_at": import_.started_at, "changed_import_id": import_.id}
    for number in range(60):
        factories.make_customer(provider, f"Customer {number:02}", **gone)
    factories.make_customer(provider, "Before", **{**gone, "gone_at": import_.started_at - timedelta(days=9)})
    factories.make_customer(provider, "Of another", **{**gone, "changed_import_id": uuid4()})
    factories.make_customer(provider, "There")
    max_, address, pages = person(cast.max), f"/imports/{import_.id}", []

    while address:
        names, page = gone_on(max_, address)
        pages.append(names)
        address = page.split('">Next<')[0].split('href="')[-1].replace("&amp;", "&") if ">Next<" in page else ""

    assert [len(names) for names in pages] == [50, 10]
    assert len({name for names in pages for name in names}) == 60
    assert pages[0] == sorted(pages[0])
    assert max_.get(f"/imports/{import_.id}?gone_after=x").status_code == 404
    assert "no more of them" in max_.get(f"/imports/{import_.id}?gone_after={'f' * 32}").text
    assert person(cast.gil).get(f"/imports/{import_.id}").status_code == 404
