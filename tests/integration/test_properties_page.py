"""A property's page, and deleting one."""

import re
from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from tests import factories
from tests.factories import Cast
from tests.pages import look_around, table
from tests.texts import without_tokens, words_of
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.models import CustomerValues, ImportWarning, Property, ProviderState, Source
from webapp.models.types import now
from webapp.tenancy import across_tenants, acting_for, insert_rows
from webapp.values import PropertyType, encode


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now() - timedelta(hours=2))


def fill(property_, provider, *values):
    for number, value in enumerate(values):
        customer = factories.make_customer(provider, f"Customer {number}", uuid=f"cus_{number}_{uuid4()}")
        if value is not None:
            kept = encode(PropertyType(property_.type), value)
            factories.make_value(property_, customer, number=kept[0], text=kept[1])


def page_of(somebody, property_):
    answer = somebody.get(f"/properties/{property_.id}")
    assert answer.status_code == 200
    return answer.text


def spread(html):
    return [row[:2] for row in table(html[html.index('id="spread"') :])[1:]]


def test_page_says_how_many_values_could_not_be_read(person, cast, provider):
    import_ = factories.make_import(provider)
    filled = {"filled_version": 1, "filled_at": now(), "filled_import_id": import_.id}
    seats = factories.make_property(cast.acme, "Seats", type="number", **filled)
    other = factories.make_property(cast.acme, "Other", type="number", **filled)
    with acting_for(cast.acme.id):
        row = {"import_id": import_.id, "kind": "value_unreadable", "property_id": seats.id}
        insert_rows(ImportWarning, [row, row])
        db.session.commit()

    page = page_of(person(cast.max), seats)

    assert "Left empty 2 values that cannot be read as a number" in words_of(page)
    assert f'href="/imports/{import_.id}#errors"' in page
    assert "Left empty" not in page_of(person(cast.max), other)


def test_page_does_not_count_what_was_not_kept(person, cast, provider):
    """An import keeps so many warnings and counts the others."""
    import_ = factories.make_import(provider, warnings=20_000)
    filled = {"filled_version": 1, "filled_at": now(), "filled_import_id": import_.id, "type": "number"}
    seats, other = (factories.make_property(cast.acme, name, field="cm_city", **filled) for name in ("Seats", "Other"))
    full = factories.make_property(cast.acme, "Full", **filled, filled_count=1)
    factories.make_customer(provider)
    with acting_for(cast.acme.id):
        row = {"import_id": import_.id, "kind": "value_unreadable", "property_id": seats.id}
        insert_rows(ImportWarning, [row, row])
        db.session.commit()
    max_ = person(cast.max)

    pages = [words_of(page_of(max_, property_)) for property_ in (seats, other, full)]

    assert "Left empty at least 2 values that cannot be read as a number" in pages[0]
    assert "Left empty how many values cannot be read is not known: import #1 had more warnings" in pages[1]
    assert "Left empty" not in pages[2]
    assert all("No customer has a value None of" not in page for page in pages)


def test_page_says_what_it_is_and_who_filled_it(person, cast, provider):
    import_ = factories.make_import(provider)
    property_ = factories.make_property(
        cast.acme, "MRR", filled_version=1, filled_count=2, filled_at=now(), filled_import_id=import_.id
    )
    fill(property_, provider, 129_00, 249_00, None)

    page = page_of(person(cast.max), property_)

    assert "<h1>MRR</h1>" in page
    assert "Monthly recurring revenue, as ChartMogul says it." in page
    assert "<code>customers: mrr</code>" in page
    assert "<code>mrr</code>" in page
    assert "2 of 3 (67 %)" in page
    assert f'<a href="/imports/{import_.id}">import #1</a>' in page
    assert "Up to date" in page
    examples = table(page[page.index('id="examples"') :])[1:]
    assert examples == [["Customer 0", "129.00 EUR"], ["Customer 1", "249.00 EUR"]]
    assert "Edit" not in page.split("<main")[1]


@pytest.mark.parametrize(
    ("type_", "values", "bars"),
    [
        ("number", [1, 1, 3], [["1", "2"], ["2", "0"], ["3", "1"]]),
        ("number", [0, 95], [["0 to 9", "1"], *[[f"{n}0 to {n}9", "0"] for n in range(1, 9)], ["90 to 99", "1"]]),
        ("money", [0, 499_99, 500_00], None),
        ("percent", [-100, -100], [["-100.00 %", "2"]]),
        ("boolean", [True, False, True], [["Yes", "2"], ["No", "1"]]),
        ("text", ["b", "a", "b"], [["b", "2"], ["a", "1"]]),
        ("text", [str(n) for n in range(10)], [*[[str(n), "1"] for n in range(8)], ["other values", "2"]]),
        ("list", [("a", "b"), ("a",)], [["a", "2"], ["b", "1"]]),
        ("date", [date(2020, 2, 29), date(2026, 1, 1)], None),
    ],
)
def test_distribution_counts_every_value_once(person, cast, provider, type_, values, bars):
    property_ = factories.make_property(cast.acme, "It", type=type_)
    fill(property_, provider, *values, None)
    factories.make_value(
        property_, factories.make_customer(provider, "Gone", gone_at=now()), *encode(PropertyType(type_), values[0])
    )

    shown = spread(page_of(person(cast.ada), property_))

    if bars is not None:
        assert shown == bars
    elif type_ != "list":
        assert sum(int(count) for _, count in shown) == len(values)
    if type_ == "date":
        assert shown[0][0] == "2020"


