"""Custom attributes that an import found and that nobody has made a property of yet."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from webapp.chartmogul.fields import Field, PropertyType, custom_codename, custom_field
from webapp.models import Property, Provider
from webapp.values import CannotRead, convert, format_value


@dataclass(frozen=True, slots=True)
class Attribute:
    """One that is offered: its field, how many customers have it, a few values, whether they are of several types."""

    field: Field
    count: int
    samples: Sequence[str]
    mixed: bool

    @property
    def key(self) -> str:
        return self.field.custom_key or ""


def new_attributes(provider: Provider | None, properties: Sequence[Property]) -> list[Attribute]:
    """Those to offer, the most filled first: found, of no property, and not dismissed."""
    if provider is None or not provider.live:
        return []
    known = {property_.custom_key for property_ in properties} | set(provider.dismissed_attributes)
    found = [
        Attribute(custom_field(key, PropertyType(of["type"])), of["count"], _in_words(provider, of), of["mixed"])
        for key, of in provider.attributes.items()
        if key not in known
    ]
    return sorted(found, key=lambda attribute: (-attribute.count, attribute.key.casefold()))


def _in_words(provider: Provider, found: dict[str, Any]) -> list[str]:
    """An attribute's samples as values of its type are shown; what cannot be read, as it was kept."""
    return list(dict.fromkeys(_words(text, PropertyType(found["type"]), provider.zone) for text in found["samples"]))


def _words(text: str, type_: PropertyType, zone: tzinfo) -> str:
    try:
        return format_value(type_, convert(text, PropertyType.TEXT, type_, zone))
    except CannotRead:
        return text


def dismiss(provider: Provider, codenames: Collection[str]) -> list[str]:
    """Offer the attributes of these fields no more; answers the keys of those that were not dismissed before. The
    caller commits."""
    named = (key for key in provider.attributes if custom_codename(key) in codenames)
    new = sorted(set(named) - set(provider.dismissed_attributes))
    provider.dismissed_attributes = [*provider.dismissed_attributes, *new]
    return new
