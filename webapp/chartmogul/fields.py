"""The catalogue of ChartMogul fields a property can be filled from, and what their names and types are. Pure.

What a field's value is for one customer is computed in `webapp.values`.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b

from webapp.chartmogul.records import looks_like_timestamp

CODENAME_LENGTH = 60
CUSTOM_PREFIX = "cm_custom_"


class PropertyType(StrEnum):
    """The seven types of property values; `webapp.values` says how each is held, kept and shown."""

    NUMBER = "number"
    MONEY = "money"
    PERCENT = "percent"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    LIST = "list"

    @property
    def label(self) -> str:
        return self.value.capitalize()


class Cost(StrEnum):
    """What filling a field takes: the customer list, or the movement list too, both of which every import reads; or
    a request for each live subscriber, made only if there is a property of such a field."""

    CUSTOMERS = "A"
    MOVEMENTS = "B"
    SUBSCRIPTIONS = "C"


@dataclass(frozen=True, slots=True)
class Field:
    """One choice of *ChartMogul field*: `definition` is for the user, `custom_key` an attribute's own key."""

    codename: str
    label: str
    group: str
    type: PropertyType
    definition: str
    api_path: str
    cost: Cost = Cost.CUSTOMERS
    custom_key: str | None = None

    @property
    def drifts(self) -> bool:
        """Whether its values change by themselves, with each day or with other customers'. What they were follows from
        dates and movements, so their changes are not kept."""
        return self.codename in DRIFTING


