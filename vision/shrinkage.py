"""A covariance estimate for more numbers than photos: shrinkage after Ledoit and Wolf (2004)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

# Directions with less than this share of the largest variance are noise of the arithmetic.
_LEAST_VARIANCE_SHARE = 1e-9
# Photos that are all equal have no variance, and yet every other photo needs a finite distance.
_LEAST_RESIDUAL_VARIANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrunkCovariance:
    """A covariance by its unit eigenvectors `axes` (axes × numbers) with their `variances`.

    Every direction at right angles to the axes has the `residual_variance`.
    """

    axes: Matrix
    variances: Vector
    residual_variance: float

    def distances(self, centred: Matrix) -> Vector:
        """Return the Mahalanobis distance of each row from the origin."""
        projections = centred @ self.axes.T
        residuals = np.maximum((centred**2).sum(axis=1) - (projections**2).sum(axis=1), 0.0)
        squares = (projections**2 / self.variances).sum(axis=1) + residuals / self.residual_variance
        result: Vector = np.sqrt(squares)
        return result


def shrink_covariance(centred: Matrix) -> ShrunkCovariance:
    """Estimate the covariance of centred rows (photos × numbers).

    Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal of
    Multivariate Analysis 88 (2004): (1 − shrinkage) × sample covariance + shrinkage × mean variance × I.
    """
    count, size = centred.shape
    covariance = centred.T @ centred / count
    mean_variance = float(np.trace(covariance)) / size
    variances, axes = np.linalg.eigh(covariance)
    shrinkage = compute_shrinkage(centred, covariance)
    kept = variances > _LEAST_VARIANCE_SHARE * variances[-1]
    floor = max(shrinkage * mean_variance, _LEAST_RESIDUAL_VARIANCE)
    return ShrunkCovariance(
        axes=np.ascontiguousarray(axes.T[kept]),
        variances=(1 - shrinkage) * variances[kept] + floor,
        residual_variance=floor,
    )


def compute_shrinkage(centred: Matrix, covariance: Matrix) -> float:
    """Return the share (0 to 1) of the identity in the best linear combination of both."""
    count, size = centred.shape
    mean_variance = float(np.trace(covariance)) / size
    squared_norm = float((covariance**2).sum())
    dispersion = squared_norm - size * mean_variance**2
    error = (float(((centred**2).sum(axis=1) ** 2).sum()) / count - squared_norm) / count
    return 1.0 if dispersion <= 0 else min(max(error, 0.0) / dispersion, 1.0)
