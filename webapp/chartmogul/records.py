"""What a ChartMogul answer means: raw JSON in, typed records out, a reason for everything refused. No I/O.

A record that cannot be used raises `RecordRefused`; a single odd field becomes None and a `RecordWarning`.
Sentences name fields, never their content, so they may be logged and shown.

Characters kept: 255 of names, ids, email, owner, city, tags and custom keys; 100 of country and billing
system; 40 of status; 10 of currency; 500 of descriptions. An address over 1,000 is dropped, not cut; so are
the custom attributes of a customer if they come to more than 64 KB. NUL characters are removed and lone
surrogates become U+FFFD, since PostgreSQL refuses both.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from math import isfinite
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from webapp.times import utc_text

Scalar = str | int | float | bool
CustomValue = Scalar | list[Scalar]

NAME_LENGTH = 255
PLACE_LENGTH = 100
STATUS_LENGTH = 40
CURRENCY_LENGTH = 10
DESCRIPTION_LENGTH = 500
ADDRESS_LENGTH = 1_000
CURSOR_LENGTH = 2_000
TAGS_KEPT = 500
CUSTOM_SIZE = 64 * 1024
LARGEST_MONEY = 10**17  # hundredths: leaves room to add up many customers in a BIGINT
LARGEST_QUANTITY, LONGEST_INTERVAL = 10**9, 1_200  # the latter in months
YEARS = range(1900, 2200)  # local days can be computed in every time zone
EARLIEST_DAY = datetime(1899, 1, 1, tzinfo=UTC)
EARLIEST = EARLIEST_DAY.timestamp()
MILLISECONDS_A_DAY = 86_400_000

_UUID = re.compile(r"(?:cus_)?([0-9A-Za-z-]{1,60})")
_SURROGATES = re.compile("[\ud800-\udfff]")
_TIMESTAMP = re.compile(
    r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)"
    r"| \d\d:\d\d:\d\d(?: [+-]\d\d:?\d\d)?)",
    re.ASCII,
)


class Refusal(StrEnum):
    """Why a whole record was not used."""

    NOT_AN_OBJECT = "not_an_object"
    NO_UUID = "no_uuid"
    NO_DATE = "no_date"
    UNKNOWN_TYPE = "unknown_type"
    NOT_MONEY = "not_money"
    MONEY_OUT_OF_RANGE = "money_out_of_range"
    NO_CURRENCY = "no_currency"
    UNKNOWN_STATUS = "unknown_status"


class Doubt(StrEnum):
    """What was odd about one field of a record that was used all the same."""

    WRONG_TYPE = "wrong_type"
    NOT_A_DATE = "not_a_date"
    NOT_AN_ADDRESS = "not_an_address"
    NOT_A_TIME_ZONE = "not_a_time_zone"
    BAD_CHARACTERS = "bad_characters"
    TOO_LONG = "too_long"
    TOO_BIG = "too_big"


_REFUSED = {
    Refusal.NOT_AN_OBJECT: "ChartMogul sent something that is not a record.",
    Refusal.NO_UUID: "The record has no usable customer uuid.",
    Refusal.NO_DATE: "The record has no usable date.",
    Refusal.UNKNOWN_TYPE: "The movement's type is not one we know.",
    Refusal.NOT_MONEY: "An amount is not a number.",
    Refusal.MONEY_OUT_OF_RANGE: "An amount is too large to be true.",
    Refusal.NO_CURRENCY: "The account has no usable currency.",
    Refusal.UNKNOWN_STATUS: "The subscription is neither active nor inactive.",
}
_DOUBTED = {
    Doubt.WRONG_TYPE: "has an unexpected type and was left empty",
    Doubt.NOT_A_DATE: "is not a date and was left empty",
    Doubt.NOT_AN_ADDRESS: "is not a web address and was left empty",
    Doubt.NOT_A_TIME_ZONE: "is not a known time zone; UTC is used",
    Doubt.BAD_CHARACTERS: "held characters that cannot be stored; they were removed",
    Doubt.TOO_LONG: "was too long and was cut",
    Doubt.TOO_BIG: "was too big and was left empty",
}


class RecordRefused(Exception):
    """A record cannot be used: `reason` for programs, `sentence` for people, `uuid` of a customer, if any."""

    def __init__(self, reason: Refusal, uuid: str | None = None) -> None:
        self.reason = reason
        self.sentence = _REFUSED[reason]
        self.uuid = uuid
        super().__init__(self.sentence)


class PageBroken(Exception):
    """An answer is not a page of a list, or leads nowhere: nothing of it may be used."""


class RecordWarning(NamedTuple):
    field: str
    reason: Doubt

    @property
    def sentence(self) -> str:
        return f"{self.field} {_DOUBTED[self.reason]}."


class MovementType(StrEnum):
    NEW_BIZ = "new_biz"
    EXPANSION = "expansion"
    CONTRACTION = "contraction"
    CHURN = "churn"
    REACTIVATION = "reactivation"


class CustomerRecord(NamedTuple):
    """A customer as listed: money in hundredths of the account's currency, times aware UTC, empty is None."""

    uuid: str
    external_id: str | None
    external_ids: tuple[str, ...]
    name: str | None
    email: str | None
    company: str | None
    status: str | None
    mrr_minor: int
    arr_minor: int
    currency: str | None
    customer_since: datetime | None
    free_trial_started_at: datetime | None
    lead_created_at: datetime | None
    country: str | None
    city: str | None
    billing_system: str | None
    chartmogul_url: str | None
    website_url: str | None
    owner: str | None
    tags: tuple[str, ...]
    custom: dict[str, CustomValue]
    warnings: tuple[RecordWarning, ...] = ()


