"""Copies of a part are found, different parts are not, and a split has no part on both sides."""

import functools
from collections.abc import Sequence

import numpy as np
import pytest

from datasets.labelled_photos import LabelledPhoto
from datasets.leakage import measure_leakage, split_by_part
from datasets.near_duplicates import DuplicatePair, DuplicateReport, find_near_duplicates
from local.sample_parts import SampleProduct, generate_parts
from tests.copies import ALTERATIONS, decode_grey

PARTS, COPIED = 160, 20
pytestmark = pytest.mark.xdist_group("leakage")

PLANTED = ("rotated", "rotated_by_quarters", "shifted", "recompressed", "mirrored")


def photos_of(contents: Sequence[bytes], label: str = "ok") -> list[LabelledPhoto]:
    return [
        LabelledPhoto(name=f"{number}.jpeg", label=label, read=functools.partial(bytes, content))
        for number, content in enumerate(contents)
    ]


@pytest.fixture(scope="module", params=SampleProduct, ids=str)
def planted(request: pytest.FixtureRequest) -> tuple[DuplicateReport, list[tuple[int, str]]]:
    """Compare parts and copies of the first ones; returns the report, and original and kind of each copy."""
    rng = np.random.default_rng(3)
    contents = [part.content for part in generate_parts(PARTS, seed=5, product=request.param)]
    copies = [(part, kind) for part in range(COPIED) for kind in PLANTED]
    contents += [ALTERATIONS[kind](decode_grey(contents[part]), rng) for part, kind in copies]
    return find_near_duplicates(photos_of(contents)), copies


def test_planted_copies_are_found(planted: tuple[DuplicateReport, list[tuple[int, str]]]) -> None:
    report, copies = planted
    pairs = {(pair.first, pair.second) for pair in report.pairs}

    for kind in PLANTED:
        copied = [(part, PARTS + number) for number, (part, other) in enumerate(copies) if other == kind]
        recall = sum(pair in pairs for pair in copied) / len(copied)
        assert recall >= 0.95, f"{kind}: {recall:.0%}"


def test_different_parts_are_not_reported(planted: tuple[DuplicateReport, list[tuple[int, str]]]) -> None:
    report, copies = planted
    part_of = [*range(PARTS), *(part for part, _ in copies)]
    wrong = {
        index
        for pair in report.pairs
        if part_of[pair.first] != part_of[pair.second]
        for index in (pair.first, pair.second)
    }

    assert len(wrong) <= 0.01 * len(part_of)


def test_a_split_by_part_leaves_nothing_on_both_sides(
    planted: tuple[DuplicateReport, list[tuple[int, str]]],
) -> None:
    report, _ = planted
    photos = photos_of([b""] * report.count)

    train, test = split_by_part(photos, report, 0.2)

    assert sorted(train + test) == list(range(report.count))
    assert 0.15 <= len(test) / report.count <= 0.2
    side = set(test)
    assert all((pair.first in side) == (pair.second in side) for pair in report.pairs)
    assert split_by_part(photos, report, 0.2) == (train, test)


def test_equal_files_are_found_in_the_smallest_set_and_unreadable_ones_are_named() -> None:
    report = find_near_duplicates(photos_of([b"same", b"same", b"other"]))

    assert report.pairs == (DuplicatePair(0, 1, 1.0),)
    assert set(report.unreadable) == {0, 1, 2}


def test_leaks_are_counted_across_and_within_the_test_and_two_labels_of_one_file_contradict() -> None:
    photos = [*photos_of([b""] * 4), LabelledPhoto(name="4", label="crack", read=bytes), *photos_of([b""])]
    pairs = (
        DuplicatePair(0, 1, 0.5),
        DuplicatePair(0, 4, 1.0),
        DuplicatePair(1, 3, 0.4),
        DuplicatePair(3, 5, 0.4),
    )

    leaks = measure_leakage(DuplicateReport(6, pairs, {}), photos, training_count=3)

    assert (leaks.leaking_share, leaks.repeated_share) == (2 / 3, 1 / 3)
    assert leaks.contradictions == (DuplicatePair(0, 4, 1.0),)
    assert leaks.exceeds(0.5)
    assert not leaks.exceeds(0.7)


def test_a_label_of_a_single_part_stays_in_the_training_set() -> None:
    photos = [
        *photos_of([b""] * 10),
        *(LabelledPhoto(name=f"c{n}", label="crack", read=bytes) for n in range(3)),
    ]

    train, test = split_by_part(
        photos, DuplicateReport(13, (DuplicatePair(10, 11, 0.9), DuplicatePair(11, 12, 0.9)), {}), 0.2
    )

    assert len(test) == 2
    assert {10, 11, 12} <= set(train)
