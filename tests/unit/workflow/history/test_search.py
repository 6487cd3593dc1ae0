"""The suffixes by which a name is found, and the matches of a query."""

import pytest

from workflow.history.search import MAX_SUFFIX_LENGTH, MAX_SUFFIXES, InspectionQuery, name_suffixes


def test_a_name_is_found_by_its_words_and_by_every_digit() -> None:
    assert name_suffixes("Cast-A_0472.jpeg") == (
        "cast-a_0472.jpeg",
        "a_0472.jpeg",
        "0472.jpeg",
        "472.jpeg",
        "72.jpeg",
        "2.jpeg",
        "jpeg",
    )


def test_a_long_name_has_a_bounded_number_of_bounded_suffixes() -> None:
    suffixes = name_suffixes("7" * 1000)

    assert len(suffixes) <= MAX_SUFFIXES
    assert max(map(len, suffixes)) == MAX_SUFFIX_LENGTH


@pytest.mark.parametrize(
    ("text", "matches"),
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
def test_a_part_of_a_name_begins_with_a_word_or_a_digit(text: str, matches: bool) -> None:
    assert InspectionQuery(name=text).matches_name("cast_def_0_2472.jpeg") is matches


def test_names_match_in_every_unicode_composition() -> None:
    assert InspectionQuery(name="U\u0308ber").matches_name("über 1.png")
