"""The trained classifier as it serves: NumPy alone, one file, the same scores for the same photo."""

import json
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from vision.calibration import FloatArray, ScoreCalibration
from vision.features import FeatureVector, extract_features
from vision.photo_decoding import DecodedPhoto

# Features of a photo unlike the training photos may lie far out; they are clipped at this many deviations.
MAX_DEVIATIONS = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureScaler:
    """A scaler that compresses every feature around its median, then standardises it to mean 0, deviation 1.

    Extremes have long tails: without the compression a few unusual photos would dominate the regression.
    All fields have one value for each feature.
    """

    median: FloatArray
    spread: FloatArray
    mean: FloatArray
    deviation: FloatArray

    def __call__(self, features: FloatArray | FeatureVector) -> FloatArray:
        """Scale features (photos × features, or one vector)."""
        scaled: FloatArray = (_compress(features, self.median, self.spread) - self.mean) / self.deviation
        return np.clip(scaled, -MAX_DEVIATIONS, MAX_DEVIATIONS)


def fit_scaler(features: FloatArray) -> FeatureScaler:
    """Fit a scaler on training features (photos × features); `spread` is the median absolute deviation."""
    median = np.median(features, axis=0)
    spread = np.median(np.abs(features - median), axis=0) + 1e-9
    compressed = _compress(features, median, spread)
    return FeatureScaler(
        median=median,
        spread=spread,
        mean=compressed.mean(axis=0),
        deviation=compressed.std(axis=0) + 1e-6,
    )


def _compress(features: FloatArray | FeatureVector, median: FloatArray, spread: FloatArray) -> FloatArray:
    distance = features - median
    result: FloatArray = np.copysign(np.log1p(np.abs(distance) / spread), distance)
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoClassifier:
    """A multinomial logistic regression on image features, with calibrated scores.

    `weights` is labels × features, `bias` has one value for each label. `thresholds` are the assumed
    thresholds (0 to 1) in the order of `labels`. `colour` selects the feature set.
    """

    labels: tuple[str, ...]
    colour: bool
    scaler: FeatureScaler
    weights: FloatArray
    bias: FloatArray
    calibration: ScoreCalibration
    thresholds: tuple[float, ...]

    def score_photo(self, photo: DecodedPhoto) -> FloatArray:
        """Return the calibrated probability of each label for one photo."""
        return self.predict_probabilities(extract_features(photo.planes(self.colour)))

    def predict_probabilities(self, features: FloatArray | FeatureVector) -> FloatArray:
        """Return the calibrated probabilities (photos × labels, or one vector) for features."""
        return self.calibration(self.scaler(features) @ self.weights.T + self.bias)

    def save(self, path: Path) -> None:
        """Write a draft and rename it, so that a half-written model never has the final name."""
        draft = path.with_suffix(".draft.npz")
        np.savez(
            draft,
            about=np.array(json.dumps({"labels": self.labels, "colour": self.colour})),
            scaling=np.stack(astuple(self.scaler)),
            weights=self.weights,
            bias=self.bias,
            sharpness=np.array(self.calibration.inverse_temperature),
            shifts=self.calibration.biases,
            thresholds=np.array(self.thresholds),
        )
        draft.replace(path)


def load_classifier(path: Path) -> PhotoClassifier:
    """Load a classifier that `save` wrote.

    Raise OSError, ValueError, KeyError or BadZipFile if the file is missing or damaged.
    """
    with np.load(path, allow_pickle=False) as stored:
        about = json.loads(str(stored["about"]))
        median, spread, mean, deviation = stored["scaling"]
        return PhotoClassifier(
            labels=tuple(about["labels"]),
            colour=bool(about["colour"]),
            scaler=FeatureScaler(median=median, spread=spread, mean=mean, deviation=deviation),
            weights=stored["weights"],
            bias=stored["bias"],
            calibration=ScoreCalibration(float(stored["sharpness"]), stored["shifts"]),
            thresholds=tuple(float(value) for value in stored["thresholds"]),
        )
