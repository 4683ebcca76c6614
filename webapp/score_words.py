"""What a configuration of the health score says, in words, and how one version differs from another. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from webapp import score_sentences
from webapp.health import CAP_WORDS, Importance
from webapp.rendering import count, share
from webapp.units import other_currency
from webapp.values import PropertyType, decode_one

# A factor as a version keeps it, see HealthVersion.
Row = Mapping[str, Any]


def importance(row: Row) -> str:
    return Importance(row["weight"]).word


def share_of(row: Row, rows: Sequence[Row]) -> str:
    """How much of the whole score a factor is, when all factors have a value."""
    return share(row["weight"], sum(each["weight"] for each in rows))


def kept_words(row: Row, kept: Any, currency: str | None) -> str:
    """A value of the factor's property, given as it is kept."""
    type_ = PropertyType(row["type"])
    return score_sentences.value_words(type_, decode_one(type_, kept), currency)


def value_words(row: Row, key: str, spelled: Mapping[str, str]) -> str:
    """A value that points are given for by itself, given by its key in `by_text`; `spelled`: how customers have it."""
    if row["type"] == PropertyType.TEXT:
        return spelled.get(key, key)
    return kept_words(row, int(key), None)


def terms(row: Row, currency: str | None, spelled: Mapping[str, str] | None = None) -> list[str]:
    """How a factor gives points."""
    if row["by_text"] is not None:
        best_first = sorted(row["by_text"].items(), key=lambda pair: -pair[1])
        return [f"{value_words(row, key, spelled or {})}: {count(points, 'point')}" for key, points in best_first]
    return [f"{words} at {kept_words(row, row[name], currency)}" for name, words in ANCHORS.items()]


ANCHORS = {"zero": "0 points", "hundred": "100 points"}


def of_another_currency(row: Row, currency: str | None) -> str | None:
    """What to say of a factor whose amounts were meant in another currency than the account's; mostly nothing."""
    return other_currency("These amounts", row.get("currency"), currency)


def without_value(row: Row) -> str:
    """What becomes of a customer that has no value."""
    return "not counted" if row["empty"] is None else count(row["empty"], "point")


def cap_words(caps: Mapping[str, int]) -> list[str]:
    return [f"{words}: at most {caps[name]}" for name, words in CAP_WORDS.items() if name in caps]


def differences(
    before: Sequence[Row], after: Sequence[Row], caps_before: Mapping[str, int], caps: Mapping[str, int], currency: str
) -> list[str]:
    """What the later configuration has otherwise, a sentence each."""
    old, new = ({row["property"]: row for row in rows} for rows in (before, after))
    said = [f"{row['name']} added, importance {importance(row)}." for key, row in new.items() if key not in old]
    said += [f"{row['name']} removed." for key, row in old.items() if key not in new]
    for key in [key for key in new if key in old]:
        said += _of_factor(old[key], new[key], currency)
    if not said and list(old) != list(new):
        said.append("Another order of the factors.")
    for name, words in CAP_WORDS.items():
        was, is_ = caps_before.get(name), caps.get(name)
        if was != is_:
            limits = ("no cap" if each is None else f"at most {each}" for each in (was, is_))
            said.append(f"{words}: {' → '.join(limits)}.")
    return said


def _of_factor(old: Row, new: Row, currency: str) -> list[str]:
    said = []
    if old["weight"] != new["weight"]:
        said.append(f"importance {importance(old)} → {importance(new)}")
    how = ("type", "zero", "hundred", "by_text")
    meant = [row.get("currency") or currency for row in (old, new)]
    if any(old[name] != new[name] for name in how) or meant[0] != meant[1]:
        said.append(" → ".join(", ".join(terms(row, its)) for row, its in zip((old, new), meant, strict=True)))
    if old["empty"] != new["empty"]:
        said.append(f"without a value {without_value(old)} → {without_value(new)}")
    return [f"{new['name']}: {'; '.join(said)}."] if said else []
