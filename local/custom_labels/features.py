"""Multi-scale fault statistics: what one photo looks like to the classifier."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from local.custom_labels.filters import Plane, blur, curvatures, halve, length, slopes, spots

LEVELS = 4
COLOUR_LEVELS = 3
PERCENTILES = (0.001, 0.01, 0.05, 0.5, 0.95, 0.99, 0.999)
SMALLEST_SIDE = 4

Features = NDArray[np.float32]


def fault_statistics(planes: list[Plane]) -> Features:
    """The numbers of one photo; planes are its luminance and, where the photos have colour, two opponents.

    A fault is a rare, local, extreme response: order statistics of the right maps see it wherever it lies.
    """
    luminance, *opponents = planes
    numbers = [_statistics(level) for level in _pyramid(luminance, LEVELS)]
    for opponent in opponents:
        numbers.extend(_statistics(level) for level in _pyramid(halve(opponent), COLOUR_LEVELS))
    return np.concatenate(numbers)


def _pyramid(plane: Plane, levels: int) -> Iterator[Plane]:
    for _ in range(levels):
        yield plane
        if min(plane.shape) >= 2 * SMALLEST_SIDE:
            plane = halve(plane)


def _statistics(plane: Plane) -> Features:
    maps = _maps(plane)
    ordered = np.sort(maps, axis=1)
    last = ordered.shape[1] - 1
    places = np.rint(np.array(PERCENTILES) * last).astype(int)
    mean = maps.mean(axis=1)
    centred = maps - mean[:, None]
    squares = centred * centred
    variance = squares.mean(axis=1) + np.float32(1e-10)
    skewness = np.einsum("ij,ij->i", squares, centred) / (last + 1) / variance**1.5
    kurtosis = np.einsum("ij,ij->i", squares, squares) / (last + 1) / variance**2
    moments = np.stack([mean, np.sqrt(variance), skewness, kurtosis, ordered[:, 0], ordered[:, -1]])
    return np.concatenate([ordered[:, places].ravel(), moments.ravel()]).astype(np.float32)


def _maps(plane: Plane) -> Plane:
    """Eight views of one pyramid level, each flattened: details, contrast, edges, curvature, spots."""
    fine, broad = blur(plane, 1.0), blur(plane, 4.0)
    deviation = np.sqrt(np.maximum(blur(plane * plane, 4.0) - broad * broad, 0))
    down, across = slopes(fine)
    views = (
        plane - fine,
        fine - broad,
        (plane - broad) / (deviation + np.float32(0.04)),
        length(down, across),
        *curvatures(down, across),
        *spots(plane),
    )
    return np.stack([view.ravel() for view in views])