class MovementRecord(NamedTuple):
    """An MRR movement. `activity_uuid` is unstable: good only to tell a repeat within one read."""

    customer_uuid: str
    at: datetime
    type: MovementType
    movement_minor: int
    mrr_minor: int
    description: str | None
    subscription_id: str | None
    plan_id: str | None
    currency: str | None
    activity_uuid: str | None
    warnings: tuple[RecordWarning, ...] = ()


class SubscriptionRecord(NamedTuple):
    """A subscription of the metrics endpoint, with what it was last also when it has ended. `interval_months` is
    None also for an interval that is no whole number of months."""

    uuid: str | None
    active: bool
    plan: str | None
    quantity: int | None
    mrr_minor: int | None
    interval_months: int | None
    warnings: tuple[RecordWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """The ChartMogul account behind a key. `time_zone` can always be given to `ZoneInfo`."""

    id: str | None
    name: str | None
    currency: str
    time_zone: str
    week_start_on: str | None
    warnings: tuple[RecordWarning, ...] = ()


class MonthRecord(NamedTuple):
    """An account's month: its MRR on the last day, and what its movements came to; None is what ChartMogul left open.
    Rates are hundredths of a percent, as sent: that of MRR is net, so below zero while the account grows. The month
    that is not `whole` is the one that was running."""

    last_day: date
    whole: bool
    mrr_minor: int
    movement_minor: int | None
    churned_minor: int | None
    customer_churn_rate: int | None
    mrr_churn_rate: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list. `total_pages` is a hint of the first page, often missing, never to be relied on."""

    entries: list[object]
    cursor: str | None
    has_more: bool
    total_pages: int | None = None


def parse_page(raw: object, key: str = "entries") -> Page:
    """Read a page whose rows stand under `key`. Raises PageBroken, also if it leaves open how to go on."""
    if not isinstance(raw, dict):
        raise PageBroken("The answer is not an object.")
    entries, cursor, has_more, total = (
        raw.get(key),
        raw.get("cursor"),
        raw.get("has_more"),
        raw.get("total_pages"),
    )
    if not isinstance(entries, list):
        raise PageBroken(f"The answer has no list of {key}.")
    if not isinstance(has_more, bool):
        raise PageBroken("The answer does not say whether more pages follow.")
    if cursor is not None and not isinstance(cursor, str):
        raise PageBroken("The cursor is not text.")
    if cursor and (len(cursor) > CURSOR_LENGTH or not cursor.isprintable()):
        raise PageBroken("The cursor is not usable.")
    if has_more and not cursor and not entries:
        raise PageBroken("More pages are promised, but nothing leads to them.")
    return Page(entries, cursor or None, has_more, total if type(total) is int and total > 0 else None)


def parse_account(raw: object) -> AccountRecord:
    """Read `GET /account`; an unknown time zone becomes UTC. Raises RecordRefused, so without a currency."""
    if not isinstance(raw, dict):
        raise RecordRefused(Refusal.NOT_AN_OBJECT)
    warnings: list[RecordWarning] = []
    currency = _text(raw.get("currency"), "currency", CURRENCY_LENGTH, warnings)
    if currency is None or not re.fullmatch("[A-Z]{3}", currency):
        raise RecordRefused(Refusal.NO_CURRENCY)
    return AccountRecord(
        id=_text(raw.get("id"), "id", NAME_LENGTH, warnings),
        name=_text(raw.get("name"), "name", NAME_LENGTH, warnings),
        currency=currency,
        time_zone=_time_zone(raw.get("time_zone"), warnings),
        week_start_on=_text(raw.get("week_start_on"), "week_start_on", CURRENCY_LENGTH, warnings),
        warnings=tuple(warnings),
    )


def parse_customer(raw: object) -> CustomerRecord:
    """Read one entry of `GET /customers`, or the answer of `GET /customers/{uuid}`. Raises RecordRefused."""
    if not isinstance(raw, dict):
        raise RecordRefused(Refusal.NOT_AN_OBJECT)
    get = raw.get
    uuid = _customer_uuid(get("uuid"))
    warnings: list[RecordWarning] = []
    attributes = get("attributes")
    if not isinstance(attributes, dict):
        if attributes is not None:
            warnings.append(RecordWarning("attributes", Doubt.WRONG_TYPE))
        attributes = {}
    return CustomerRecord(
        uuid,
        _text(get("external_id"), "external_id", NAME_LENGTH, warnings),
        _texts(get("external_ids"), "external_ids", warnings),
        _text(get("name"), "name", NAME_LENGTH, warnings),
        _text(get("email"), "email", NAME_LENGTH, warnings),
        _text(get("company"), "company", NAME_LENGTH, warnings),
        _text(get("status"), "status", STATUS_LENGTH, warnings),
        _money(get("mrr"), uuid),
        _money(get("arr"), uuid),
        _text(get("currency"), "currency", CURRENCY_LENGTH, warnings),
        _time(get("customer-since"), "customer-since", warnings),
        _time(get("free_trial_started_at"), "free_trial_started_at", warnings),
        _time(get("lead_created_at"), "lead_created_at", warnings),
        _text(get("country"), "country", PLACE_LENGTH, warnings),
        _text(get("city"), "city", NAME_LENGTH, warnings),
        _text(get("billing-system-type"), "billing-system-type", PLACE_LENGTH, warnings),
        _address(get("chartmogul-url"), "chartmogul-url", warnings),
        _address(get("website_url"), "website_url", warnings),
        _text(get("owner"), "owner", NAME_LENGTH, warnings),
        _texts(attributes.get("tags"), "tags", warnings),
        _custom(attributes.get("custom"), warnings),
        tuple(dict.fromkeys(warnings)),
    )


def parse_movement(raw: object) -> MovementRecord:
    """Read one entry of `GET /activities`. Raises RecordRefused."""
    if not isinstance(raw, dict):
        raise RecordRefused(Refusal.NOT_AN_OBJECT)
    get = raw.get
    uuid = _customer_uuid(get("customer-uuid"))
    warnings: list[RecordWarning] = []
    at = get("date")
    try:
        at = read_time(at) if isinstance(at, str) else None
    except ValueError:
        at = None
    if at is None:
        raise RecordRefused(Refusal.NO_DATE, uuid)
    sent = get("type")
    type_ = _TYPES.get(sent) if isinstance(sent, str) else None
    if type_ is None:
        raise RecordRefused(Refusal.UNKNOWN_TYPE, uuid)
    return MovementRecord(
        uuid,
        at,
        type_,
        _money(get("activity-mrr-movement"), uuid),
        _money(get("activity-mrr"), uuid),
        _text(get("description"), "description", DESCRIPTION_LENGTH, warnings),
        _text(get("subscription-external-id"), "subscription-external-id", NAME_LENGTH, warnings),
        _text(get("plan-external-id"), "plan-external-id", NAME_LENGTH, warnings),
        _text(get("currency"), "currency", CURRENCY_LENGTH, warnings),
        _text(get("uuid"), "uuid", NAME_LENGTH, warnings),
        tuple(warnings),
    )


def parse_subscription(raw: object, customer_uuid: str) -> SubscriptionRecord:
    """Read one entry of `GET /customers/{uuid}/subscriptions`, any field of which may be null. Raises RecordRefused
    for one that may or may not count."""
    if not isinstance(raw, dict):
        raise RecordRefused(Refusal.NOT_AN_OBJECT, customer_uuid)
    get, status = raw.get, raw.get("status")
    if status not in ("active", "inactive"):
        raise RecordRefused(Refusal.UNKNOWN_STATUS, customer_uuid)
    warnings: list[RecordWarning] = []
    return SubscriptionRecord(
        _text(get("uuid"), "subscription's uuid", NAME_LENGTH, warnings),
        status == "active",
        _text(get("plan"), "subscription's plan", NAME_LENGTH, warnings),
        _whole(get("quantity"), "subscription's quantity", LARGEST_QUANTITY, warnings),
        _money_or_none(get("mrr"), "subscription's mrr", warnings),
        _interval_months(get("billing-cycle"), get("billing-cycle-count"), warnings),
        tuple(warnings),
    )


def parse_total_mrr(raw: object) -> int:
    """The newest MRR of `GET /metrics/all` or `/metrics/mrr`, in hundredths. Raises RecordRefused."""
    entries = raw.get("entries") if isinstance(raw, dict) else None
    if not isinstance(entries, list):
        raise RecordRefused(Refusal.NOT_AN_OBJECT)
    dated = [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("date"), str)]
    if not dated:
        raise RecordRefused(Refusal.NO_DATE)
    return _money(max(dated, key=lambda entry: str(entry["date"])).get("mrr"), None)


def parse_months(metrics: object, movements: object, today: date) -> list[MonthRecord]:
    """The account's months up to today, oldest first, of `GET /metrics/all` and `GET /metrics/mrr`, both by month; odd
    entries are left out. Raises RecordRefused when either is no answer at all, or nothing is left."""
    moved = _by_month(movements)
    months = [
        _month(day, entry, moved.get(month, (day, {}))[1], today)
        for month, (day, entry) in sorted(_by_month(metrics).items())
        if month <= (today.year, today.month)
    ]
    usable = [month for month in months if month is not None]
    if not usable:
        raise RecordRefused(Refusal.NO_DATE)
    return usable


def is_lead(status: str | None) -> bool:
    """Whether a status is one of the lead statuses, which people set."""
    return status is not None and status.endswith("Lead")


def content_hash(record: CustomerRecord) -> bytes:
    """16 bytes over all that is stored of a customer (warnings are not): equal hash, nothing to write."""
    return blake2b(_canonical([1, *record[:-1]]).encode(), digest_size=16).digest()


def movement_id(provider_id: UUID, record: MovementRecord, ordinal: int) -> bytes:
    """16 bytes that identify an account's movement by all that is stored of it: when it was, in milliseconds,
    then a hash. So movements that are read together, in the order of their days, lie together in an index.

    Activity ids change between reads. `ordinal` is 0 for the first movement of a read with this content, 1
    for the second and so on; leave out what came twice under one `activity_uuid` before counting.
    """
    customer, at, type_, moved, mrr, description, subscription, plan, currency, _, _ = record
    said = (
        f"1 {ordinal} {customer} {utc_text(at)} {type_} {moved} {mrr} "
        f"{'-' if description is None else f'{len(description)}:{description}'} "
        f"{'-' if subscription is None else f'{len(subscription)}:{subscription}'} "
        f"{'-' if plan is None else f'{len(plan)}:{plan}'} "
        f"{'-' if currency is None else f'{len(currency)}:{currency}'}"
    )
    hash_ = _hash_of_account(provider_id).copy()
    hash_.update(said.encode())
    return int((at.timestamp() - EARLIEST) * 1000).to_bytes(6, "big") + hash_.digest()


@lru_cache(maxsize=64)
def _hash_of_account(provider_id: UUID) -> blake2b:
    return blake2b(digest_size=10, key=provider_id.bytes)


def movement_day(id_: bytes) -> date:
    """The UTC day of a movement, from its id."""
    return _day(int.from_bytes(id_[:6]) // MILLISECONDS_A_DAY)


@lru_cache(maxsize=8192)
def _day(number: int) -> date:
    return (EARLIEST_DAY + timedelta(number)).date()


def read_time(text: str) -> datetime:
    """Any of ChartMogul's date spellings as an aware UTC time; no offset means UTC. Raises ValueError."""
    if text[4:5] != "-" or text[7:8] != "-":
        raise ValueError("not a date that starts with YYYY-MM-DD")
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-"))
    if time.year not in YEARS:
        raise ValueError("year out of range")
    zone = time.tzinfo
    if zone is UTC:
        return time
    return time.replace(tzinfo=UTC) if zone is None else time.astimezone(UTC)


def looks_like_timestamp(text: str) -> bool:
    """Whether a text is a real time in exactly one of the forms of ChartMogul's Timestamp attributes."""
    if _TIMESTAMP.fullmatch(text) is None:
        return False
    try:
        read_time(text)
    except ValueError:
        return False
    return True


_MOVED = ("mrr-new-business", "mrr-expansion", "mrr-contraction", "mrr-churn", "mrr-reactivation")
_TYPES = {type_.value: type_ for type_ in MovementType}
_canonical = json.JSONEncoder(
    separators=(",", ":"), sort_keys=True, allow_nan=False, check_circular=False, default=utc_text
).encode


def _by_month(raw: object) -> dict[tuple[int, int], tuple[date, dict[str, object]]]:
    """The entries of an answer by year and month, each with its day; of several in a month the last one."""
    entries = raw.get("entries") if isinstance(raw, dict) else None
    if not isinstance(entries, list):
        raise RecordRefused(Refusal.NOT_AN_OBJECT)
    found: dict[tuple[int, int], tuple[date, dict[str, object]]] = {}
    for entry in entries:
        sent = entry.get("date") if isinstance(entry, dict) else None
        try:
            day = read_time(sent).date() if isinstance(sent, str) else None
        except ValueError:
            continue
        if day and day >= found.get((day.year, day.month), (day,))[0]:
            found[day.year, day.month] = day, entry
    return found


def _month(day: date, entry: dict[str, object], moved: dict[str, object], today: date) -> MonthRecord | None:
    """None when its MRR cannot be read: without that it is no month."""
    mrr = _amount(entry, "mrr")
    if mrr is None:
        return None
    amounts = [_amount(moved, name) for name in _MOVED]
    known = [amount for amount in amounts if amount is not None]
    churned = _amount(moved, "mrr-churn")
    return MonthRecord(
        last_day=min(day, today),
        whole=(day.year, day.month) < (today.year, today.month),
        mrr_minor=mrr,
        movement_minor=sum(known) if len(known) == len(_MOVED) else None,
        churned_minor=abs(churned) if churned is not None else None,
        customer_churn_rate=_rate(entry, "customer-churn-rate"),
        mrr_churn_rate=_rate(entry, "mrr-churn-rate"),
    )


def _amount(entry: dict[str, object], name: str) -> int | None:
    try:
        return _money(_sent(entry, name), None)
    except RecordRefused:
        return None


def _rate(entry: dict[str, object], name: str) -> int | None:
    """A rate in percent as hundredths of it. By way of its text: as a float, 1.145 times 100 is less than 114.5."""
    sent = _sent(entry, name)
    if type(sent) is int or (isinstance(sent, float | Decimal) and isfinite(sent)):
        return _amount({"rate": Decimal(str(sent)) * 100}, "rate")
    return None


def _sent(entry: dict[str, object], name: str) -> object:
    """A figure under either spelling: ChartMogul's metrics are the old family, with hyphens."""
    return entry.get(name, entry.get(name.replace("-", "_")))


def _customer_uuid(value: object) -> str:
    match = _UUID.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise RecordRefused(Refusal.NO_UUID)
    return "cus_" + match[1]


def _money(value: object, uuid: str | None) -> int:
    if type(value) is int:
        minor = value
    elif isinstance(value, float | Decimal) and isfinite(value):
        minor = int(Decimal(value).to_integral_value(ROUND_HALF_UP))
    else:
        raise RecordRefused(Refusal.NOT_MONEY, uuid)
    if not -LARGEST_MONEY <= minor <= LARGEST_MONEY:
        raise RecordRefused(Refusal.MONEY_OUT_OF_RANGE, uuid)
    return minor


def _money_or_none(value: object, field: str, warnings: list[RecordWarning]) -> int | None:
    if value is None or value == "":
        return None
    try:
        return _money(value, None)
    except RecordRefused:
        warnings.append(RecordWarning(field, Doubt.WRONG_TYPE))
        return None


def _whole(value: object, field: str, largest: int, warnings: list[RecordWarning]) -> int | None:
    """A whole number from 0 on."""
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or value < 0:
        warnings.append(RecordWarning(field, Doubt.WRONG_TYPE))
        return None
    if value > largest:
        warnings.append(RecordWarning(field, Doubt.TOO_BIG))
        return None
    return value


_MONTHS_IN = {"month": 1, "year": 12}


def _interval_months(cycle: object, count: object, warnings: list[RecordWarning]) -> int | None:
    unit = _text(cycle, "subscription's billing-cycle", STATUS_LENGTH, warnings)
    times = _whole(count, "subscription's billing-cycle-count", LONGEST_INTERVAL, warnings)
    return (_MONTHS_IN.get(unit or "", 0) * (times or 0)) or None


def _text(value: object, field: str, limit: int, warnings: list[RecordWarning]) -> str | None:
    if not isinstance(value, str):
        if value is not None:
            warnings.append(RecordWarning(field, Doubt.WRONG_TYPE))
        return None
    if "\0" in value or not value.isascii():
        value = _storable(value, field, warnings)
    if len(value) > limit:
        warnings.append(RecordWarning(field, Doubt.TOO_LONG))
        value = value[:limit]
    return None if not value or value.isspace() else value


def _storable(text: str, field: str, warnings: list[RecordWarning]) -> str:
    clean = _SURROGATES.sub("\ufffd", text.replace("\0", ""))
    if clean != text:
        warnings.append(RecordWarning(field, Doubt.BAD_CHARACTERS))
    return clean


def _time(value: object, field: str, warnings: list[RecordWarning]) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            return read_time(value)
    except ValueError:
        warnings.append(RecordWarning(field, Doubt.NOT_A_DATE))
        return None
    warnings.append(RecordWarning(field, Doubt.WRONG_TYPE))
    return None


def _address(value: object, field: str, warnings: list[RecordWarning]) -> str | None:
    """A web address that may become a link: http or https only, or none."""
    if isinstance(value, str) and len(value) > ADDRESS_LENGTH:
        warnings.append(RecordWarning(field, Doubt.TOO_BIG))
        return None
    text = _text(value, field, ADDRESS_LENGTH, warnings)
    if text is not None and not text.startswith(("https://", "http://")):
        warnings.append(RecordWarning(field, Doubt.NOT_AN_ADDRESS))
        return None
    return text


def _texts(value: object, field: str, warnings: list[RecordWarning]) -> tuple[str, ...]:
    """Each text of a list once, in order; other things in it are left out."""
    if not isinstance(value, list):
        if value is not None and value != "":
            warnings.append(RecordWarning(field, Doubt.WRONG_TYPE))
        return ()
    if not value:
        return ()
    texts = dict.fromkeys(_text(item, field, NAME_LENGTH, warnings) for item in value[:TAGS_KEPT])
    texts.pop(None, None)
    if len(value) > TAGS_KEPT:
        warnings.append(RecordWarning(field, Doubt.TOO_LONG))
    return tuple(text for text in texts if text is not None)


def _custom(value: object, warnings: list[RecordWarning]) -> dict[str, CustomValue]:
    """Custom attributes under their own keys, without empty ones; none at all if they are too big."""
    if not value:
        return {}
    if not isinstance(value, dict):
        warnings.append(RecordWarning("custom", Doubt.WRONG_TYPE))
        return {}
    custom: dict[str, CustomValue] = {}
    size = 0
    for key, sent in value.items():
        name = _text(key, "custom key", NAME_LENGTH, warnings)
        kept = _custom_value(sent, warnings)
        if name is not None and kept is not None and kept != []:
            custom[name] = kept
            size += len(name) + _size(kept)
    if size > CUSTOM_SIZE:
        warnings.append(RecordWarning("custom", Doubt.TOO_BIG))
        return {}
    return custom


def _custom_value(value: object, warnings: list[RecordWarning]) -> CustomValue | None:
    if isinstance(value, list):
        items = (_scalar(item, warnings) for item in value)
        return [item for item in items if item is not None]
    return _scalar(value, warnings)


def _scalar(value: object, warnings: list[RecordWarning]) -> Scalar | None:
    if isinstance(value, str):
        return _text(value, "custom", CUSTOM_SIZE, warnings)
    if isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value)):
        return value
    if isinstance(value, Decimal) and value.is_finite():
        return float(value)
    if value is not None:
        warnings.append(RecordWarning("custom", Doubt.WRONG_TYPE))
    return None


def _size(value: CustomValue) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(_size(item) + 1 for item in value)
    return value.bit_length() // 3 if isinstance(value, int) else 8


def _time_zone(value: object, warnings: list[RecordWarning]) -> str:
    if isinstance(value, str):
        try:
            return ZoneInfo(value).key
        except (ValueError, OSError, KeyError):
            pass
    warnings.append(RecordWarning("time_zone", Doubt.NOT_A_TIME_ZONE))
    return "UTC"
