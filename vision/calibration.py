"""Score calibration: logits become probabilities by a temperature and one bias per label."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ScoreCalibration:
    """A temperature and a bias per label (vector scaling, Guo et al. 2017).

    `biases` has one value for each label.
    """

    inverse_temperature: float
    biases: FloatArray

    def __call__(self, logits: FloatArray) -> FloatArray:
        """Return probabilities (0 to 1) of the shape of `logits`; those of one photo sum to 1."""
        adjusted = logits * self.inverse_temperature + self.biases
        adjusted = adjusted - adjusted.max(axis=-1, keepdims=True)
        odds = np.exp(adjusted)
        probabilities: FloatArray = odds / odds.sum(axis=-1, keepdims=True)
        return probabilities
