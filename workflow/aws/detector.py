"""Defect detection on Amazon Rekognition Custom Labels."""

import random
from typing import Any

from botocore.exceptions import ClientError

from workflow.aws.clients import client
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Score
from workflow.pipeline.detection import (
    BROKEN_WAIT_SECONDS,
    ImageRefused,
    ImageUnreadable,
    ModelAnswer,
    ModelNotReady,
)

STOPPED_RETRY_SECONDS = 30
BUSY_RETRY_SECONDS = 10
MAX_INLINE_BYTES = 4 * 1024 * 1024

_BUSY_CODES = {
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "InternalServerError",
    "LimitExceededException",
}
_REFUSAL_CODES = {
    "ImageTooLargeException": "model_image_too_large",
    "InvalidImageFormatException": "model_invalid_format",
}


class RekognitionDetector:
    """Implements workflow.pipeline.detection.Detector with one model version."""

    def __init__(self, model_arn: str, rekognition: Any = None) -> None:
        self._model_arn = model_arn
        self._rekognition = rekognition or client("rekognition")

    def detect_labels(self, image: Image) -> ModelAnswer | ModelNotReady | ImageRefused | ImageUnreadable:
        return self._ask(
            {"S3Object": {"Bucket": image.bucket, "Name": image.key, "Version": image.version_id}}
        )

    def detect_labels_in_bytes(
        self, content: bytes
    ) -> ModelAnswer | ModelNotReady | ImageRefused | ImageUnreadable:
        """Return every label of the model for a photo that is not in S3, of at most MAX_INLINE_BYTES."""
        return self._ask({"Bytes": content})

    def _ask(self, image: dict[str, Any]) -> ModelAnswer | ModelNotReady | ImageRefused | ImageUnreadable:
        if not self._model_arn.startswith("arn:"):
            return ModelNotReady("no model is chosen", _jittered(STOPPED_RETRY_SECONDS))
        try:
            answer = self._rekognition.detect_custom_labels(
                ProjectVersionArn=self._model_arn, Image=image, MinConfidence=0
            )
        except ClientError as error:
            return _to_outcome(error)
        scores = tuple(
            Score(label["Name"], min(1.0, round(label["Confidence"] / 100, 8)))
            for label in answer["CustomLabels"]
            if "Geometry" not in label
        )
        return ModelAnswer(scores, self._model_arn)


def _to_outcome(error: ClientError) -> ModelNotReady | ImageRefused | ImageUnreadable:
    """Convert an error to an outcome. Re-raise errors of a wrong set-up, so that the alarm reports them."""
    code = error.response["Error"]["Code"]
    if code == "ResourceNotReadyException":
        return ModelNotReady("the model is not running", _jittered(STOPPED_RETRY_SECONDS))
    if code in _BUSY_CODES:
        return ModelNotReady("the model is busy", _jittered(BUSY_RETRY_SECONDS), busy=True)
    message = error.response["Error"]["Message"]
    if code in _REFUSAL_CODES:
        return ImageRefused(_REFUSAL_CODES[code], f"The model refused the photo: {message}")
    if code == "InvalidS3ObjectException":
        return ImageUnreadable(message)
    if code == "InvalidParameterException":
        # The photo is within every documented limit, so the request itself is wrong, for all photos.
        return ModelNotReady(f"the model rejects the request: {message}", BROKEN_WAIT_SECONDS, broken=True)
    raise error


def _jittered(seconds: int) -> int:
    """Return 0.5 to 1.5 times the seconds, so that waiting images do not retry all at once."""
    return max(1, round(seconds * random.uniform(0.5, 1.5)))  # noqa: S311
