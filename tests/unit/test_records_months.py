"""The account's months: what `GET /metrics/all` and `/metrics/mrr` mean together, and what is left out of them."""

from datetime import date
from typing import Any

import pytest

from tests.recorded import sample
from webapp.chartmogul.records import MonthRecord, RecordRefused, parse_months

TODAY = date(2022, 5, 31)
ALL, MRR = sample("metrics_all_go_2022"), sample("metrics_mrr")


def months(metrics: Any = None, movements: Any = None, today: date = TODAY) -> list[MonthRecord]:
    return parse_months({"entries": [metrics]} if metrics else ALL, movements or MRR, today)


def of(**changes: Any) -> dict[str, Any]:
    return {**ALL["entries"][0], **{name.replace("_", "-"): value for name, value in changes.items()}}


def test_recorded_months_are_read_in_hundredths():
    assert parse_months(sample("metrics_all"), sample("metrics_mrr"), TODAY) == [
        MonthRecord(date(2022, 4, 30), True, 383859969, 3136951, 96723, 56, -17),
        MonthRecord(date(2022, 5, 31), False, 670280904, 286628669, 64750, 171, -7452),
    ]


def test_months_of_a_one_currency_account_move_by_what_their_mrr_does():
    april, may = parse_months(sample("metrics_all_go_2022"), MOVEMENTS_OF_GO, TODAY)

    assert may.mrr_minor - april.mrr_minor == may.movement_minor
    assert (may.customer_churn_rate, may.mrr_churn_rate) == (292, 91)


MOVEMENTS_OF_GO = {
    "entries": [
        {
            "date": "2022-05-31",
            "mrr-new-business": 977000,
            "mrr-expansion": 1559209,
            "mrr-contraction": -770875,
            "mrr-churn": -1730666,
            "mrr-reactivation": 315000,
        }
    ]
}


def test_old_figures_with_fractions_are_rounded_and_both_spellings_are_read():
    entry = {"date": "2022-04-30", "mrr": 10908.61093, "customer_churn_rate": 1.145, "mrr_churn_rate": -3}

    assert months(entry)[0][2:] == (10909, 3136951, 96723, 115, -300)


@pytest.mark.parametrize(
    ("day", "last_day", "whole"),
    [("2022-04-30", date(2022, 4, 30), True), ("2022-05-31", date(2022, 5, 9), False)],
)
def test_month_of_today_is_the_running_one(day: str, last_day: date, whole: bool):
    assert months(of(date=day), today=date(2022, 5, 9))[0][:2] == (last_day, whole)


def test_months_to_come_are_left_out():
    assert [month.last_day for month in parse_months(ALL, MRR, date(2022, 4, 3))] == [date(2022, 4, 3)]


def test_months_come_oldest_first_and_of_two_of_a_month_the_later_counts():
    entries = [of(date="2022-05-31"), of(date="2022-04-30", mrr=7), of(date="2022-04-12", mrr=5)]

    assert [month.mrr_minor for month in parse_months({"entries": entries}, MRR, TODAY)] == [7, 68604881]


@pytest.mark.parametrize("odd", [5, None, {}, {"date": 5}, {"date": "soon", "mrr": 1}, of(mrr=None), of(mrr="12")])
def test_odd_month_is_left_out(odd: Any):
    good = of(date="2022-05-31")

    assert len(parse_months({"entries": [odd, good]}, MRR, TODAY)) == 1


@pytest.mark.parametrize("odd", [None, "1.71", True, [], float("inf"), 10**30])
def test_odd_rate_is_none(odd: Any):
    month = months(of(customer_churn_rate=odd, mrr_churn_rate=odd))[0]

    assert (month.customer_churn_rate, month.mrr_churn_rate) == (None, None)


@pytest.mark.parametrize("odd", [None, "5", {}])
def test_movement_with_an_odd_part_is_none_as_a_whole(odd: Any):
    moved = {**sample("metrics_mrr")["entries"][0], "mrr-expansion": odd}
    month = months(of(), {"entries": [moved]})[0]

    assert (month.movement_minor, month.churned_minor) == (None, 96723)


def test_month_without_movements_is_a_month_all_the_same():
    month = months(of(), {"entries": [{"date": "2021-01-31"}]})[0]

    assert (month.mrr_minor, month.movement_minor, month.churned_minor) == (68604881, None, None)


@pytest.mark.parametrize("broken", [None, [], {}, {"entries": None}, {"entries": {}}, "text"])
def test_answer_that_is_none_is_refused(broken: Any):
    with pytest.raises(RecordRefused):
        parse_months(broken, MRR, TODAY)
    with pytest.raises(RecordRefused):
        parse_months(ALL, broken, TODAY)


def test_answer_without_a_usable_month_is_refused():
    with pytest.raises(RecordRefused):
        parse_months({"entries": [of(mrr=None)]}, MRR, TODAY)
