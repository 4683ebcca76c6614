"""The times of an import's steps."""

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
