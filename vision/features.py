"""Multi-scale image features: order statistics and moments of filter responses, the classifier's input."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vision.filters import (
    Plane,
    downsample,
    gaussian_blur,
    gradient,
    hessian_eigenvalues,
    magnitude,
    top_hats,
)

LEVELS = 4
COLOUR_LEVELS = 3
QUANTILES = (0.001, 0.01, 0.05, 0.5, 0.95, 0.99, 0.999)
MIN_SIDE = 4

FeatureVector = NDArray[np.float32]


def extract_features(planes: list[Plane], levels: int = LEVELS) -> FeatureVector:
    """Compute the feature vector of one photo, or of a part of it.

    `planes` holds the luminance and, for colour photos, two opponent channels; `levels` are the pyramid
    levels of the luminance. A defect is a rare, local, extreme response: order statistics of the right filter
    maps detect it at every position.
    """
    luminance, *opponents = planes
    vectors = [_level_features(level) for level in _pyramid(luminance, levels)]
    for opponent in opponents:
        vectors.extend(_level_features(level) for level in _pyramid(downsample(opponent), COLOUR_LEVELS))
    return np.concatenate(vectors)


def _pyramid(plane: Plane, levels: int) -> Iterator[Plane]:
    for _ in range(levels):
        yield plane
        if min(plane.shape) >= 2 * MIN_SIDE:
            plane = downsample(plane)


def _level_features(plane: Plane) -> FeatureVector:
    """Compute quantiles, mean, deviation, skewness, kurtosis, minimum and maximum of each filter map."""
    maps = _filter_maps(plane)
    ordered = np.sort(maps, axis=1)
    last = ordered.shape[1] - 1
    ranks = np.rint(np.array(QUANTILES) * last).astype(int)
    mean = maps.mean(axis=1)
    centred = maps - mean[:, None]
    squares = centred * centred
    variance = squares.mean(axis=1) + np.float32(1e-10)
    skewness = np.einsum("ij,ij->i", squares, centred) / (last + 1) / variance**1.5
    kurtosis = np.einsum("ij,ij->i", squares, squares) / (last + 1) / variance**2
    moments = np.stack([mean, np.sqrt(variance), skewness, kurtosis, ordered[:, 0], ordered[:, -1]])
    return np.concatenate([ordered[:, ranks].ravel(), moments.ravel()]).astype(np.float32)


def _filter_maps(plane: Plane) -> Plane:
    """Compute eight flattened maps of one level: details, contrast, edges, curvature and spots."""
    fine, broad = gaussian_blur(plane, 1.0), gaussian_blur(plane, 4.0)
    deviation = np.sqrt(np.maximum(gaussian_blur(plane * plane, 4.0) - broad * broad, 0))
    vertical, horizontal = gradient(fine)
    maps = (
        plane - fine,
        fine - broad,
        (plane - broad) / (deviation + np.float32(0.04)),
        magnitude(vertical, horizontal),
        *hessian_eigenvalues(vertical, horizontal),
        *top_hats(plane),
    )
    return np.stack([response.ravel() for response in maps])
