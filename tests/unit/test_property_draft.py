"""What follows from what a property's form says so far."""

from datetime import date
from decimal import Decimal

import pytest

from webapp.chartmogul.fields import CODENAME_LENGTH, FIELDS
from webapp.property_draft import BY_HAND_TYPES, READABLE_AS, Draft, free_codename
from webapp.values import CannotRead, PropertyType, convert

EXAMPLES = {
    PropertyType.NUMBER: [1, Decimal("0")],
    PropertyType.MONEY: [1, 12900],
    PropertyType.PERCENT: [Decimal("1")],
    PropertyType.TEXT: ["1", "2026-11-14"],
    PropertyType.BOOLEAN: [True],
    PropertyType.DATE: [date(2026, 11, 14)],
    PropertyType.LIST: [("a",)],
}


def readable(value, from_type, to_type):
    try:
        convert(value, from_type, to_type)
    except CannotRead:
        return False
    return True


@pytest.mark.parametrize("from_type", PropertyType)
@pytest.mark.parametrize("to_type", PropertyType)
def test_types_offered_are_those_that_values_can_be_read_as(from_type, to_type):
    some = any(readable(value, from_type, to_type) for value in EXAMPLES[from_type])

    assert (to_type in READABLE_AS[from_type]) == some


def test_every_type_can_be_set_by_hand():
    assert set(BY_HAND_TYPES) == set(PropertyType)
    assert all(types[0] is type_ for type_, types in READABLE_AS.items())


def draft(**sent):
    return Draft.of(sent, FIELDS, {"mrr"}, connected=True)


def test_empty_form_of_a_connected_tenant_begins_with_chartmogul():
    empty = draft()

    assert (empty.source, empty.field, empty.codename) == ("chartmogul", None, "")
    assert Draft.of({}, FIELDS, (), connected=False).source == "by_hand"


def test_type_chosen_for_the_field_stays_and_one_chosen_for_another_does_not():
    assert draft(field="cm_mrr", type="number", typed_for="cm_mrr").type is PropertyType.NUMBER
    assert draft(field="cm_mrr", type="number", typed_for="cm_status").type is PropertyType.MONEY
    assert draft(field="cm_mrr", type="date").type is PropertyType.MONEY


def test_codenames_are_free_and_short_enough():
    taken = {"a" * CODENAME_LENGTH}

    assert free_codename("MRR", {"mrr", "mrr_2"}) == "mrr_3"
    assert free_codename("a" * 200, taken) == "a" * 58 + "_2"
    assert free_codename("External ID", ()) == "external_id_2"
