"""A property as a form describes it, finished or not: what was chosen, and what follows from it. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from webapp.chartmogul.fields import CODENAME_LENGTH, FIELDS, Field, best_match, codename_for, custom_field
from webapp.customer_csv import HEAD, SCORE_HEAD
from webapp.models import Property, Provider, Source
from webapp.models.properties import Definition
from webapp.values import PropertyType

_NUMBER, _MONEY, _PERCENT, _TEXT, _BOOLEAN, _DATE, _LIST = PropertyType
# The types that values of a type may be read as, its own first; webapp.values.convert is what reads them.
READABLE_AS: Mapping[PropertyType, tuple[PropertyType, ...]] = {
    _NUMBER: (_NUMBER, _MONEY, _PERCENT, _TEXT, _BOOLEAN, _LIST),
    _MONEY: (_MONEY, _NUMBER, _TEXT, _LIST),
    _PERCENT: (_PERCENT, _NUMBER, _TEXT, _LIST),
    _TEXT: (_TEXT, _NUMBER, _MONEY, _PERCENT, _BOOLEAN, _DATE, _LIST),
    _BOOLEAN: (_BOOLEAN, _NUMBER, _TEXT, _LIST),
    _DATE: (_DATE, _TEXT, _LIST),
    _LIST: (_LIST, _TEXT),
}
BY_HAND_TYPES = (_TEXT, _NUMBER, _MONEY, _PERCENT, _BOOLEAN, _DATE, _LIST)
# How a type is named in "cannot be read as ...".
AS_WORDS = {
    _NUMBER: "a number",
    _MONEY: "an amount of money",
    _PERCENT: "a percentage",
    _TEXT: "text",
    _BOOLEAN: "yes or no",
    _DATE: "a date",
    _LIST: "a list",
}
# Columns of the CSV file that are there anyway.
RESERVED = frozenset((*HEAD, *SCORE_HEAD))


@dataclass(frozen=True, slots=True)
class Draft:
    """What a form says so far. `suggested` and `matched` are the codename and the field that the page filled
    in by itself: as long as they stand untouched, another name may change them."""

    name: str
    codename: str
    suggested: str
    source: str
    field: Field | None
    matched: str
    type: PropertyType

    @property
    def types(self) -> tuple[PropertyType, ...]:
        """The types that can be chosen."""
        if self.source == Source.BY_HAND:
            return BY_HAND_TYPES
        readable = READABLE_AS[self.field.type] if self.field else ()
        return readable if self.type in readable else (self.type, *readable)

    @property
    def typed_for(self) -> str:
        """What the choice of types belongs to."""
        return self.field.codename if self.field and self.source == Source.CHARTMOGUL else self.source

    @property
    def definition(self) -> Definition:
        """What the property would be: see Property.definition."""
        field = self.field if self.source == Source.CHARTMOGUL else None
        return self.source, str(self.type), field.codename if field else None, field.custom_key if field else None

    @classmethod
    def of(
        cls,
        sent: Mapping[str, str],
        fields: Mapping[str, Field],
        taken: Collection[str],
        connected: bool,
        edited: Property | None = None,
    ) -> "Draft":
        """Read what was sent; `taken` are the codenames of other properties."""
        name = sent.get("name", "").strip()
        codename, suggested = sent.get("codename", "").strip(), sent.get("suggested", "")
        if edited is not None:
            codename, suggested = codename or edited.codename, ""
        elif codename in ("", suggested):
            codename = suggested = free_codename(name, taken) if name else ""
        source = sent.get("source", "")
        if source not in tuple(Source):
            source = Source.CHARTMOGUL if connected else Source.BY_HAND
        chosen, matched = sent.get("field", ""), sent.get("matched", "")
        if chosen in ("", matched):
            match = best_match(name, fields.values()) if name else None
            chosen = matched = match.codename if match else chosen
        field = fields.get(chosen)
        return cls(name, codename, suggested, source, field, matched, _type(sent, source, field, edited))

    @classmethod
    def of_property(cls, property_: Property, fields: Mapping[str, Field]) -> "Draft":
        field = fields.get(property_.field or "")
        type_ = PropertyType(property_.type)
        return cls(property_.name, property_.codename, "", property_.source, field, "", type_)


def _type(sent: Mapping[str, str], source: str, field: Field | None, edited: Property | None) -> PropertyType:
    """The type that was chosen, if it was chosen for this field; else the field's own. A property keeps the type that
    it has, also if its attribute's values are of another one since."""
    try:
        wanted = PropertyType(sent.get("type", ""))
    except ValueError:
        wanted = None
    if source == Source.BY_HAND:
        return wanted or PropertyType.TEXT
    if field is None:
        return wanted or PropertyType.TEXT
    other_field = sent.get("typed_for") not in (None, "", field.codename)
    if edited is not None and (edited.field, edited.type) == (field.codename, wanted) and not other_field:
        return PropertyType(edited.type)
    return field.type if other_field or wanted not in READABLE_AS[field.type] else wanted


def fields_of(provider: Provider | None, edited: Property | None = None) -> dict[str, Field]:
    """Every field there is to choose, by codename: the catalogue and the account's custom attributes."""
    attributes = provider.attributes if provider else {}
    custom = (custom_field(key, PropertyType(found["type"])) for key, found in sorted(attributes.items()))
    fields = FIELDS | {field.codename: field for field in custom}
    kept = edited.chartmogul_field(attributes) if edited and edited.from_chartmogul else None
    if kept is not None:
        fields.setdefault(kept.codename, kept)
    return fields


def free_codename(name: str, taken: Collection[str]) -> str:
    """A codename for a name that no other property has."""
    base = codename = codename_for(name)
    number = 1
    while codename in taken or codename in RESERVED:
        number += 1
        tail = f"_{number}"
        codename = base[: CODENAME_LENGTH - len(tail)].rstrip("_") + tail
    return codename