_WITH_THE_DAYS = "tenure_days", "days_past_due", "days_since_contraction", "days_since_expansion", "recurring_revenue"
DRIFTING = frozenset(f"cm_{name}" for name in (*_WITH_THE_DAYS, "mrr_share"))
SUBSCRIPTION, REVENUE, CHANGES, PROFILE, CUSTOM = (
    "Subscription",
    "Revenue",
    "MRR changes",
    "Customer profile",
    "Custom attributes",
)
_NUMBER, _MONEY, _PERCENT, _TEXT, _BOOLEAN, _DATE, _LIST = PropertyType
_MOVEMENTS = "activities: date, type, activity-mrr-movement"
_SUBSCRIPTIONS = "customers/{uuid}/subscriptions: "
_ROWS = (
    ("cm_status", "Subscription status", SUBSCRIPTION, _TEXT, "status"),
    ("cm_churned", "Churned", SUBSCRIPTION, _BOOLEAN, "status"),
    ("cm_churned_on", "Churned on", SUBSCRIPTION, _DATE, _MOVEMENTS),
    ("cm_scheduled_churn_on", "Scheduled churn", SUBSCRIPTION, _DATE, _MOVEMENTS),
    ("cm_customer_since", "Customer since", SUBSCRIPTION, _DATE, "customer-since"),
    ("cm_tenure_days", "Tenure", SUBSCRIPTION, _NUMBER, "customer-since"),
    (
        "cm_trial_to_paid_days",
        "Trial to paid",
        SUBSCRIPTION,
        _NUMBER,
        "free_trial_started_at, customer-since",
    ),
    ("cm_days_past_due", "Days past due", SUBSCRIPTION, _NUMBER, "status, over all imports"),
    ("cm_reactivations", "Reactivations", SUBSCRIPTION, _NUMBER, _MOVEMENTS),
    ("cm_plans", "Plans", SUBSCRIPTION, _LIST, f"{_SUBSCRIPTIONS}plan"),
    (
        "cm_billing_interval_months",
        "Billing interval",
        SUBSCRIPTION,
        _NUMBER,
        f"{_SUBSCRIPTIONS}billing-cycle, billing-cycle-count",
    ),
    ("cm_quantity", "Seats", SUBSCRIPTION, _NUMBER, f"{_SUBSCRIPTIONS}quantity"),
    ("cm_mrr", "MRR", REVENUE, _MONEY, "mrr"),
    ("cm_arr", "ARR", REVENUE, _MONEY, "arr"),
    ("cm_mrr_share", "Share of MRR", REVENUE, _PERCENT, "mrr"),
    ("cm_recurring_revenue", "Recurring revenue to date", REVENUE, _MONEY, _MOVEMENTS),
    ("cm_mrr_change_30d", "MRR change, 30 days", CHANGES, _MONEY, _MOVEMENTS),
    ("cm_mrr_change_90d_pct", "MRR change, 90 days", CHANGES, _PERCENT, _MOVEMENTS),
    ("cm_mrr_vs_peak_pct", "MRR vs peak", CHANGES, _PERCENT, _MOVEMENTS),
    ("cm_mrr_vs_first_pct", "MRR vs first", CHANGES, _PERCENT, _MOVEMENTS),
    ("cm_contraction_12m", "Contraction, 12 months", CHANGES, _MONEY, _MOVEMENTS),
    ("cm_expansion_12m", "Expansion, 12 months", CHANGES, _MONEY, _MOVEMENTS),
    ("cm_contractions_180d", "Contractions, 6 months", CHANGES, _NUMBER, _MOVEMENTS),
    ("cm_days_since_contraction", "Days since contraction", CHANGES, _NUMBER, _MOVEMENTS),
    ("cm_days_since_expansion", "Days since expansion", CHANGES, _NUMBER, _MOVEMENTS),
    ("cm_last_movement", "Last movement", CHANGES, _TEXT, _MOVEMENTS),
    ("cm_last_movement_on", "Last movement on", CHANGES, _DATE, _MOVEMENTS),
    ("cm_scheduled_mrr_change", "Scheduled MRR change", CHANGES, _MONEY, _MOVEMENTS),
    ("cm_company", "Company", PROFILE, _TEXT, "company"),
    ("cm_email", "Email", PROFILE, _TEXT, "email"),
    ("cm_country", "Country", PROFILE, _TEXT, "country"),
    ("cm_city", "City", PROFILE, _TEXT, "city"),
    ("cm_billing_system", "Billing system", PROFILE, _TEXT, "billing-system-type"),
    ("cm_tags", "Tags", PROFILE, _LIST, "attributes.tags"),
)
_DEFINITIONS = {
    "cm_status": "Active, Past Due, Cancelled or a lead status, as ChartMogul says it.",
    "cm_churned": "Yes when the status is Cancelled.",
    "cm_churned_on": "Day of the last churn. Empty for customers who never churned or have come back.",
    "cm_scheduled_churn_on": "Day of the next scheduled churn without a reactivation scheduled after it.",
    "cm_customer_since": "Day of the first paid subscription. Kept after a churn.",
    "cm_tenure_days": "Days from Customer since to today.",
    "cm_trial_to_paid_days": "Days from the free trial's start to Customer since. Empty if negative.",
    "cm_days_past_due": "Days since an import first saw the customer Past Due, unbroken until now.",
    "cm_reactivations": "How often the customer has come back after a churn.",
    "cm_plans": "Plans of the active subscriptions, each once, the one with the most MRR first.",
    "cm_billing_interval_months": "Months between two bills of the active subscriptions. Where they differ, the "
    "interval that most of the MRR is billed in, because a small add-on says little about how often the customer "
    "decides to stay. Empty if that is no whole number of months.",
    "cm_quantity": "Quantities of the active subscriptions, added up. ChartMogul does not say which of them are "
    "seats and which are add-ons, so all count.",
    "cm_mrr": "Monthly recurring revenue, as ChartMogul says it.",
    "cm_arr": "Annual recurring revenue, as ChartMogul says it.",
    "cm_mrr_share": "MRR as a share of the MRR of all customers.",
    "cm_recurring_revenue": "MRR × 12 ÷ 365 of every day so far, added up. Not the cash received.",
    "cm_mrr_change_30d": "MRR now minus MRR 30 days ago.",
    "cm_mrr_change_90d_pct": "Change of MRR against 90 days ago. Empty if there was no MRR then.",
    "cm_mrr_vs_peak_pct": "MRR now as a share of the highest MRR at the end of any day.",
    "cm_mrr_vs_first_pct": "MRR now as a share of the MRR at the end of the first paying day.",
    "cm_contraction_12m": "MRR lost in contractions in the last 365 days, as a positive amount.",
    "cm_expansion_12m": "MRR gained in expansions in the last 365 days.",
    "cm_contractions_180d": "How many contractions there were in the last 180 days.",
    "cm_days_since_contraction": "Days since the last contraction. Empty when there never was one.",
    "cm_days_since_expansion": "Days since the last expansion. Empty when there never was one.",
    "cm_last_movement": "Newest movement: new_biz, expansion, contraction, churn or reactivation.",
    "cm_last_movement_on": "Day of the newest movement.",
    "cm_scheduled_mrr_change": "What all scheduled movements together will add to MRR.",
    "cm_company": "Company name.",
    "cm_email": "Email address.",
    "cm_country": "Country code, such as US.",
    "cm_city": "City, as ChartMogul has it.",
    "cm_billing_system": "Where ChartMogul has the customer from, such as Stripe.",
    "cm_tags": "Tags of the customer in ChartMogul.",
}


