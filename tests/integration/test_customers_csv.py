"""The customers' list as a file."""

import csv
import io
from datetime import date

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import Cast
from tests.pages import look_around
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.models import User
from webapp.models.types import now
from webapp.values import PropertyType, encode


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now())


def rows(answer):
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8"), newline="")))


def keep(property_, customer, value):
    number, text = encode(PropertyType(property_.type), value)
    factories.make_value(property_, customer, number=number, text=text)


def test_file_holds_exactly_these_bytes(person, cast, provider):
    facts = {"external_id": "e,1", "uuid": "cus_1"}
    customer = factories.make_customer(provider, 'Ada "Évora" 日本', **facts)
    factories.make_customer(provider, None, external_id=None, uuid="cus_2", company="Zeta")
    values = {
        "money": 123_450,
        "number": -5,
        "percent": -12,
        "boolean": True,
        "date": date(2026, 11, 14),
        "list": ("a", "b"),
        "text": "two\nlines",
    }
    for type_, value in values.items():
        keep(factories.make_property(cast.acme, f"A {type_}", type=type_), customer, value)

    answer = person(cast.max).get("/customers.csv")

    assert (
        answer.data
        == (
            "name,external_id,chartmogul_uuid,a_money,a_number,a_percent,a_boolean,a_date,a_list,a_text\r\n"
            '"Ada ""Évora"" 日本","e,1",cus_1,1234.50,-5,-12.00,true,2026-11-14,"a; b","two\nlines"\r\n'
            ",,cus_2,,,,,,,\r\n"
        ).encode()
    )
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="customers-20')
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_text_that_a_spreadsheet_would_run_is_made_text(person, cast, provider, sign):
    evil = f'{sign}HYPERLINK("http://evil.example")'
    customer = factories.make_customer(provider, evil, external_id=evil)
    text, list_ = (
        factories.make_property(cast.acme, "Text", type="text"),
        factories.make_property(cast.acme, "List", type="list"),
    )
    keep(text, customer, evil)
    keep(list_, customer, (evil, "b"))

    _, row = rows(person(cast.ada).get("/customers.csv"))

    assert row[:2] == [f"'{evil}"] * 2
    assert row[3:] == [f"'{evil}", f"'{evil}; b"]


@pytest.mark.parametrize("sign", [";", "\t", ",", '"', "\n"])
def test_what_a_spreadsheet_may_take_for_the_end_of_a_cell_stands_in_quotes(person, cast, provider, sign):
    """Some split at every separator that they know, whichever the file has."""
    name = f"Blue{sign}Finch"
    factories.make_customer(provider, name, external_id="e1", uuid="cus_1")

    answer = person(cast.ada).get("/customers.csv")

    quoted = name.replace('"', '""')
    assert answer.text.endswith(f'\r\n"{quoted}",e1,cus_1\r\n')
    assert rows(answer)[1] == [name, "e1", "cus_1"]


def test_negative_numbers_stay_numbers(person, cast, provider):
    customer = factories.make_customer(provider)
    keep(factories.make_property(cast.acme, "Change"), customer, -1290)

    _, row = rows(person(cast.ada).get("/customers.csv"))

    assert row[3] == "-12.90"


def test_file_follows_search_filter_and_order_but_not_pages(person, cast, provider):
    size = factories.make_property(cast.acme, "Size", type="number")
    for number in range(60):
        keep(size, factories.make_customer(provider, f"Customer {number:02}"), number)
    factories.make_customer(provider, "Gone", gone_at=now())
    ada = person(cast.ada)

    found = rows(ada.get("/customers.csv?q=customer&status=Active&sort=-size&after=cus_1"))

    assert [row[0] for row in found[1:]] == [f"Customer {number:02}" for number in reversed(range(60))]
    assert [row[0] for row in rows(ada.get("/customers.csv?status=gone"))[1:]] == ["Gone"]


def test_all_properties_are_in_it_the_chosen_columns_first(person, cast, provider):
    for name in ("One", "Two", "Three"):
        factories.make_property(cast.acme, name)
    db.session.get_one(User, cast.ada.id).columns = ["three"]
    db.session.commit()

    assert rows(person(cast.ada).get("/customers.csv"))[0][3:] == ["three", "one", "two"]
    assert rows(person(cast.max).get("/customers.csv"))[0][3:] == ["one", "two", "three"]


def test_many_slices_are_one_file(person, cast, provider, monkeypatch):
    monkeypatch.setattr("webapp.customer_csv.SLICE", 7)
    for number in range(30):
        factories.make_customer(provider, f"Customer {number:02}")

    found = rows(person(cast.ada).get("/customers.csv"))

    assert [row[0] for row in found[1:]] == [f"Customer {number:02}" for number in range(30)]


def test_neighbour_gets_a_file_of_nobody(person, cast, provider):
    factories.make_customer(provider, "Blue Finch")

    assert rows(person(cast.gil).get("/customers.csv")) == [["name", "external_id", "chartmogul_uuid"]]


def test_export_is_on_the_record(person, cast, provider):
    factories.make_customer(provider)

    person(cast.max).get("/customers.csv")

    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "customers:exported")).one()
    assert (entry.actor, entry.tenant_id, entry.details) == ("max@acme.example", cast.acme.id, {"rows": 1})


def test_support_gets_no_file(person, cast, provider):
    sam = look_around(person(cast.sam), cast)

    assert sam.get("/customers.csv").status_code == 403
