"""Which photos show the same part: equal bytes, or fingerprints closer than strangers' ever are."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from local.data_sets.fingerprints import Array, fingerprint
from local.data_sets.photos import LabelledPhoto

ROWS_AT_A_TIME = 1024

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two photos of one part, by their places in the list; `alike` is 1 for equal bytes."""

    first: int
    second: int
    alike: float

    @property
    def exact(self) -> bool:
        return self.alike >= 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every pair that shows one part, and the photos that could not be read, with the reason."""

    count: int
    pairs: tuple[Pair, ...]
    unreadable: dict[int, str]

    def parts(self) -> NDArray[np.int64]:
        """One number per photo, the same for photos that a chain of pairs connects."""
        first = [pair.first for pair in self.pairs]
        second = [pair.second for pair in self.pairs]
        graph = coo_matrix((np.ones(len(first)), (first, second)), shape=(self.count, self.count))
        _, numbers = connected_components(graph, directed=False)
        return np.asarray(numbers, dtype=np.int64)


def compare(photos: Sequence[LabelledPhoto], progress: Progress = lambda _done: None) -> Comparison:
    """Compare all photos with each other; each is read once, one at a time."""
    prints: list[Array] = []
    rows: list[int] = []
    unreadable: dict[int, str] = {}
    by_hash: dict[bytes, list[int]] = {}
    for place, photo in enumerate(photos):
        content = photo.read()
        by_hash.setdefault(hashlib.sha256(content).digest(), []).append(place)
        try:
            prints.append(fingerprint(content))
            rows.append(place)
        except (OSError, ValueError) as error:
            unreadable[place] = str(error)
        progress(place + 1)
    exact = {pair for same in by_hash.values() for pair in combinations(same, 2)}
    pairs = [Pair(*pair, 1.0) for pair in sorted(exact)]
    if len(rows) > 2:
        near = [(rows[first], rows[second], value) for first, second, value in alike(np.stack(prints))]
        pairs += [Pair(a, b, min(value, 0.999)) for a, b, value in near if (a, b) not in exact]
    return Comparison(len(photos), tuple(pairs), unreadable)


def least_likeness(count: int) -> float:
    """From where on two of so many photos show one part.

    Measured on generated castings of three products: the most alike strangers come a little closer with
    every photo more, from 0.15 among 200 to 0.22 among 2,000. Turned and shifted copies lie above that, and
    strangers among real castings far below.
    """
    return 0.105 + 0.057 * float(np.log10(max(count, 140)))


def alike(prints: Array) -> list[tuple[int, int, float]]:
    """Pairs of rows that show one part, each once, with their likeness."""
    looks, least = whitened(prints), least_likeness(len(prints))
    found: list[tuple[int, int, float]] = []
    for begin in range(0, len(looks), ROWS_AT_A_TIME):
        likeness = looks[begin : begin + ROWS_AT_A_TIME] @ looks.T
        for row, column in np.argwhere(likeness >= least):
            if begin + row < column:
                found.append((int(begin + row), int(column), float(likeness[row, column])))
    return found


def whitened(prints: Array) -> Array:
    """Unit vectors in which what all photos of a set have in common counts for nothing.

    Photos of one product are much alike; what tells parts apart is small. So each direction is scaled by how
    much the photos differ along it, and the faintest ones are held back: they are noise.
    """
    scaled = (prints - prints.mean(axis=0)) / (prints.std(axis=0) + 1e-6)
    covariance = scaled.T.astype(np.float64) @ scaled / len(scaled)
    strength, directions = np.linalg.eigh(covariance)
    held_back = np.trace(covariance) / min(covariance.shape[0], len(scaled)) + 1e-9
    looks = scaled @ (directions / np.sqrt(np.maximum(strength, 0) + held_back)).astype(np.float32)
    result: Array = looks / (np.linalg.norm(looks, axis=1, keepdims=True) + np.float32(1e-9))
    return result
