"""From statistics and labels to a calibrated classifier, judged only on photos it has not seen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from local.custom_labels.calibration import calibrate, thresholds_at_best_f1
from local.custom_labels.classifier import Array, Classifier, scaling_of
from local.custom_labels.lookalikes import Indices, lookalike_groups

STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
FALLBACK_STRENGTH = 0.1
FOLDS = 5

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Examples:
    """The training photos: statistics by row, the index of each row's label, and the labels' names."""

    features: Array
    targets: Indices
    labels: tuple[str, ...]
    colour: bool


def fit(examples: Examples, progress: Progress) -> Classifier:
    """Standardise, choose the strength by grouped cross-validation, calibrate, set thresholds."""
    scaling = scaling_of(examples.features)
    scaled = scaling(examples.features)
    groups = lookalike_groups(scaled, examples.targets)
    weights = _photo_weights(examples.targets, groups)
    compact, back = _compact(scaled)
    strength, unseen = _choose_strength(compact, examples.targets, groups, weights, progress)
    model = _regression(strength).fit(compact, examples.targets, sample_weight=weights)
    coefficients, bias = _per_label(model)
    calibration = calibrate(unseen, examples.targets, len(examples.labels))
    return Classifier(
        labels=examples.labels,
        colour=examples.colour,
        scaling=scaling,
        weights=coefficients @ back,
        bias=bias,
        calibration=calibration,
        thresholds=thresholds_at_best_f1(calibration, unseen, examples.targets, len(examples.labels)),
    )


def _photo_weights(targets: Indices, groups: Indices) -> Array:
    """Rare labels count as much as common ones, a part photographed often hardly more than one seen once."""
    sizes = np.bincount(groups)[groups]
    weights = 1 / np.sqrt(sizes)
    for target in np.unique(targets):
        members = targets == target
        weights[members] /= weights[members].sum()
    balanced: Array = weights * len(targets) / weights.sum()
    return balanced


def _compact(scaled: Array) -> tuple[Array, Array]:
    """Rotate to as few dimensions as there are photos; a ridge penalty gives the same model there."""
    count, width = scaled.shape
    if count >= width:
        return scaled, np.eye(width)
    left, strengths, right = np.linalg.svd(scaled, full_matrices=False)
    return left * strengths, right


def _choose_strength(
    rows: Array, targets: Indices, groups: Indices, weights: Array, progress: Progress
) -> tuple[float, Array | None]:
    """The strength with the least out-of-fold log loss, and the logits it gave to photos it had not seen."""
    fewest = min(len(np.unique(groups[targets == target])) for target in np.unique(targets))
    if fewest < 2:
        return FALLBACK_STRENGTH, None
    splitter = StratifiedGroupKFold(n_splits=min(FOLDS, fewest), shuffle=True, random_state=0)
    folds = list(splitter.split(rows, targets, groups))
    best: tuple[float, float, Array] | None = None
    for number, strength in enumerate(STRENGTHS, start=1):
        progress(f"Choosing how closely to follow the photos, step {number} of {len(STRENGTHS)}.")
        logits = np.zeros((len(targets), int(targets.max()) + 1))
        for seen, unseen in folds:
            model = _regression(strength).fit(rows[seen], targets[seen], sample_weight=weights[seen])
            coefficients, bias = _per_label(model)
            logits[np.ix_(unseen, model.classes_)] = rows[unseen] @ coefficients.T + bias
        loss = _log_loss(logits, targets)
        if best is None or loss < best[0]:
            best = (loss, strength, logits)
        elif loss > 1.2 * best[0]:
            break
    assert best is not None  # noqa: S101
    return best[1], best[2]


def _regression(strength: float) -> Any:
    return LogisticRegression(C=strength, max_iter=400, tol=1e-3)


def _per_label(model: Any) -> tuple[Array, Array]:
    """One row per label; for two labels scikit-learn keeps only the second."""
    if len(model.classes_) == 2:
        return np.vstack([np.zeros_like(model.coef_), model.coef_]), np.array([0.0, *model.intercept_])
    return model.coef_, model.intercept_


def _log_loss(logits: Array, targets: Indices) -> float:
    return float(np.mean(np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(targets)), targets]))
