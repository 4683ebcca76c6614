"""Every number of a score can be worked out by hand from the customer's page: here from its words alone."""

import re
from fractions import Fraction
from html import unescape
from math import floor
from random import Random
from uuid import UUID

import pytest

from tests import factories
from tests.factories import Cast
from tests.kept_scores import ago, keep_day, keep_now, note_scored
from tests.pages import table
from tests.texts import words_of
from webapp import scoring
from webapp.extensions import db
from webapp.health import CAPS, Config, Facts
from webapp.models import Property
from webapp.models.types import now
from webapp.tenancy import acting_for, owned

TYPES = ("number", "money", "percent", "text")
TEXTS = ("Gold", "Silver", "Årlig plan", "Trial")
STEP = {"number": 2_500, "money": 1, "percent": 25}
DRIVERS = ("Risk Drivers", "Health Drivers")
GRADES = ("5 High churn risk", "4 At risk", "3 Watch", "2 Stable", "1 Healthy")
# Which customers: how many of them have a score is up to chance, but never none.
SEEDS = range(12)


def number(words: str) -> Fraction:
    return Fraction(words.replace("−", "-").replace("+", "").replace(",", "").split("\u00a0")[0])


def half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


def tenths(value: Fraction) -> Fraction:
    return Fraction(half_up(value * 10), 10)


class Row:
    """A factor's row as a reader sees it."""

    def __init__(self, html: str) -> None:
        words = words_of(re.sub(r"<meter.*?</meter>", "", html))
        points, lost = re.search(r"([\d.]+) of 100(?: lost ([\d.]+))?", words).groups()  # type: ignore[union-attr]
        self.points, self.lost = number(points), number(lost)
        self.name = words_of(re.search(r"<span>(.*?)</span>", html)[1])  # type: ignore[index]
        self.value = unescape(re.search(r'class="value num">(.*?)</span>', html)[1])  # type: ignore[index]
        _, self.weight, self.of = re.search(r"Weight: (\w+), (\d+) of (\d+)", words).groups()  # type: ignore[union-attr]
        self.weight, self.of = int(self.weight), int(self.of)
        self.anchors = re.search(r"0 points at (\S+?)(?: \S+)?, 100 at (\S+?)(?: \S+)?\. Weight", words)


def rows_of(page: str) -> list[Row]:
    return [Row(html) for html in re.findall(r'<li class="factor">(.*?)</li>', page, re.S)]


def shared(total: Fraction, parts: list[Fraction]) -> list[Fraction]:
    """By largest remainder, in tenths."""
    down = [Fraction(floor(part * 10), 10) for part in parts]
    left = int((total - sum(down)) * 10)
    for place in sorted(range(len(parts)), key=lambda place: down[place] - parts[place])[:left]:
        down[place] += Fraction(1, 10)
    return down


