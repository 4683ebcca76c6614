"""The unit of a property's values."""

import pytest

from webapp.chartmogul.fields import FIELDS, PropertyType, custom_field
from webapp.units import COUNTED, unit_of


@pytest.mark.parametrize(
    ("field", "type_", "unit"),
    [
        ("cm_mrr", "money", "EUR"),
        ("cm_mrr", "number", "EUR"),
        ("cm_mrr", "text", None),
        ("cm_mrr_vs_peak_pct", "percent", "%"),
        ("cm_mrr_vs_peak_pct", "number", "%"),
        ("cm_tenure_days", "number", "days"),
        ("cm_days_since_contraction", "number", "days"),
        ("cm_trial_to_paid_days", "text", None),
        ("cm_reactivations", "number", "count of reactivations"),
        ("cm_customer_since", "date", "day in Europe/Berlin"),
        ("cm_status", "text", None),
        (None, "money", "EUR"),
        (None, "number", None),
        (None, "date", "day"),
        (None, "list", None),
    ],
)
def test_unit_follows_from_field_and_type(field, type_, unit):
    assert unit_of(PropertyType(type_), FIELDS[field] if field else None, "EUR", "Europe/Berlin") == unit


def test_key_of_a_custom_attribute_says_nothing_of_its_unit():
    field = custom_field("renewal_days", PropertyType.NUMBER)

    assert unit_of(PropertyType.NUMBER, field, "EUR", None) is None


def test_counted_fields_are_numbers_of_the_catalogue():
    assert {FIELDS[codename].type for codename in COUNTED} == {PropertyType.NUMBER}
