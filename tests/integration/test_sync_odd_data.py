"""Odd data of ChartMogul: each has its rule, is told of by its record, and never stops the import."""

import csv
import json
import re
from io import StringIO
from typing import Any

import pytest
from sqlalchemy import select

from simulator import Account
from tests import expected, factories, syncing
from tests.conftest import on_sqlite
from tests.texts import words_of
from webapp.chartmogul.fields import custom_codename
from webapp.extensions import db
from webapp.models import Customer, Import, ImportState, ImportWarning, Provider
from webapp.models.types import now
from webapp.tenancy import across_tenants, acting_for, owned_update
from worker import refresh, save

# What is odd here is no matter of the database; what the two take and refuse is tried in test_sync_faults.
pytestmark = on_sqlite


@pytest.fixture
def connect(app, chartmogul, cast):
    def to(**changes: Any) -> tuple[Provider, Account]:
        account = Account(**{"name": "Acme Analytics", "seed": 9, "size": 40, **changes})
        return syncing.connect_only(cast.acme, chartmogul, account), account

    return to


def assert_exact(provider: Provider, account: Account) -> None:
    assert expected.held_customers(provider) == expected.expected_customers(account)
    assert expected.held_movements(provider) == expected.expected_movements(account)


def warnings(import_: Import) -> list[tuple[str, str | None]]:
    of_import = select(ImportWarning.kind, ImportWarning.customer_uuid).where(ImportWarning.import_id == import_.id)
    with across_tenants():
        return [(row.kind, row.customer_uuid) for row in db.session.execute(of_import.order_by(ImportWarning.kind))]


def test_history_that_is_written_anew_replaces_what_was_held(app, connect):
    """Movements changed, vanished, dated into the future, and all of them under other ids."""
    provider, account = connect(seed=2)
    syncing.run(app, provider)
    account.advance(60)
    account.remove_movement(account.activities()[5]["uuid"])
    account.recalculate()
    kinds = {change.kind for change in account.changes}

    import_ = syncing.run(app, provider)

    assert kinds >= {"past_changed", "movement_vanished", "recalculated"}
    assert any(at > now() for _, at, *_ in expected.held_movements(provider))
    assert (import_.state, import_.warnings) == (ImportState.DONE, 0)
    assert import_.movements_removed > 0
    assert_exact(provider, account)


def test_history_under_other_ids_alone_changes_nothing(app, connect):
    provider, account = connect()
    syncing.run(app, provider)
    account.recalculate()

    import_ = syncing.run(app, provider)

    assert (import_.movements_added, import_.movements_removed, import_.changed) == (0, 0, 0)


def test_merged_customer_is_gone_and_its_history_is_the_survivors(app, connect):
    provider, account = connect()
    syncing.run(app, provider)
    survivor, other = (account.activities()[place]["customer-uuid"] for place in (0, -1))
    account.merge(survivor, other)

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.gone) == (ImportState.DONE, 1)
    assert len(expected.held_customers(provider)[survivor]["external_ids"]) > 1
    assert_exact(provider, account)
    with across_tenants():
        assert db.session.scalars(select(Customer.gone_at).where(Customer.uuid == other)).one()


def test_merged_customer_that_answers_as_its_survivor_is_gone_too(app, connect, chartmogul):
    """What ChartMogul answers for a uuid that was merged is not written anywhere."""
    provider, account = connect()
    syncing.run(app, provider)
    survivor, other = (account.activities()[place]["customer-uuid"] for place in (0, -1))
    account.merge(survivor, other)
    record = next(raw for raw in account.customers() if raw["uuid"] == survivor)
    chartmogul.faults.add("not_json", match=f"/customers/{other}", body=json.dumps(record))

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.gone) == (ImportState.DONE, 1)
    assert_exact(provider, account)


def test_customers_of_one_external_id_stay_two(app, connect):
    provider, account = connect()
    for row in (3, 7):
        account.edit(account.customers()[row]["uuid"], external_ids=["one", "one"])

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.created, import_.warnings) == (ImportState.DONE, 40, 0)
    held = expected.held_customers(provider).values()
    assert [row["external_ids"] for row in held if row["external_id"] == "one"] == [["one"], ["one"]]
    assert_exact(provider, account)


@pytest.mark.parametrize("changes", [{"currency": "JPY"}, {"vintage": 2022}], ids=["JPY", "fields of 2022"])
def test_account_of_another_currency_or_age_is_held_as_sent(app, connect, changes):
    provider, account = connect(**changes)

    import_ = syncing.run(app, provider)

    assert (import_.state, import_.warnings, import_.account_difference_minor) == (ImportState.DONE, 0, 0)
    assert_exact(provider, account)