def check_score(page: str) -> None:
    rows = rows_of(page)
    words = words_of(page)
    weight = sum(row.weight for row in rows)
    assert re.search(rf"Coverage: {weight} of \d+ weight", words)
    assert {row.of for row in rows} == {weight}
    for row in rows:
        if row.anchors and row.value != "no value":
            zero, hundred = map(number, row.anchors.groups())
            points = 100 * (number(row.value) - zero) / (hundred - zero)
            assert tenths(min(max(points, Fraction(0)), Fraction(100))) == row.points
    uncapped = tenths(sum((row.weight * row.points for row in rows), Fraction(0)) / weight)
    assert [row.lost for row in rows] == shared(
        100 - uncapped, [row.weight * (100 - row.points) / weight for row in rows]
    )

    score, taken = uncapped, Fraction(0)
    for limit, takes in re.findall(r'<li class="cap">[^<]*at most (\d+)\. That takes (\d+(?:\.\d)?|nothing)', page):
        less = max(Fraction(0), score - int(limit))
        assert (number(takes) if takes != "nothing" else 0) == less
        score, taken = score - less, taken + less
    told = re.search(r'class="sum num"><strong>(.*?)</strong>', page)[1]  # type: ignore[index]
    said = [number(each) for each in re.findall(r"[\d.]+", told)]
    assert said[:3] == [100, 100 - uncapped, uncapped]
    assert said[3:] == ([taken, score] if taken else []) + [half_up(score)]
    assert f"{half_up(score)} of 100" in words
    badge = re.search(r'id="grade">(.*?)</span>', page, re.S)[1]  # type: ignore[index]
    assert words_of(badge) == GRADES[min(half_up(score) // 20, 4)]
    check_drivers(page, rows)


def check_drivers(page: str, rows: list[Row]) -> None:
    costs = [row.name for row in sorted(rows, key=lambda row: -row.lost) if row.lost][:3]
    strong = [row for row in rows if row.points >= 75]
    panels = (page[page.index(title) :].partition("</div>")[0] for title in DRIVERS)
    risks, strengths = (re.findall(r"<li>(.*?) <span", panel) for panel in panels)
    assert risks == costs
    assert set(strengths) <= {row.name for row in strong}
    assert len(strengths) == min(3, len(strong))


def check_change(page: str) -> None:
    *parts, total = table(page[page.index('id="change"') :])[1:]
    assert sum((number(row[3]) for row in parts), Fraction(0)) == number(total[3])
    assert number(total[2]) - number(total[1]) == number(total[3])
    told = re.search(r"of 100, (?:(up|down) ([\d.]+) since|the same as)", words_of(page))
    assert number(total[3]) == {"up": 1, "down": -1, None: 0}[told[1]] * number(told[2] or "0")  # type: ignore[index]
    other_version = "of the score then, by version" in page
    assert other_version == ("Configuration changed" in [row[0] for row in parts])
    weights, weight = {row.name: row.weight for row in rows_of(page)}, sum(row.weight for row in rows_of(page))
    named = [row for row in parts if row[0] in weights]
    if len(named) < len(weights) or "Coverage changed" in [row[0] for row in parts] or "Not counted" in page:
        return
    lost = []
    for column in (1, 2):
        points = [(weights[row[0]], number(row[column])) for row in named]
        score = tenths(sum((each * of for each, of in points), Fraction(0)) / weight)
        lost.append(shared(100 - score, [each * (100 - of) / weight for each, of in points]))
    assert [number(row[3]) for row in named] == [then - after for then, after in zip(*lost, strict=True)]


@pytest.mark.parametrize("seed", SEEDS)
def test_score_and_its_change_can_be_recomputed_from_the_words_of_the_page(person, cast: Cast, seed: int):
    chance = Random(seed)
    customer = factories.make_customer(
        factories.make_provider(cast.acme, last_success_at=now()), status=chance.choice(("Active", "Past Due"))
    )
    config, version, before = configuration(cast, chance)
    kept = [value_of(each, chance) for each in version.factors]
    for row, value in zip(version.factors, kept, strict=True):
        named = {"text": value} if row["type"] == "text" else {"number": value}
        factories.make_value(property_of(cast, row), customer, **named)
    points = [factor.points(value) for factor, value in zip(config.factors, kept, strict=True)]
    caps = Facts(customer.status, churn_scheduled=chance.random() < 0.3).caps(config)
    then = [None if chance.random() < 0.15 else chance.randint(0, 1000) for _ in before.factors]
    day, rebuilt = ago(chance.randint(30, 60)), chance.random() < 0.5
    compared = keep_day(customer, before, then, day, rebuilt=rebuilt)
    score = keep_now(customer, version, points, caps)
    note_scored(version)

    page = person(cast.ada).get(f"/customers/{customer.id}").text

    if score.score is None:
        assert "Not enough data" in page
        return
    check_score(page)
    if "No trend yet" in page:
        assert rebuilt
        assert score.caps or customer.status == "Past Due"
    elif compared.score is not None:
        check_change(page)


def property_of(cast: Cast, row: dict) -> Property:
    with acting_for(cast.acme.id):
        return db.session.scalars(owned(Property).where(Property.id == UUID(row["property"]))).one()


def configuration(cast: Cast, chance: Random):
    rows = []
    for place in range(chance.randint(2, 8)):
        type_ = chance.choice(TYPES)
        property_ = factories.make_property(cast.acme, f"Property {place}", type=type_, filled_version=1)
        weight, empty = chance.randint(1, 3), chance.choice((None, None, 0, 100, 37))
        if type_ == "text":
            by_text = {text.lower().replace("å", "a"): chance.randint(0, 100) for text in TEXTS}
            rows.append(scoring.row_of(property_, weight, by_text=by_text, empty=empty))
        else:
            zero = STEP[type_] * chance.randint(-40, 40)
            hundred = zero + STEP[type_] * chance.choice((-1, 1)) * chance.randint(1, 4000)
            rows.append(scoring.row_of(property_, weight, zero, hundred, empty=empty))
    limits = {name: chance.randint(5, 60) for name in CAPS}
    before = factories.make_health_version(cast.acme, *rows, caps=limits, note="At first")
    if chance.random() < 0.6:
        return scoring.config_of(before), before, before
    heavier = [{**row, "weight": chance.randint(1, 3)} for row in rows]
    version = factories.make_health_version(cast.acme, *heavier, number=2, caps=limits)
    config: Config = scoring.config_of(version)
    return config, version, before


def value_of(row: dict, chance: Random) -> int | str | None:
    if chance.random() < 0.15:
        return None
    if row["type"] == "text":
        return chance.choice(TEXTS)
    low, high = sorted((row["zero"], row["hundred"]))
    return chance.randint(low - (high - low) // 4, high + (high - low) // 4)
