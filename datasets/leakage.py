"""The leakage guard: photos of one part in training and test make a model look better than it is."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from datasets.labelled_photos import LabelledPhoto
from datasets.near_duplicates import DuplicatePair, DuplicateReport


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakageReport:
    """Pairs across training and test, pairs within the test, and equal files with two labels.

    `test_photos` is the number of photos in the test.
    """

    across: tuple[DuplicatePair, ...]
    within: tuple[DuplicatePair, ...]
    contradictions: tuple[DuplicatePair, ...]
    test_photos: int

    @property
    def leaking_share(self) -> float:
        """The share (0 to 1) of test photos whose part is in the training set."""
        return self._share({pair.second for pair in self.across})

    @property
    def repeated_share(self) -> float:
        """The share (0 to 1) of test photos that repeat another test photo."""
        return self._share({pair.second for pair in self.within})

    def exceeds(self, limit: float) -> bool:
        """Return True if one of the shares is above the limit."""
        return self.leaking_share > limit or self.repeated_share > limit

    def _share(self, photos: set[int]) -> float:
        return len(photos) / self.test_photos if self.test_photos else 0.0


def measure_leakage(
    duplicates: DuplicateReport, photos: Sequence[LabelledPhoto], training_count: int
) -> LeakageReport:
    """Measure the leakage; the first `training_count` photos are the training set, the others the test.

    Photos of one part may have two labels (before and after a defect). Equal files may not.
    """
    across, within = [], []
    for pair in duplicates.pairs:
        if pair.first < training_count <= pair.second:
            across.append(pair)
        elif pair.first >= training_count:
            within.append(pair)
    contradictions = [
        pair
        for pair in duplicates.pairs
        if pair.is_exact and photos[pair.first].label != photos[pair.second].label
    ]
    return LeakageReport(
        across=tuple(across),
        within=tuple(within),
        contradictions=tuple(contradictions),
        test_photos=len(photos) - training_count,
    )


def split_by_part(
    photos: Sequence[LabelledPhoto], duplicates: DuplicateReport, share: float
) -> tuple[list[int], list[int]]:
    """Return the indices of the training photos and of the test photos; no part is on both sides.

    Every label gives about its `share` (0 to 1) in whole parts. The order depends on names alone, so the same
    photos are always split in the same way. A label with a single part stays in the training set.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for index, part in enumerate(duplicates.part_numbers()):
        members[int(part)].append(index)
    label_counts = Counter(photo.label for photo in photos)
    quota = {label: round(share * count) for label, count in label_counts.items()}
    parts_left = Counter(_label_of_part(photos, part) for part in members.values())
    test: list[int] = []
    for part in sorted(members.values(), key=lambda indices: _sort_key(photos, indices)):
        label = _label_of_part(photos, part)
        if len(part) <= max(quota[label], 1) and quota[label] > 0 and parts_left[label] > 1:
            quota[label] -= len(part)
            parts_left[label] -= 1
            test += part
    test_indices = set(test)
    return [index for index in range(len(photos)) if index not in test_indices], sorted(test)


def majority_label(labels: Iterable[str]) -> str:
    """Return the label of most of a part's photos; of several, the first in the alphabet."""
    counts = Counter(labels)
    return min(counts, key=lambda label: (-counts[label], label))


def _label_of_part(photos: Sequence[LabelledPhoto], indices: list[int]) -> str:
    return majority_label(photos[index].label for index in indices)


def _sort_key(photos: Sequence[LabelledPhoto], indices: list[int]) -> bytes:
    name = min(photos[index].name for index in indices)
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
