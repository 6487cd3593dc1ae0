"""Custom Labels in memory: it sees in a photo what the photo's last bytes say."""

from typing import Any

from botocore.exceptions import ClientError

from tests.proof.s3 import MemoryS3

SEES = {
    b"ok": {"ok": 97.0, "defect": 3.0},
    b"defect": {"ok": 4.0, "defect": 96.0},
    b"unsure": {"ok": 55.0, "defect": 45.0},
    b"nothing": {},
    b"stranger": {"dust": 99.0},
}


class MemoryRekognition:
    """The client's one operation that the line uses.

    `running` is the model's state; without `rights` the service may not read the bucket, and says so as it
    does of an object that is not there.
    """

    def __init__(self, s3: MemoryS3) -> None:
        self._s3 = s3
        self.running, self.rights = True, True
        self.asked = 0

    def detect_custom_labels(self, ProjectVersionArn: str, Image: Any, MinConfidence: float) -> Any:
        self.asked += 1
        if not self.running:
            raise _error("ResourceNotReadyException", f"{ProjectVersionArn} is not ready")
        place = Image["S3Object"]
        version = self._s3.find(place["Bucket"], place["Name"], place.get("Version"))
        if version is None or version.content is None or not self.rights:
            raise _error(
                "InvalidS3ObjectException",
                "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
            )
        seen = SEES[version.content.rsplit(b"|", 2)[-2]]
        labels = [
            {"Name": name, "Confidence": share} for name, share in seen.items() if share >= MinConfidence
        ]
        return {"CustomLabels": labels}


def _error(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DetectCustomLabels")
