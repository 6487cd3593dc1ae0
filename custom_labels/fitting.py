"""Fitting: a calibrated multinomial logistic regression from features and labels (scikit-learn)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from custom_labels.calibration import fit_calibration, fit_thresholds
from custom_labels.duplicate_groups import IndexArray, group_near_duplicates
from vision.calibration import FloatArray
from vision.classifier import PhotoClassifier, fit_scaler

# Inverse regularisation strengths.
C_VALUES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
FALLBACK_C = 0.1
FOLDS = 5

ProgressCallback = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingExamples:
    """Features (photos × features), the label's index of each photo, and the labels' names."""

    features: FloatArray
    targets: IndexArray
    labels: tuple[str, ...]
    colour: bool


def fit_classifier(examples: TrainingExamples, progress: ProgressCallback) -> PhotoClassifier:
    """Scale, choose the regularisation by grouped cross-validation, calibrate, set thresholds.

    Calibration and thresholds use only out-of-fold logits. `progress` receives a sentence for users.
    """
    scaler = fit_scaler(examples.features)
    scaled = scaler(examples.features)
    groups = group_near_duplicates(scaled, examples.targets)
    weights = _sample_weights(examples.targets, groups)
    reduced, rotation = _reduce_dimensions(scaled)
    c_value, logits = _choose_regularization(reduced, examples.targets, groups, weights, progress)
    model = _regression(c_value).fit(reduced, examples.targets, sample_weight=weights)
    coefficients, bias = _coefficients_per_label(model)
    calibration = fit_calibration(logits, examples.targets, len(examples.labels))
    return PhotoClassifier(
        labels=examples.labels,
        colour=examples.colour,
        scaler=scaler,
        weights=coefficients @ rotation,
        bias=bias,
        calibration=calibration,
        thresholds=fit_thresholds(calibration, logits, examples.targets, len(examples.labels)),
    )


def _sample_weights(targets: IndexArray, groups: IndexArray) -> FloatArray:
    """Weigh all labels alike; a group of n near-duplicates weighs as much as the square root of n photos."""
    sizes = np.bincount(groups)[groups]
    weights = 1 / np.sqrt(sizes)
    for target in np.unique(targets):
        members = targets == target
        weights[members] /= weights[members].sum()
    balanced: FloatArray = weights * len(targets) / weights.sum()
    return balanced


def _reduce_dimensions(scaled: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rotate to as few dimensions as there are photos (SVD); an L2 penalty gives the same model there."""
    count, width = scaled.shape
    if count >= width:
        return scaled, np.eye(width)
    left, singular_values, right = np.linalg.svd(scaled, full_matrices=False)
    return left * singular_values, right


def _choose_regularization(
    rows: FloatArray, targets: IndexArray, groups: IndexArray, weights: FloatArray, progress: ProgressCallback
) -> tuple[float, FloatArray | None]:
    """Return the C with the least out-of-fold log loss, and its out-of-fold logits (photos × labels).

    The logits are None if a label has too few groups to validate on.
    """
    fewest = min(len(np.unique(groups[targets == target])) for target in np.unique(targets))
    if fewest < 2:
        return FALLBACK_C, None
    splitter = StratifiedGroupKFold(n_splits=min(FOLDS, fewest), shuffle=True, random_state=0)
    folds = list(splitter.split(rows, targets, groups))
    best: tuple[float, float, FloatArray] | None = None
    for number, c_value in enumerate(C_VALUES, start=1):
        progress(f"Choosing the regularisation, step {number} of {len(C_VALUES)}.")
        logits = np.zeros((len(targets), int(targets.max()) + 1))
        for train, held_out in folds:
            model = _regression(c_value).fit(rows[train], targets[train], sample_weight=weights[train])
            coefficients, bias = _coefficients_per_label(model)
            logits[np.ix_(held_out, model.classes_)] = rows[held_out] @ coefficients.T + bias
        loss = _log_loss(logits, targets)
        if best is None or loss < best[0]:
            best = (loss, c_value, logits)
        elif loss > 1.2 * best[0]:
            break
    assert best is not None  # noqa: S101
    return best[1], best[2]


def _regression(c_value: float) -> Any:
    return LogisticRegression(C=c_value, max_iter=400, tol=1e-3)


def _coefficients_per_label(model: Any) -> tuple[FloatArray, FloatArray]:
    """Return one row per label; for two labels scikit-learn stores only the second."""
    if len(model.classes_) == 2:
        return np.vstack([np.zeros_like(model.coef_), model.coef_]), np.array([0.0, *model.intercept_])
    return model.coef_, model.intercept_


def _log_loss(logits: FloatArray, targets: IndexArray) -> float:
    return float(np.mean(np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(targets)), targets]))
