"""Image versions on S3: guarded copies, and deletion of exactly one version."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from workflow import timestamps
from workflow.aws.clients import client
from workflow.inspections.objects import CopyResult, Image, Stored

_GONE = ("NoSuchKey", "NoSuchVersion", "404")


class S3Shelf:
    """Implements workflow.inspections.objects.Shelf."""

    def __init__(self, s3: Any = None) -> None:
        self._s3 = s3 or client("s3")

    def fetch(self, image: Image, limit: int) -> tuple[Stored, bytes | None] | None:
        try:
            answer = self._s3.get_object(Bucket=image.bucket, Key=image.key, VersionId=image.version_id)
        except ClientError as error:
            if _code(error) in _GONE:
                return None
            raise
        stored = Stored(
            image, answer["ContentLength"], answer["ETag"], timestamps.text(answer["LastModified"])
        )
        with answer["Body"] as body:
            return stored, body.read() if stored.size <= limit else None

    def copy(self, source: Stored, bucket: str, key: str) -> Stored | CopyResult:
        try:
            answer = self._s3.copy_object(
                Bucket=bucket,
                Key=key,
                CopySource={
                    "Bucket": source.image.bucket,
                    "Key": source.image.key,
                    "VersionId": source.image.version_id,
                },
                CopySourceIfMatch=source.etag,
                IfNoneMatch="*",
            )
        except ClientError as error:
            return self._refusal(error, bucket, key)
        return Stored(
            Image(bucket, key, answer["VersionId"]), source.size, answer["CopyObjectResult"]["ETag"]
        )

    def _refusal(self, error: ClientError, bucket: str, key: str) -> CopyResult:
        """Which guard refused the copy; errors that are no refusal go on.

        A 409 says that another writer holds the destination's key at this moment; so does a 412 whose
        condition is `If-None-Match`.
        """
        code = _code(error)
        if code in _GONE:
            return CopyResult.SOURCE_MISSING
        if code == "ConditionalRequestConflict":
            return CopyResult.DESTINATION_EXISTS
        if code == "PreconditionFailed":
            condition = str(error.response["Error"].get("Condition", ""))
            if condition:
                exists = condition.lower() == "if-none-match"
            else:
                exists = self.newest(bucket, key) is not None
            return CopyResult.DESTINATION_EXISTS if exists else CopyResult.SOURCE_CHANGED
        raise error

    def newest(self, bucket: str, key: str) -> Stored | None:
        try:
            answer = self._s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if _code(error) in _GONE:
                return None
            raise
        image = Image(bucket, key, answer["VersionId"])
        return Stored(image, answer["ContentLength"], answer["ETag"], timestamps.text(answer["LastModified"]))

    def delete(self, image: Image) -> None:
        self._s3.delete_object(Bucket=image.bucket, Key=image.key, VersionId=image.version_id)

    def everything(self, bucket: str, prefix: str = "") -> Iterator[Stored]:
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for entry in page.get("Versions", ()):
                image = Image(bucket, entry["Key"], entry["VersionId"])
                yield Stored(image, entry["Size"], entry["ETag"], timestamps.text(entry["LastModified"]))


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
