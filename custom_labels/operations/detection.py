"""Detect custom labels in one photo with a running model."""

import time
from typing import Any

from custom_labels.account import CustomLabelsAccount
from custom_labels.errors import ServiceError
from custom_labels.s3_storage import parse_s3_object
from vision.photo_decoding import MAX_BYTES_IN_S3, MAX_BYTES_INLINE


def detect_labels(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    """Score a photo; without MinConfidence the assumed threshold of each label applies."""
    arn = request["ProjectVersionArn"]
    details = account.versions.get(arn).details
    model = account.running_models.get_model(arn)
    units = max(details.get("MinInferenceUnits", 1), details.get("MaxInferenceUnits", 1))
    account.rate_limits.count_photo(arn, units)
    if delay := account.fault_injector.delays.detect:
        time.sleep(delay)
    scores = account.running_models.score_photo(model, _read_image(account, request["Image"]))
    least = request.get("MinConfidence")
    labels: list[dict[str, Any]] = [
        {"Name": label, "Confidence": round(float(score) * 100, 4)}
        for label, score, threshold in zip(model.labels, scores, model.thresholds, strict=True)
        if score * 100 >= (threshold * 100 if least is None else least)
    ]
    labels.sort(key=lambda label: (-label["Confidence"], label["Name"]))
    return {"CustomLabels": labels[: request.get("MaxResults", len(labels))]}


def _read_image(account: CustomLabelsAccount, image: dict[str, Any]) -> bytes:
    data: bytes | None = image.get("Bytes")
    if (data is None) == ("S3Object" not in image):
        raise ServiceError("InvalidParameterException", "Image needs either Bytes or an S3Object")
    if data is None:
        return account.storage.read(parse_s3_object(image["S3Object"]), MAX_BYTES_IN_S3)
    if len(data) > MAX_BYTES_INLINE:
        message = f"Image size is too large: at most {MAX_BYTES_INLINE} bytes"
        raise ServiceError("ImageTooLargeException", message)
    return data