def test_bar_of_other_values_has_the_measure_of_the_rest(person, cast, provider):
    property_ = factories.make_property(cast.acme, "It", type="text")
    fill(property_, provider, *[str(n) for n in range(8)], *[f"other {n}" for n in range(8)])

    page = page_of(person(cast.ada), property_)

    assert re.findall(r'<rect width="([0-9.]+)"', page[page.index('id="spread"') :]) == ["12.5"] * 8 + ["100"]


@pytest.mark.parametrize("disconnected", [False, True])
def test_stale_distribution_looks_stale(person, cast, disconnected):
    state = ProviderState.DISCONNECTED if disconnected else ProviderState.CONNECTED
    provider = factories.make_provider(cast.acme, state, last_success_at=now())
    property_ = factories.make_property(cast.acme, "It", type="text", filled_version=1, filled_at=now())
    fill(property_, provider, "a")

    assert ('<section class="panel muted" id="spread"' in page_of(person(cast.ada), property_)) == disconnected


@pytest.mark.parametrize("type_", ["number", "date", "money"])
def test_largest_values_have_a_page_too(person, cast, provider, type_):
    property_ = factories.make_property(cast.acme, "It", type=type_)
    values = [date.min, date.max] if type_ == "date" else [-(2**63 - 1), 2**63 - 1]
    for value in values:
        kept = (value - date(1970, 1, 1)).days if isinstance(value, date) else value
        factories.make_value(property_, factories.make_customer(provider), number=kept)

    shown = spread(page_of(person(cast.ada), property_))

    assert [shown[0][1], shown[-1][1]] == ["1", "1"]


def test_property_by_hand_and_without_connection(person, cast):
    property_ = factories.make_property(cast.acme, "Owner", type="text", source=Source.BY_HAND, field=None)

    page = page_of(person(cast.ada), property_)

    assert "Set by hand, on each customer's page." in page or "Set by hand, on each customer&#39;s page." in page
    assert "Nobody has set a value yet." in page
    assert "0 of 0" in page


def test_unknown_property_and_a_neighbours_are_the_same_404(person, cast, provider):
    property_ = factories.make_property(cast.acme)
    gil = person(cast.gil)

    answers = [gil.get(f"/properties/{id_}{end}") for id_ in (property_.id, uuid4()) for end in ("", "/delete")]

    assert {answer.status_code for answer in answers} == {404}
    assert len({without_tokens(answer.text) for answer in answers}) == 1


def test_deleting_asks_first_and_says_what_goes(person, cast, provider):
    property_ = factories.make_property(cast.acme, "MRR")
    fill(property_, provider, 1, 2, 3)
    ada = person(cast.ada)

    page, dialog = ada.get(f"/properties/{property_.id}/delete"), ada.htmx(f"/properties/{property_.id}/delete")

    assert "<h1>Delete MRR?</h1>" in page.text
    for answer in (page, dialog):
        assert "Deleting cannot be undone." in answer.text
        assert "Its 3 values go with it." in answer.text
    assert dialog.text.lstrip().startswith("<form")
    assert 'id="dlg-t">Delete MRR?' in dialog.text


def test_deleting_takes_the_values_along_and_twice_is_404(person, cast, provider):
    property_, other = factories.make_property(cast.acme, "MRR"), factories.make_property(cast.acme, "Other")
    fill(property_, provider, 1, 2)
    fill(other, provider, 3)
    address, ada = f"/properties/{property_.id}/delete", person(cast.ada)

    first = ada.post(address)
    page = ada.get("/properties").text
    second = ada.post(address)

    assert (first.status_code, first.location, second.status_code) == (303, "/properties", 404)
    assert "MRR deleted" in page
    with across_tenants():
        assert [row.name for row in db.session.scalars(select(Property))] == ["Other"]
    assert factories.values_of(other) == [3]
    with across_tenants():
        values = CustomerValues.__table__
        assert db.session.scalars(select(values.c.n1).where(values.c.n1.is_not(None))).all() == []
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "property:deleted")).all()
    assert [entry.details for entry in entries] == [{"name": "MRR"}]


def test_columns_that_show_a_deleted_property_just_lose_it(person, cast, provider):
    property_ = factories.make_property(cast.acme, "MRR", filled_version=1)
    factories.make_property(cast.acme, "Plan", type="text", filled_version=1)
    factories.make_customer(provider)
    ada = person(cast.ada)
    ada.post("/customers/columns", **{"columns[]": ["mrr", "plan"]})

    ada.post(f"/properties/{property_.id}/delete")

    assert table(ada.get("/customers?sort=mrr").text)[0] == ["Customer", "Plan", "Last import"]


def test_only_admins_delete(person, cast, provider):
    property_ = factories.make_property(cast.acme)
    address = f"/properties/{property_.id}/delete"
    sam = look_around(person(cast.sam), cast)

    assert person(cast.max).get(address).status_code == 403
    assert person(cast.max).post(address).status_code == 403
    assert person(cast.gil).post(address).status_code == 404
    assert sam.post(address).status_code == 403
    assert "Read-only while you view as support." in page_of(sam, property_)
    with across_tenants():
        assert db.session.scalar(select(func.count()).select_from(Property)) == 1
