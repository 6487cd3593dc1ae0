"""Split of the photos into training and test, with no part on both sides."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from custom_labels.duplicate_groups import IndexArray, group_near_duplicates
from custom_labels.manifest import ManifestEntry
from vision.calibration import FloatArray
from vision.classifier import fit_scaler
from vision.fingerprints import Fingerprint
from vision.similarity import find_similar_pairs

TEST_SHARE = 0.2
MIN_PHOTOS_TO_COMPARE = 3


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """Usable entries with one row of features each; fingerprints only if the set is to be split."""

    entries: list[ManifestEntry]
    features: FloatArray
    fingerprints: Fingerprint | None = None

    def select(self, rows: IndexArray) -> "PhotoSet":
        """Return the photos at these rows, without fingerprints."""
        return PhotoSet([self.entries[row] for row in rows], self.features[rows])


def split_train_test(photos: PhotoSet) -> tuple[PhotoSet, PhotoSet]:
    """Return the photos to train on and a fifth to test on; a label with two photos is on both sides."""
    labels = sorted({entry.labels[0] for entry in photos.entries})
    targets = np.array([labels.index(entry.labels[0]) for entry in photos.entries])
    groups = _group_by_part(photos, targets)
    is_test = np.zeros(len(targets), dtype=bool)
    for target in range(len(labels)):
        is_test[_choose_test_rows(groups, np.flatnonzero(targets == target))] = True
    return photos.select(np.flatnonzero(~is_test)), photos.select(np.flatnonzero(is_test))


def _group_by_part(photos: PhotoSet, targets: IndexArray) -> IndexArray:
    """Return one number per part: photos of one label that are similar by features or by fingerprints.

    The features find copies among few photos. The fingerprints find copies that were turned or saved again.
    """
    groups = group_near_duplicates(fit_scaler(photos.features)(photos.features), targets)
    _, first, number = np.unique(groups, return_index=True, return_inverse=True)
    pairs = list(enumerate(first[number]))
    if photos.fingerprints is not None and len(targets) >= MIN_PHOTOS_TO_COMPARE:
        similar = find_similar_pairs(photos.fingerprints)
        pairs += [(row, other) for row, other, _ in similar if targets[row] == targets[other]]
    graph = coo_matrix((np.ones(len(pairs)), tuple(zip(*pairs, strict=True))), shape=(len(groups),) * 2)
    parts: IndexArray = connected_components(graph, directed=False)[1].astype(np.int64)
    return parts


def _choose_test_rows(groups: IndexArray, members: IndexArray) -> list[int]:
    """Choose whole groups, the smallest first; a label that is one single group is divided."""
    by_group: dict[int, list[int]] = defaultdict(list)
    for member in members:
        by_group[int(groups[member])].append(int(member))
    quota = max(1, round(TEST_SHARE * len(members)))
    chosen: list[int] = []
    for group in sorted(by_group.values(), key=len):
        if chosen and len(chosen) + len(group) > quota:
            break
        chosen.extend(group)
    return chosen if len(chosen) < len(members) else chosen[:quota]