def _field(codename: str, label: str, group: str, type_: PropertyType, source: str) -> Field:
    definition = _DEFINITIONS[codename]
    if source is _MOVEMENTS:
        return Field(codename, label, group, type_, definition, source, Cost.MOVEMENTS)
    if source.startswith(_SUBSCRIPTIONS):
        return Field(codename, label, group, type_, definition, source, Cost.SUBSCRIPTIONS)
    return Field(codename, label, group, type_, definition, f"customers: {source}")


FIELDS: dict[str, Field] = {row[0]: _field(*row) for row in _ROWS}
GROUPS = (SUBSCRIPTION, REVENUE, CHANGES, PROFILE, CUSTOM)


def custom_field(key: str, type_: PropertyType) -> Field:
    """The field of one custom attribute, under ChartMogul's spelling of its key."""
    definition = f"Custom attribute “{key}” in ChartMogul."
    return Field(
        custom_codename(key),
        key,
        CUSTOM,
        type_,
        definition,
        f"customers: attributes.custom[{key}]",
        custom_key=key,
    )


@lru_cache(maxsize=4096)
def custom_codename(key: str) -> str:
    """A legal codename, always the same for a key: the key itself if it is legal, else what is left of it.

    Then a digest is added, which keeps `Plan Tier`, `plan-tier` and `plan_tier` apart.
    """
    room = CODENAME_LENGTH - len(CUSTOM_PREFIX)
    if len(key) <= room and re.fullmatch("[a-z0-9]+(_[a-z0-9]+)*", key) and not re.search("(^|_)[0-9a-f]{8}$", key):
        return CUSTOM_PREFIX + key
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    slug = _slug(key)[: room - 9].strip("_")
    return CUSTOM_PREFIX + (f"{slug}_{digest}" if slug else digest)


def infer_custom_type(values: Iterable[object]) -> tuple[PropertyType, bool]:
    """The type that holds all values of a custom attribute, and whether they are of several kinds: then text.

    Texts are taken for dates only if every one is spelled as ChartMogul spells its Timestamp attributes.
    Empty values say nothing; without any value the type is text.
    """
    kinds = {_kind(value) for value in values if value is not None and value not in ("", [])}
    if len(kinds) == 1:
        return kinds.pop(), False
    return _TEXT, bool(kinds)


def codename_for(name: str) -> str:
    """A legal codename from a property's name: ASCII, lower case, a letter first, at most 60 characters."""
    slug = _slug(name)
    if not slug:
        return "property"
    if not slug[0].isalpha():
        slug = "p_" + slug
    return slug[:CODENAME_LENGTH].rstrip("_")


