"""The steps of an import: which there are, and their times."""

import time

from worker.steps import Steps


def test_time_of_a_turn_that_ended_in_the_middle_of_a_step_counts():
    first = Steps([])
    first.begin("customers")
    time.sleep(0.05)
    second = Steps(first.rows())
    second.begin("customers")
    time.sleep(0.05)
    second.done("customers")

    (row,) = [row for row in second.rows() if row["name"] == "customers"]

    assert row["state"] == "done"
    assert 0.1 <= row["seconds"] < 1
    assert [row for row in second.rows() if row["seconds"] is None and row["state"] == "waiting"] == [
        row for row in second.rows() if row["name"] != "customers"
    ]


def test_step_that_not_every_import_has_stands_in_its_place_while_it_is_needed():
    every = [row["name"] for row in Steps([]).rows()]
    steps = Steps([])
    steps.expect("subscriptions")
    steps.expect("scores")

    names = [row["name"] for row in Steps(steps.rows()).rows()]
    steps.expect("subscriptions", needed=False)
    steps.expect("scores", needed=False)

    assert names == ["check_key", "customers", "movements", "match", "subscriptions", "properties", "scores"]
    without = [name for name in names if name not in ("subscriptions", "scores")]
    assert [row["name"] for row in steps.rows()] == every == without
