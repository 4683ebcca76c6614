"""A compact set of ids, held to Python's own; and the ids of customers."""

import random
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import pytest

from webapp.models import Customer
from worker.ids import Ids, ids_bytes


def test_it_holds_what_a_dictionary_holds() -> None:
    chance, ids, wanted = random.Random(7), Ids(notes=True), dict[bytes, tuple[int, bytes]]()
    keys = [chance.randbytes(16) for _ in range(9_000)] + [number.to_bytes(16, "big") for number in range(3_000)]

    for _ in range(30_000):
        key, mark, note = chance.choice(keys), chance.choice((1, 2, 4)), chance.randbytes(16)
        ids.add(key, mark, note)
        wanted[key] = (wanted.get(key, (0, b""))[0] | mark, note)

    assert len(ids) == len(wanted)
    assert dict(ids) == {key: marks for key, (marks, _) in wanted.items()}
    assert all((ids[key], ids.note(key)) == wanted[key] for key in wanted)
    assert not any(chance.randbytes(16) in ids for _ in range(1_000))


def test_many_new_ones_are_held_as_if_they_were_added_one_by_one() -> None:
    chance = random.Random(8)
    keys = [chance.randbytes(16) for _ in range(5_000)]
    marks, notes = chance.choices((1, 3, 9), k=5_000), [chance.randbytes(16) for _ in keys]
    many, singly = Ids(notes=True), Ids(notes=True)
    many.add(bytes(16), 2, bytes(16))
    singly.add(bytes(16), 2, bytes(16))

    many.add_new(keys, marks, notes)
    for entry in zip(keys, marks, notes, strict=True):
        singly.add(*entry)

    assert (len(many), list(many)) == (len(singly), list(singly))
    assert [many.note(key) for key in keys] == notes


@pytest.mark.parametrize("as_sent", [str, lambda hex_: UUID(hex_)])
def test_bytes_of_ids_are_the_same_of_either_driver(as_sent) -> None:
    ids = [uuid4() for _ in range(3)]

    assert ids_bytes([as_sent(id_.hex) for id_ in ids]) == [id_.bytes for id_ in ids]
    assert ids_bytes([]) == []


def test_id_without_marks_is_gone() -> None:
    ids = Ids()
    for number in range(10_000):
        ids.add(number.to_bytes(16, "big"), 1 if number % 2 else 3)

    ids.unmark(1)

    assert len(ids) == 5_000
    assert {marks for _, marks in ids} == {2}
    assert (1).to_bytes(16, "big") not in ids
    assert (2).to_bytes(16, "big") in ids


def test_bytes_that_stand_across_two_ids_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.ids.BUCKETS", 1)
    ids, first, second = Ids(), bytes(range(16)), bytes(range(100, 116))
    ids.add(first)
    ids.add(second)
    across = first[8:] + b"\1" + second[:7]

    assert across not in ids
    ids.add(across, 2)

    assert dict(ids) == {first: 1, second: 1, across: 2}


@pytest.mark.parametrize("uuid", ["cus_1", "cus_ab12cd34-1111-2222-3333-444455556666", f"cus_{'z' * 60}"])
def test_a_customers_id_is_a_uuid_of_its_account_and_uuid(uuid: str) -> None:
    for provider_id in (UUID(int=0), uuid4(), uuid4()):
        assert Customer.id_for(provider_id, uuid) == uuid5(NAMESPACE_OID, f"{provider_id}/{uuid}")
