"""Many ids at once: as the database's driver gives them, because making a UUID of each would take longer than
reading them, and in a set that stays small."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any
from uuid import UUID

from sqlalchemy import String, type_coerce

# So many that with a million ids each is searched in less than a microsecond.
BUCKETS = 1 << 12
MARKS = [bytes((mark,)) for mark in range(256)]
RawId = str | UUID


def raw_id(column: Any) -> Any:
    """A column of ids, read as the driver gives them."""
    return type_coerce(column, String)


def as_uuid(id_: RawId) -> UUID:
    return id_ if isinstance(id_, UUID) else UUID(id_)


def ids_bytes(ids: Sequence[RawId]) -> list[bytes]:
    """Of ids as one driver gave them, the 16 bytes of each."""
    texts = [id_ for id_ in ids if isinstance(id_, str)]
    return in_parts(bytes.fromhex("".join(texts))) if texts else [id_.bytes for id_ in ids if isinstance(id_, UUID)]


def in_parts(many: bytes) -> list[bytes]:
    """Ids that were written one after the other."""
    return [many[at : at + 16] for at in range(0, len(many), 16)]


class Ids:
    """A set of 16-byte ids: 100,000 take about 2 MB, a tenth of what Python's own set takes. Each id has marks of its
    own (1 to 255, bits); `ids[key]` is 0 for one that is not there. With `notes`, another 16 bytes are kept beside
    each.

    Ids that hash alike lie in one bucket, a string of entries (an id, its marks, its note): the C library finds one in
    it sooner than Python would in a table, and the set grows by what is added, never by all that it holds.
    """

    def __init__(self, notes: bool = False) -> None:
        self._count, self._no_note = 0, bytes(16) if notes else b""
        self._width = 17 + len(self._no_note)
        self._buckets = [bytearray() for _ in range(BUCKETS)]

    def __len__(self) -> int:
        return self._count

    def __contains__(self, key: bytes) -> bool:
        return self._at(self._buckets[hash(key) % BUCKETS], key) >= 0

    def __iter__(self) -> Iterator[tuple[bytes, int]]:
        """The ids with their marks."""
        for bucket in self._buckets:
            for at in range(0, len(bucket), self._width):
                yield bytes(bucket[at : at + 16]), bucket[at + 16]

    def __getitem__(self, key: bytes) -> int:
        bucket = self._buckets[hash(key) % BUCKETS]
        at = self._at(bucket, key)
        return bucket[at + 16] if at >= 0 else 0

    def note(self, key: bytes) -> bytes:
        """What was noted of an id that is there."""
        bucket = self._buckets[hash(key) % BUCKETS]
        at = self._at(bucket, key)
        return bytes(bucket[at + 17 : at + self._width])

    def add(self, key: bytes, mark: int = 1, note: bytes | None = None) -> None:
        """Add an id, or more marks to one that is there; a note replaces the one before."""
        bucket = self._buckets[hash(key) % BUCKETS]
        at = self._at(bucket, key)
        if at < 0:
            bucket += key
            bucket.append(mark)
            bucket += note or self._no_note
            self._count += 1
            return
        bucket[at + 16] |= mark
        if note is not None:
            bucket[at + 17 : at + self._width] = note

    def add_new(self, keys: Sequence[bytes], marks: Iterable[int], notes: Iterable[bytes] | None = None) -> None:
        """Add many ids none of which is there, in a fifth of the time."""
        buckets, notes = self._buckets, repeat(self._no_note) if notes is None else notes
        for key, mark, note in zip(keys, marks, notes, strict=False):
            buckets[hash(key) % BUCKETS] += key + MARKS[mark] + note
        self._count += len(keys)

    def unmark(self, mark: int) -> None:
        """Take a mark away from all; an id without any is as one that was never added."""
        self._count = 0
        for number, bucket in enumerate(self._buckets):
            kept = bytearray()
            for at in range(0, len(bucket), self._width):
                if bucket[at + 16] & ~mark:
                    bucket[at + 16] &= ~mark
                    kept += bucket[at : at + self._width]
            self._buckets[number] = kept
            self._count += len(kept) // self._width

    def _at(self, bucket: bytearray, key: bytes) -> int:
        """Where an id's entry begins; -1 if it has none. The same bytes across two entries are no id."""
        at = bucket.find(key)
        while at > 0 and at % self._width:
            at = bucket.find(key, at + 1)
        return at
