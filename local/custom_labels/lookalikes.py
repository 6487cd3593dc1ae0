"""Groups of look-alike photos, so that near copies of one part never stand on both sides of a fold."""

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from local.custom_labels.classifier import Array

# Turned, shifted and re-encoded copies of one photo lie within a third of the median distance between
# photos of one label; different parts of the same product hardly ever come closer than four tenths of it.
COPY_DISTANCE = 0.4
# Clustering needs the square of this in memory.
BLOCK = 2500

Indices = NDArray[np.int64]


def lookalike_groups(scaled: Array, targets: Indices) -> Indices:
    """One group number per photo; photos of different labels are never in one group."""
    groups = np.zeros(len(targets), dtype=np.int64)
    used = 0
    for target in np.unique(targets):
        for block in _blocks(scaled, np.flatnonzero(targets == target)):
            found = _clusters(scaled[block])
            groups[block] = found + used
            used += int(found.max()) + 1
    return groups


def _blocks(scaled: Array, members: Indices) -> list[Indices]:
    """Cut a large label into neighbourhoods, along the direction in which its photos differ most."""
    if len(members) <= BLOCK:
        return [members]
    photos = scaled[members]
    spread = photos - photos.mean(axis=0)
    direction = np.ones(spread.shape[1])
    for _ in range(10):
        direction = spread.T @ (spread @ direction)
        direction /= np.linalg.norm(direction) + 1e-12
    ordered = members[np.argsort(spread @ direction)]
    return np.array_split(ordered, -(-len(members) // BLOCK))


def _clusters(photos: Array) -> Indices:
    if len(photos) < 2:
        return np.zeros(len(photos), dtype=np.int64)
    distances = pdist(photos)
    tree = linkage(distances, "complete")
    found: Indices = fcluster(tree, COPY_DISTANCE * float(np.median(distances)), "distance").astype(np.int64)
    return found - 1