def test_fractions_of_a_hundredth_are_rounded(app, connect):
    """By customer; what that makes of the account's sum is told, as any difference is."""
    provider, account = connect(float_mrr=True)

    import_ = syncing.run(app, provider)

    assert import_.state == ImportState.DONE
    sent = {raw["uuid"]: raw["mrr"] for raw in account.customers()}
    assert any(isinstance(mrr, float) for mrr in sent.values())
    held = {uuid: row["mrr_minor"] for uuid, row in expected.held_customers(provider).items()}
    assert all(abs(held[uuid] - mrr) <= 0.5 for uuid, mrr in sent.items())
    assert abs(import_.account_difference_minor) <= len(sent)
    assert {kind for kind, _ in warnings(import_)} <= {"account_mrr_differs"}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "nul_name"}, "bad_characters"),
        ({"kind": "surrogate_name"}, "bad_characters"),
        ({"kind": "big_attributes"}, "too_big"),
        ({"kind": "unknown_fields"}, None),
        ({"kind": "edit_row", "set": {"name": ["a", "list"]}}, "wrong_type"),
        ({"kind": "edit_row", "set": {"customer-since": "yesterday"}}, "not_a_date"),
        ({"kind": "edit_row", "set": {"attributes": "none"}}, "wrong_type"),
        ({"kind": "edit_row", "set": {"status": {"is": "Active"}}}, "wrong_type"),
        ({"kind": "edit_row", "set": {"website_url": "javascript:alert(1)"}}, "not_an_address"),
        ({"kind": "mrr_string"}, "not_money"),
        ({"kind": "mrr_null"}, "not_money"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_odd_record_is_told_by_its_customer_and_no_other_suffers(app, connect, chartmogul, fault, kind):
    provider, account = connect()
    odd = account.customers()[4]["uuid"]
    chartmogul.faults.add(**fault, match=r"/customers\?", row=4, times=1)

    import_ = syncing.run(app, provider)

    of_record = [each for each in warnings(import_) if each[0] not in ("mrr_differs", "account_mrr_differs")]
    assert {uuid for _, uuid in of_record} == ({odd} if kind else set())
    assert kind is None or kind in dict(of_record)
    assert import_.state == (ImportState.PARTLY_DONE if kind == "not_money" else ImportState.DONE)
    held, wanted = expected.held_customers(provider), expected.expected_customers(account)
    assert {uuid for uuid in wanted if held.get(uuid) != wanted[uuid]} <= ({odd} if kind else set())
    assert (odd in held) == (kind != "not_money")


def test_warnings_are_listed_on_the_imports_page_and_in_its_file(app, connect, chartmogul, person, cast):
    provider, account = connect()
    odd, short = account.customers()[4], account.activities()[0]["customer-uuid"]
    chartmogul.faults.add("edit_row", match=r"/customers\?", row=4, times=1, set={"email": 7})
    chartmogul.faults.add("edit_row", match="/activities", row=0, times=1, set={"activity-mrr-movement": 1})
    import_id = syncing.run(app, provider).id
    db.session.commit()
    ada = person(cast.ada)

    words = words_of(ada.get(f"/imports/{import_id}").text)
    rows = list(csv.DictReader(StringIO(ada.get(f"/imports/{import_id}/errors.csv").text)))

    assert {row["chartmogul_uuid"] for row in rows} == {odd["uuid"], short}
    for row in rows:
        assert row["what_went_wrong"] in words
        assert " ".join(row["detail"].split()) in words
    assert any(re.fullmatch(r"MRR is \S+\sEUR, its movements add up to \S+\sEUR\.", row["detail"]) for row in rows)


def test_difference_of_the_account_is_shown_with_its_size(app, connect, chartmogul, person, cast):
    provider, account = connect()
    wrong = next(place for place, raw in enumerate(account.customers()) if raw["mrr"])
    mrr = account.customers()[wrong]["mrr"]
    chartmogul.faults.add("edit_row", match=r"/customers\?", row=wrong, times=1, set={"mrr": mrr + 12_345})

    import_ = syncing.run(app, provider)
    difference, import_id = import_.account_difference_minor, import_.id
    db.session.commit()
    words = words_of(person(cast.ada).get(f"/imports/{import_id}").text)

    assert difference == 12_345
    assert "123.45" in words
    theirs = f"{sum(raw['mrr'] for raw in account.customers()) / 100:,.2f}"
    assert f"EUR, ChartMogul's own figure is {theirs} EUR." in words
    assert "MRR of all customers differs from ChartMogul's total" in words
    assert "MRR differs from the sum of its movements" in words


def test_sums_that_differ_are_kept_however_many_records_are_odd(app, connect, chartmogul, monkeypatch):
    """As when a field has another type since yesterday, of every customer: those take all the room that they have."""
    monkeypatch.setattr(save, "MOST_WARNINGS", 0)
    provider, _ = connect()
    odd = {"name": ["a", "list"], "mrr": 99_999_900}
    chartmogul.faults.add("edit_row", match=r"/customers\?", row=4, times=1, set=odd)

    import_ = syncing.run(app, provider)

    assert [kind for kind, _ in warnings(import_)] == ["account_mrr_differs", "mrr_differs"]
    assert import_.warnings == 3


def test_attributes_are_found_also_when_an_earlier_import_saved_their_customers(app, connect):
    """That one may have been cancelled before it looked for them; to this one nothing is new."""
    provider, _ = connect()
    syncing.run(app, provider)
    tenant_id = provider.tenant_id
    with acting_for(tenant_id):
        found = Provider.current().attributes
        db.session.execute(owned_update(Provider).values(attributes={"old": found[min(found)]}))
        db.session.commit()

    import_ = syncing.run(app, provider)

    with acting_for(tenant_id):
        assert (import_.changed, Provider.current().attributes) == (0, found)


@pytest.mark.parametrize("wanted", ["used", "known"])
def test_attributes_that_are_used_or_known_have_room_before_all_others(app, connect, cast, monkeypatch, wanted):
    provider, _ = connect()
    syncing.run(app, provider)
    tenant_id = provider.tenant_id
    with acting_for(tenant_id):
        found = Provider.current().attributes
        *_, last = found
        known = {"gone": found[last], **({last: found[last]} if wanted == "known" else {})}
        db.session.execute(owned_update(Provider).values(attributes=known))
        db.session.commit()
    if wanted == "used":
        factories.make_property(cast.acme, "Last", type="text", field=custom_codename(last), custom_key=last)
    monkeypatch.setattr(refresh, "MOST_ATTRIBUTES", 2)

    syncing.run(app, provider)

    with acting_for(tenant_id):
        attributes = Provider.current().attributes
    assert len(found) > len(attributes) == 2
    assert attributes[last] == found[last]
