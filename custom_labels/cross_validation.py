"""Cross-validation by part: no part is learned from and judged at the same time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from custom_labels.calibration import fit_calibration
from custom_labels.duplicate_groups import IndexArray
from custom_labels.heads import HeadCandidate, fit_head
from vision.calibration import FloatArray

FOLDS = 5
# A wrong label at this score or above counts as a confident error.
CONFIDENT = 0.8


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Logits and calibrated scores (photos × labels) of photos by models that did not learn from their parts.

    `losses` has the weighted log loss of each photo; their sum is the log loss. `errors` has the number of
    confidently wrong parts of each label.
    """

    logits: FloatArray
    scores: FloatArray
    losses: FloatArray
    errors: NDArray[np.int64]

    @property
    def loss(self) -> float:
        return float(self.losses.sum())

    def gain_of(self, other: "OutOfFold") -> tuple[float, float]:
        """Return by how much the other one has less log loss, and the standard error of that."""
        gains = self.losses - other.losses
        return float(gains.sum()), float(gains.std() * len(gains) ** 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidation:
    """Photos in folds. `targets` and `parts` have the label's and the part's index of each photo.

    `weights` sum to the number of parts, and `folds` has the fold of each photo.
    """

    labels: int
    targets: IndexArray
    parts: IndexArray
    weights: FloatArray
    folds: IndexArray

    def run(self, candidate: HeadCandidate, rows: FloatArray) -> OutOfFold:
        """Judge each photo by a model that was fitted to the other folds; `rows` is photos × features."""
        logits = np.zeros((len(self.targets), self.labels))
        for fold in np.unique(self.folds):
            held_out = self.folds == fold
            learned = ~held_out
            head = fit_head(
                candidate, rows[learned], self.targets[learned], self.weights[learned], self.labels
            )
            logits[held_out] = head(rows[held_out])
        scores = self._calibrate(logits)
        chances = np.clip(scores[np.arange(len(scores)), self.targets], 1e-9, None)
        return OutOfFold(
            logits=logits,
            scores=scores,
            losses=-self.weights * np.log(chances) / self.weights.sum(),
            errors=self._count_confident_errors(scores),
        )

    def _calibrate(self, logits: FloatArray) -> FloatArray:
        """Calibrate the logits of each fold by those of the other folds."""
        scores = np.empty_like(logits)
        for fold in np.unique(self.folds):
            held_out = self.folds == fold
            learned = ~held_out
            calibration = fit_calibration(logits[learned], self.targets[learned], self.weights[learned])
            scores[held_out] = calibration(logits[held_out])
        return scores

    def _count_confident_errors(self, scores: FloatArray) -> NDArray[np.int64]:
        wrong = (scores.argmax(axis=1) != self.targets) & (scores.max(axis=1) >= CONFIDENT)
        pairs = np.unique(np.stack([self.parts[wrong], self.targets[wrong]]), axis=1)
        return np.bincount(pairs[1], minlength=self.labels)


def weigh_photos(targets: IndexArray, parts: IndexArray) -> FloatArray:
    """Weigh all labels alike; n photos of a part weigh as much as the square root of n.

    The weights sum to the number of parts.
    """
    weights = 1 / np.sqrt(np.bincount(parts)[parts])
    for target in np.unique(targets):
        members = targets == target
        weights[members] /= weights[members].sum()
    scaled: FloatArray = weights * len(np.unique(parts)) / weights.sum()
    return scaled


def divide_by_part(targets: IndexArray, parts: IndexArray) -> IndexArray | None:
    """Return the fold of each photo, or None if a label has too few parts to validate on."""
    fewest = min(len(np.unique(parts[targets == target])) for target in np.unique(targets))
    if fewest < 2:
        return None
    splitter = StratifiedGroupKFold(n_splits=min(FOLDS, fewest), shuffle=True, random_state=0)
    folds = np.zeros(len(targets), dtype=np.int64)
    for number, (_, held_out) in enumerate(splitter.split(targets[:, None], targets, parts)):
        folds[held_out] = number
    return folds
