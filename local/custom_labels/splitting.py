"""Sets a fifth of the photos aside for the test, without near copies on both sides."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from local.custom_labels.classifier import Array, scaling_of
from local.custom_labels.lookalikes import Indices, lookalike_groups
from local.custom_labels.manifest import Entry

TEST_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Pictures:
    """Usable entries with their statistics, row by row."""

    entries: list[Entry]
    features: Array

    def pick(self, rows: Indices) -> "Pictures":
        return Pictures([self.entries[row] for row in rows], self.features[rows])


def set_aside(pictures: Pictures) -> tuple[Pictures, Pictures]:
    """The photos to learn from and those to test with; every label with two photos is on both sides."""
    labels = sorted({entry.labels[0] for entry in pictures.entries})
    targets = np.array([labels.index(entry.labels[0]) for entry in pictures.entries])
    groups = lookalike_groups(scaling_of(pictures.features)(pictures.features), targets)
    chosen = np.zeros(len(targets), dtype=bool)
    for target in range(len(labels)):
        chosen[_fifth(groups, np.flatnonzero(targets == target))] = True
    return pictures.pick(np.flatnonzero(~chosen)), pictures.pick(np.flatnonzero(chosen))


def _fifth(groups: Indices, members: Indices) -> list[int]:
    """Whole groups, the smallest first; a label that is one single group has to be cut after all."""
    by_group: dict[int, list[int]] = defaultdict(list)
    for member in members:
        by_group[int(groups[member])].append(int(member))
    quota = max(1, round(TEST_SHARE * len(members)))
    taken: list[int] = []
    for group in sorted(by_group.values(), key=len):
        if taken and len(taken) + len(group) > quota:
            break
        taken.extend(group)
    return taken if len(taken) < len(members) else taken[:quota]
