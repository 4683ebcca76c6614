"""Values: each field against a slow reference, over random histories."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.histories import PATIENT, Customer, Movement, histories
from tests.reference import Reference
from webapp.chartmogul.fields import FIELDS
from webapp.values import (
    Moment,
    field_values,
)


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
