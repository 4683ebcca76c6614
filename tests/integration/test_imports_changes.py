"""Which customers an import changed: which values, from what to what."""

import csv
import io
import re
from uuid import uuid4

import pytest
from sqlalchemy import select

from simulator import Account, Simulator
from tests import factories, syncing
from tests.factories import Cast
from tests.integration.test_other_accounts import from_chartmogul, reconnect, set_up
from tests.pages import statements, table
from tests.texts import words_of
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.models import Source
from webapp.models.types import now


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now())


@pytest.fixture
def import_(provider):
    return factories.make_import(provider)


def section(page):
    start = page.index('aria-labelledby="customers"')
    return page[start:]


def test_page_lists_customers_with_their_changes(person, cast, provider, import_):
    mrr = factories.make_property(cast.acme, "MRR")
    city = factories.make_property(cast.acme, "City", type="text", field="cm_city")
    anna, bert = (factories.make_customer(provider, name) for name in ("Anna", "Bert"))
    factories.make_change(mrr, bert, import_, 12900, None)
    factories.make_change(mrr, anna, import_, 100, 200)
    factories.make_change(city, anna, import_, None, "<Bonn>")
    factories.make_change(mrr, anna, factories.make_import(provider), 200, 300)

    page = section(person(cast.max).get(f"/imports/{import_.id}").text)

    assert table(page) == [
        ["Customer", "Property", "From", "To"],
        ["Anna", "City", "none", "<Bonn>"],
        ["MRR", "1.00 EUR", "2.00 EUR"],
        ["Bert", "MRR", "129.00 EUR", "none"],
    ]
    assert f'href="/customers/{anna.id}"' in page
    groups = page.split("<tbody>")[1:]
    assert [group.count("<tr>") for group in groups] == [2, 1]
    assert all(group.count('scope="rowgroup"') == 1 for group in groups)


def test_values_are_read_by_the_definition_of_then(person, cast, provider, import_):
    property_ = factories.make_property(cast.acme, "MRR", type="number", version=2)
    factories.make_version(property_, version=1, type="money")
    factories.make_version(property_, version=2)
    factories.make_change(property_, factories.make_customer(provider, "Anna"), import_, 12900, 15000, version=1)

    page = section(person(cast.max).get(f"/imports/{import_.id}").text)

    assert table(page)[1] == ["Anna", "MRR", "129.00 EUR", "150.00 EUR"]


def test_import_that_changed_nothing_says_so(person, cast, import_):
    words = words_of(section(person(cast.max).get(f"/imports/{import_.id}").text))

    assert "No value of a customer changed in this import." in words
    assert "changes only because days pass" in words


def test_live_import_has_no_list_yet(person, cast, provider):
    import_ = factories.make_import(provider, "running")

    assert "Customers that changed" not in person(cast.max).get(f"/imports/{import_.id}").text


def test_first_filling_is_told_and_is_no_change(app, person, cast, chartmogul: Simulator):
    provider = syncing.connect(cast.acme, chartmogul)
    form = {"name": "MRR", "source": "chartmogul", "field": "cm_mrr", "type": "money"}
    person(cast.ada).post("/properties/new", **form)
    first, second = (syncing.run(app, provider).id for _ in range(2))

    pages = [words_of(section(person(cast.max).get(f"/imports/{id_}").text)) for id_ in (first, second)]

    assert "MRR was filled for the first time" in pages[0]
    assert "for the first time" not in pages[1]
    assert "No change of a value is listed." in pages[0]
    assert "No value of a customer changed in this import." in pages[1]