def best_match(name: str, among: Iterable[Field] | None = None) -> Field | None:
    """The field whose name, or another name of it, is most like a property's; None if nothing is close."""
    wanted = _words(name)
    best, best_score = None, 0.6
    for field in FIELDS.values() if among is None else among:
        if name.strip().lower() == field.codename:
            return field
        for phrase in (field.label, *_ALSO_CALLED.get(field.codename, ())):
            score = _likeness(wanted, _words(phrase))
            own = field.custom_key is not None and best is not None  # an attribute of that name is what is meant
            if score > best_score or (own and score == best_score):
                best, best_score = field, score
    return best


# Other words for a field, beside its label.
_ALSO_CALLED = {
    "cm_status": ("status", "customer status", "lifecycle stage", "subscription"),
    "cm_churned": ("is churned", "has churned"),
    "cm_churned_on": ("churn date", "churned at", "date of churn"),
    "cm_scheduled_churn_on": ("scheduled churn date", "upcoming churn", "churn scheduled for"),
    "cm_customer_since": (
        "start date",
        "signed up",
        "signup date",
        "since",
        "first paid on",
        "became customer",
    ),
    "cm_tenure_days": ("tenure days", "customer age", "customer lifetime", "age in days"),
    "cm_trial_to_paid_days": (
        "trial length",
        "trial conversion time",
        "days to convert",
        "trial to paid days",
    ),
    "cm_days_past_due": ("past due", "overdue", "days overdue"),
    "cm_reactivations": ("reactivation count", "times reactivated"),
    "cm_plans": ("plan", "plan name", "plan names", "current plan", "product", "products"),
    "cm_billing_interval_months": (
        "billing interval months",
        "billing cycle",
        "billing period",
        "billing frequency",
        "payment interval",
    ),
    "cm_quantity": ("quantity", "seat count", "number of seats", "licenses", "licences"),
    "cm_mrr": ("current mrr", "customer mrr", "monthly revenue"),
    "cm_arr": ("current arr", "customer arr", "annual revenue"),
    "cm_mrr_share": ("mrr share", "revenue share", "share of revenue", "percentage of mrr"),
    "cm_recurring_revenue": ("recurring revenue", "total revenue", "lifetime revenue", "revenue to date"),
    "cm_mrr_change_30d": ("mrr change 30d", "mrr change month", "mrr change 1 month", "mrr change amount"),
    "cm_mrr_change_90d_pct": (
        "mrr change 90d",
        "mrr change quarter",
        "mrr change 3 months",
        "mrr trend",
        "mrr growth",
    ),
    "cm_mrr_vs_peak_pct": ("mrr vs peak percentage", "peak mrr", "percentage of peak mrr"),
    "cm_mrr_vs_first_pct": ("mrr vs first percentage", "mrr vs start", "first mrr", "initial mrr"),
    "cm_contraction_12m": ("contraction", "contraction mrr", "contraction 12m", "contraction year"),
    "cm_expansion_12m": ("expansion", "expansion mrr", "expansion 12m", "expansion year"),
    "cm_contractions_180d": ("contraction count", "number of contractions", "contractions 180 days"),
    "cm_days_since_contraction": ("last contraction",),
    "cm_days_since_expansion": ("last expansion",),
    "cm_last_movement": ("last movement type", "latest movement", "last change"),
    "cm_last_movement_on": ("last movement date", "last change date"),
    "cm_scheduled_mrr_change": ("scheduled change", "upcoming mrr change", "planned mrr change"),
    "cm_company": ("company name", "account name"),
    "cm_email": ("email address", "contact email"),
    "cm_country": ("country code",),
    "cm_city": ("town",),
    "cm_billing_system": ("billing", "billing provider", "payment provider", "payment system"),
    "cm_tags": ("labels", "segments"),
}

