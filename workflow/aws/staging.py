"""The bucket through which code and templates reach CloudFormation, one an account and region."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from workflow.aws.account import Account
from workflow.aws.clients import client

_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_NO_REGION_NAMED = "us-east-1"


class Staging:
    """The bucket `partcheck-assets-<account>-<region>`, which all stages share."""

    def __init__(self, account: Account, s3: Any = None) -> None:
        self._account = account
        self._s3 = s3 or client("s3")
        self.bucket = f"partcheck-assets-{account.id}-{account.region}"

    def exists(self) -> bool:
        """Whether the bucket is there, and ours."""
        try:
            self._s3.head_bucket(Bucket=self.bucket, ExpectedBucketOwner=self._account.id)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchBucket"):
                return False
            raise
        return True

    def make(self) -> None:
        """Create the bucket, private and encrypted; what is in it was uploaded for some deployment."""
        if not self.exists():
            place = {"CreateBucketConfiguration": {"LocationConstraint": self._account.region}}
            here = {} if self._account.region == _NO_REGION_NAMED else place
            self._s3.create_bucket(Bucket=self.bucket, **here)
        closed = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        self._s3.put_public_access_block(
            Bucket=self.bucket, PublicAccessBlockConfiguration=dict.fromkeys(closed, True)
        )
        self._s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(_tls_only(self.bucket)))

    def publish(self, directory: Path) -> Iterator[str]:
        """Upload what a synthesised directory's manifest lists and is not there yet; tells each key."""
        manifest = json.loads((directory / "Partcheck.assets.json").read_text(encoding="utf-8"))
        for asset in manifest["files"].values():
            [destination] = asset["destinations"].values()
            key, source = destination["objectKey"], directory / asset["source"]["path"]
            if not self._has(key):
                body = zipped(source) if asset["source"]["packaging"] == "zip" else source.read_bytes()
                self._s3.put_object(Bucket=self.bucket, Key=key, Body=body)
                yield key

    def put_template(self, text: str) -> str:
        """Upload a template under the name of its content; returns the address that CloudFormation reads."""
        key = f"{hashlib.sha256(text.encode()).hexdigest()}.json"
        self._s3.put_object(Bucket=self.bucket, Key=key, Body=text.encode())
        return f"https://s3.{self._account.region}.amazonaws.com/{self.bucket}/{key}"

    def _has(self, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                return False
            raise
        return True


def zipped(directory: Path) -> bytes:
    """A directory as a zip, the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path for path in directory.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(directory).as_posix(), _LONG_AGO)
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    return buffer.getvalue()


def _tls_only(bucket: str) -> dict[str, Any]:
    arn = f"arn:aws:s3:::{bucket}"
    denied = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [denied]}
