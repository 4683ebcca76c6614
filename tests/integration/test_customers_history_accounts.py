"""Since when a customer's values are recorded: also after another connection, and after another definition."""

from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select, update

from simulator import Account
from tests import syncing
from tests.factories import Cast
from tests.integration.test_other_accounts import from_chartmogul, reconnect, set_up
from tests.person import Person
from tests.texts import words_of
from webapp.extensions import db
from webapp.freshness import date_tag
from webapp.models import Customer, Import, Property, PropertyVersion, Provider
from webapp.models.types import now
from webapp.tenancy import across_tenants

BEFORE = timedelta(days=20)


def connected(chartmogul: Any, cast: Cast) -> Provider:
    return syncing.connect_only(cast.acme, chartmogul, Account("Acme Analytics", seed=3, size=12))


def days_pass(days: timedelta = BEFORE) -> None:
    """As if all that was done had been done so long ago."""
    with across_tenants():
        for column in (
            *(Import.started_at, Import.ended_at, Provider.connected_at, Provider.last_success_at),
            *(Property.filled_at, PropertyVersion.filled_at, PropertyVersion.defined_at),
        ):
            rows = db.session.execute(select(column.class_.id, column).where(column.is_not(None))).all()
            for id_, at in rows:
                earlier = update(column.class_).where(column.class_.id == id_).values({column.key: at - days})
                db.session.execute(earlier.execution_options(synchronize_session=False))
        db.session.commit()
        db.session.expire_all()


def history_of(somebody: Person, provider: Provider, property_: Property) -> str:
    with across_tenants():
        present = Customer.provider_id == provider.id, Customer.customer_since.is_not(None)
        id_ = db.session.scalars(select(Customer.id).where(*present).order_by(Customer.uuid)).first()
    return somebody.get(f"/customers/{id_}/history/{property_.id}").text


def recorded_since(days: timedelta, provider: Provider, number: int) -> str:
    return words_of(f"Recorded since {date_tag(now() - days, provider.zone)}, first by <a>import #{number}</a>.")


def test_same_account_connected_again_goes_on_recording(app: Flask, person, chartmogul, cast: Cast):
    ada, provider = person(cast.ada), connected(chartmogul, cast)
    status = from_chartmogul(ada, "cm_status")
    syncing.run(app, provider)
    days_pass()
    reconnect(ada, syncing.KEY)
    again = set_up(cast)
    before = words_of(history_of(ada, provider, status))
    syncing.run(app, again)

    assert again.id == provider.id
    for page in (before, words_of(history_of(ada, provider, status))):
        assert recorded_since(BEFORE, provider, 1) in page


def test_another_account_is_recorded_since_its_own_first_import(app: Flask, person, chartmogul, cast: Cast):
    ada, first = person(cast.ada), connected(chartmogul, cast)
    other = chartmogul.add_key("f" * 32, Account("Beta", seed=2, size=9)).key
    status = from_chartmogul(ada, "cm_status")
    syncing.run(app, first)
    days_pass()
    reconnect(ada, other)
    second = set_up(cast)
    days_pass(timedelta(days=5))
    import_ = syncing.run(app, second)

    assert (import_.number, import_.state) == (2, "done")
    assert recorded_since(timedelta(0), second, 2) in words_of(history_of(ada, second, status))
    assert recorded_since(BEFORE + timedelta(days=5), first, 1) in words_of(history_of(ada, first, status))


def test_account_of_before_records_what_the_other_one_filled_first_since_its_next_import(
    app: Flask, person, chartmogul, cast: Cast
):
    ada, first = person(cast.ada), connected(chartmogul, cast)
    other = chartmogul.add_key("f" * 32, Account("Beta", seed=2, size=9)).key
    from_chartmogul(ada, "cm_status")
    syncing.run(app, first)
    reconnect(ada, other)
    country = from_chartmogul(ada, "cm_country")
    syncing.run(app, set_up(cast))
    days_pass()
    reconnect(ada, syncing.KEY)
    again = set_up(cast)
    waiting = words_of(history_of(ada, first, country))
    syncing.run(app, again)

    assert "Filled on the next sync: nothing is recorded yet." in waiting
    assert recorded_since(timedelta(0), first, 3) in words_of(history_of(ada, first, country))


def test_another_definition_records_nothing_before_it_is_filled(app: Flask, person, chartmogul, cast: Cast):
    ada, provider = person(cast.ada), connected(chartmogul, cast)
    place = from_chartmogul(ada, "cm_country")
    syncing.run(app, provider)
    form = {"name": "Place", "codename": place.codename, "source": "chartmogul", "field": "cm_city"}
    assert ada.post(f"/properties/{place.id}/edit", **form).status_code == 303

    page = words_of(history_of(ada, provider, place))
    db.session.expire_all()
    syncing.run(app, provider)

    assert "Filled on the next sync: nothing is recorded yet." in page
    assert "Recorded since" not in page
    assert recorded_since(timedelta(0), provider, 2) in words_of(history_of(ada, provider, place))
