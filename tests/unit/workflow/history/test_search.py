"""The suffixes by which a name is found, and the matches of a query."""

import pytest

from workflow.history.search import (
    MAX_FOLDER_SUFFIXES,
    MAX_NAME_SUFFIXES,
    MAX_SUFFIX_LENGTH,
    InspectionQuery,
    key_suffixes,
    normalize_name,
)


def test_a_name_is_found_by_its_words_and_by_every_digit() -> None:
    assert key_suffixes("Cast-A_0472.jpeg") == (
        "cast-a_0472.jpeg",
        "a_0472.jpeg",
        "0472.jpeg",
        "472.jpeg",
        "72.jpeg",
        "2.jpeg",
        "jpeg",
    )


def test_a_long_name_has_a_bounded_number_of_bounded_suffixes() -> None:
    suffixes = key_suffixes("7" * 1000)

    assert len(suffixes) <= MAX_NAME_SUFFIXES
    assert max(map(len, suffixes)) == MAX_SUFFIX_LENGTH


def test_a_key_is_found_by_its_folders_and_their_words() -> None:
    assert key_suffixes("Line-02/Batch 7/cast.png")[2:] == (
        "line-02/batch 7/cast.png",
        "batch 7/cast.png",
        "7/cast.png",
        "02/batch 7/cast.png",
    )


def test_a_deep_folder_adds_a_bounded_number_of_suffixes_the_deepest_first() -> None:
    folders = "/".join(f"level {number}" for number in range(40))

    suffixes = key_suffixes(f"{folders}/a.png")[2:]

    assert len(suffixes) == MAX_FOLDER_SUFFIXES
    assert suffixes[0].startswith("level 0/")
    assert suffixes[1] == "level 39/a.png"


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
        ("line-2", True),
        ("LINE-2/Nacht", True),
        ("nacht/cast", True),
        ("schicht", True),
        ("icht", False),
        ("achts", False),
        ("line-2/*", True),
        ("line*", True),
        ("nacht*", False),
        ("2/cast", False),
    ],
)
def test_a_part_of_a_name_begins_with_a_word_or_a_digit(text: str, matches: bool) -> None:
    key = "line-2/nacht schicht/nacht/cast_def_0_2472.jpeg"

    assert InspectionQuery(name=text).matches_key(key) is matches


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("U\u0308ber", "über 1.png"),
        ("flugelrad", "Flügelrad 1.png"),
        ("FLÜGELRAD", "flu\u0308gelrad.png"),
        ("gross", "Größe/Großteil.png"),
        ("kolo", "koło.png"),
        ("ok12", "ＯＫ１２.png"),
        ("きず", "きず.png"),
        ("istanbul", "İstanbul.png"),
    ],
)
def test_names_match_without_case_and_diacritics_in_every_composition(text: str, name: str) -> None:
    assert InspectionQuery(name=text).matches_key(name)
    assert InspectionQuery(name=name).matches_key(name)
    assert normalize_name(normalize_name(name)) == normalize_name(name)


def test_marks_that_make_another_letter_stay() -> None:
    assert not InspectionQuery(name="きす").matches_key("きず.png")
    assert not InspectionQuery(name="か").matches_key("が.png")
