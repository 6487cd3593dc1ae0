"""Split of the photos into training and test, with no part on both sides."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from custom_labels.duplicate_groups import IndexArray
from custom_labels.manifest import ManifestEntry
from custom_labels.part_groups import group_by_part
from vision.calibration import FloatArray
from vision.feature_blocks import FeatureBlock
from vision.fingerprints import Fingerprint

TEST_SHARE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoSet:
    """Usable entries with one row of features each, by block, and one row of fingerprints."""

    entries: list[ManifestEntry]
    features: Mapping[FeatureBlock, FloatArray]
    fingerprints: Fingerprint

    def select(self, rows: IndexArray) -> "PhotoSet":
        """Return the photos at these rows."""
        return PhotoSet(
            entries=[self.entries[row] for row in rows],
            features={block: values[rows] for block, values in self.features.items()},
            fingerprints=self.fingerprints[rows],
        )

    def parts(self) -> IndexArray:
        """Return one number per part for each photo."""
        labels = sorted({entry.labels[0] for entry in self.entries})
        targets = np.array([labels.index(entry.labels[0]) for entry in self.entries])
        return group_by_part(self.features[FeatureBlock.WHOLE], self.fingerprints, targets)


def split_train_test(photos: PhotoSet) -> tuple[PhotoSet, PhotoSet]:
    """Return the photos to train on and a fifth to test on; a label with two photos is on both sides."""
    first_labels = np.array([entry.labels[0] for entry in photos.entries])
    groups = photos.parts()
    is_test = np.zeros(len(groups), dtype=bool)
    for label in np.unique(first_labels):
        is_test[_choose_test_rows(groups, np.flatnonzero(first_labels == label))] = True
    return photos.select(np.flatnonzero(~is_test)), photos.select(np.flatnonzero(is_test))


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
