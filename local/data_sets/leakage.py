"""The leakage guard: photos of one part on both sides of a test flatter the model that they judge."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from local.data_sets.lookalikes import Comparison, Pair
from local.data_sets.photos import LabelledPhoto

LIMIT = 0.01


@dataclass(frozen=True, slots=True)
class Leakage:
    """Pairs across training and test, and within the test; `tested` counts the test's photos."""

    across: tuple[Pair, ...]
    within: tuple[Pair, ...]
    contradictions: tuple[Pair, ...]
    tested: int

    @property
    def share_across(self) -> float:
        """The share of test photos whose part is in the training set too."""
        return self._share({pair.second for pair in self.across})

    @property
    def share_within(self) -> float:
        """The share of test photos that repeat another one of the test."""
        return self._share({pair.second for pair in self.within})

    def refused(self, limit: float) -> bool:
        return self.share_across > limit or self.share_within > limit

    def _share(self, photos: set[int]) -> float:
        return len(photos) / self.tested if self.tested else 0.0


def leakage(comparison: Comparison, photos: Sequence[LabelledPhoto], trained: int) -> Leakage:
    """The first `trained` photos are the training set, the others the test.

    Photos of one part under two labels may be right (before and after a fault); equal bytes never are.
    """
    across, within = [], []
    for pair in comparison.pairs:
        if pair.first < trained <= pair.second:
            across.append(pair)
        elif pair.first >= trained:
            within.append(pair)
    contradictions = [
        pair
        for pair in comparison.pairs
        if pair.exact and photos[pair.first].label != photos[pair.second].label
    ]
    return Leakage(tuple(across), tuple(within), tuple(contradictions), len(photos) - trained)


def split_by_part(
    photos: Sequence[LabelledPhoto], comparison: Comparison, share: float
) -> tuple[list[int], list[int]]:
    """Places of the photos to train on and of those to test with; no part stands on both sides.

    Every label gives about its share, whole parts at a time, in an order that names alone decide: the same
    photos are always split in the same way. A label that is one single part stays in the training set.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for place, part in enumerate(comparison.parts()):
        members[int(part)].append(place)
    quota = {label: round(share * count) for label, count in Counter(one.label for one in photos).items()}
    parts_of = Counter(_label(photos, part) for part in members.values())
    test: list[int] = []
    for part in sorted(members.values(), key=lambda places: _order(photos, places)):
        label = _label(photos, part)
        if len(part) <= max(quota[label], 1) and quota[label] > 0 and parts_of[label] > 1:
            quota[label] -= len(part)
            parts_of[label] -= 1
            test += part
    chosen = set(test)
    return [place for place in range(len(photos)) if place not in chosen], sorted(test)


def _label(photos: Sequence[LabelledPhoto], places: list[int]) -> str:
    counts = Counter(photos[place].label for place in places)
    return min(counts, key=lambda label: (-counts[label], label))


def _order(photos: Sequence[LabelledPhoto], places: list[int]) -> bytes:
    name = min(photos[place].name for place in places)
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
