"""Temperature and bias calibration (vector scaling, Guo et al. 2017) on out-of-fold logits."""

import numpy as np
from scipy.optimize import minimize

from custom_labels.duplicate_groups import IndexArray
from vision.calibration import FloatArray, ScoreCalibration

# Without photos to calibrate on, a regression that fits its few photos perfectly is far too confident.
DEFAULT_INVERSE_TEMPERATURE = 0.5
# A few photos of one unusual part must not move a label's bias far.
BIAS_PENALTY = 10.0
TEMPERATURE_PENALTY = 0.5


def default_calibration(labels: int) -> ScoreCalibration:
    """Return a cautious calibration for a number of labels."""
    return ScoreCalibration(DEFAULT_INVERSE_TEMPERATURE, np.zeros(labels))


def fit_calibration(logits: FloatArray, targets: IndexArray, weights: FloatArray) -> ScoreCalibration:
    """Fit the temperature and a bias per label, on the balanced scale.

    `logits` is photos × labels, `targets` the label's index of each photo. `weights` are those of the photos,
    equal in sum for each label: a score is the probability of a label if all labels are equally frequent.
    They sum to the number of parts, against which the penalties stand.
    """
    smoothed = _smooth_targets(targets, weights, logits.shape[1])

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        sharpness = np.exp(parameters[0])
        adjusted = logits * sharpness + parameters[1:]
        peaks = np.logaddexp.reduce(adjusted, axis=1)
        cross_entropy = weights @ (peaks - (smoothed * adjusted).sum(axis=1))
        penalty = TEMPERATURE_PENALTY * parameters[0] ** 2 + BIAS_PENALTY * (parameters[1:] ** 2).sum()
        residuals = weights[:, None] * (np.exp(adjusted - peaks[:, None]) - smoothed)
        slope = float((residuals * logits).sum()) * sharpness + 2 * TEMPERATURE_PENALTY * parameters[0]
        slopes = residuals.sum(axis=0) + 2 * BIAS_PENALTY * parameters[1:]
        return float(cross_entropy + penalty), np.array([slope, *slopes])

    labels = logits.shape[1]
    bounds = [(-3, 4), *[(-9, 9)] * labels]
    optimum = minimize(loss, np.zeros(labels + 1), jac=True, method="L-BFGS-B", bounds=bounds)
    return ScoreCalibration(float(np.exp(optimum.x[0])), optimum.x[1:])


def _smooth_targets(targets: IndexArray, weights: FloatArray, labels: int) -> FloatArray:
    """Smooth the targets after Platt (1999): n correct parts do not prove that the next one is correct."""
    parts = np.bincount(targets, weights, minlength=labels)
    doubt = 0.5 / (parts[targets] + 2)
    smoothed = np.repeat((doubt / max(labels - 1, 1))[:, None], labels, axis=1)
    smoothed[np.arange(len(targets)), targets] = 1 - doubt
    return smoothed


def fit_thresholds(scores: FloatArray, targets: IndexArray) -> tuple[float, ...]:
    """Return each label's threshold (0 to 1) with the best F1 of the scores (photos × labels)."""
    return tuple(best_f1_threshold(scores[:, label], targets == label) for label in range(scores.shape[1]))


def best_f1_threshold(scores: FloatArray, belongs: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """Return the middle of the gap below the lowest score that the best F1 accepts."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(belongs[order])
    accepted = np.arange(1, len(scores) + 1)
    f1 = 2 * hits / (accepted + belongs.sum())
    ends_a_tie = np.append(scores[order][:-1] > scores[order][1:], True)
    best = int(np.argmax(np.where(ends_a_tie, f1, -1.0)))
    lowest = float(scores[order][best])
    below = float(scores[order][best + 1]) if best + 1 < len(scores) else 0.0
    return (lowest + below) / 2