# One spelling for words that mean the same here; applied to both sides of a comparison.
_SAME_PHRASE = (
    ("monthly recurring revenue", "mrr"),
    ("annual recurring revenue", "arr"),
    ("yearly recurring revenue", "arr"),
    ("annualised run rate", "arr"),
    ("annualized run rate", "arr"),
    ("annual run rate", "arr"),
    ("e mail", "email"),
    ("sign up", "signup"),
    ("subscription plan", "plans"),
    ("subscription plans", "plans"),
    ("subscription quantity", "quantity"),
    *(
        (f"{count} {unit}", "12m")
        for count, unit in (("12", "months"), ("12", "month"), ("1", "year"), ("365", "days"))
    ),
    *(
        (f"{count} {unit}", "180d")
        for count, unit in (("6", "months"), ("6", "month"), ("180", "days"), ("180", "day"))
    ),
    *((f"{count} {unit}", "90d") for count, unit in (("3", "months"), ("3", "month"), ("90", "days"), ("90", "day"))),
    *((f"{count} {unit}", "30d") for count, unit in (("1", "month"), ("30", "days"), ("30", "day"))),
)
_SAME_WORD = {
    **dict.fromkeys(("cancelled", "canceled", "cancellation", "cancelation", "churned", "cancel"), "churn"),
    **dict.fromkeys(("downgrade", "downgrades", "downgraded", "contractions"), "contraction"),
    **dict.fromkeys(("upgrade", "upgrades", "upsell", "upsells", "expansions"), "expansion"),
    **dict.fromkeys(("reactivation", "reactivated", "comebacks"), "reactivations"),
    **dict.fromkeys(("on", "at", "day"), "date"),
    **dict.fromkeys(("pct", "percent"), "percentage"),
    **dict.fromkeys(("planned", "upcoming", "future", "pending"), "scheduled"),
    **dict.fromkeys(("latest", "newest", "recent"), "last"),
    **dict.fromkeys(("annual", "annually", "year"), "yearly"),
    **dict.fromkeys(("mails", "mail"), "email"),
    **dict.fromkeys(("label", "labels", "tag"), "tags"),
    **dict.fromkeys(("organisation", "organization", "business"), "company"),
    **dict.fromkeys(("delta", "difference"), "change"),
    **dict.fromkeys(("maximum", "max", "highest"), "peak"),
    **dict.fromkeys(("starting", "started", "began"), "start"),
    "versus": "vs",
    "joined": "since",
    "nation": "country",
    "delinquent": "overdue",
    "cities": "city",
    "countries": "country",
}
_FILLERS = frozenset(("the", "a", "an", "of", "in", "is", "has", "for", "to", "by", "and", "our", "chartmogul", "cm"))
# Words in so many names that they say little.
_NOUNS = ("account", "amount", "change", "count", "customer", "length", "name", "number", "plan", "system", "type")
_TIMES = ("30d", "90d", "180d", "12m", "current", "date", "days", "last", "percentage", "time", "times")
_COMMON = frozenset(_NOUNS + _TIMES)


def _kind(value: object) -> PropertyType:
    if isinstance(value, bool):
        return _BOOLEAN
    if isinstance(value, int | float):
        return _NUMBER
    if isinstance(value, list | tuple):
        return _LIST
    return _DATE if isinstance(value, str) and looks_like_timestamp(value) else _TEXT


def _slug(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "_", folded).strip("_")


@lru_cache(maxsize=1024)
def _words(text: str) -> frozenset[str]:
    spaced = f" {_slug(text).replace('_', ' ')} "
    for phrase, word in _SAME_PHRASE:
        spaced = spaced.replace(f" {phrase} ", f" {word} ")
    return frozenset(_SAME_WORD.get(word, word) for word in spaced.split()) - _FILLERS


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Dice's coefficient with weights: 1 for the same words, 0 if they share only common ones."""
    shared = one & other
    if not shared or (one != other and shared <= _COMMON):
        return 0.0
    return 2 * _weight(shared) / (_weight(one) + _weight(other))


def _weight(words: frozenset[str]) -> float:
    return sum(0.3 if word in _COMMON else 1.0 for word in words)
