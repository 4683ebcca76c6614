"""A factor as a person types it, read to what a version keeps, with what is wrong with it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from webapp.by_hand import read, typed
from webapp.factor_values import Frequent
from webapp.folding import fold
from webapp.health import Importance
from webapp.models import Property
from webapp.scoring import row_of
from webapp.values import CannotRead, PropertyType, Value, decode_one, encode

# The types that a factor can be made of, and those of them whose values can each have points of their own.
USABLE = tuple(type_ for type_ in PropertyType if type_ is not PropertyType.LIST)
BY_VALUE = (PropertyType.TEXT, PropertyType.NUMBER)
MOST_PAIRS = 50


@dataclass(frozen=True, slots=True)
class Typed:
    """What the form of a factor holds. `pairs`: value and points, for a factor that gives points value by value."""

    weight: str = ""
    zero: str = ""
    hundred: str = ""
    empty: str = ""
    by_value: bool = False
    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_sent(
        cls, type_: PropertyType, sent: Mapping[str, str], texts: Sequence[str], points: Sequence[str]
    ) -> "Typed":
        if type_ is PropertyType.BOOLEAN:
            good = sent.get("good", "")
            anchors = {"yes": ("no", "yes"), "no": ("yes", "no")}.get(good, ("", ""))
        else:
            anchors = sent.get("zero", ""), sent.get("hundred", "")
        by_value = type_ is PropertyType.TEXT or (type_ in BY_VALUE and sent.get("way") == "values")
        pairs = tuple(zip(texts, points, strict=False)) if by_value else ()
        return cls(sent.get("weight", ""), *anchors, sent.get("empty", ""), by_value, pairs)

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Typed":
        type_ = PropertyType(row["type"])
        weight, empty = str(row["weight"]), "" if row["empty"] is None else str(row["empty"])
        if row["by_text"] is not None:
            pairs = tuple((_typed_key(type_, key), str(points)) for key, points in row["by_text"].items())
            return cls(weight, empty=empty, by_value=True, pairs=pairs)
        zero, hundred = (typed(type_, decode_one(type_, row[name])) for name in ("zero", "hundred"))
        return cls(weight, zero, hundred, empty)


def _typed_key(type_: PropertyType, key: str) -> str:
    return key if type_ is PropertyType.TEXT else typed(type_, decode_one(type_, int(key)))


def read_factor(
    property_: Property, said: Typed, currency: str | None = None
) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """The factor as a version keeps it, or None and what is wrong, by field, in the order of the form."""
    type_, problems = PropertyType(property_.type), dict[str, str]()
    if type_ not in USABLE:
        return None, {"property": f"{property_.name} is a list, and a list cannot be a factor."}
    weight = int(said.weight) if said.weight in {str(int(each)) for each in Importance} else None
    if weight is None:
        problems["weight"] = "Choose an importance."
    anchors, by_text = (0, 0), None
    if said.by_value:
        by_text = _read_pairs(type_, said.pairs, problems)
    else:
        anchors = _read_anchors(type_, said, problems)
    empty = _read_points(said.empty, "empty", problems) if said.empty.strip() else None
    if problems or weight is None:
        return None, problems
    return row_of(property_, weight, *anchors, by_text=by_text, empty=empty, currency=currency), {}


def read_anchor(type_: PropertyType, text: str) -> int | None:
    """An anchor as it is kept; None for nothing typed. Raises CannotRead."""
    value = read(text, type_)
    return None if value is None else _kept(type_, value)


def anchors_typed(type_: PropertyType, said: Typed) -> tuple[int | None, int | None]:
    """Both anchors as far as they can be read, to draw them."""
    found = []
    for text in (said.zero, said.hundred):
        try:
            found.append(read_anchor(type_, text))
        except CannotRead:
            found.append(None)
    return found[0], found[1]


@dataclass(frozen=True, slots=True)
class PairRow:
    """A row of the form: a value, its points, and how many customers have it, if it is one of the most frequent."""

    text: str
    points: str
    customers: int | None = None


def pair_rows(type_: PropertyType, said: Typed, values: Sequence[Frequent], blank: bool) -> list[PairRow]:
    """What was sent, as it was; or the most frequent values, those that have points, and (`blank`) room for more."""
    customers = {_typed_of(type_, each): each.customers for each in values}
    given = {_folded(type_, text): (text, points) for text, points in said.pairs}
    if not blank:
        by_key = {_folded(type_, text): number for text, number in customers.items()}
        return [PairRow(text, points, by_key.get(_folded(type_, text))) for text, points in said.pairs]
    rows = [PairRow(text, given.pop(_folded(type_, text), ("", ""))[1], number) for text, number in customers.items()]
    return [*rows, *(PairRow(*pair) for pair in given.values()), PairRow("", ""), PairRow("", "")]


def _typed_of(type_: PropertyType, value: Frequent) -> str:
    return value.words if type_ is PropertyType.TEXT else _typed_key(type_, value.key)


def _folded(type_: PropertyType, text: str) -> str:
    return fold(text.strip()) if type_ is PropertyType.TEXT else text.strip()


def _kept(type_: PropertyType, value: Value) -> int:
    kept = encode(type_, value)[0]
    assert kept is not None
    return kept


def _read_anchors(type_: PropertyType, said: Typed, problems: dict[str, str]) -> tuple[int, int]:
    if type_ is PropertyType.BOOLEAN and not said.zero:
        problems["good"] = "Choose what gives 100 points."
        return 0, 0
    found = []
    for name, words in (("zero", "0 points"), ("hundred", "100 points")):
        try:
            anchor = read_anchor(type_, getattr(said, name))
        except CannotRead as problem:
            problems[name] = str(problem)
            continue
        if anchor is None:
            problems[name] = f"Enter the value that gives {words}."
        else:
            found.append(anchor)
    if len(found) == 2 and found[0] == found[1]:
        problems["hundred"] = (
            "The two values are equal. Enter one that is better, or worse, than the value for 0 points."
        )
    return (found[0], found[1]) if len(found) == 2 else (0, 0)


def _read_pairs(type_: PropertyType, pairs: Sequence[tuple[str, str]], problems: dict[str, str]) -> dict[str, int]:
    """Points by the folded value, or by the number as it is kept; a value without points is not counted."""
    found: dict[str, int] = {}
    for place, (text, points) in enumerate(pairs):
        if not points.strip():
            continue
        try:
            value = read(text, type_)
        except CannotRead as problem:
            problems[f"text-{place}"] = str(problem)
            continue
        if value is None:
            problems[f"text-{place}"] = "Enter the value that gets these points."
            continue
        key = fold(str(value)) if type_ is PropertyType.TEXT else str(_kept(type_, value))
        if key in found:
            problems[f"text-{place}"] = f"{text.strip()} has points already. Case and accents make no difference."
        found[key] = _read_points(points, f"points-{place}", problems)
    if not found and not problems:
        problems["points-0"] = "Give points to at least one value."
    if len(found) > MOST_PAIRS:
        problems["points-0"] = f"Give points to at most {MOST_PAIRS} values."
    return found


def _read_points(text: str, field: str, problems: dict[str, str]) -> int:
    points = points_of(text)
    if points is None:
        problems[field] = "Enter a whole number from 0 to 100."
    return points or 0


def points_of(text: str) -> int | None:
    """A whole number from 0 to 100; None for anything else."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 100 else None
