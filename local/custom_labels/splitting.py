"""Sets a fifth of the photos aside for the test, with no part on both sides."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from local.custom_labels.classifier import Array, scaling_of
from local.custom_labels.lookalikes import Indices, lookalike_groups
from local.custom_labels.manifest import Entry
from local.data_sets.lookalikes import alike

TEST_SHARE = 0.2
FEWEST_TO_COMPARE = 3


@dataclass(frozen=True, slots=True)
class Pictures:
    """Usable entries, row by row with their statistics, and fingerprints where they are to be divided."""

    entries: list[Entry]
    features: Array
    prints: NDArray[np.float32] | None = None

    def pick(self, rows: Indices) -> "Pictures":
        return Pictures([self.entries[row] for row in rows], self.features[rows])


def set_aside(pictures: Pictures) -> tuple[Pictures, Pictures]:
    """The photos to learn from and those to test with; every label with two photos is on both sides."""
    labels = sorted({entry.labels[0] for entry in pictures.entries})
    targets = np.array([labels.index(entry.labels[0]) for entry in pictures.entries])
    groups = _parts(pictures, targets)
    chosen = np.zeros(len(targets), dtype=bool)
    for target in range(len(labels)):
        chosen[_fifth(groups, np.flatnonzero(targets == target))] = True
    return pictures.pick(np.flatnonzero(~chosen)), pictures.pick(np.flatnonzero(chosen))


def _parts(pictures: Pictures, targets: Indices) -> Indices:
    """One number per part: photos of one label that are alike by their statistics or by their fingerprints.

    The statistics know copies among few photos, and the fingerprints those that were turned or saved again.
    """
    groups = lookalike_groups(scaling_of(pictures.features)(pictures.features), targets)
    _, first, number = np.unique(groups, return_index=True, return_inverse=True)
    pairs = list(enumerate(first[number]))
    if pictures.prints is not None and len(targets) >= FEWEST_TO_COMPARE:
        alike_ones = alike(pictures.prints)
        pairs += [(one, other) for one, other, _ in alike_ones if targets[one] == targets[other]]
    graph = coo_matrix((np.ones(len(pairs)), tuple(zip(*pairs, strict=True))), shape=(len(groups),) * 2)
    parts: Indices = connected_components(graph, directed=False)[1].astype(np.int64)
    return parts


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
