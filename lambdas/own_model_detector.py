"""Defect detection by an own model, which a process loads once."""

import io
import zipfile
from functools import lru_cache

from vision.classifier import ModelFileVersionError, PhotoClassifier, load_classifier
from vision.photo_decoding import PhotoError, PhotoTooLargeError
from workflow.aws.own_models import S3OwnModels
from workflow.inspections.objects import Image, ObjectStore
from workflow.inspections.verdict import Score
from workflow.photos.validation_result import MAX_BYTES
from workflow.pipeline.detection import (
    BROKEN_WAIT_SECONDS,
    ImageRefused,
    ImageUnreadable,
    ModelAnswer,
    ModelNotReady,
)


class ModelFileError(Exception):
    """A model's file that cannot be used; the message says why, and what to do."""


class OwnModelDetector:
    """Implements workflow.pipeline.detection.Detector with the file of one own model."""

    def __init__(self, model: str, models: S3OwnModels, objects: ObjectStore) -> None:
        self._model, self._models, self._objects = model, models, objects

    def detect_labels(self, image: Image) -> ModelAnswer | ModelNotReady | ImageRefused | ImageUnreadable:
        found = self._objects.fetch(image, MAX_BYTES)
        if found is None:
            return ImageUnreadable("the version does not exist")
        _, content = found
        if content is None:
            return ImageRefused("model_image_too_large", f"The file has more than {MAX_BYTES:,} bytes.")
        return self.detect_labels_in_bytes(content)

    def detect_labels_in_bytes(
        self, content: bytes
    ) -> ModelAnswer | ModelNotReady | ImageRefused | ImageUnreadable:
        """Return every label of the model for a photo that is not in S3."""
        try:
            classifier = load_model(self._model, self._models)
            probabilities = classifier.score_photo(content).tolist()
        except ModelFileError as error:
            return ModelNotReady(str(error), BROKEN_WAIT_SECONDS, broken=True)
        except PhotoTooLargeError as error:
            return ImageRefused("model_image_too_large", str(error))
        except PhotoError as error:
            return ImageRefused("model_invalid_format", str(error))
        pairs = zip(classifier.labels, probabilities, strict=True)
        scores = tuple(Score(label, min(1.0, round(score, 8))) for label, score in pairs)
        return ModelAnswer(scores, self._model)


@lru_cache(
    maxsize=2
)  # The model in use, and during a switch the one before it. A model's file never changes.
def load_model(model: str, models: S3OwnModels) -> PhotoClassifier:
    """Return the classifier of an own model. Raise ModelFileError if its file cannot be used."""
    content = models.read(model)
    if content is None:
        raise ModelFileError(f"the file of the model {model} is gone: use another model, or train one")
    try:
        return load_classifier(io.BytesIO(content), name=model)
    except ModelFileVersionError as error:
        raise ModelFileError(str(error)) from error
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelFileError(f"the file of the model {model} is damaged ({error}): train it again") from error
