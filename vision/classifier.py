"""The trained classifier as it serves: NumPy alone, one file, the same scores for the same photo."""

import io
import json
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vision.calibration import FloatArray, ScoreCalibration
from vision.feature_blocks import FeatureBlock, extract_blocks
from vision.features import FeatureVector

# Increase with every change of the file's arrays, of the features, or of their order.
MODEL_FILE_VERSION = 2
# Features of a photo unlike the training photos may lie far out; they are clipped at this many deviations.
MAX_DEVIATIONS = 6.0


class ModelFileVersionError(ValueError):
    """A model file that another version of the program wrote."""


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
    """A linear model on image features, with calibrated scores.

    `blocks` are its feature blocks, and `colour` adds colour to them. `weights` is labels × features, `bias`
    has one value for each label. `thresholds` are the assumed thresholds (0 to 1) in the order of `labels`.
    """

    labels: tuple[str, ...]
    colour: bool
    blocks: tuple[FeatureBlock, ...] = (FeatureBlock.WHOLE,)
    scaler: FeatureScaler
    weights: FloatArray
    bias: FloatArray
    calibration: ScoreCalibration
    thresholds: tuple[float, ...]

    def score_photo(self, content: bytes) -> FloatArray:
        """Return the calibrated probability of each label for one photo file.

        Raise PhotoTooLargeError or PhotoError if the photo cannot be scored.
        """
        return self.predict_probabilities(np.concatenate(extract_blocks(content, self.blocks, self.colour)))

    def predict_probabilities(self, features: FloatArray | FeatureVector) -> FloatArray:
        """Return the calibrated probabilities (photos × labels, or one vector) for features."""
        return self.calibration(self.scaler(features) @ self.weights.T + self.bias)

    def to_bytes(self) -> bytes:
        """Return the model file: one `.npz` of arrays, never a pickle."""
        about = {
            "version": MODEL_FILE_VERSION,
            "labels": self.labels,
            "colour": self.colour,
            "blocks": self.blocks,
        }
        file = io.BytesIO()
        np.savez(
            file,
            about=np.array(json.dumps(about)),
            scaler=np.stack(astuple(self.scaler)),
            weights=self.weights,
            bias=self.bias,
            inverse_temperature=np.array(self.calibration.inverse_temperature),
            calibration_biases=self.calibration.biases,
            thresholds=np.array(self.thresholds),
        )
        return file.getvalue()

    def save(self, path: Path) -> None:
        """Write a draft and rename it, so that a half-written model never has the final name."""
        draft = path.with_suffix(".draft.npz")
        draft.write_bytes(self.to_bytes())
        draft.replace(path)


def load_classifier(source: Path | BinaryIO, name: str = "") -> PhotoClassifier:
    """Load a classifier from a file, or from a stream that messages call `name`.

    Raise ModelFileVersionError if another version of the program wrote it, and OSError, ValueError, KeyError
    or BadZipFile if it is missing or damaged.
    """
    with np.load(source, allow_pickle=False) as stored:
        about = json.loads(str(stored["about"]))
        if (version := about.get("version", 1)) != MODEL_FILE_VERSION:
            raise ModelFileVersionError(
                f"{name or source} is a model file of version {version}, and this program reads version "
                f"{MODEL_FILE_VERSION}: train the model again"
            )
        median, spread, mean, deviation = stored["scaler"]
        return PhotoClassifier(
            labels=tuple(about["labels"]),
            colour=bool(about["colour"]),
            blocks=tuple(FeatureBlock(block) for block in about["blocks"]),
            scaler=FeatureScaler(median=median, spread=spread, mean=mean, deviation=deviation),
            weights=stored["weights"],
            bias=stored["bias"],
            calibration=ScoreCalibration(float(stored["inverse_temperature"]), stored["calibration_biases"]),
            thresholds=tuple(float(value) for value in stored["thresholds"]),
        )
