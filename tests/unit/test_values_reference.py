"""Values: each field against a slow reference, over random histories."""

import random
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.histories import PATIENT, ZONES, Customer, Movement, histories
from tests.reference import Reference
from webapp.chartmogul.fields import FIELDS, PropertyType, custom_field
from webapp.values import (
    Moment,
    field_values,
    values_reader,
)

NUMBERS = st.integers(-(10**14), 10**14) | st.floats(-1e14, 1e14) | st.decimals(-9, 9, places=3).map(float)
TEXTS = st.sampled_from(
    ("", "Gold", " yes ", "F", "0", "1.0", "12.5 %", "12.505%", "-.5", "5.", "1e3", "1e-7", "1,5", "9" * 19, "½")
) | st.sampled_from(
    ("2026-11-14", "2026-02-30", "2026-11-14T00:00:00.000Z", "2026-11-14T23:30:00.000Z", "2026-13-01T00:00:00.000Z")
)
SCALARS = TEXTS | st.none() | st.booleans() | NUMBERS | NUMBERS.map(str) | st.text(max_size=4)
SENT = TEXTS | SCALARS | st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=5)


@settings(PATIENT, max_examples=200)
@given(histories(), st.randoms(use_true_random=False))
def test_every_field_agrees_with_the_reference(
    history: tuple[Customer, list[Movement], Moment], order: random.Random
) -> None:
    customer, movements, moment = history
    expected = Reference(customer, movements, moment.now, moment.zone, moment.total_mrr_minor).values()
    order.shuffle(movements)

    found = field_values(list(FIELDS), customer, movements, moment)

    assert found == expected
    assert [type(found[name]) for name in found] == [type(expected[name]) for name in found]


@settings(PATIENT, max_examples=500)
@given(SENT | st.dictionaries(st.text(max_size=2), SCALARS), st.sampled_from(ZONES))
def test_custom_attribute_of_any_kind_agrees_with_the_reference_as_any_type(sent: Any, zone: str) -> None:
    customer = Customer(custom={"Plan Tier": sent, "plan_tier": "another"})
    moment = Moment(datetime(2026, 11, 20, tzinfo=UTC), ZoneInfo(zone), 0)
    reference = Reference(customer, [], moment.now, moment.zone, 0)
    expected = [reference.custom("Plan Tier", str(type_)) for type_ in PropertyType]

    found = values_reader([custom_field("Plan Tier", type_) for type_ in PropertyType])(customer, [], moment)

    assert found == expected
    assert [*map(type, found)] == [*map(type, expected)]
