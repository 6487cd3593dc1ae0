"""Uploads to the inbound bucket."""

from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError

from workflow.aws.clients import client
from workflow.aws.credentials import describe_credentials_error
from workflow.errors import UploadFailed
from workflow.inspections.objects import Image


class S3Uploader:
    """Implements the command line's Inbox."""

    def __init__(self, bucket: str, s3: Any = None) -> None:
        self._bucket = bucket
        self._s3 = s3 or client("s3")

    def put(self, key: str, content: BinaryIO | bytes) -> Image:
        try:
            answer = self._s3.put_object(Bucket=self._bucket, Key=key, Body=content)
        except (BotoCoreError, ClientError) as error:
            raise UploadFailed(describe_credentials_error(error) or str(error).rstrip(".")) from error
        return Image(self._bucket, key, answer["VersionId"])
