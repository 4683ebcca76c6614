"""The catalogue of ChartMogul fields: complete, legal, and found by the names that people give properties."""

import re

import pytest

from webapp.chartmogul.fields import (
    FIELDS,
    GROUPS,
    Cost,
    PropertyType,
    best_match,
    codename_for,
    custom_codename,
    custom_field,
    infer_custom_type,
)

LEGAL = re.compile("[a-z][a-z0-9_]{0,59}")
CATALOGUE = {
    "text": "cm_status cm_country cm_city cm_company cm_email cm_billing_system cm_last_movement",
    "money": "cm_mrr cm_arr cm_mrr_change_30d cm_contraction_12m cm_expansion_12m cm_scheduled_mrr_change"
    " cm_recurring_revenue",
    "number": "cm_tenure_days cm_trial_to_paid_days cm_contractions_180d cm_days_since_contraction"
    " cm_days_since_expansion cm_reactivations cm_days_past_due cm_billing_interval_months cm_quantity",
    "percent": "cm_mrr_share cm_mrr_change_90d_pct cm_mrr_vs_peak_pct cm_mrr_vs_first_pct",
    "date": "cm_customer_since cm_last_movement_on cm_scheduled_churn_on cm_churned_on",
    "boolean": "cm_churned",
    "list": "cm_tags cm_plans",
}


def test_the_catalogue_has_every_field_with_its_type() -> None:
    types = {codename: type_ for type_, codenames in CATALOGUE.items() for codename in codenames.split()}

    assert {codename: field.type for codename, field in FIELDS.items()} == types


def test_every_field_explains_itself_once() -> None:
    fields = list(FIELDS.values())

    assert all(FIELDS[field.codename] is field and LEGAL.fullmatch(field.codename) for field in fields)
    assert len({field.label for field in fields}) == len({field.definition for field in fields}) == len(fields)
    assert all(field.definition.endswith(".") and field.api_path for field in fields)
    assert all(field.custom_key is None for field in fields)


def test_groups_stand_together_in_order() -> None:
    in_catalogue = list(dict.fromkeys(field.group for field in FIELDS.values()))

    assert in_catalogue == list(GROUPS[:-1])
    assert [field.group for field in FIELDS.values()] == sorted(
        (field.group for field in FIELDS.values()), key=GROUPS.index
    )


def test_costs() -> None:
    assert (FIELDS["cm_mrr"].cost, Cost.CUSTOMERS.value) == (Cost.CUSTOMERS, "A")
    assert (FIELDS["cm_mrr_change_30d"].cost, Cost.MOVEMENTS.value) == (Cost.MOVEMENTS, "B")
    assert (FIELDS["cm_quantity"].cost, Cost.SUBSCRIPTIONS.value) == (Cost.SUBSCRIPTIONS, "C")
    assert FIELDS["cm_mrr"].api_path == "customers: mrr"
    assert FIELDS["cm_plans"].api_path == "customers/{uuid}/subscriptions: plan"


def test_types_have_labels() -> None:
    labels = [type_.label for type_ in PropertyType]

    assert labels == ["Number", "Money", "Percent", "Text", "Boolean", "Date", "List"]


@pytest.mark.parametrize(
    ("name", "codename"),
    [
        ("MRR", "cm_mrr"),
        ("Monthly recurring revenue", "cm_mrr"),
        ("Monthly Recurring Revenue (EUR)", "cm_mrr"),
        ("Current MRR", "cm_mrr"),
        ("ARR", "cm_arr"),
        ("Annual run-rate", "cm_arr"),
        ("Subscription status", "cm_status"),
        ("Status", "cm_status"),
        ("Churned?", "cm_churned"),
        ("Churn date", "cm_churned_on"),
        ("Cancelled on", "cm_churned_on"),
        ("Planned churn date", "cm_scheduled_churn_on"),
        ("Scheduled cancellation", "cm_scheduled_churn_on"),
        ("Customer since", "cm_customer_since"),
        ("Start date", "cm_customer_since"),
        ("Tenure in days", "cm_tenure_days"),
        ("Trial length", "cm_trial_to_paid_days"),
        ("Overdue", "cm_days_past_due"),
        ("Past due days", "cm_days_past_due"),
        ("Reactivated", "cm_reactivations"),
        ("Revenue share", "cm_mrr_share"),
        ("Lifetime revenue", "cm_recurring_revenue"),
        ("MRR change last 30 days", "cm_mrr_change_30d"),
        ("MRR change 3 months", "cm_mrr_change_90d_pct"),
        ("MRR growth", "cm_mrr_change_90d_pct"),
        ("% of peak MRR", "cm_mrr_vs_peak_pct"),
        ("MRR versus first", "cm_mrr_vs_first_pct"),
        ("Downgrades in 12 months", "cm_contraction_12m"),
        ("Upsell, 12 months", "cm_expansion_12m"),
        ("Number of downgrades, 6 months", "cm_contractions_180d"),
        ("Days since last downgrade", "cm_days_since_contraction"),
        ("Days since upgrade", "cm_days_since_expansion"),
        ("Last movement type", "cm_last_movement"),
        ("Last change", "cm_last_movement"),
        ("Last movement date", "cm_last_movement_on"),
        ("Planned MRR change", "cm_scheduled_mrr_change"),
        ("Company name", "cm_company"),
        ("E-Mail", "cm_email"),
        ("Country", "cm_country"),
        ("City", "cm_city"),
        ("Customer city name", "cm_city"),
        ("Billing provider", "cm_billing_system"),
        ("Labels", "cm_tags"),
        ("Customer tags list", "cm_tags"),
        ("cm_mrr_share", "cm_mrr_share"),
        ("Seats", "cm_quantity"),
        ("Seat count", "cm_quantity"),
        ("Number of licences", "cm_quantity"),
        ("Plan", "cm_plans"),
        ("Plan name", "cm_plans"),
        ("Subscription plan", "cm_plans"),
        ("Billing interval (months)", "cm_billing_interval_months"),
        ("Billing cycle", "cm_billing_interval_months"),
        ("Subscription", "cm_status"),
        ("Plan tier", None),
        ("Favourite colour", None),
        ("Customer name", None),
        ("Name", None),
        ("First payment date", None),
        ("Days", None),
        ("Last login date", None),
        ("NPS", None),
        ("", None),
        ("!?", None),
        ("日本", None),
    ],
)
def test_the_best_match_of_a_name(name: str, codename: str | None) -> None:
    field = best_match(name)

    assert (field.codename if field else None) == codename


