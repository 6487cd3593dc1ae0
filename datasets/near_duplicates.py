"""Near-duplicate photos: equal files, or fingerprints that are more similar than those of different parts."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from datasets.labelled_photos import LabelledPhoto
from vision.fingerprints import Fingerprint, compute_fingerprint
from vision.photo_decoding import PhotoError
from vision.similarity import find_similar_pairs

CountCallback = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    """Two photos of one part, by their indices; `similarity` (0 to 1) is 1 for equal files only."""

    first: int
    second: int
    similarity: float

    @property
    def is_exact(self) -> bool:
        return self.similarity >= 1


@dataclass(frozen=True, slots=True)
class DuplicateReport:
    """All pairs of `count` photos that show one part, and the unreadable photos with the reason."""

    count: int
    pairs: tuple[DuplicatePair, ...]
    unreadable: dict[int, str]

    def part_numbers(self) -> NDArray[np.int64]:
        """Return one number per photo, equal for photos that a chain of pairs connects."""
        first = [pair.first for pair in self.pairs]
        second = [pair.second for pair in self.pairs]
        graph = coo_matrix((np.ones(len(first)), (first, second)), shape=(self.count, self.count))
        _, numbers = connected_components(graph, directed=False)
        return np.asarray(numbers, dtype=np.int64)


def find_near_duplicates(
    photos: Sequence[LabelledPhoto], progress: CountCallback = lambda _done: None
) -> DuplicateReport:
    """Compare all photos with each other; `progress` receives the number of photos that were read.

    Photos are read one at a time, each once.
    """
    fingerprints: list[Fingerprint] = []
    indices: list[int] = []
    unreadable: dict[int, str] = {}
    by_hash: dict[bytes, list[int]] = {}
    for index, photo in enumerate(photos):
        content = photo.read()
        by_hash.setdefault(hashlib.sha256(content).digest(), []).append(index)
        try:
            fingerprints.append(compute_fingerprint(content))
            indices.append(index)
        except PhotoError as error:
            unreadable[index] = str(error)
        progress(index + 1)
    exact = {pair for same in by_hash.values() for pair in combinations(same, 2)}
    pairs = [DuplicatePair(*pair, 1.0) for pair in sorted(exact)]
    if len(indices) > 2:
        for row, other, similarity in find_similar_pairs(np.stack(fingerprints)):
            first, second = indices[row], indices[other]
            if (first, second) not in exact:
                pairs.append(DuplicatePair(first, second, min(similarity, 0.999)))
    return DuplicateReport(len(photos), tuple(pairs), unreadable)
