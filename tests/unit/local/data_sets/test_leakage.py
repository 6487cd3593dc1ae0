import functools
from collections.abc import Sequence

import numpy as np
import pytest

from local.data_sets.leakage import leakage, split_by_part
from local.data_sets.lookalikes import Comparison, Pair, compare
from local.data_sets.photos import LabelledPhoto
from local.sample_parts import Product, sample_parts
from tests.copies import COPIES, opened

PARTS, COPIED = 160, 20
pytestmark = pytest.mark.xdist_group("leakage")

PLANTED = ("turned", "turned_by_quarters", "shifted", "saved_again", "mirrored")


def photos_of(contents: Sequence[bytes], label: str = "ok") -> list[LabelledPhoto]:
    return [
        LabelledPhoto(f"{number}.jpeg", label, functools.partial(bytes, content))
        for number, content in enumerate(contents)
    ]


@pytest.fixture(scope="module", params=Product, ids=str)
def planted(request: pytest.FixtureRequest) -> tuple[Comparison, list[tuple[int, str]]]:
    """Parts, then copies of the first of them; the copies with their original and how they were made."""
    rng = np.random.default_rng(3)
    contents = [part.content for part in sample_parts(PARTS, seed=5, product=request.param)]
    made = [(part, kind) for part in range(COPIED) for kind in PLANTED]
    contents += [COPIES[kind](opened(contents[part]), rng) for part, kind in made]
    return compare(photos_of(contents)), made


def test_planted_copies_are_found(planted: tuple[Comparison, list[tuple[int, str]]]) -> None:
    comparison, made = planted
    found = {(pair.first, pair.second) for pair in comparison.pairs}

    for kind in PLANTED:
        places = [(part, PARTS + number) for number, (part, one) in enumerate(made) if one == kind]
        recall = sum(place in found for place in places) / len(places)
        assert recall >= 0.95, f"{kind}: {recall:.0%}"


def test_strangers_are_left_alone(planted: tuple[Comparison, list[tuple[int, str]]]) -> None:
    comparison, made = planted
    part_of = [*range(PARTS), *(part for part, _ in made)]
    wronged = {
        place
        for pair in comparison.pairs
        if part_of[pair.first] != part_of[pair.second]
        for place in (pair.first, pair.second)
    }

    assert len(wronged) <= 0.01 * len(part_of)


def test_a_split_by_part_leaves_nothing_on_both_sides(
    planted: tuple[Comparison, list[tuple[int, str]]],
) -> None:
    comparison, _ = planted
    photos = photos_of([b""] * comparison.count)

    train, test = split_by_part(photos, comparison, 0.2)

    assert sorted(train + test) == list(range(comparison.count))
    assert 0.15 <= len(test) / comparison.count <= 0.2
    side = set(test)
    assert all((pair.first in side) == (pair.second in side) for pair in comparison.pairs)
    assert split_by_part(photos, comparison, 0.2) == (train, test)


def test_equal_files_are_found_in_the_smallest_set_and_unreadable_ones_are_named() -> None:
    found = compare(photos_of([b"same", b"same", b"other"]))

    assert found.pairs == (Pair(0, 1, 1.0),)
    assert set(found.unreadable) == {0, 1, 2}


def test_leaks_are_counted_across_and_within_the_test_and_two_labels_of_one_file_contradict() -> None:
    photos = [*photos_of([b""] * 4), LabelledPhoto("4", "crack", bytes), *photos_of([b""])]
    pairs = (Pair(0, 1, 0.5), Pair(0, 4, 1.0), Pair(1, 3, 0.4), Pair(3, 5, 0.4))

    leaks = leakage(Comparison(6, pairs, {}), photos, trained=3)

    assert (leaks.share_across, leaks.share_within) == (2 / 3, 1 / 3)
    assert leaks.contradictions == (Pair(0, 4, 1.0),)
    assert leaks.refused(0.5)
    assert not leaks.refused(0.7)


def test_a_label_of_a_single_part_stays_in_the_training_set() -> None:
    photos = [*photos_of([b""] * 10), *(LabelledPhoto(f"c{n}", "crack", bytes) for n in range(3))]

    train, test = split_by_part(photos, Comparison(13, (Pair(10, 11, 0.9), Pair(11, 12, 0.9)), {}), 0.2)

    assert len(test) == 2
    assert {10, 11, 12} <= set(train)
