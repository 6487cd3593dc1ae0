"""What a name is found by, and what answers a query."""

import pytest

from workflow.history.search import FINDABLE, MAX_BEGINNINGS, Query, beginnings


def test_a_name_is_found_by_its_words_and_by_every_digit() -> None:
    assert beginnings("Cast-A_0472.jpeg") == (
        "cast-a_0472.jpeg",
        "a_0472.jpeg",
        "0472.jpeg",
        "472.jpeg",
        "72.jpeg",
        "2.jpeg",
        "jpeg",
    )


def test_a_long_name_takes_a_bounded_place() -> None:
    found = beginnings("7" * 1000)

    assert len(found) <= MAX_BEGINNINGS
    assert max(map(len, found)) == FINDABLE


@pytest.mark.parametrize(
    ("asked", "yes"),
    [
        ("cast", True),
        ("CAST_DEF", True),
        ("def_0", True),
        ("_def_0", True),
        ("72.jpeg", True),
        ("ast", False),
        ("cast*", True),
        ("def*", False),
        ("", True),
        (".", True),
    ],
)
def test_a_part_of_a_name_begins_with_a_word_or_a_digit(asked: str, yes: bool) -> None:
    assert Query(name=asked).names("cast_def_0_2472.jpeg") is yes


def test_names_are_compared_whatever_their_composition() -> None:
    assert Query(name="U\u0308ber").names("über 1.png")
