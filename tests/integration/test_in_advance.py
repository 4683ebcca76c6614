"""Slices that are read while the one before is worked on."""

import threading
import time

import pytest

from tests.factories import Cast
from webapp.tenancy import acting_for, current_tenant_id
from worker.in_advance import in_advance


def test_each_slice_is_read_after_the_last_of_the_one_before_and_for_the_tenant(cast: Cast):
    asked = []

    def read(after):
        asked.append((after, current_tenant_id()))
        return range(after, after + 3) if after < 6 else None

    with acting_for(cast.acme.id):
        slices = list(in_advance(read, 0, lambda some: some[-1] + 1))

    assert slices == [range(0, 3), range(3, 6)]
    assert asked == [(after, cast.acme.id) for after in (0, 3, 6)]


def test_what_goes_wrong_in_a_read_is_raised_where_its_slice_was_wanted(cast: Cast):
    def read(after):
        if after:
            raise LookupError("the second")
        return "first"

    with acting_for(cast.acme.id):
        slices = in_advance(read, "", lambda some: some)

        assert next(slices) == "first"
        with pytest.raises(LookupError, match="the second"):
            next(slices)


def test_whoever_leaves_early_does_not_wait_for_the_next_slice(cast: Cast):
    left = threading.Event()

    def read(after):
        if after:
            left.wait(20)
        return "slice"

    began = time.monotonic()
    with acting_for(cast.acme.id):
        for _ in in_advance(read, "", lambda some: some):
            break
    left.set()

    assert time.monotonic() - began < 10
