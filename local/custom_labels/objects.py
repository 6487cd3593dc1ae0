"""What the service reads from S3, with its failures told in Rekognition's terms."""

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from local.custom_labels.faults import Fault

UNREACHABLE = "Unable to get object metadata from S3. Check object key, region and/or access permissions."


@dataclass(frozen=True, slots=True)
class Place:
    """One object, or one version of it."""

    bucket: str
    key: str
    version: str | None = None

    @classmethod
    def of(cls, s3_object: dict[str, str]) -> "Place":
        if not s3_object.get("Bucket") or not s3_object.get("Name"):
            raise Fault("InvalidParameterException", "S3Object needs a Bucket and a Name")
        return cls(s3_object["Bucket"], s3_object["Name"], s3_object.get("Version"))


@dataclass
class Objects:
    """Buckets, through whatever endpoint the environment or the command line names."""

    region: str
    endpoint: str | None = None

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        config = Config(
            connect_timeout=3,
            read_timeout=30,
            retries={"max_attempts": 3, "mode": "standard"},
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
        """An emulator takes any; without these boto3 would look for a metadata server and hang."""
        if not self._is_emulated or os.environ.get("AWS_ACCESS_KEY_ID"):
            return {}
        return {"aws_access_key_id": "test", "aws_secret_access_key": "test"}

    def warm(self) -> None:
        """Building the client takes longer than using it."""
        assert self._client is not None  # noqa: S101

    def read(self, place: Place, most: int) -> bytes:
        """The object's bytes; it is not read at all when it is larger than allowed."""
        wanted = {"Bucket": place.bucket, "Key": place.key}
        if place.version:
            wanted["VersionId"] = place.version
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._client.get_object(**wanted)
            if answer["ContentLength"] > most:
                answer["Body"].close()
                raise Fault("ImageTooLargeException", f"Image size is too large: at most {most} bytes")
            data: bytes = answer["Body"].read()
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                raise Fault("InternalServerError", "S3 has trouble; try again") from error
            raise Fault("InvalidS3ObjectException", UNREACHABLE) from error
        except BotoCoreError as error:
            raise Fault("InternalServerError", f"S3 does not answer: {error}") from error
        return data

    def write(self, place: Place, data: bytes) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.put_object(
                Bucket=place.bucket, Key=place.key, Body=data, ContentType="application/json"
            )
        except (BotoCoreError, ClientError) as error:
            raise Fault("InvalidS3ObjectException", f"Unable to write to S3: {error}") from error
