"""Makes 0.8 mean 80 %, and finds the threshold at which each label serves best."""

import numpy as np
from scipy.optimize import minimize

from local.custom_labels.classifier import Array, Calibration
from local.custom_labels.lookalikes import Indices

# Without photos to calibrate on, a regression that fits its few photos perfectly is far too sure of itself.
CAUTIOUS_SHARPNESS = 0.5
# The regression weighs all labels alike, so each label's share of the photos is where its shift starts; a few
# photos of one odd part must not pull it far from there.
SHIFT_PENALTY = 10.0
SHARPNESS_PENALTY = 0.5


def calibrate(logits: Array | None, targets: Indices, labels: int) -> Calibration:
    """Fit one sharpness and a shift per label on out-of-fold logits."""
    counts = np.bincount(targets, minlength=labels)
    shares = np.log(counts / counts.mean())
    if logits is None:
        return Calibration(CAUTIOUS_SHARPNESS, shares)
    wanted = _softened(targets, counts)

    def loss(parameters: Array) -> float:
        adjusted = logits * np.exp(parameters[0]) + parameters[1:]
        surprise = np.logaddexp.reduce(adjusted, axis=1) - (wanted * adjusted).sum(axis=1)
        pull = SHARPNESS_PENALTY * parameters[0] ** 2 + SHIFT_PENALTY * ((parameters[1:] - shares) ** 2).sum()
        return float(surprise.sum() + pull)

    bounds = [(-3, 2), *[(-9, 9)] * labels]
    found = minimize(loss, np.array([0.0, *shares]), method="L-BFGS-B", bounds=bounds)
    return Calibration(float(np.exp(found.x[0])), found.x[1:])


def _softened(targets: Indices, counts: Indices) -> Array:
    """In the spirit of Platt's targets: n photos that were all right do not prove that the next is."""
    labels = len(counts)
    doubt = 0.5 / (counts[targets] + 2)
    wanted = np.repeat((doubt / max(labels - 1, 1))[:, None], labels, axis=1)
    wanted[np.arange(len(targets)), targets] = 1 - doubt
    return wanted


def thresholds_at_best_f1(
    calibration: Calibration, logits: Array | None, targets: Indices, labels: int
) -> tuple[float, ...]:
    if logits is None:
        return (0.5,) * labels
    scores = calibration(logits)
    return tuple(best_f1_threshold(scores[:, label], targets == label) for label in range(labels))


def best_f1_threshold(scores: Array, belongs: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """The middle of the gap below the lowest score that the best F1 accepts."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(belongs[order])
    accepted = np.arange(1, len(scores) + 1)
    f1 = 2 * hits / (accepted + belongs.sum())
    ends_a_tie = np.append(scores[order][:-1] > scores[order][1:], True)
    best = int(np.argmax(np.where(ends_a_tie, f1, -1.0)))
    lowest = float(scores[order][best])
    below = float(scores[order][best + 1]) if best + 1 < len(scores) else 0.0
    return (lowest + below) / 2
