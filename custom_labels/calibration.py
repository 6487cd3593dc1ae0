"""Temperature and bias calibration (vector scaling, Guo et al. 2017) on out-of-fold logits."""

import numpy as np
from scipy.optimize import minimize

from custom_labels.duplicate_groups import IndexArray
from vision.calibration import FloatArray, ScoreCalibration

# Without photos to calibrate on, a regression that fits its few photos perfectly is far too confident.
DEFAULT_INVERSE_TEMPERATURE = 0.5
# The regression weighs all labels alike, so each label's bias starts at its share of the photos. A few photos
# of one unusual part must not move it far from there.
BIAS_PENALTY = 10.0
TEMPERATURE_PENALTY = 0.5


def fit_calibration(logits: FloatArray | None, targets: IndexArray, labels: int) -> ScoreCalibration:
    """Fit the temperature and a bias per label; without logits use defaults.

    `logits` is photos × labels, `targets` the label's index of each photo, `labels` their number.
    """
    counts = np.bincount(targets, minlength=labels)
    log_shares = np.log(counts / counts.mean())
    if logits is None:
        return ScoreCalibration(DEFAULT_INVERSE_TEMPERATURE, log_shares)
    smoothed = _smooth_targets(targets, counts)

    def loss(parameters: FloatArray) -> float:
        adjusted = logits * np.exp(parameters[0]) + parameters[1:]
        cross_entropy = np.logaddexp.reduce(adjusted, axis=1) - (smoothed * adjusted).sum(axis=1)
        penalty = (
            TEMPERATURE_PENALTY * parameters[0] ** 2
            + BIAS_PENALTY * ((parameters[1:] - log_shares) ** 2).sum()
        )
        return float(cross_entropy.sum() + penalty)

    bounds = [(-3, 2), *[(-9, 9)] * labels]
    optimum = minimize(loss, np.array([0.0, *log_shares]), method="L-BFGS-B", bounds=bounds)
    return ScoreCalibration(float(np.exp(optimum.x[0])), optimum.x[1:])


def _smooth_targets(targets: IndexArray, counts: IndexArray) -> FloatArray:
    """Smooth the targets after Platt (1999): n correct photos do not prove that the next one is correct."""
    labels = len(counts)
    doubt = 0.5 / (counts[targets] + 2)
    smoothed = np.repeat((doubt / max(labels - 1, 1))[:, None], labels, axis=1)
    smoothed[np.arange(len(targets)), targets] = 1 - doubt
    return smoothed


def fit_thresholds(
    calibration: ScoreCalibration, logits: FloatArray | None, targets: IndexArray, labels: int
) -> tuple[float, ...]:
    """Return each label's threshold (0 to 1) with the best F1; 0.5 without logits."""
    if logits is None:
        return (0.5,) * labels
    scores = calibration(logits)
    return tuple(best_f1_threshold(scores[:, label], targets == label) for label in range(labels))


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
