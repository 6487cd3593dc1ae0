"""In-memory Custom Labels: the end of a photo's bytes determines its labels."""

from typing import Any

from botocore.exceptions import ClientError

from tests.proof.s3 import InMemoryS3

CONFIDENCES = {
    b"ok": {"ok": 97.0, "defect": 3.0},
    b"defect": {"ok": 4.0, "defect": 96.0},
    b"unusual": {"ok": 99.9, "defect": 0.1},
    b"unsure": {"ok": 55.0, "defect": 45.0},
    b"nothing": {},
    b"stranger": {"dust": 99.0},
}


class InMemoryRekognition:
    """The one operation of a Rekognition client that the product uses.

    `running` is the model's state. Without `has_s3_access` the service cannot read the bucket and answers as
    for a missing object.
    """

    def __init__(self, s3: InMemoryS3) -> None:
        self._s3 = s3
        self.running, self.has_s3_access = True, True
        self.calls = 0

    def detect_custom_labels(self, ProjectVersionArn: str, Image: Any, MinConfidence: float) -> Any:
        self.calls += 1
        if not self.running:
            raise _error("ResourceNotReadyException", f"{ProjectVersionArn} is not ready")
        location = Image["S3Object"]
        version = self._s3.find(location["Bucket"], location["Name"], location.get("Version"))
        if version is None or version.content is None or not self.has_s3_access:
            raise _error(
                "InvalidS3ObjectException",
                "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
            )
        confidences = CONFIDENCES[version.content.rsplit(b"|", 2)[-2]]
        labels = [
            {"Name": name, "Confidence": confidence}
            for name, confidence in confidences.items()
            if confidence >= MinConfidence
        ]
        return {"CustomLabels": labels}


def _error(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DetectCustomLabels")
