"""The model on Amazon Rekognition Custom Labels."""

import random
from typing import Any

from botocore.exceptions import ClientError

from workflow.aws.clients import client
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Score
from workflow.pipeline.detection import BROKEN_SECONDS, NotReady, Refused, Scores, Unreadable

STOPPED_SECONDS = 30
BUSY_SECONDS = 10

_BUSY = {
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "InternalServerError",
    "LimitExceededException",
}
_REFUSED = {
    "ImageTooLargeException": "model_image_too_large",
    "InvalidImageFormatException": "model_invalid_format",
}


class RekognitionDetector:
    """Implements workflow.pipeline.detection.Detector with one model version."""

    def __init__(self, model_arn: str, rekognition: Any = None) -> None:
        self._model_arn = model_arn
        self._rekognition = rekognition or client("rekognition")

    def custom_labels(self, image: Image) -> Scores | NotReady | Refused | Unreadable:
        if not self._model_arn.startswith("arn:"):
            return NotReady("no model is chosen", _jittered(STOPPED_SECONDS))
        try:
            answer = self._rekognition.detect_custom_labels(
                ProjectVersionArn=self._model_arn,
                Image={"S3Object": {"Bucket": image.bucket, "Name": image.key, "Version": image.version_id}},
                MinConfidence=0,
            )
        except ClientError as error:
            return _outcome(error)
        scores = tuple(
            Score(label["Name"], min(1.0, round(label["Confidence"] / 100, 8)))
            for label in answer["CustomLabels"]
            if "Geometry" not in label
        )
        return Scores(scores, self._model_arn)


def _outcome(error: ClientError) -> NotReady | Refused | Unreadable:
    """What an error means for the image; errors that mean a wrong set-up go on, for the alarm."""
    code = error.response["Error"]["Code"]
    if code == "ResourceNotReadyException":
        return NotReady("the model is not running", _jittered(STOPPED_SECONDS))
    if code in _BUSY:
        return NotReady("the model is busy", _jittered(BUSY_SECONDS))
    said = error.response["Error"]["Message"]
    if code in _REFUSED:
        return Refused(_REFUSED[code], f"The model refused the photo: {said}")
    if code == "InvalidS3ObjectException":
        return Unreadable(said)
    if code == "InvalidParameterException":
        # The photo passed every documented limit, so what is wrong is how we ask, and is so for all photos.
        return NotReady(f"the model does not understand the question: {said}", BROKEN_SECONDS, broken=True)
    raise error


def _jittered(seconds: int) -> int:
    """Half to one and a half times as long, so that waiting images do not come back all at once."""
    return max(1, round(seconds * random.uniform(0.5, 1.5)))  # noqa: S311
