"""Defining a property."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from flask_wtf import FlaskForm
from wtforms import StringField

from webapp.chartmogul.fields import CODENAME_LENGTH
from webapp.models import Property, Source
from webapp.models.values import TEXT_SLOTS, slots_of
from webapp.property_draft import AS_WORDS, READABLE_AS, RESERVED, Draft
from webapp.values import PropertyType

NAME_LENGTH = 120
CODENAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


class PropertyForm(FlaskForm):  # type: ignore[misc]
    """The fields of the page, as sent. What they mean together is a Draft."""

    name = StringField("Name")
    codename = StringField("Codename")
    source = StringField("Data source")
    field = StringField("ChartMogul field")
    type = StringField("Type")
    # What the page had filled in by itself, and which field its choice of types was for.
    suggested = StringField()
    matched = StringField()
    typed_for = StringField()

    @property
    def sent(self) -> dict[str, str]:
        return {name: value for name, value in self.data.items() if isinstance(value, str) and name != "csrf_token"}


def problems_of(
    sent: Mapping[str, str],
    draft: Draft,
    others: Iterable[Property],
    may_use_chartmogul: bool,
) -> dict[str, str]:
    """What is wrong with what was sent, by field, in the order of the form. `others`: all other properties."""
    others = list(others)
    found = {
        "name": _name_problem(draft.name, others),
        "codename": _codename_problem(draft.codename, others) if draft.codename or draft.name else None,
        "source": None,
        "field": None,
        "type": _type_problem(sent, draft) or _room_problem(draft, others),
    }
    if sent.get("source") not in tuple(Source):
        found["source"] = "Choose a data source."
    elif draft.source == Source.CHARTMOGUL and not may_use_chartmogul:
        found["source"] = "Connect ChartMogul first."
    elif draft.source == Source.CHARTMOGUL and (draft.field is None or not sent.get("field")):
        found["field"] = "Choose a ChartMogul field."
    return {name: problem for name, problem in found.items() if problem}


def _name_problem(name: str, others: list[Property]) -> str | None:
    if not name:
        return "Enter a name."
    if len(name) > NAME_LENGTH:
        return f"A name has at most {NAME_LENGTH} characters."
    if any(unicodedata.category(sign) == "Cc" for sign in name):
        return "A name is one line of text, without control characters."
    if any(name.casefold() == other.name.casefold() for other in others):
        return "There is a property with this name already."
    return None


def _codename_problem(codename: str, others: list[Property]) -> str | None:
    if len(codename) > CODENAME_LENGTH:
        return f"A codename has at most {CODENAME_LENGTH} characters."
    if not CODENAME.fullmatch(codename):
        return "Use lower-case letters, digits and underscores, with a letter first."
    if codename in RESERVED:
        return f"Every export has a column {codename} already. Choose another codename."
    if any(codename == other.codename for other in others):
        return "There is a property with this codename already."
    return None


def _room_problem(draft: Draft, others: list[Property]) -> str | None:
    slots = slots_of(draft.type)
    if sum(other.slot in slots for other in others) < len(slots):
        return None
    kind = "text" if slots is TEXT_SLOTS else "numbers, dates and yes or no"
    return f"There are {len(slots)} properties of {kind} already, which is the most. Delete one first."


def _type_problem(sent: Mapping[str, str], draft: Draft) -> str | None:
    """A wrong type for the field that it was chosen for; for another field the type is chosen anew."""
    wanted = sent.get("type", "")
    if not wanted or draft.type == wanted:
        return None
    if wanted not in tuple(PropertyType):
        return "Choose a type."
    if draft.source == Source.CHARTMOGUL and draft.field and sent.get("typed_for") in (None, "", draft.field.codename):
        assert PropertyType(wanted) not in READABLE_AS[draft.field.type]
        return f"{draft.field.label} cannot be read as {AS_WORDS[PropertyType(wanted)]}."
    return None
