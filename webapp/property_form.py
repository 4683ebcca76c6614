"""What the form of a property says, beside what there is already; and all that it shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from webapp.chartmogul.fields import GROUPS, Field
from webapp.customer_columns import all_properties
from webapp.evidence import has_no_values
from webapp.forms.properties import problems_of
from webapp.models import Property, Provider, Source
from webapp.previews import Preview, known, preview, requests_for, samples
from webapp.property_draft import AS_WORDS, Draft, fields_of
from webapp.redefinitions import Redefinition, redefinition


@dataclass(frozen=True, slots=True)
class Proposal:
    """A draft of a new property or of one that is `edited`, and what it must go with. `choices`: every field there is;
    `others`: all other properties."""

    edited: Property | None
    sent: Mapping[str, str]
    provider: Provider | None
    choices: Mapping[str, Field]
    others: Sequence[Property]
    draft: Draft

    @classmethod
    def of(cls, edited: Property | None, sent: Mapping[str, str]) -> "Proposal":
        """What was sent, or a property as it is when nothing was."""
        provider = Provider.current()
        choices, others = fields_of(provider, edited), [row for row in all_properties() if row is not edited]
        if edited is not None and "source" not in sent:
            draft = Draft.of_property(edited, choices)
        else:
            taken = {row.codename for row in others}
            draft = Draft.of(sent, choices, taken, bool(provider and provider.live), edited)
        return cls(edited, sent, provider, choices, others, draft)

    @property
    def connected(self) -> bool:
        return bool(self.provider and self.provider.live)

    @property
    def may_use_chartmogul(self) -> bool:
        return self.connected or bool(self.edited and self.edited.from_chartmogul)

    @property
    def problems(self) -> dict[str, str]:
        return problems_of(self.sent, self.draft, self.others, self.may_use_chartmogul)

    @property
    def twin(self) -> Property | None:
        """The property that the same form made a moment ago."""
        return None if self.edited else next((row for row in self.others if self._is_saved_as(row)), None)

    def _is_saved_as(self, property_: Property) -> bool:
        same = (property_.name, property_.definition) == (self.draft.name, self.draft.definition)
        return same and self.draft.codename in (property_.codename, self.draft.suggested)


def form_context(
    edited: Property | None, sent: Mapping[str, str], problems: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """All that the form shows for what was sent, or for a property as it is when nothing was."""
    asked = Proposal.of(edited, sent)
    provider, draft, choices = asked.provider, asked.draft, asked.choices
    last_import = provider.newest_complete_import() if provider else None
    from_chartmogul = draft.source == Source.CHARTMOGUL
    field = draft.field if provider and from_chartmogul else None
    has_values = [each for each in choices.values() if known(each, last_import)]
    return {
        "edited": edited,
        "draft": draft,
        "problems": problems or {},
        "page_failed": bool(problems),
        "as_words": AS_WORDS,
        "provider": provider,
        "connected": asked.connected,
        "may_use_chartmogul": asked.may_use_chartmogul,
        "groups": _grouped(choices),
        "attributes": provider.attributes if provider else {},
        "samples": samples(provider, has_values) if provider and from_chartmogul else {},
        "requests": requests_for(provider, field) if provider and field else 0,
        "preview": _preview(provider, draft, edited) if field is None or field in has_values else None,
        "without_values": {each.codename for each in choices.values() if provider and has_no_values(each, provider)},
        "last_import": last_import,
    }


def _preview(provider: Provider | None, draft: Draft, edited: Property | None) -> Preview | Redefinition | None:
    """What would become of the property on real customers; of one that exists, before and after."""
    if provider is None or (draft.source == Source.CHARTMOGUL and draft.field is None):
        return None
    if edited is not None:
        return redefinition(provider, edited, draft)
    return preview(provider, draft.field, draft.type) if draft.field and draft.source == Source.CHARTMOGUL else None


def _grouped(fields: Mapping[str, Field]) -> dict[str, list[Field]]:
    grouped: dict[str, list[Field]] = {group: [] for group in GROUPS}
    for field in fields.values():
        grouped[field.group].append(field)
    return {group: found for group, found in grouped.items() if found}
