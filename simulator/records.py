"""The objects as ChartMogul writes them: mixed key spelling, hundredths, `""` here and null there."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from simulator.catalogue import CURRENCY_SIGNS
from simulator.people import COUNTRY_NAMES, STATE_NAMES
from simulator.spelling import DAY, milli_time, offset_time
from simulator.world import Customer, Movement, Plan, PlanGroup, Source, Subscription

Record = dict[str, Any]

_FRACTION = 0.61093020998  # as in the recordings of 2018


@dataclass(frozen=True)
class Style:
    """How an account's records are written: its currency, their vintage, and MRR with or without fractions.

    Vintage 2025 is today's. 2023 still has `clearbit` and `""` for an unknown city and no `website_url` yet;
    2022 has no `owner` either. Before 2025 activities have no `subscription-set-external-id`.
    """

    currency: str
    vintage: int = 2025
    float_mrr: bool = False

    @property
    def sign(self) -> str | None:
        return CURRENCY_SIGNS[self.currency]

    def money(self, hundredths: int) -> int | float:
        return hundredths + _FRACTION if self.float_mrr and hundredths else hundredths


def customer_record(customer: Customer, style: Style, now: int) -> Record:
    mrr = style.money(customer.mrr(now))
    since = customer.since if customer.since is not None and customer.since <= now else None
    record: Record = {
        "id": customer.id,
        "uuid": customer.uuid,
        "external_id": customer.external_id,
        "name": customer.name,
        "email": customer.email,
        "status": customer.status(now),
        "customer-since": None if since is None else offset_time(since),
        "attributes": attributes_record(customer, style),
        "data_source_uuid": customer.source.uuid,
        "data_source_uuids": [source.uuid for source in customer.sources],
        "external_ids": list(customer.external_ids),
        "company": customer.company,
        **_place(customer, style),
        "mrr": mrr,
        "arr": 12 * mrr,
        "billing-system-url": _billing_url(customer),
        "chartmogul-url": f"https://app.chartmogul.com/#/customers/{customer.id}-{_slug(customer)}",
        "billing-system-type": customer.source.billing_system,
        "currency": style.currency,
        "currency-sign": style.sign,
    }
    if style.vintage >= 2023:
        record["owner"] = customer.owner
    if style.vintage >= 2024:
        record["website_url"] = customer.website_url
    return record


def attributes_record(customer: Customer, style: Style) -> Record:
    record: Record = {"custom": dict(customer.custom), "stripe": {}, "tags": list(customer.tags)}
    if style.vintage < 2025:
        record["clearbit"] = {}
    return record


def activity_record(movement: Movement, style: Style) -> Record:
    """An entry of the account's movements: a uuid and no id."""
    customer, subscription = movement.customer, _subscription(movement)
    record: Record = {
        **_movement_figures(movement, style),
        "currency": style.currency,
        "subscription-external-id": subscription.external_id,
        "subscription-set-external-id": subscription.set_external_id,
        "plan-external-id": movement.plan.external_id,
        "customer-name": customer.company or customer.name,
        "customer-uuid": customer.uuid,
        "customer-external-id": customer.external_id,
        "billing-connector-uuid": movement.plan.source.uuid,
        "uuid": movement.uuid,
    }
    if style.vintage < 2025:
        del record["subscription-set-external-id"]
    return record


def customer_activity_record(movement: Movement, style: Style) -> Record:
    """The same movement in its customer's list: an id and no uuid."""
    return {
        "id": activity_id(movement),
        **_movement_figures(movement, style),
        "currency": style.currency,
        "currency-sign": style.sign,
        "subscription-external-id": _subscription(movement).external_id,
    }


def activity_id(movement: Movement) -> int:
    return 2_625_000_000 + movement.serial


def subscription_records(customer: Customer, style: Style, now: int) -> list[Record]:
    """The metrics view: only subscriptions that have begun, each with its last MRR also when it has ended."""
    begun = sorted(
        (movement for movement in customer.movements if movement.at <= now),
        key=lambda movement: movement.subscription,
    )
    return [
        _subscription_record(customer.subscriptions[number], list(movements), style, now)
        for number, movements in groupby(begun, key=lambda movement: movement.subscription)
    ]


def plan_record(plan: Plan) -> Record:
    return {
        "external_id": plan.external_id,
        "name": plan.name,
        "interval_count": plan.interval_count,
        "uuid": plan.uuid,
        "interval_unit": plan.interval_unit,
        "data_source_uuid": plan.source.uuid,
    }


def plan_group_record(group: PlanGroup) -> Record:
    return {"name": group.name, "uuid": group.uuid, "plans_count": len(group.plans)}