@pytest.mark.parametrize("codename", FIELDS)
def test_a_fields_own_label_finds_it(codename: str) -> None:
    assert best_match(FIELDS[codename].label) is FIELDS[codename]


def test_custom_attributes_can_match_too() -> None:
    seats = custom_field("seatCount", PropertyType.NUMBER)
    tier = custom_field("Plan Tier", PropertyType.TEXT)

    assert best_match("plan tier", [*FIELDS.values(), seats, tier]) is tier
    assert best_match("Plan tier", [seats]) is None


@pytest.mark.parametrize(
    ("key", "codename"),
    [
        ("plan_tier", "cm_custom_plan_tier"),
        ("seats2", "cm_custom_seats2"),
        ("x" * 50, "cm_custom_" + "x" * 50),
        ("Plan Tier", "cm_custom_plan_tier_1f399d7d"),
        ("日本", "cm_custom_ce47dfba"),
    ],
)
def test_custom_codenames(key: str, codename: str) -> None:
    assert custom_codename(key) == codename


def test_custom_codenames_are_legal_and_tell_keys_apart() -> None:
    digest = custom_codename("Plan Tier").removeprefix("cm_custom_")
    keys = [
        "Plan Tier",
        "plan tier",
        "plan-tier",
        "plan_tier",
        "PLAN_TIER",
        "plan__tier",
        "_plan_tier",
        "plan tier ",
    ]
    keys += ["", "é", "e", "日本", "x" * 50, "x" * 51, "x" * 255, "\x00", digest, "deadbeef"]
    codenames = {custom_codename(key) for key in keys}

    assert len(codenames) == len(keys)
    assert all(LEGAL.fullmatch(codename) for codename in codenames)


def test_a_custom_field_keeps_its_key() -> None:
    field = custom_field("Plan Tier", PropertyType.TEXT)

    assert (field.custom_key, field.label, field.group) == ("Plan Tier", "Plan Tier", "Custom attributes")
    assert field.api_path == "customers: attributes.custom[Plan Tier]"


STAMP, DOCUMENTED, OFFSET = "2016-01-31T00:00:00.000Z", "2023-09-08 00:00:00", "2016-01-31T12:00:00+00:00"


@pytest.mark.parametrize(
    ("values", "type_", "mixed"),
    [
        ([1, 2.5, None, ""], PropertyType.NUMBER, False),
        ([True, False], PropertyType.BOOLEAN, False),
        (["gold", "silver"], PropertyType.TEXT, False),
        ([STAMP, DOCUMENTED, OFFSET, ""], PropertyType.DATE, False),
        ([STAMP, "gold"], PropertyType.TEXT, True),
        (["2016-01-31"], PropertyType.TEXT, False),
        (["2016-13-31T00:00:00.000Z"], PropertyType.TEXT, False),
        (["call on 2016-01-31T00:00:00.000Z"], PropertyType.TEXT, False),
        ([["a"], [], ["b", "c"]], PropertyType.LIST, False),
        ([5678, "5678"], PropertyType.TEXT, True),
        ([1, True], PropertyType.TEXT, True),
        ([STAMP, 5], PropertyType.TEXT, True),
        ([["a"], "a"], PropertyType.TEXT, True),
        ([], PropertyType.TEXT, False),
        ([None, ""], PropertyType.TEXT, False),
    ],
)
def test_custom_types_are_inferred(values: list[object], type_: PropertyType, mixed: bool) -> None:
    assert infer_custom_type(values) == (type_, mixed)


@pytest.mark.parametrize(
    ("name", "codename"),
    [
        ("Monthly recurring revenue", "monthly_recurring_revenue"),
        ("  Größe & Straße ", "grosse_strasse"),
        ("30-day change", "p_30_day_change"),
        ("1st year", "p_1st_year"),
        ("a", "a"),
        ("日本", "property"),
        ("", "property"),
        ("Überblick", "uberblick"),
        ("x" * 80, "x" * 60),
        ("a" * 59 + " b", "a" * 59),
        ("9" * 80, "p_" + "9" * 58),
    ],
)
def test_codenames_from_names(name: str, codename: str) -> None:
    assert codename_for(name) == codename
    assert LEGAL.fullmatch(codename)
