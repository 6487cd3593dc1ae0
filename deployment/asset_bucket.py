"""The bucket for code and templates of deployments, one per account and region."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from deployment.account import AwsAccount
from workflow.aws.clients import client
from workflow.aws.object_store import is_missing_object

_ENTRY_TIME = (1980, 1, 1, 0, 0, 0)
_REGION_WITHOUT_CONSTRAINT = "us-east-1"


class StagingBucket:
    """The bucket `partcheck-assets-<account>-<region>`, shared by all stages."""

    def __init__(self, account: AwsAccount, s3: Any = None) -> None:
        self._account = account
        self._s3 = s3 or client("s3")
        self.bucket = f"partcheck-assets-{account.id}-{account.region}"

    def exists(self) -> bool:
        """Return True if the bucket exists and belongs to the account."""
        try:
            self._s3.head_bucket(Bucket=self.bucket, ExpectedBucketOwner=self._account.id)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchBucket"):
                return False
            raise
        return True

    def create(self) -> None:
        """Create the bucket if it does not exist. Block public access and unencrypted connections."""
        if not self.exists():
            constraint = {"CreateBucketConfiguration": {"LocationConstraint": self._account.region}}
            location = {} if self._account.region == _REGION_WITHOUT_CONSTRAINT else constraint
            self._s3.create_bucket(Bucket=self.bucket, **location)
        blocks = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        self._s3.put_public_access_block(
            Bucket=self.bucket, PublicAccessBlockConfiguration=dict.fromkeys(blocks, True)
        )
        self._s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(_tls_policy(self.bucket)))

    def upload_assets(self, directory: Path) -> Iterator[str]:
        """Upload the missing assets of a synthesised directory's manifest. Yield each uploaded key."""
        manifest = json.loads((directory / "Partcheck.assets.json").read_text(encoding="utf-8"))
        for asset in manifest["files"].values():
            [destination] = asset["destinations"].values()
            key, source = destination["objectKey"], directory / asset["source"]["path"]
            if not self._has_object(key):
                body = zip_directory(source) if asset["source"]["packaging"] == "zip" else source.read_bytes()
                self._s3.put_object(Bucket=self.bucket, Key=key, Body=body)
                yield key

    def upload_template(self, text: str) -> str:
        """Upload a template under the hash of its content. Return the URL for CloudFormation."""
        key = f"{hashlib.sha256(text.encode()).hexdigest()}.json"
        self._s3.put_object(Bucket=self.bucket, Key=key, Body=text.encode())
        return f"https://s3.{self._account.region}.amazonaws.com/{self.bucket}/{key}"

    def _has_object(self, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if is_missing_object(error):
                return False
            raise
        return True


def zip_directory(directory: Path) -> bytes:
    """Return a directory as a zip. The same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path for path in directory.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(directory).as_posix(), _ENTRY_TIME)
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    return buffer.getvalue()


def _tls_policy(bucket: str) -> dict[str, Any]:
    arn = f"arn:aws:s3:::{bucket}"
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
