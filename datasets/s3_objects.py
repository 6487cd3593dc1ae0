"""Objects in S3 by bucket and key, or by URI."""

from workflow.aws import object_store
from workflow.aws.clients import client
from workflow.errors import NotFound


def s3_uri(bucket: str, key: str) -> str:
    """Return the S3 URI of an object."""
    return f"s3://{bucket}/{key}"


def read_object(bucket: str, key: str) -> bytes:
    """Return the content of an object. Raise NotFound if it does not exist."""
    content = object_store.read_object(client("s3"), bucket, key)
    if content is None:
        raise NotFound(f"{s3_uri(bucket, key)} does not exist")
    return content


def read_uri(uri: str) -> bytes:
    """Read an object by its S3 URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return read_object(bucket, key)


def write_text(bucket: str, key: str, text: str) -> str:
    """Write a text as UTF-8 and return its S3 URI."""
    client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())
    return s3_uri(bucket, key)


def list_objects(bucket: str, prefix: str) -> dict[str, tuple[int, str]]:
    """Return size in bytes and ETag of every object below a prefix, by key."""
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {
        entry["Key"]: (entry["Size"], entry["ETag"].strip('"'))
        for page in pages
        for entry in page.get("Contents", ())
    }
