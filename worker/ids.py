"""Many ids at once: as the database's driver gives them, because making a UUID of each would take longer than
reading them, and in a set that stays small."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import String, type_coerce

SMALLEST = 1 << 12
RawId = str | UUID


def raw_id(column: Any) -> Any:
    """A column of ids, read as the driver gives them."""
    return type_coerce(column, String)


def as_uuid(id_: RawId) -> UUID:
    return id_ if isinstance(id_, UUID) else UUID(id_)


def id_bytes(id_: RawId) -> bytes:
    return id_.bytes if isinstance(id_, UUID) else bytes.fromhex(id_)


class Ids:
    """A set of 16-byte ids: 100,000 take about 4 MB, a fifth of what Python's own set takes. Each id has marks of its
    own (1 to 255, bits); `ids[key]` is 0 for one that is not there. With `notes`, another 16 bytes are kept beside
    each."""

    _keys: bytearray
    _marks: bytearray
    _notes: bytearray | None

    def __init__(self, notes: bool = False) -> None:
        self._count, self._with_notes = 0, notes
        self._make(SMALLEST)

    def __len__(self) -> int:
        return self._count

    def __contains__(self, key: bytes) -> bool:
        return self._marks[self._slot(key)] != 0

    def __iter__(self) -> Iterator[tuple[bytes, int]]:
        """The ids with their marks."""
        for slot, marks in enumerate(self._marks):
            if marks:
                yield bytes(self._keys[16 * slot : 16 * slot + 16]), marks

    def __getitem__(self, key: bytes) -> int:
        return self._marks[self._slot(key)]

    def note(self, key: bytes) -> bytes:
        assert self._notes is not None
        slot = self._slot(key)
        return bytes(self._notes[16 * slot : 16 * slot + 16])

    def add(self, key: bytes, mark: int = 1, note: bytes | None = None) -> None:
        """Add an id, or more marks to one that is there; a note replaces the one before."""
        slot = self._slot(key)
        if not self._marks[slot]:
            self._keys[16 * slot : 16 * slot + 16] = key
            self._count += 1
        self._marks[slot] |= mark
        if note is not None and self._notes is not None:
            self._notes[16 * slot : 16 * slot + 16] = note
        if 5 * self._count > 4 * len(self._marks):
            self._rehash(2 * len(self._marks))

    def unmark(self, mark: int) -> None:
        """Take a mark away from all; an id without any is as one that was never added."""
        self._marks = self._marks.translate(bytes(marks & ~mark for marks in range(256)))
        self._rehash(len(self._marks))

    def _make(self, size: int) -> None:
        self._keys = bytearray(16 * size)
        self._notes = bytearray(16 * size) if self._with_notes else None
        self._marks = bytearray(size)
        self._mask = size - 1

    def _slot(self, key: bytes) -> int:
        keys, marks, mask = self._keys, self._marks, self._mask
        slot = hash(key) & mask
        while marks[slot] and keys[16 * slot : 16 * slot + 16] != key:
            slot = (slot + 1) & mask
        return slot

    def _rehash(self, size: int) -> None:
        keys, marks, notes = self._keys, self._marks, self._notes
        self._make(size)
        mask, self._count = self._mask, 0
        for before, mark in enumerate(marks):
            if mark:
                key = bytes(keys[16 * before : 16 * before + 16])
                slot = hash(key) & mask
                while self._marks[slot]:
                    slot = (slot + 1) & mask
                self._keys[16 * slot : 16 * slot + 16] = key
                self._marks[slot] = mark
                self._count += 1
                if notes is not None and self._notes is not None:
                    self._notes[16 * slot : 16 * slot + 16] = notes[16 * before : 16 * before + 16]
