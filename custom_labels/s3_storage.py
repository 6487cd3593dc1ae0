"""The service's access to S3, with failures as Rekognition's errors."""

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from custom_labels.errors import ServiceError
from custom_labels.s3_location import S3Location

UNREACHABLE_MESSAGE = (
    "Unable to get object metadata from S3. Check object key, region and/or access permissions."
)


def parse_s3_object(s3_object: dict[str, str]) -> S3Location:
    """Read the S3Object member of a request. Raise ServiceError if bucket or name is missing."""
    if not s3_object.get("Bucket") or not s3_object.get("Name"):
        raise ServiceError("InvalidParameterException", "S3Object needs a Bucket and a Name")
    return S3Location(s3_object["Bucket"], s3_object["Name"], s3_object.get("Version"))


@dataclass
class S3Storage:
    """Objects in S3 at `endpoint`, else at the endpoint that the environment names, else on AWS."""

    region: str
    endpoint: str | None = None

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        config = Config(
            connect_timeout=3,
            read_timeout=30,
            retries={"mode": "standard"},  # AWS_MAX_ATTEMPTS says how often.
            max_pool_connections=32,
            s3={"addressing_style": "path"} if self._is_emulated else {},
        )
        session = boto3.Session(region_name=self.region, **self._credentials())
        return session.client("s3", endpoint_url=self.endpoint, config=config)

    @property
    def _is_emulated(self) -> bool:
        return bool(
            self.endpoint or os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL_S3")
        )

    def _credentials(self) -> dict[str, Any]:
        """Return test credentials for an emulator: without any boto3 would wait for a metadata server."""
        if not self._is_emulated or os.environ.get("AWS_ACCESS_KEY_ID"):
            return {}
        return {"aws_access_key_id": "test", "aws_secret_access_key": "test"}

    def connect(self) -> None:
        """Build the client before the first request, because that takes longer than a request."""
        assert self._client is not None  # noqa: S101

    def read(self, location: S3Location, max_bytes: int) -> bytes:
        """Return the object's bytes. Raise ServiceError, for a larger object without reading it."""
        arguments = {"Bucket": location.bucket, "Key": location.key}
        if location.version:
            arguments["VersionId"] = location.version
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            response = self._client.get_object(**arguments)
            if response["ContentLength"] > max_bytes:
                response["Body"].close()
                message = f"Image size is too large: at most {max_bytes} bytes"
                raise ServiceError("ImageTooLargeException", message)
            data: bytes = response["Body"].read()
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                raise ServiceError("InternalServerError", "S3 has trouble; try again") from error
            raise ServiceError("InvalidS3ObjectException", UNREACHABLE_MESSAGE) from error
        except BotoCoreError as error:
            raise ServiceError("InternalServerError", f"S3 does not answer: {error}") from error
        return data

    def write(self, location: S3Location, data: bytes) -> None:
        """Write JSON data. Raise ServiceError."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.put_object(
                Bucket=location.bucket, Key=location.key, Body=data, ContentType="application/json"
            )
        except (BotoCoreError, ClientError) as error:
            raise ServiceError("InvalidS3ObjectException", f"Unable to write to S3: {error}") from error
