"""Upload photos to S3; photos that are there with the same bytes are not sent again."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from botocore.exceptions import ClientError

from datasets.folder_labels import is_utf8
from datasets.labelled_photos import LabelledPhoto
from datasets.s3_objects import list_objects, s3_uri
from workflow.aws.clients import client
from workflow.errors import ConfigurationError

CONCURRENCY = 8
MAX_NAME_BYTES = 768  # S3 allows keys of 1,024 bytes, and the prefix needs some.

UploadProgress = Callable[[int, int], None]


def upload_photos(
    photos: Sequence[LabelledPhoto], bucket: str, prefix: str, progress: UploadProgress
) -> list[LabelledPhoto]:
    """Upload the photos and return them with their S3 URIs; photos in S3 stay where they are.

    `progress` receives the number of photos in S3, and how many of them were there before. Raise
    ConfigurationError, before the first upload, for a name that S3 refuses.
    """
    _check_keys(photo.name for photo in photos if not photo.source)
    existing = list_objects(bucket, prefix)
    stored: list[LabelledPhoto] = []
    unchanged = 0

    def send(photo: LabelledPhoto) -> tuple[LabelledPhoto, bool]:
        if photo.source:
            return photo, True
        key = f"{prefix}{photo.name}"
        content = photo.read()
        is_unchanged = _is_stored(bucket, key, content, existing.get(key))
        if not is_unchanged:
            digest = hashlib.sha256(content).hexdigest()
            client("s3").put_object(Bucket=bucket, Key=key, Body=content, Metadata={"sha256": digest})
        return replace(photo, source=s3_uri(bucket, key)), is_unchanged

    client("s3")  # Clients are thread-safe, creating them is not.
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        for begin in range(0, len(photos), 4 * CONCURRENCY):
            for photo, is_unchanged in pool.map(send, photos[begin : begin + 4 * CONCURRENCY]):
                stored.append(photo)
                unchanged += is_unchanged
            progress(len(stored), unchanged)
    return stored


def _check_keys(names: Iterable[str]) -> None:
    """Raise ConfigurationError for a name that S3 refuses as a key, before the first upload."""
    for name in names:
        if not is_utf8(name):
            raise ConfigurationError(f"{name}: its name is not valid UTF-8: rename it")
        if len(name.encode()) > MAX_NAME_BYTES:
            raise ConfigurationError(f"{name}: its name is too long for S3: shorten it")


def _is_stored(bucket: str, key: str, content: bytes, existing: tuple[int, str] | None) -> bool:
    """Compare size and MD5, or the hash in the metadata if the ETag is no MD5 (with some encryption)."""
    if existing is None or existing[0] != len(content):
        return False
    if existing[1] == hashlib.md5(content, usedforsecurity=False).hexdigest():
        return True
    try:
        digest = client("s3").head_object(Bucket=bucket, Key=key)["Metadata"].get("sha256")
    except ClientError:
        return False
    return bool(digest == hashlib.sha256(content).hexdigest())
