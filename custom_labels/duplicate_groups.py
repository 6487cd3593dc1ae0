"""Groups of near-duplicate photos, so that copies of one part never stand on both sides of a split.

Complete-linkage clustering (scipy.cluster.hierarchy) of the scaled features, within each label.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from vision.calibration import FloatArray

# Turned, shifted and re-encoded copies of one photo lie within a third of the median distance between
# photos of one label. Different parts of the same product are rarely closer than four tenths of it.
MAX_RELATIVE_DISTANCE = 0.4
# Clustering needs the square of this in memory.
MAX_BLOCK_SIZE = 2500

IndexArray = NDArray[np.int64]


def group_near_duplicates(scaled: FloatArray, targets: IndexArray) -> IndexArray:
    """Return one group number per photo; photos of different labels are never in one group.

    `scaled` is photos × features, `targets` the label's index of each photo.
    """
    groups = np.zeros(len(targets), dtype=np.int64)
    used = 0
    for target in np.unique(targets):
        for block in _split_into_blocks(scaled, np.flatnonzero(targets == target)):
            clusters = _cluster(scaled[block])
            groups[block] = clusters + used
            used += int(clusters.max()) + 1
    return groups


def _split_into_blocks(scaled: FloatArray, members: IndexArray) -> list[IndexArray]:
    """Split a large label along its first principal component (found by power iteration)."""
    if len(members) <= MAX_BLOCK_SIZE:
        return [members]
    photos = scaled[members]
    centred = photos - photos.mean(axis=0)
    direction = np.ones(centred.shape[1])
    for _ in range(10):
        direction = centred.T @ (centred @ direction)
        direction /= np.linalg.norm(direction) + 1e-12
    ordered = members[np.argsort(centred @ direction)]
    return np.array_split(ordered, -(-len(members) // MAX_BLOCK_SIZE))


def _cluster(photos: FloatArray) -> IndexArray:
    if len(photos) < 2:
        return np.zeros(len(photos), dtype=np.int64)
    distances = pdist(photos)
    tree = linkage(distances, "complete")
    threshold = MAX_RELATIVE_DISTANCE * float(np.median(distances))
    clusters: IndexArray = fcluster(tree, threshold, "distance").astype(np.int64)
    return clusters - 1
