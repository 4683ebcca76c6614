"""A property that is changed or deleted while somebody else writes its values, or changes it too."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context

import pytest

from tests import factories, syncing
from tests.conftest import DATABASES
from tests.factories import Cast
from webapp.definitions import define, delete
from webapp.extensions import db
from webapp.models import CustomerValues, Property
from webapp.models.properties import Deleted
from webapp.models.types import now
from webapp.property_draft import Draft
from webapp.tenancy import acting_for, owned, owned_delete, owned_update
from webapp.values import PropertyType


@pytest.fixture
def size(cast: Cast) -> Property:
    provider = factories.make_provider(cast.acme)
    property_ = factories.make_property(cast.acme, "Size", type="number")
    for uuid in ("cus_z", "cus_a"):  # as they lie: not in the order of their uuids
        factories.make_value(property_, factories.make_customer(provider, uuid=uuid), number=10_000)
    return property_


def test_deletion_takes_the_rows_in_the_order_of_an_import(app, cast: Cast, size: Property):
    """Else an import in the middle of a page and a deletion would wait for each other."""
    size_id, problems = size.id, []
    db.session.commit()

    def delete_it() -> None:
        with app.app_context(), acting_for(cast_id):
            try:
                delete(db.session.scalars(owned(Property).where(Property.id == size_id)).one())
                db.session.commit()
            except Exception as error:
                problems.append(error)
            finally:
                db.session.remove()

    cast_id = cast.acme.id
    db.session.commit()
    with acting_for(cast_id), db.engine.connect() as importing:
        importing.execute(owned_update(CustomerValues).where(CustomerValues.uuid == "cus_a").values(mrr_minor=1))
        deleting = threading.Thread(target=copy_context().run, args=(delete_it,))
        deleting.start()
        deleting.join(0.7)  # it waits for the row that is being written
        assert deleting.is_alive()
        importing.execute(owned_update(CustomerValues).where(CustomerValues.uuid == "cus_z").values(mrr_minor=1))
        importing.commit()
    deleting.join(10)

    with acting_for(cast_id):
        assert problems == []
        assert db.session.scalars(owned(Property)).all() == []


def test_what_was_deleted_meanwhile_is_neither_changed_nor_deleted(cast: Cast, size: Property):
    draft = Draft("Size of all", "size", "", "by_hand", None, "", PropertyType.NUMBER)
    with acting_for(cast.acme.id):
        edited = db.session.scalars(owned(Property)).one()
        db.session.connection().execute(owned_delete(Property))

        with pytest.raises(Deleted):
            define(edited, draft, [], "ada@acme.example")
        with pytest.raises(Deleted):
            delete(edited)
        db.session.rollback()


def test_somebody_elses_definition_is_built_upon(cast: Cast, size: Property):
    """Two edit it at once: what counts is the version that the other one left."""
    draft = Draft("Size", "size", "", "by_hand", None, "", PropertyType.NUMBER)
    with acting_for(cast.acme.id):
        edited = db.session.scalars(owned(Property)).one()
        db.session.connection().execute(owned_update(Property).values(version=7))

        define(edited, draft, [], "ada@acme.example")

        assert edited.version == 8
        db.session.rollback()


on_postgresql = pytest.mark.parametrize(
    "database_url", [name for name in DATABASES if name == "postgresql"], indirect=True
)


@contextmanager
def just_before_the_insert(work: Callable[[], None]) -> Iterator[None]:
    """Somebody else does this while the first property is on its way into the database."""
    began = []

    def meanwhile(_connection, _cursor, statement, *_rest):
        if statement.startswith("INSERT INTO properties") and not began:
            began.append(True)
            working = threading.Thread(target=work)
            working.start()
            working.join()

    with syncing.listening(meanwhile):
        yield


@on_postgresql
@pytest.mark.parametrize("codename", [None, "my_mrr"])
def test_save_pressed_twice_in_the_same_moment_saves_one_property_and_says_so_twice(
    app, person, cast: Cast, codename: str | None
):
    """On SQLite the one waits for the other."""
    factories.make_provider(cast.acme, last_success_at=now())
    people, form = [person(cast.ada) for _ in range(2)], {"name": "MRR", "source": "chartmogul", "field": "cm_mrr"}
    form |= {"codename": codename, "suggested": ""} if codename else {}
    answers = []
    for each in people:
        each.csrf()

    def save_again() -> None:
        with app.app_context():
            answers.append(people[1].post("/properties/new", **form))

    with just_before_the_insert(save_again):
        answers.append(people[0].post("/properties/new", **form))

    saved = f"/properties?saved={codename or 'mrr'}"
    assert [(answer.status_code, answer.location) for answer in answers] == [(303, saved)] * 2
    assert people[0].get(saved).text.count("MRR saved. Filled on the next sync.") == 1
    with acting_for(cast.acme.id):
        assert len(db.session.scalars(owned(Property)).all()) == 1


@on_postgresql
def test_starter_set_whose_place_was_taken_says_so(app, person, cast: Cast):
    """On SQLite the one waits for the other."""
    factories.make_provider(cast.acme, last_success_at=now())
    ada, again = person(cast.ada), person(cast.ada)
    ada.csrf()
    again.csrf()

    def save_two() -> None:
        with app.app_context():
            for type_ in ("number", "text"):
                again.post("/properties/new", name=f"My {type_}", source="by_hand", type=type_)

    with just_before_the_insert(save_two):
        ada.post("/properties/starter-set")

    page = ada.get("/properties").text
    assert "Another property was saved in the same moment. Press again." in page
    assert "All of the starter set is there already." not in page
