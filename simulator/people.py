"""Who the customers are: names in many scripts, places, tags and attributes, as untidy as real ones."""

import random
from typing import Any

from simulator.spelling import DAY, milli_time, new_uuid
from simulator.world import Catalogue, Customer, Source


def _words(text: str) -> list[str]:
    return text.split()


_FIRST = _words(
    "Ada Grace Alan Linus Margaret Dennis Barbara Ken Frances Edsger Radia Tim Shafi Donald Adele John "
    "Hedy Claude Katherine Niklaus Mary Guido Anita Brian Joan Vint Sophie Leslie Karen Robert Evelyn Tony"
)
_LAST = _words(
    "Lovelace Hopper Turing Torvalds Hamilton Ritchie Liskov Thompson Allen Dijkstra Perlman Berners "
    "Goldwasser Knuth Goldberg Backus Lamarr Shannon Johnson Wirth Jackson Rossum Borg Kernighan Clarke Cerf"
)
_TRADES = _words(
    "Analytics Robotics Foods Logistics Media Health Travel Energy Software Studios Bikes Books Garden "
    "Optics Payments Security Design Mobility Furniture Coffee"
)
_ENDINGS = ("Inc.", "GmbH", "Ltd", "B.V.", "& Co.", "AG", "LLC", "SAS", "", "")

# name, company: what a page, a CSV or a log must survive
_SPECIAL = (
    ("亀梨 和也", "株式会社ひまわり"),
    ("محمد العربي", "شركة النور"),
    ("Zoë Müller", "Müller & Söhne GmbH & Co. KG"),
    ("", "Pied Piper (staging)"),
    ("Jose\u0301 Nu\u0301n\u0303ez", "Cafe\u0301 Combinado"),
    ("🚀 Rocket", "👩‍🚀 Space 🇪🇺"),
    ("Richard Hendricks", ""),
    ("Łukasz Żółć", "Gżegżółka Sp. z o.o."),
    ("<b>Bobby</b> O'Tables", 'Robert"); DROP TABLE customers;--'),
    ("נועה כהן", "חברת \u200fאור\u200f בע״מ"),
    ("=SUM(A1:A9)", '@cmd, "quoted"; and\ttabbed'),
    ("", ""),
    ("김민준", "한국 분석"),
    ("A" * 120, "Long Names & Sons"),
    ("{{7*7}}", "${jndi:x}"),
    ("Ирина Петрова", "ООО «Ромашка»"),
)

_HOSTILE = (_SPECIAL[8], _SPECIAL[10], _SPECIAL[13], _SPECIAL[14])

# country code, country, state code, state, city, zip
_PLACES = (
    ("US", "United States", "CA", "California", "Mountain View", "94043"),
    ("US", "United States", "NY", "New York", "New York", "10001"),
    ("US", "United States", "TX", "Texas", "Austin", "73301"),
    ("DE", "Germany", None, None, "Berlin", "10115"),
    ("DE", "Germany", None, None, "München", "80331"),
    ("FR", "France", None, None, "Paris", "75001"),
    ("GB", "United Kingdom", None, None, "London", "EC1A 1BB"),
    ("JP", "Japan", None, None, "東京", None),
    ("CA", "Canada", "ON", "Ontario", "Toronto", "M5H 2N2"),
    ("PL", "Poland", None, None, "Łódź", "90-001"),
    ("BR", "Brazil", None, None, None, None),
    ("AL", "Albania", None, None, "Tirana", None),
    (None, None, None, None, None, None),
)
COUNTRY_NAMES = {place[0]: place[1] for place in _PLACES}
STATE_NAMES = {place[2]: place[3] for place in _PLACES}
_TAGS = (
    "managed",
    "important",
    "beta",
    "reference",
    "enterprise",
    "nonprofit",
    "churn risk",
    "vip 🎉",
    "R&D",
)
_OWNERS = ("sales@example.com", "kim@example.com", "lee@example.com")
_CAMPAIGNS = ("social media 1", "webinar", "trade fair", "größte Messe", "")


