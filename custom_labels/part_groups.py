"""The parts of photos: photos of one label that are near-duplicates, or have similar fingerprints."""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from custom_labels.duplicate_groups import IndexArray, group_near_duplicates
from vision.calibration import FloatArray
from vision.classifier import fit_scaler
from vision.fingerprints import Fingerprint
from vision.similarity import find_similar_pairs

MIN_PHOTOS_TO_COMPARE = 3


def group_by_part(features: FloatArray, fingerprints: Fingerprint, targets: IndexArray) -> IndexArray:
    """Return one number per part for each photo.

    `features` is photos × features, `targets` the label's index of each photo. The features find copies among
    few photos. The fingerprints find copies that were turned or saved again, and further shots of a part.
    """
    groups = group_near_duplicates(fit_scaler(features)(features), targets)
    _, first, number = np.unique(groups, return_index=True, return_inverse=True)
    pairs = list(enumerate(first[number]))
    if len(targets) >= MIN_PHOTOS_TO_COMPARE:
        similar = find_similar_pairs(fingerprints)
        pairs += [(row, other) for row, other, _ in similar if targets[row] == targets[other]]
    graph = coo_matrix((np.ones(len(pairs)), tuple(zip(*pairs, strict=True))), shape=(len(groups),) * 2)
    parts: IndexArray = connected_components(graph, directed=False)[1].astype(np.int64)
    return parts
