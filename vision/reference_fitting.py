"""The reference of a model, fitted to the measures of its learned photos, each part counted once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.shrinkage import Matrix, ShrunkCovariance, Vector, shrink_covariance

# The rule's margins: a test compares them with those of the photo guard in the domain.
MEASURE_MARGINS = {
    "brightness": 12.0,
    "contrast": 8.0,
    "black_share": 0.03,
    "white_share": 0.03,
    "sharpness": 0.35,
    "colour_cast": 4.0,
    "bit_depth": 0.5,
}
RANGE_MARGIN_SHARE = 0.25
LARGEST_LIGHT_MARGINS = (0.07, 0.25)  # Shares of the lowest and of the highest learned brightness.
LIMIT_FACTOR = 1.15
FOLDS = 10
LEAST_SCALE = 0.01
DIGITS = 6
LEAST_LIMIT = 10.0**-DIGITS

Parts = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class DescriptorModel:
    """The distribution of learned descriptors: centre and scale of each number, and their covariance."""

    centre: Vector
    scales: Vector
    covariance: ShrunkCovariance

    def distances(self, descriptors: Matrix) -> Vector:
        """Return the distance of each descriptor (photos × numbers) from the learned photos."""
        return self.covariance.distances((descriptors - self.centre) / self.scales)


def fit_descriptors(descriptors: Matrix) -> DescriptorModel:
    """Fit the distribution of learned descriptors (photos × numbers)."""
    centre = descriptors.mean(axis=0)
    scales = np.maximum(descriptors.std(axis=0), LEAST_SCALE)
    return DescriptorModel(
        centre=centre, scales=scales, covariance=shrink_covariance((descriptors - centre) / scales)
    )


def fit_reference(measures: Sequence[Mapping[str, Any]], groups: Sequence[str]) -> dict[str, Any]:
    """Fit a reference to the measures of learned photos; `groups` names the part of each photo.

    Return the fields of the stored reference that follow from the photos: decoder version, ranges, centre,
    scales, axes, variances, residual variance, limit, and how many parts the rule stops out of fold, of how
    many. Raise ValueError if there are fewer than two parts or measures of several decoders.
    """
    parts = np.unique(np.asarray(groups), return_inverse=True)[1]
    versions = {int(photo["decoder_version"]) for photo in measures}
    if len(measures) != len(parts) or not len(parts) or parts.max() < 1:
        raise ValueError("a reference needs photos of at least two parts, with the part of each photo")
    if len(versions) != 1:
        raise ValueError(
            f"the photos were measured by decoders of versions {sorted(versions)}: measure again"
        )
    descriptors = np.array([photo["descriptor"] for photo in measures], dtype=np.float64)
    values = np.array([[photo[name] for name in MEASURE_MARGINS] for photo in measures], dtype=np.float64)
    distances, outside = _cross_validate(descriptors, values, parts)
    model = fit_descriptors(descriptors)
    return {
        "decoder_version": versions.pop(),
        "ranges": _ranges(values),
        "centre": _round(model.centre),
        "scales": _round(model.scales),
        "axes": [_round(axis) for axis in model.covariance.axes],
        "variances": _significant(model.covariance.variances),
        "residual_variance": _significant(np.array([model.covariance.residual_variance]))[0],
        "limit": max(round(LIMIT_FACTOR * float(distances.max()), DIGITS), LEAST_LIMIT),
        "stopped": int((outside | exceeds_others(distances)).sum()),
        "tested": len(distances),
    }


def exceeds_others(distances: Vector) -> Flags:
    """Return for each part whether the limit that follows from all other parts would stop it."""
    ordered = np.sort(distances)
    largest_other = np.where(distances == ordered[-1], ordered[-2], ordered[-1])
    result: Flags = distances > LIMIT_FACTOR * largest_other
    return result


def outside_ranges(values: Matrix, learned: Matrix) -> Flags:
    """Return for each photo whether a measure (photos × measures) leaves the learned range by its margin."""
    low, high = learned.min(axis=0), learned.max(axis=0)
    margins = np.maximum(RANGE_MARGIN_SHARE * (high - low), list(MEASURE_MARGINS.values()))
    below, above = margins.copy(), margins.copy()
    light = list(MEASURE_MARGINS).index("brightness")
    below[light] = min(margins[light], LARGEST_LIGHT_MARGINS[0] * low[light])
    above[light] = min(margins[light], LARGEST_LIGHT_MARGINS[1] * high[light])
    result: Flags = ((values < low - below) | (values > high + above)).any(axis=1)
    return result


def _cross_validate(descriptors: Matrix, values: Matrix, parts: Parts) -> tuple[Vector, Flags]:
    """Return for each part its largest distance, and whether its measures leave the range, out of fold."""
    count = int(parts.max()) + 1
    fold_of_part = np.random.default_rng(0).permutation(count) % min(FOLDS, count)
    distances, outside = np.zeros(count), np.zeros(count, dtype=bool)
    for fold in range(int(fold_of_part.max()) + 1):
        held_back = fold_of_part[parts] == fold
        model = fit_descriptors(descriptors[~held_back])
        np.maximum.at(distances, parts[held_back], model.distances(descriptors[held_back]))
        np.logical_or.at(outside, parts[held_back], outside_ranges(values[held_back], values[~held_back]))
    return distances, outside


def _ranges(values: Matrix) -> dict[str, list[float]]:
    edges = zip(values.min(axis=0).tolist(), values.max(axis=0).tolist(), strict=True)
    return {name: [low, high] for name, (low, high) in zip(MEASURE_MARGINS, edges, strict=True)}


def _round(numbers: Vector) -> list[float]:
    return [round(float(number), DIGITS) for number in numbers]


def _significant(numbers: Vector) -> list[float]:
    return [float(f"{number:.{DIGITS}g}") for number in numbers]
