"""A health score from the default to a second version and back."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.house import House
from tests.e2e.pages.health_score import HealthScore
from tests.e2e.people import Cast
from tests.e2e.scenes import rows


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_score_is_drafted_previewed_published_and_restored(
    scripts: bool, signed_in: Callable[..., Page], house: House, cast: Cast
) -> None:
    with house.rows(cast.acme.id):
        rows.furnished(cast.acme, kinds=rows.MORE_PROPERTIES)
    score = HealthScore(signed_in(cast.ada, java_script_enabled=scripts))

    score.open()
    score.begin_with_default()
    expect(score.factor("MRR vs peak")).to_contain_text("0 points at 50")
    score.edit("MRR vs peak")
    score.anchor("0 points at", "100")
    score.save_factor()
    expect(score.page.get_by_text("The two values are equal.")).to_be_visible()
    score.anchor("0 points at", "20")
    if scripts:
        expect(score.spread.get_by_role("img")).to_have_accessible_name(re.compile("0 points at 20"))
    score.save_factor()
    expect(score.toast).to_contain_text("Factor MRR vs peak saved")
    expect(score.factor("MRR vs peak")).to_contain_text("0 points at 20")

    score.preview()
    expect(score.grades.get_by_role("row")).to_have_count(7)
    score.look_back()
    expect(score.back_test).to_contain_text("So few churned that shares would say nothing")
    if not scripts:
        score.page.get_by_role("link", name="Preview of the health score").click()
    score.publish("")
    expect(score.page.get_by_text("Enter a note: what changes, and why.")).to_be_visible()
    score.publish("What we begin with")
    expect(score.toast).to_contain_text("Version 1 published. Customers are being scored by it.", use_inner_text=True)
    expect(score.published.get_by_role("row")).to_have_count(5)

    score.change()
    score.add("Tenure (number)")
    score.anchor("0 points at", "0")
    score.anchor("100 points at", "10")
    score.save_factor()
    expect(score.toast).to_contain_text("Factor Tenure saved")
    score.move_up("Tenure")
    score.preview()
    score.publish("Tenure counts, too")
    expect(score.versions.get_by_role("row")).to_have_count(3)
    expect(score.versions).to_contain_text("Tenure added, importance Medium.")

    score.restore(1)
    expect(score.page.get_by_text("Made from version 1.")).to_be_visible()
    score.preview()
    score.publish("Without tenure again")
    expect(score.published.get_by_role("row")).to_have_count(5)
    expect(score.versions).to_contain_text("Made from version 1.")
