"""Object versions on S3: reads, conditional copies, and deletion of exactly one version."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.conflict_retry import retry_on_conflict
from workflow.inspections.objects import CopyFailure, Image, StoredObject

CAMERA_METADATA = "partcheck-camera"
MAX_CAMERA_LENGTH = 128
_MISSING_CODES = ("NoSuchKey", "NoSuchVersion", "404")


class S3ObjectStore:
    """Implements workflow.inspections.objects.ObjectStore."""

    def __init__(self, s3: Any = None) -> None:
        self._s3 = s3 or client("s3")

    def fetch(self, image: Image, limit: int) -> tuple[StoredObject, bytes | None] | None:
        try:
            answer = self._s3.get_object(Bucket=image.bucket, Key=image.key, VersionId=image.version_id)
        except ClientError as error:
            if is_missing_object(error):
                return None
            raise
        stored = StoredObject(
            image=image,
            size=answer["ContentLength"],
            etag=answer["ETag"],
            modified_at=timestamps.format_timestamp(answer["LastModified"]),
            camera=_camera(answer.get("Metadata", {})),
        )
        with answer["Body"] as body:
            return stored, body.read() if stored.size <= limit else None

    def copy_if_unchanged(self, source: StoredObject, bucket: str, key: str) -> StoredObject | CopyFailure:
        version = source.image
        request = {
            "Bucket": bucket,
            "Key": key,
            "CopySource": {"Bucket": version.bucket, "Key": version.key, "VersionId": version.version_id},
            "CopySourceIfMatch": source.etag,
            "IfNoneMatch": "*",
        }
        try:
            answer = retry_on_conflict(lambda: self._s3.copy_object(**request))
        except ClientError as error:
            return self._to_copy_failure(error, bucket, key)
        return StoredObject(
            image=Image(bucket, key, answer["VersionId"]),
            size=source.size,
            etag=answer["CopyObjectResult"]["ETag"],
        )

    def _to_copy_failure(self, error: ClientError, bucket: str, key: str) -> CopyFailure:
        """Return the condition that failed. Re-raise other errors.

        A 412 whose condition is `If-None-Match` means that the destination exists.
        """
        code = _code(error)
        if is_missing_object(error):
            return CopyFailure.SOURCE_MISSING
        if code == "PreconditionFailed":
            condition = str(error.response["Error"].get("Condition", ""))
            if condition:
                exists = condition.lower() == "if-none-match"
            else:
                exists = self.get_latest(bucket, key) is not None
            return CopyFailure.DESTINATION_EXISTS if exists else CopyFailure.SOURCE_CHANGED
        raise error

    def get_latest(self, bucket: str, key: str) -> StoredObject | None:
        try:
            answer = self._s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if is_missing_object(error):
                return None
            raise
        image = Image(bucket, key, answer["VersionId"])
        return StoredObject(
            image=image,
            size=answer["ContentLength"],
            etag=answer["ETag"],
            modified_at=timestamps.format_timestamp(answer["LastModified"]),
        )

    def delete(self, image: Image) -> None:
        self._s3.delete_object(Bucket=image.bucket, Key=image.key, VersionId=image.version_id)

    def list_versions(self, bucket: str, prefix: str = "", after: str = "") -> Iterator[StoredObject]:
        start = {"KeyMarker": after} if after else {}
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix, **start)
        for page in pages:
            for entry in page.get("Versions", ()):
                image = Image(bucket, entry["Key"], entry["VersionId"])
                yield StoredObject(
                    image=image,
                    size=entry["Size"],
                    etag=entry["ETag"],
                    modified_at=timestamps.format_timestamp(entry["LastModified"]),
                )


def _camera(metadata: Mapping[str, str]) -> str:
    """Return the camera that the metadata names; a name that no page could show is ignored."""
    name = metadata.get(CAMERA_METADATA, "").strip()
    return name if len(name) <= MAX_CAMERA_LENGTH and name.isprintable() else ""


def read_object(s3: Any, bucket: str, key: str) -> bytes | None:
    """Return the content of an object, or None if it does not exist."""
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if is_missing_object(error):
            return None
        raise
    with answer["Body"] as body:
        content: bytes = body.read()
    return content


def is_missing_object(error: ClientError) -> bool:
    """Return True if a request to S3 failed because the object or its version does not exist."""
    return _code(error) in _MISSING_CODES


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
