"""What uses a property: whose tables show it, in the list, on its page, and before it is deleted."""

import pytest

from tests import factories
from tests.factories import Cast
from tests.pages import column, statements
from tests.texts import words_of
from webapp import scoring
from webapp.extensions import db
from webapp.models import Source
from webapp.models.types import now


@pytest.fixture
def provider(cast: Cast):
    return factories.make_provider(cast.acme, last_success_at=now())


@pytest.fixture
def properties(cast: Cast, provider):
    names = ("MRR", "ARR", "Plan", "City", "Owner", "Region", "Seventh")
    return [factories.make_property(cast.acme, name, source=Source.BY_HAND, field=None) for name in names]


def test_columns_are_those_that_users_chose_or_else_the_first_few(person, cast, properties):
    person(cast.ada).post("/customers/columns", **{"columns[]": ["mrr", "seventh"]})

    used = dict(zip(*(column(person(cast.max).get("/properties").text, at) for at in (0, 4)), strict=True))

    assert (used["MRR"], used["ARR"], used["Seventh"]) == ("2 users' tables", "1 user's table", "1 user's table")


def test_nobodys_column_says_none(person, cast, properties):
    for somebody in (cast.ada, cast.max):
        person(somebody).post("/customers/columns", **{"columns[]": ["mrr"]})

    assert column(person(cast.max).get("/properties").text, 4) == ["2 users' tables", *["none"] * 6]
    assert "Used in none" in words_of(person(cast.max).get(f"/properties/{properties[6].id}").text)
    assert "Used in 2 users' tables of customers" in words_of(
        person(cast.max).get(f"/properties/{properties[0].id}").text
    )


def test_views_that_show_ask_for_or_are_sorted_by_a_property_are_counted(person, cast, properties):
    ada, max_ = person(cast.ada), person(cast.max)
    for somebody in (ada, max_):
        somebody.post("/customers/columns", **{"columns[]": ["mrr"]})
    ada.post("/customers/views", name="Rich", query="mrr.min=100&mrr.max=200&sort=-mrr&city.is=empty")
    max_.post("/customers/views", name="Mine", query="q=arr&sort=-plan")

    pages = [words_of(ada.get(f"/properties/{properties[at].id}").text) for at in range(4)]
    dialogs = [words_of(ada.get(f"/properties/{properties[at].id}/delete").text) for at in range(4)]

    assert column(ada.get("/properties").text, 4)[:4] == [
        "2 users' tables and 2 saved views",
        "none",
        "1 saved view",
        "1 saved view",
    ]
    told = "2 users' tables and 2 saved views of customers", "none", "1 saved view of customers"
    assert [f"Used in {words} In the score" in page for words, page in zip(told, pages, strict=False)] == [True] * 3
    assert (
        "It is a column of 2 users' tables. It stands in 2 saved views, as a column, in a condition or as" in dialogs[0]
    )
    assert "saved view" not in dialogs[1]
    assert "It is nobody's column. It stands in 1 saved view, as" in dialogs[3]


def test_property_named_like_an_order_of_the_score_counts_by_its_codename(person, cast, provider):
    risk = factories.make_property(cast.acme, "Risk", source=Source.BY_HAND, field=None)
    ada = person(cast.ada)
    ada.post("/customers/views", name="By the score", query="sort=-risk")
    ada.post("/customers/views", name="By the property", query="sort=-risk.value")

    used = column(ada.get("/properties").text, 4)

    assert used == ["2 users' tables and 1 saved view"]
    assert "It is a column of 2 users' tables." in words_of(ada.get(f"/properties/{risk.id}/delete").text)


def test_neighbours_and_support_do_not_count(person, cast, properties):
    cast.max.active = False
    db.session.commit()

    assert column(person(cast.ada).get("/properties").text, 4)[0] == "1 user's table"


def test_deleting_says_whose_column_it_is_and_that_its_history_goes(person, cast, properties):
    for version in (1, 2):
        factories.make_version(properties[0], version=version)
    factories.make_version(properties[6])
    ada = person(cast.ada)

    used, unused = (words_of(ada.get(f"/properties/{properties[at].id}/delete").text) for at in (0, 6))

    assert "It is a column of 2 users' tables." in used
    assert "The history of its definition, 2 versions, goes too." in used
    assert "It is nobody's column." in unused
    assert "The history of its definition goes too." in unused


def test_factors_say_how_much_of_the_score_they_are(person, cast, properties):
    mrr, arr, plan = properties[:3]
    factors = [scoring.row_of(mrr, 3, 0, 100), scoring.row_of(arr, 1, 0, 100)]
    factories.make_health_version(cast.acme, *factors)
    factories.make_health_version(cast.acme, *factors, scoring.row_of(plan, 2, 0, 100), number=0)
    ada = person(cast.ada)

    used = dict(zip(*(column(ada.get("/properties").text, at) for at in (0, 5)), strict=True))

    assert (used["MRR"], used["ARR"], used["Plan"], used["City"]) == ("High, 75 %", "Low, 25 %", "in the draft", "none")
    assert "In the score High, 75 %" in words_of(ada.get(f"/properties/{mrr.id}").text)
    assert "In the score none" in words_of(ada.get(f"/properties/{properties[3].id}").text)


def pages_of_factors(ada, cast, properties, page):
    """What a page says of a factor that counts, of one of the draft alone, and of a property that is none."""
    mrr, arr, plan, city = properties[:4]
    factories.make_health_version(cast.acme, scoring.row_of(mrr, 3, 0, 100), scoring.row_of(arr, 1, 0, 100))
    factories.make_health_version(cast.acme, scoring.row_of(plan, 2, 0, 100), number=0)
    return [words_of(ada.get(f"/properties/{row.id}/{page}").text) for row in (mrr, plan, city)]


def test_deleting_says_that_it_is_a_factor(person, cast, properties):
    counts, drafted, neither = pages_of_factors(person(cast.ada), cast, properties, "delete")

    assert "It is a factor of the health score. Without it the factor is not counted" in counts
    assert "It is a factor of the health score’s draft. The draft cannot be published" in drafted
    assert "It is a factor" not in neither


def test_editing_says_that_it_is_a_factor(person, cast, properties):
    counts, drafted, neither = pages_of_factors(person(cast.ada), cast, properties, "edit")

    assert "It is a factor of the health score. Its points were chosen for what it means now." in counts
    assert "It is a factor of the health score’s draft. Its points" in drafted
    assert "It is a factor" not in neither


def test_list_asks_as_often_for_many_properties_as_for_one(person, cast, provider):
    def asked() -> int:
        count: list[str] = []
        ada = person(cast.ada)
        ada.get("/properties")
        statements(count)
        ada.get("/properties")
        return len(count)

    factories.make_property(cast.acme, "First", filled_version=1, filled_import_id=factories.make_import(provider).id)
    few = asked()
    for number in range(12):
        import_ = factories.make_import(provider)
        factories.make_property(cast.acme, f"P{number}", filled_version=1, filled_import_id=import_.id)

    assert asked() == few