def source_record(source: Source, flags: frozenset[str]) -> Record:
    """`flags` are the `with_...` parameters that were sent as true."""
    record: Record = {
        "uuid": source.uuid,
        "name": source.name,
        "system": source.system,
        "created_at": milli_time(source.created_at),
        "status": "idle",
    }
    if "with_processing_status" in flags:
        record["processing_status"] = {"processed": 12 + source.number, "failed": 0, "pending": 0}
    if "with_auto_churn_subscription_setting" in flags:
        record["auto_churn_subscription_setting"] = {"enabled": True, "interval": 30}
    if "with_invoice_handling_setting" in flags:
        record["invoice_handling_setting"] = {"manual": dict(_HANDLING), "automatic": dict(_HANDLING)}
    return record


_HANDLING = {
    "create_subscription_when_invoice_is": "open",
    "update_subscription_when_invoice_is": "open",
    "prevent_subscription_for_invoice_voided": True,
    "prevent_subscription_for_invoice_refunded": False,
    "prevent_subscription_for_invoice_written_off": True,
}


def _place(customer: Customer, style: Style) -> Record:
    city = customer.city
    if city is None and style.vintage < 2024:
        city = ""
    return {
        "country": customer.country,
        "state": customer.state,
        "city": city,
        "zip": customer.zip,
        "lead_created_at": _milli_or_null(customer.lead_created_at),
        "free_trial_started_at": _milli_or_null(customer.free_trial_started_at),
        "address": {
            "country": COUNTRY_NAMES[customer.country],
            "state": STATE_NAMES[customer.state],
            "city": city,
            "address_zip": customer.zip,
        },
    }


def _milli_or_null(at: int | None) -> str | None:
    return None if at is None else milli_time(at)


def _billing_url(customer: Customer) -> str | None:
    if customer.source.billing_system != "Stripe":
        return None
    return f"https://dashboard.stripe.com/customers/{customer.external_id}"


def _slug(customer: Customer) -> str:
    words = "".join(
        letter if letter.isalnum() else " " for letter in customer.company or customer.name or customer.email
    )
    return "_".join(words.split())


def _subscription(movement: Movement) -> Subscription:
    return movement.customer.subscriptions[movement.subscription]


def _movement_figures(movement: Movement, style: Style) -> Record:
    after = style.money(movement.after)
    return {
        "description": _description(movement),
        "activity-mrr-movement": after - style.money(movement.before),
        "activity-mrr": after,
        "activity-arr": 12 * after,
        "date": offset_time(movement.at),
        "type": movement.kind,
    }


def _description(movement: Movement) -> str:
    plan = movement.plan.name
    if movement.closing:
        return f"cancelled their {plan} plan"
    off = f" (with a {movement.discount}% discount)" if movement.discount else ""
    match movement.kind:
        case "reactivation":
            return f"reactivated with the {plan} plan{off}"
        case _ if movement.opening:
            return f"purchased the {plan} plan{off}"
        case "expansion":
            return f"upgraded to {movement.quantity} of the {plan} plan{off}"
        case _:
            return f"downgraded to {movement.quantity} of the {plan} plan{off}"


def _subscription_record(subscription: Subscription, movements: list[Movement], style: Style, now: int) -> Record:
    last = movements[-1]
    running = sum(movement.delta for movement in movements)
    mrr = style.money(-last.delta if last.closing else running)
    unit, length = last.plan.interval_unit, last.plan.interval_count
    return {
        "id": subscription.id,
        "external_id": subscription.external_id,
        "subscription_set_external_id": subscription.set_external_id,
        "quantity": last.quantity,
        "uuid": subscription.uuid,
        "mrr": mrr,
        "arr": 12 * mrr,
        "status": "inactive" if last.closing else "active",
        "plan": last.plan.name,
        "billing-cycle": unit,
        "billing-cycle-count": length,
        "start-date": offset_time(movements[0].at),
        "end-date": offset_time(last.at if last.closing else _period_end(movements[0].at, last.plan, now)),
        "currency": style.currency,
        "currency-sign": style.sign,
    }


def _period_end(start: int, plan: Plan, now: int) -> int:
    """The end of the paid period that `now` lies in."""
    days = {"day": 1, "month": 30.4375, "year": 365.25}[plan.interval_unit] * plan.interval_count
    length = round(days * DAY)
    return start + length * ((now - start) // length + 1)


def account_record(*, uuid: str, name: str, currency: str, time_zone: str, week_start_on: str) -> Record:
    return {
        "id": f"acc_{uuid}",
        "name": name,
        "currency": currency,
        "time_zone": time_zone,
        "week_start_on": week_start_on,
    }
