"""The candidates for the linear model on the features: regression, discriminant analysis, support vectors."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from custom_labels.duplicate_groups import IndexArray
from vision.calibration import FloatArray


class HeadKind(StrEnum):
    """A kind of linear model."""

    REGRESSION = "logistic regression"
    DISCRIMINANT = "shrinkage discriminant analysis"
    SUPPORT_VECTORS = "linear support vectors"


# The strengths of each kind, in the order in which they are tried: inverse regularisation of the regression
# and of the support vectors, the identity's share of the covariance of the discriminant analysis.
STRENGTHS = {
    HeadKind.REGRESSION: (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
    HeadKind.DISCRIMINANT: (0.9, 0.6, 0.3, 0.1),
    HeadKind.SUPPORT_VECTORS: (0.0001, 0.001, 0.01, 0.1),
}


@dataclass(frozen=True, slots=True)
class HeadCandidate:
    """A kind of linear model with its strength."""

    kind: HeadKind
    strength: float


FALLBACK = HeadCandidate(HeadKind.REGRESSION, 0.1)


@dataclass(frozen=True, slots=True)
class LinearHead:
    """A fitted linear model: `weights` is labels × features, `bias` has one value for each label."""

    weights: FloatArray
    bias: FloatArray

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Return the logits (photos × labels)."""
        return rows @ self.weights.T + self.bias


def fit_head(
    candidate: HeadCandidate, rows: FloatArray, targets: IndexArray, weights: FloatArray, labels: int
) -> LinearHead:
    """Fit a candidate to rows (photos × features) with a weight for each photo.

    A label without a photo gets the logit 0.
    """
    if candidate.kind is HeadKind.DISCRIMINANT:
        present = np.unique(targets)
        found = _fit_discriminant(rows, targets, weights, candidate.strength)
    else:
        model = _estimator(candidate).fit(rows, targets, sample_weight=weights)
        present = model.classes_
        found = LinearHead(model.coef_, model.intercept_)
        if len(present) == 2:  # scikit-learn stores only the second of two labels
            found = LinearHead(
                np.vstack([np.zeros_like(model.coef_), model.coef_]), np.array([0.0, *model.intercept_])
            )
    complete = LinearHead(np.zeros((labels, rows.shape[1])), np.zeros(labels))
    complete.weights[present], complete.bias[present] = found.weights, found.bias
    return complete


def _estimator(candidate: HeadCandidate) -> Any:
    if candidate.kind is HeadKind.REGRESSION:
        return LogisticRegression(C=candidate.strength, max_iter=400, tol=1e-3)
    return LinearSVC(C=candidate.strength, dual=False, tol=1e-3)


def _fit_discriminant(
    rows: FloatArray, targets: IndexArray, weights: FloatArray, shrinkage: float
) -> LinearHead:
    """Fit linear discriminant analysis with equal priors.

    The common covariance is shrunk towards a multiple of the identity: Friedman, "Regularized discriminant
    analysis", J. Am. Stat. Assoc. 84 (1989).
    """
    present = np.unique(targets)
    members = (targets == present[:, None]) * weights
    means = members @ rows / members.sum(axis=1, keepdims=True)
    centred = rows - means[np.searchsorted(present, targets)]
    covariance = (centred.T * weights) @ centred / weights.sum()
    size = len(covariance)
    target = max(float(np.trace(covariance)) / size, 1e-9)
    shrunk = (1 - shrinkage) * covariance + shrinkage * target * np.eye(size)
    coefficients = np.linalg.solve(shrunk, means.T).T
    return LinearHead(coefficients, -0.5 * (coefficients * means).sum(axis=1))
