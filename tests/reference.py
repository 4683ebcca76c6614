"""The catalogue's values again, slowly: written from the definitions, to hold `webapp.values` to.

Imports nothing of the app. Looks at every day by itself; a fraction stays one until it is rounded at the end.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo


class Reference:
    """One customer at one moment: `Reference(...).values()` gives what has a value, by codename."""

    def __init__(
        self, customer: Any, movements: Sequence[Any], now: datetime, zone: ZoneInfo, total_minor: int
    ) -> None:
        self.customer = customer
        self.now = now
        self.zone = zone
        self.total_minor = total_minor
        # The same is asked again and again.
        self.day, self.mrr_at_end_of, self.all_days = cache(self.day), cache(self.mrr_at_end_of), cache(self.all_days)
        self.today = self.day(now)
        self.movements = list(movements)
        self.past = [m for m in movements if m.at <= now]
        self.scheduled = [m for m in movements if m.at > now]

    def values(self) -> dict[str, Any]:
        found = {name: getattr(self, name)() for name in dir(self) if name.startswith("cm_")}
        return {name: value for name, value in found.items() if value is not None}

    # Days

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def past_day(self, movement: Any) -> date:
        return min(self.day(movement.at), self.today)

    def mrr_at_end_of(self, day: date) -> int:
        return sum(m.movement_minor for m in self.past if self.past_day(m) <= day)

    def mrr_now(self) -> int:
        return sum(m.movement_minor for m in self.past)

    def all_days(self) -> list[date]:
        days = [min(self.past_day(m) for m in self.past)]
        while days[-1] < self.today:
            days.append(days[-1] + timedelta(days=1))
        return days

    def last_days(self, count: int) -> set[date]:
        return {self.today - timedelta(days=back) for back in range(count)}

    def of_last_days(self, count: int, type_: str) -> list[Any]:
        days = self.last_days(count)
        return [m for m in self.past if m.type == type_ and self.past_day(m) in days]

    def days_since_newest(self, type_: str) -> int | None:
        of_type = [m for m in self.past if m.type == type_]
        return (self.today - self.past_day(max(of_type, key=lambda m: m.at))).days if of_type else None

    def followed(self, churn: Any, among: list[Any]) -> bool:
        return any(m.type == "reactivation" and m.at > churn.at for m in among)

    # Arithmetic

    def rounded(self, exact: Fraction) -> int:
        size = abs(exact)
        whole = size.numerator // size.denominator
        whole += 1 if size - whole >= Fraction(1, 2) else 0
        return whole if exact >= 0 else -whole

    def percent(self, part: int, whole: int) -> Decimal | None:
        if whole <= 0:
            return None
        return Decimal(self.rounded(Fraction(part, whole) * 100 * 100)) / 100

    def if_past(self, compute: Callable[[], Any]) -> Any:
        return compute() if self.past else None

    # From the customer

    def cm_status(self) -> Any:
        return self.customer.status

    def cm_mrr(self) -> Any:
        return self.customer.mrr_minor

    def cm_arr(self) -> Any:
        return self.customer.arr_minor

    def cm_customer_since(self) -> Any:
        return self.day(self.customer.customer_since) if self.customer.customer_since else None

    def cm_tenure_days(self) -> Any:
        since = self.cm_customer_since()
        return (self.today - since).days if since and since <= self.today else None

    def cm_churned(self) -> Any:
        return None if self.customer.status is None else self.customer.status == "Cancelled"

    def cm_country(self) -> Any:
        return self.customer.country or None

    def cm_city(self) -> Any:
        return self.customer.city or None

    def cm_company(self) -> Any:
        return self.customer.company or None

    def cm_email(self) -> Any:
        return self.customer.email or None

    def cm_billing_system(self) -> Any:
        return self.customer.billing_system or None

    def cm_tags(self) -> Any:
        return tuple(self.customer.tags) if self.customer.tags else None

    def cm_trial_to_paid_days(self) -> Any:
        since, trial = self.cm_customer_since(), self.customer.free_trial_started_at
        if since is None or trial is None or (since - self.day(trial)).days < 0:
            return None
        return (since - self.day(trial)).days

    def cm_mrr_share(self) -> Any:
        return self.percent(self.customer.mrr_minor, self.total_minor)

    def cm_days_past_due(self) -> Any:
        since = self.customer.past_due_since
        if self.customer.status != "Past Due" or since is None or self.day(since) > self.today:
            return None
        return (self.today - self.day(since)).days

    # Custom attributes

    def custom(self, key: str, type_: str) -> Any:
        """Read as a type, or where that cannot be as what it is."""
        value = self.held(self.customer.custom.get(key))
        read = None if value is None else getattr(self, f"as_{type_}")(value)
        return value if read is None else read

    def held(self, sent: Any) -> Any:
        if isinstance(sent, list):
            return tuple(self.as_text(item) for item in map(self.held, sent) if item is not None) or None
        if isinstance(sent, dict) or sent == "":
            return None
        return Decimal(repr(sent)) if isinstance(sent, float) else sent

    def as_text(self, value: Any) -> str:
        if isinstance(value, bool):
            return "Yes" if value else "No"
        if isinstance(value, int | Decimal):
            whole, _, rest = f"{Decimal(value):f}".partition(".")
            return f"{whole}.{rest.rstrip('0')}" if rest.strip("0") else whole if whole.strip("-0") else "0"
        return value if isinstance(value, str) else "; ".join(value)

    def as_list(self, value: Any) -> Any:
        return value if isinstance(value, tuple) else (self.as_text(value),)

    def as_number(self, value: Any) -> Any:
        return int(value) if isinstance(value, bool) else self.number_in(value)

    def as_money(self, value: Any) -> Any:
        number = self.number_in(value)
        return None if number is None else self.rounded(Fraction(number) * 100)

    def as_percent(self, value: Any) -> Any:
        number = self.number_in(value.strip().removesuffix("%") if isinstance(value, str) else value)
        return None if number is None else Decimal(self.rounded(Fraction(number) * 100)) / 100

    def as_boolean(self, value: Any) -> Any:
        words = {"true": 1, "t": 1, "yes": 1, "y": 1, "1": 1, "false": 0, "f": 0, "no": 0, "n": 0, "0": 0}
        number = words.get(value.strip().lower()) if isinstance(value, str) else value
        return bool(number) if number in (0, 1) else None

    def as_date(self, value: Any) -> Any:
        if not isinstance(value, str):
            return None
        try:
            at = datetime.strptime(value.strip(), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        except ValueError:
            day = re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value.strip())
            try:
                return date(*map(int, day[0].split("-"))) if day else None
            except ValueError:
                return None
        return at.date() if at.time() == datetime.min.time() else self.day(at)

    def number_in(self, value: Any) -> Any:
        """A number, or the one that a text is, if it can be kept."""
        if not isinstance(value, str):
            return value if type(value) in (int, Decimal) else None
        if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", value.strip()):
            return None
        number = Decimal(value.strip())
        return number if abs(self.rounded(Fraction(number) * 10_000)) < 2**63 else None

    # From the subscriptions, as ChartMogul sends them

    def active(self) -> list[dict[str, Any]]:
        last = {raw.get("uuid") or place: raw for place, raw in enumerate(self.customer.subscriptions)}
        return [raw for raw in last.values() if raw["status"] == "active"]

    def months(self, raw: dict[str, Any]) -> int | None:
        months = {"month": 1, "year": 12}.get(raw["billing-cycle"])
        return months * raw["billing-cycle-count"] if months and raw["billing-cycle-count"] else None

    def mrr_of(self, belongs: Callable[[dict[str, Any]], bool]) -> int:
        return sum(raw["mrr"] or 0 for raw in self.active() if belongs(raw))

    def cm_plans(self) -> Any:
        names = {raw["plan"] for raw in self.active() if raw["plan"]}
        plans: list[str] = []
        while names:
            mrr = {name: self.mrr_of(lambda raw, name=name: raw["plan"] == name) for name in names}
            plans.append(min(name for name in names if mrr[name] == max(mrr.values())))
            names.remove(plans[-1])
        return tuple(plans) or None

    def cm_billing_interval_months(self) -> Any:
        intervals = {self.months(raw) for raw in self.active()}
        mrr = {months: self.mrr_of(lambda raw, months=months: self.months(raw) == months) for months in intervals}
        most = [months for months in intervals if months and mrr[months] == max(mrr.values())]
        return min(most) if most else None

    def cm_quantity(self) -> Any:
        quantities = [raw["quantity"] for raw in self.active() if raw["quantity"] not in (None, "")]
        return sum(quantities) if quantities else None

    # From the movements

    def cm_mrr_change_30d(self) -> Any:
        before = self.today - timedelta(days=30)
        return self.if_past(lambda: self.mrr_now() - self.mrr_at_end_of(before))

    def cm_mrr_change_90d_pct(self) -> Any:
        then = self.mrr_at_end_of(self.today - timedelta(days=90))
        return self.if_past(lambda: self.percent(self.mrr_now() - then, then))

    def cm_mrr_vs_peak_pct(self) -> Any:
        return self.if_past(
            lambda: self.percent(self.mrr_now(), max(self.mrr_at_end_of(day) for day in self.all_days()))
        )

    def cm_mrr_vs_first_pct(self) -> Any:
        paying = [day for day in self.all_days() if self.mrr_at_end_of(day) > 0] if self.past else []
        return self.percent(self.mrr_now(), self.mrr_at_end_of(paying[0])) if paying else None

    def cm_contraction_12m(self) -> Any:
        return self.if_past(lambda: -sum(m.movement_minor for m in self.of_last_days(365, "contraction")))

    def cm_expansion_12m(self) -> Any:
        return self.if_past(lambda: sum(m.movement_minor for m in self.of_last_days(365, "expansion")))

    def cm_contractions_180d(self) -> Any:
        return self.if_past(lambda: len(self.of_last_days(180, "contraction")))

    def cm_days_since_contraction(self) -> Any:
        return self.days_since_newest("contraction")

    def cm_days_since_expansion(self) -> Any:
        return self.days_since_newest("expansion")

    def newest(self) -> Any:
        return max(self.past, key=lambda m: (m.at, m.mrr_minor, m.movement_minor, m.type))

    def cm_last_movement(self) -> Any:
        return self.if_past(lambda: str(self.newest().type))

    def cm_last_movement_on(self) -> Any:
        return self.if_past(lambda: self.past_day(self.newest()))

    def cm_scheduled_churn_on(self) -> Any:
        churns = [m for m in self.scheduled if m.type == "churn" and not self.followed(m, self.scheduled)]
        return self.day(min(m.at for m in churns)) if churns else None

    def cm_scheduled_mrr_change(self) -> Any:
        return sum(m.movement_minor for m in self.scheduled) if self.movements else None

    def cm_churned_on(self) -> Any:
        churns = [m for m in self.past if m.type == "churn" and not self.followed(m, self.past)]
        return self.past_day(max(churns, key=lambda m: m.at)) if churns else None

    def cm_reactivations(self) -> Any:
        return self.if_past(lambda: len([m for m in self.past if m.type == "reactivation"]))

    def cm_recurring_revenue(self) -> Any:
        return self.if_past(
            lambda: self.rounded(Fraction(sum(self.mrr_at_end_of(day) * 12 for day in self.all_days()), 365))
        )
