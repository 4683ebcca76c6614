"""Names in sentences: what turns the words beside it is set apart, what does not is left alone."""

import pytest

from webapp.direction import apart


@pytest.mark.parametrize("name", ["", "Blue Finch 7", "Ærlig Måling", "株式会社", "½ & <b>", "e\u0301"])
def test_name_that_turns_nothing_is_left_as_it_is(name: str) -> None:
    assert apart(name) == name


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("שלום 7", "שלום 7"),
        ("سلام", "سلام"),
        ("\u202eFinch", "\u202eFinch"),  # what it leaves open ends with it
        ("\u2067Finch", "Finch"),
        ("Blue\u2069\u202eFinch", "Blue\u202eFinch"),
    ],
)
def test_name_that_may_turn_what_follows_is_set_apart(name: str, kept: str) -> None:
    assert apart(name) == f"\u2068{kept}\u2069"