def draw_customer(rng: random.Random, number: int, catalogue: Catalogue, created: int) -> Customer:
    """A lead first seen at `created`; `history` may make a subscriber of it."""
    chance = rng.random
    source = catalogue.pick_source(chance())
    name, company = draw_names(rng, number)
    country, _, state, _, city, zip_code = _PLACES[int(chance() * len(_PLACES))]
    if chance() < 0.05:
        city = ""
    is_lead_dated = chance() < 0.6
    return Customer(
        id=114_000_000 + number * 3,
        uuid=f"cus_{new_uuid(rng)}",
        external_ids=[_external_id(rng, number, source)],
        sources=[source],
        name=name,
        email="" if chance() < 0.06 else _email(name, company, number),
        company=company,
        country=country,
        state=state,
        city=city,
        zip=zip_code,
        lead_status=_lead_status(chance()),
        lead_created_at=created if is_lead_dated else None,
        free_trial_started_at=created + 3 * DAY if chance() < 0.45 else None,
        tags=_draw_tags(rng),
        custom=draw_custom(rng, created) if chance() < 0.6 else {},
        owner=_OWNERS[int(chance() * 3)] if chance() < 0.3 else None,
        website_url=f"https://customer-{number}.example.com" if chance() < 0.4 else None,
    )


def draw_names(rng: random.Random, number: int) -> tuple[str, str]:
    """Name and company; every eleventh customer has one of the special pairs, in turn, hostile ones once."""
    if number % 11 == 5:
        pair = _SPECIAL[number // 11 % len(_SPECIAL)]
        if number // 11 < len(_SPECIAL) or pair not in _HOSTILE:
            return pair
    first = _FIRST[int(rng.random() * len(_FIRST))]
    last = _LAST[int(rng.random() * len(_LAST))]
    if rng.random() < 0.3:
        return f"{first} {last}", ""
    trade = _TRADES[int(rng.random() * len(_TRADES))]
    ending = _ENDINGS[int(rng.random() * len(_ENDINGS))]
    return f"{first} {last}", f"{last} {trade} {ending}".strip()


def draw_custom(rng: random.Random, created: int) -> dict[str, Any]:
    """Custom attributes of every type; some keys hold different types on different customers."""
    chance = rng.random
    attributes: dict[str, Any] = {}
    for key, share in _CUSTOM.items():
        if chance() < share:
            attributes[key] = _custom_value(rng, key, created)
    return attributes


_CUSTOM = {
    "CAC": 0.5, "utmCampaign": 0.5, "onboarded": 0.6, "renewal_date": 0.4, "nps": 0.4, "discount_rate": 0.3,
    "Account Manager": 0.3, "seats_used": 0.4, "is_vip": 0.15, "größe": 0.1, "old list": 0.03,
}  # fmt: skip


def _custom_value(rng: random.Random, key: str, created: int) -> Any:
    number = int(rng.random() * 1000)
    odd_one_out = rng.random()
    match key:
        case "CAC":
            return number
        case "utmCampaign":
            return _CAMPAIGNS[number % len(_CAMPAIGNS)]
        case "onboarded":
            return number % 3 > 0
        case "renewal_date":
            return milli_time((created + number * DAY) // DAY * DAY)
        case "nps":  # number, decimal or text: the mixed key
            return number % 11 if odd_one_out < 0.7 else (number % 110 / 10 if odd_one_out < 0.85 else "n/a")
        case "discount_rate":
            return number / 1000
        case "seats_used":  # old rows hold the number as text
            return number if odd_one_out < 0.9 else str(number)
        case "is_vip":
            return odd_one_out < 0.5 if number % 4 else "f"
        case "old list":
            return ["a", "b"]
        case "größe":
            return "groß" if number % 2 else "klein"
        case _:
            return f"{_FIRST[number % len(_FIRST)]} {_LAST[number % len(_LAST)]}"


def _draw_tags(rng: random.Random) -> list[str]:
    first = rng.random()
    if first < 0.65:
        return []
    tags = [_TAGS[int((first - 0.65) / 0.35 * len(_TAGS))]]
    if rng.random() < 0.3:
        second = _TAGS[int(rng.random() * len(_TAGS))]
        if second not in tags:
            tags.append(second)
    return tags


def _lead_status(chance: float) -> str:
    if chance < 0.55:
        return "New Lead"
    if chance < 0.75:
        return "Working Lead"
    return "Qualified Lead" if chance < 0.9 else "Unqualified Lead"


def _external_id(rng: random.Random, number: int, source: Source) -> str:
    match source.system:
        case "Stripe":
            return f"cus_{rng.getrandbits(56):014X}"
        case "Recurly":
            return f"acct-{number}"
        case "Custom":
            return f"C-{number}"
        case _:
            return f"cus_{number % 5000:04d}"


def _email(name: str, company: str, number: int) -> str:
    local = "".join(letter for letter in name.lower().replace(" ", ".") if letter.isascii() and letter not in "<>'\"")
    domain = "".join(letter for letter in company.lower() if letter.isascii() and letter.isalnum())
    return f"{local[:40] or 'info'}.{number}@{domain[:30] or 'mail'}.example.com"
