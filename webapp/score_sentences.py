"""What a customer's score says, in words: numbers as they are shown, and a sentence for each reason. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from webapp.chartmogul.fields import PropertyType
from webapp.direction import apart
from webapp.health import (
    CAP_WORDS,
    CHURNED,
    FULL,
    GONE,
    LEAD,
    NOT_ENOUGH,
    WHY_NONE,
    Factor,
    Importance,
    Line,
    Score,
    given_otherwise,
    trend_word,
    whole,
)
from webapp.values import Value, decode_one, format_value

NUMBERS = (PropertyType.NUMBER, PropertyType.MONEY, PropertyType.PERCENT)


def tenths(number: int) -> str:
    """Tenths of a point: `60.8`, `52`, `−3`."""
    full, rest = divmod(abs(number), 10)
    return f"{'−' if number < 0 else ''}{full}{f'.{rest}' if rest else ''}"


def signed(number: int) -> str:
    """As `tenths`, of a change: `+12.3`, `0`."""
    return ("+" if number > 0 else "") + tenths(number)


def value_words(type_: PropertyType, value: Value | None, currency: str | None) -> str:
    """A value for a sentence: `−12 %`, `none`."""
    if value is None:
        return "none"
    words = format_value(type_, value, currency)
    if type_ not in NUMBERS:
        return words
    return words.replace("-", "−", 1).replace(".00\u00a0%", "\u00a0%")


def anchors(factor: Factor, currency: str | None) -> str:
    """How a factor's numbers become points; nothing for one that gives points by text: there are as many as texts."""
    if factor.by_text is not None:
        return ""
    zero, hundred = (
        value_words(factor.type, decode_one(factor.type, kept), currency) for kept in (factor.zero, factor.hundred)
    )
    return f"0 points at {zero}, 100 at {hundred}"


def weight_words(factor: Factor, whole_weight: int) -> str:
    """`High, 3 of 11`: how important a factor is, and of how much that counts together."""
    return f"{Importance(factor.weight).word}, {factor.weight} of {whole_weight}"


def reason(line: Line, value: str | None) -> str:
    """A factor's part in a sentence; `value` in words, None for a customer that has none."""
    said = f"is {apart(value)}" if value is not None else "has no value"
    costs = f"costs {tenths(line.lost)}" if line.lost else "costs nothing"
    return f"{apart(line.factor.name)} {said}: {tenths(line.points)} of 100 points, which {costs}."


def cap_line(name: str, limit: int, taken: int) -> str:
    """`Past due: the score is at most 39. That takes 21.8.`"""
    takes = f"That takes {tenths(taken)}." if taken else "That takes nothing: the score is not above it."
    return f"{CAP_WORDS[name]}: the score is at most {limit}. {takes}"


def sum_line(score: Score) -> str:
    """`100 − 39.2 lost = 60.8, shown as 61`; what caps take is said in between."""
    if score.uncapped is None or score.score is None:
        return ""
    taken = sum(each for _, each in score.caps)
    capped = f", − {tenths(taken)} by caps = {tenths(score.score)}" if taken else ""
    lost = FULL - score.uncapped
    return f"100 − {tenths(lost)} lost = {tenths(score.uncapped)}{capped}, shown as {whole(score.score)}"


def coverage_words(score: Score, points_for_none: bool = False) -> str:
    """`10 of 11 weights have a value`; `points_for_none`: some of them have none, and points for that."""
    have = "has" if score.covered == 1 else "have"
    value = "a value, or points for having none" if points_for_none else "a value"
    return f"{score.covered} of {score.config.weight} weights {have} {value}"


def change_words(change: int, since: str) -> str:
    """`down 12.3 since 29 Oct 2026: Decline`."""
    if not change:
        return f"the same as on {since}: Stable"
    return f"{'up' if change > 0 else 'down'} {tenths(abs(change))} since {since}: {trend_word(change)}"


def not_of_factors(then: Score, now: Score) -> Iterator[str]:
    """Which factors are behind "Configuration changed" and "Coverage changed", a sentence for each kind of them."""
    factors, earlier = ({each.key: each for each in score.config.factors} for score in (now, then))
    others, both = given_otherwise(then.config, now.config), factors.keys() & earlier.keys()
    counted, counted_then = ({line.factor.key for line in score.lines} for score in (now, then))
    kinds = {
        "New": counted - both,
        "No longer a factor": counted_then - both,
        "Gives points in another way": counted & others & both,
        "Weighs otherwise": {key for key in both if factors[key].weight != earlier[key].weight},
        "Counts now and did not then": (counted - counted_then - others) & both,
        "Counted then and does not now": (counted_then - counted - others) & both,
    }
    names = {key: apart(factor.name) for key, factor in (earlier | factors).items()}
    yield from (f"{words}: {', '.join(sorted(names[key] for key in keys))}." for words, keys in kinds.items() if keys)


def why_none(reason: str, score: Score | None, status: str | None, points_for_none: bool = False) -> str:
    """Why a customer has no score, in a sentence. `points_for_none`: see coverage_words."""
    if reason == NOT_ENOUGH and score is not None:
        return f"Not enough data: {coverage_words(score, points_for_none)}, and a score needs half of them."
    sentences: Mapping[str, str] = {
        NOT_ENOUGH: "Not enough data: a score needs a value for half of the weights.",
        CHURNED: "Churned: whoever has left gets no score.",
        GONE: "No longer in ChartMogul: whoever is not in it any more gets no score.",
        LEAD: f"Lead: its status is {status or 'not set'}. Only customers that are Active or Past Due get a score.",
    }
    return sentences[reason]


def why_none_word(reason: str | None) -> str:
    return WHY_NONE.get(reason or "", "No score")


def spark_words(scores: Sequence[int | None], weeks: int) -> str:
    """What a spark line shows, for who cannot see it."""
    known = [whole(score) for score in scores if score is not None]
    if len(known) < 2 or scores[0] is None:
        return f"Score {known[-1]}, not known for all of {weeks} weeks"
    return f"Score from {known[0]} to {known[-1]} over {weeks} weeks"
