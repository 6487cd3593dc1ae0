"""Photos and manifests on their way to S3: what is there already with the same bytes is not sent again."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from local.data_sets.photos import LabelledPhoto, place
from local.labelled_parts import manifest_line
from workflow.aws.clients import client

AT_ONCE = 8
LONG_AGO = "2000-01-01T00:00:00"

Progress = Callable[[int, int], None]


def upload(
    photos: Sequence[LabelledPhoto], bucket: str, prefix: str, progress: Progress
) -> list[LabelledPhoto]:
    """The same photos with their places in the bucket; those that lie in S3 already stay where they are.

    `progress` is told how many are there, and how many of them were there before.
    """
    there = listing(bucket, prefix)
    placed: list[LabelledPhoto] = []
    kept = 0

    def send(photo: LabelledPhoto) -> tuple[LabelledPhoto, bool]:
        if photo.source:
            return photo, True
        key = f"{prefix}{photo.name}"
        content = photo.read()
        sent = not _same(bucket, key, content, there.get(key))
        if sent:
            digest = hashlib.sha256(content).hexdigest()
            client("s3").put_object(Bucket=bucket, Key=key, Body=content, Metadata={"sha256": digest})
        return LabelledPhoto(photo.name, photo.label, photo.read, place(bucket, key)), not sent

    client("s3")  # Making clients is not safe in threads; using them is.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for begin in range(0, len(photos), 4 * AT_ONCE):
            for photo, was_there in pool.map(send, photos[begin : begin + 4 * AT_ONCE]):
                placed.append(photo)
                kept += was_there
            progress(len(placed), kept)
    return placed


def manifest_text(photos: Sequence[LabelledPhoto], labels: list[str], at: str = "") -> str:
    """A Ground Truth manifest of photos that lie in S3; the same photos at the same time: the same text."""
    at = at or f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    return "".join(f"{manifest_line(photo.source, photo.label, labels, at)}\n" for photo in photos)


def put_text(bucket: str, key: str, text: str) -> str:
    """Store a text; returns its S3 URI."""
    client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())
    return place(bucket, key)


def get_bytes(uri: str) -> bytes:
    """The bytes of an object."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    content: bytes = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def listing(bucket: str, prefix: str) -> dict[str, tuple[int, str]]:
    """Size and ETag of every object below a prefix."""
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {
        entry["Key"]: (entry["Size"], entry["ETag"].strip('"'))
        for page in pages
        for entry in page.get("Contents", ())
    }


def _same(bucket: str, key: str, content: bytes, there: tuple[int, str] | None) -> bool:
    """By size and MD5; with other encryption the ETag is no MD5, and the hash kept beside the photo tells."""
    if there is None or there[0] != len(content):
        return False
    if there[1] == hashlib.md5(content, usedforsecurity=False).hexdigest():
        return True
    try:
        kept = client("s3").head_object(Bucket=bucket, Key=key)["Metadata"].get("sha256")
    except ClientError:
        return False
    return bool(kept == hashlib.sha256(content).hexdigest())
