"""What a running model sees in one photo."""

import time
from typing import Any

from local.custom_labels.account import Account
from local.custom_labels.faults import Fault
from local.custom_labels.objects import Place
from local.custom_labels.photos import MOST_BYTES_IN_S3, MOST_BYTES_INLINE


def detect(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["ProjectVersionArn"]
    about = account.versions.find(arn).about
    model = account.serving.model(arn)
    units = max(about.get("MinInferenceUnits", 1), about.get("MaxInferenceUnits", 1))
    account.rates.admit_photo(arn, units)
    if delay := account.rehearsal.delays.detect:
        time.sleep(delay)
    scores = account.serving.look(model, _image(account, request["Image"]))
    least = request.get("MinConfidence")
    found: list[dict[str, Any]] = [
        {"Name": label, "Confidence": round(float(score) * 100, 4)}
        for label, score, threshold in zip(model.labels, scores, model.thresholds, strict=True)
        if score * 100 >= (threshold * 100 if least is None else least)
    ]
    found.sort(key=lambda label: (-label["Confidence"], label["Name"]))
    return {"CustomLabels": found[: request.get("MaxResults", len(found))]}


def _image(account: Account, image: dict[str, Any]) -> bytes:
    data: bytes | None = image.get("Bytes")
    if (data is None) == ("S3Object" not in image):
        raise Fault("InvalidParameterException", "Image needs either Bytes or an S3Object")
    if data is None:
        return account.objects.read(Place.of(image["S3Object"]), MOST_BYTES_IN_S3)
    if len(data) > MOST_BYTES_INLINE:
        raise Fault("ImageTooLargeException", f"Image size is too large: at most {MOST_BYTES_INLINE} bytes")
    return data
