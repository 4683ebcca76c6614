"""What a list of customers is narrowed to by values of properties: read from an address, and said in words.

Each property has parameters of its own, by its codename: `mrr.min`, `mrr.max` (numbers, money, percentages, dates, both
ends included), `plan.has` (a text that holds the words, a list that holds the item), and `….is`: `empty`, `filled`, for
yes or no also `yes` and `no`.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from sqlalchemy import ColumnElement, or_

from webapp import by_hand
from webapp.direction import apart
from webapp.models import Property
from webapp.models.types import caseless
from webapp.values import RANGED, WORDED, CannotRead, PropertyType, Value, encode_all, format_value

LONGEST = 200
EMPTY, FILLED, YES, NO = "empty", "filled", "yes", "no"
# What `caseless` does to a text on PostgreSQL.
TO_SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)
HOW = {"has": "contains", "min": "from", "max": "to", "is": "is"}
NAMES_A_CONDITION = re.compile(r"([a-z][a-z0-9_]{,99})\.(min|max|has|is)")
MOST_LOST = 20
IS_WORDS = {EMPTY: "is empty", FILLED: "is not empty", YES: "is yes", NO: "is no"}


def kinds_of(type_: PropertyType) -> tuple[str, ...]:
    """The parameters that a property of a type has."""
    return (*(("min", "max") if type_ in RANGED else ("has",) if type_ in WORDED else ()), "is")


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition. `sent` is what stands in the address, `value` what it means; `problem` says why it means nothing,
    and then it narrows nothing."""

    of: Property
    kind: str
    sent: str
    value: Value | None = None
    problem: str | None = None

    @property
    def parameter(self) -> str:
        return f"{self.of.codename}.{self.kind}"

    def words(self, currency: str | None) -> str:
        type_ = PropertyType(self.of.type)
        if self.kind == "is":
            return f"{apart(self.of.name)} {IS_WORDS[self.sent]}"
        if self.kind == "has" or self.problem:
            return f"{apart(self.of.name)} {HOW[self.kind]} “{apart(self.sent)}”"
        value = format_value(type_, self.value, currency)
        return f"{apart(self.of.name)} {'from' if self.kind == 'min' else 'to'} {value}"

    def condition(self) -> ColumnElement[bool]:
        column, type_ = self.of.values, PropertyType(self.of.type)
        if self.kind == "is":
            if self.sent in (EMPTY, FILLED):
                return column.is_(None) if self.sent == EMPTY else column.is_not(None)
            return column == int(self.sent == YES)
        if self.kind == "has":
            return holds(column, self.sent, as_item=type_ is PropertyType.LIST)
        bound = encode_all(type_, [self.value])[0]
        return column >= bound if self.kind == "min" else column <= bound


@dataclass(frozen=True, slots=True)
class LostCondition:
    """A condition that an address or a view still names, and that there is not: its property was deleted, or has become
    of another type. It is told, because the list is longer than whoever named it thinks."""

    name: str
    parameter: str
    sent: str
    problem: str = "There is no such condition any more."

    def words(self, currency: str | None) -> str:
        return f"{apart(self.name)} {HOW[self.parameter.rpartition('.')[2]]} “{apart(self.sent)}”"


def holds(column: Any, words: str, as_item: bool = False) -> ColumnElement[bool]:
    """Whether a text holds these words, or a list this item, in any case; words with letters beyond z in any of the
    usual ones. Accents count, other than in the search: what is searched there is kept folded, a value is not, and
    PostgreSQL has no fast way to fold 100,000 of them."""
    usual = words, words.lower(), words.upper(), words.capitalize(), words.title()
    kept = (json.dumps(each, ensure_ascii=False) if as_item else each for each in usual)
    spelled = {each.translate(TO_SMALL) for each in kept}
    return or_(*(caseless(column).contains(each, autoescape=True) for each in sorted(spelled)))


def read_filters(args: Mapping[str, str], properties: Iterable[Property]) -> list[Filter]:
    """The conditions that an address names, in the properties' order."""
    found = []
    for property_ in properties:
        type_ = PropertyType(property_.type)
        for kind in kinds_of(type_):
            sent = _sent(args, f"{property_.codename}.{kind}")
            if sent and (kind != "is" or sent in _is_choices(type_)):
                found.append(_read(property_, type_, kind, sent))
    return found


def lost_conditions(
    args: Mapping[str, str], properties: Iterable[Property], found: Iterable[Filter]
) -> list[LostCondition]:
    """What an address names like a condition and is none of those that were found."""
    names = {property_.codename: property_.name for property_ in properties}
    known, lost = {each.parameter for each in found}, []
    for parameter in args:
        match = NAMES_A_CONDITION.fullmatch(parameter)
        if match and parameter not in known and (sent := _sent(args, parameter)):
            lost.append(LostCondition(names.get(match[1], match[1]), parameter, sent))
    return lost[:MOST_LOST]


def _sent(args: Mapping[str, str], parameter: str) -> str:
    return args.get(parameter, "").replace("\0", "").strip()


def _read(property_: Property, type_: PropertyType, kind: str, sent: str) -> Filter:
    if len(sent) > LONGEST:
        return Filter(property_, kind, sent[:LONGEST], problem=f"That is longer than {LONGEST} characters.")
    if kind in ("is", "has"):
        return Filter(property_, kind, sent)
    try:
        return Filter(property_, kind, sent, by_hand.read(sent, type_))
    except CannotRead as problem:
        return Filter(property_, kind, sent, problem=str(problem))


def _is_choices(type_: PropertyType) -> Sequence[str]:
    return (YES, NO, EMPTY, FILLED) if type_ is PropertyType.BOOLEAN else (EMPTY, FILLED)