def test_first_filling_of_another_account_is_told(app, person, cast, chartmogul: Simulator):
    ada, accounts = person(cast.ada), [Account("Acme Analytics", seed=3, size=12), Account("Beta", seed=2, size=9)]
    first = syncing.connect_only(cast.acme, chartmogul, accounts[0])
    other = chartmogul.add_key("f" * 32, accounts[1]).key
    from_chartmogul(ada, "cm_status")
    imports = [syncing.run(app, first)]
    reconnect(ada, other)
    second = set_up(cast)
    imports += [syncing.run(app, second)]
    from_chartmogul(ada, "cm_mrr")
    imports += [syncing.run(app, second)]
    reconnect(ada, syncing.KEY)
    imports += [syncing.run(app, set_up(cast))]
    ids = [import_.id for import_ in imports]

    pages = [words_of(section(ada.get(f"/imports/{id_}").text)) for id_ in ids]

    told = [re.findall(r"(cm_\w+) was filled for the first time(.*?)[:.]", page) for page in pages]
    assert told == [
        [("cm_status", "")],
        [("cm_status", " in this account")],
        [("cm_mrr", "")],
        [("cm_mrr", " in this account")],
    ]
    assert "in this account: 12 customers." in pages[3]
    assert all("No value of a customer changed" not in page for page in pages)


def test_count_of_a_first_filling_is_told_while_it_is_known(person, cast, import_):
    filled = {"filled_import_id": import_.id, "filled_version": 1, "filled_count": 18_240}
    mrr = factories.make_property(cast.acme, "MRR", **filled)
    factories.make_version(mrr, filled_import_id=import_.id)

    page = person(cast.max).get(f"/imports/{import_.id}").text

    assert "MRR was filled for the first time: 18,240 customers." in words_of(page)


def test_customers_come_50_to_a_page_in_few_queries(person, cast, provider, import_):
    mrr = factories.make_property(cast.acme, "MRR")
    for number in range(60):
        factories.make_change(
            mrr, factories.make_customer(provider, f"Customer {number:02}"), import_, number, 100 + number
        )
    somebody, said, seen, counts = person(cast.max), [], [], []
    address = f"/imports/{import_.id}"
    somebody.get(address)
    statements(said)

    while address:
        said.clear()
        page = section(somebody.get(address).text)
        counts.append(len(said))
        seen.append([row[0] for row in table(page)[1:]])
        address = page.split('">Next<')[0].split('href="')[-1].replace("&amp;", "&") if ">Next<" in page else ""

    assert [len(rows) for rows in seen] == [50, 10]
    assert len({name for rows in seen for name in rows}) == 60
    assert counts[0] == counts[1] <= 14
    assert "First page" in page


def test_address_that_makes_no_sense_is_404(person, cast, import_):
    assert person(cast.max).get(f"/imports/{import_.id}?customers_after=x").status_code == 404
    assert "no more customers" in person(cast.max).get(f"/imports/{import_.id}?customers_after={'f' * 32}").text


def test_file_holds_all_changes_and_no_formula(person, cast, provider, import_):
    anna = factories.make_customer(provider, "=Anna", external_id="e1", uuid="cus_1")
    note = factories.make_property(cast.acme, "Note", type="text", source=Source.BY_HAND, field=None)
    factories.make_change(factories.make_property(cast.acme, "MRR"), anna, import_, None, -5)
    factories.make_change(note, anna, import_, "@a", "b")

    answer = person(cast.max).get(f"/imports/{import_.id}/changes.csv")

    assert list(csv.reader(io.StringIO(answer.text))) == [
        ["name", "external_id", "chartmogul_uuid", "property", "type", "from", "to"],
        ["'=Anna", "e1", "cus_1", "mrr", "money", "", "-0.05"],
        ["'=Anna", "e1", "cus_1", "note", "text", "'@a", "b"],
    ]
    assert "import-1-changes.csv" in answer.headers["Content-Disposition"]
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "import:changes_exported")).one()
    assert entry.details == {"number": 1}


def test_neighbour_gets_neither_page_nor_file(person, cast, import_):
    for address in (f"/imports/{import_.id}/changes.csv", f"/imports/{uuid4()}/changes.csv"):
        assert person(cast.gil).get(address).status_code == 404
