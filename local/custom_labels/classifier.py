"""The trained model as it serves: NumPy alone, one file, the same answer for the same photo."""

import json
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from local.custom_labels.features import Features, fault_statistics
from local.custom_labels.photos import Photo

# A photo unlike any in training may lie far out; beyond this many deviations it cannot shout louder.
FARTHEST = 6.0

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scaling:
    """Puts every statistic on the same footing: compressed around its median, mean 0, deviation 1.

    Extremes have long tails, and a regression on them raw would hang on the few wildest photos.
    """

    median: Array
    spread: Array
    mean: Array
    deviation: Array

    def __call__(self, features: Array | Features) -> Array:
        scaled: Array = (_compressed(features, self.median, self.spread) - self.mean) / self.deviation
        return np.clip(scaled, -FARTHEST, FARTHEST)


def scaling_of(features: Array) -> Scaling:
    median = np.median(features, axis=0)
    spread = np.median(np.abs(features - median), axis=0) + 1e-9
    compressed = _compressed(features, median, spread)
    return Scaling(median, spread, compressed.mean(axis=0), compressed.std(axis=0) + 1e-6)


def _compressed(features: Array | Features, median: Array, spread: Array) -> Array:
    distance = features - median
    result: Array = np.copysign(np.log1p(np.abs(distance) / spread), distance)
    return result


@dataclass(frozen=True, slots=True)
class Calibration:
    """Turns the regression's logits into probabilities that mean what they say."""

    sharpness: float
    shifts: Array

    def __call__(self, logits: Array) -> Array:
        adjusted = logits * self.sharpness + self.shifts
        adjusted = adjusted - adjusted.max(axis=-1, keepdims=True)
        odds = np.exp(adjusted)
        probabilities: Array = odds / odds.sum(axis=-1, keepdims=True)
        return probabilities


@dataclass(frozen=True, slots=True)
class Classifier:
    """Everything an answer needs; thresholds are the assumed ones, by label, from 0 to 1."""

    labels: tuple[str, ...]
    colour: bool
    scaling: Scaling
    weights: Array
    bias: Array
    calibration: Calibration
    thresholds: tuple[float, ...]

    def look(self, photo: Photo) -> Array:
        """The calibrated probability of each label for one photo."""
        return self.probabilities(fault_statistics(photo.planes(self.colour)))

    def probabilities(self, features: Array | Features) -> Array:
        return self.calibration(self.scaling(features) @ self.weights.T + self.bias)

    def save(self, path: Path) -> None:
        """Write beside and rename, so that no half-written model is ever found under its name."""
        draft = path.with_suffix(".draft.npz")
        np.savez(
            draft,
            about=np.array(json.dumps({"labels": self.labels, "colour": self.colour})),
            scaling=np.stack(astuple(self.scaling)),
            weights=self.weights,
            bias=self.bias,
            sharpness=np.array(self.calibration.sharpness),
            shifts=self.calibration.shifts,
            thresholds=np.array(self.thresholds),
        )
        draft.replace(path)


def load_classifier(path: Path) -> Classifier:
    with np.load(path, allow_pickle=False) as stored:
        about = json.loads(str(stored["about"]))
        return Classifier(
            labels=tuple(about["labels"]),
            colour=bool(about["colour"]),
            scaling=Scaling(*stored["scaling"]),
            weights=stored["weights"],
            bias=stored["bias"],
            calibration=Calibration(float(stored["sharpness"]), stored["shifts"]),
            thresholds=tuple(float(value) for value in stored["thresholds"]),
        )
