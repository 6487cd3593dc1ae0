"""Image versions: their names, the object store, and the safe way to copy them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NewType, Protocol

from workflow.errors import Conflict, NotFound

MAX_COPY_BYTES = 5_000_000_000  # S3 copies no larger object in one request.
InspectionId = NewType("InspectionId", str)


@dataclass(frozen=True, slots=True)
class Image:
    """One version of one S3 object. The key is raw text, never URL-encoded."""

    bucket: str
    key: str
    version_id: str

    @property
    def name(self) -> str:
        """Return the last part of the key, which people call the photo."""
        return self.key.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An image version as S3 describes it. `etag` identifies the bytes for conditional copies.

    `camera` is the camera's name in the object's metadata; empty if it names none.
    """

    image: Image
    size: int
    etag: str
    modified_at: str = ""
    camera: str = ""


class CopyFailure(Enum):
    """The reason why a conditional copy was refused."""

    DESTINATION_EXISTS = "destination exists"
    SOURCE_CHANGED = "source changed"
    SOURCE_MISSING = "source missing"


class ObjectStore(Protocol):
    """Photos in versioned buckets. Every operation names an exact version."""

    def fetch(self, image: Image, limit: int) -> tuple[StoredObject, bytes | None] | None:
        """Return the version with its bytes, without bytes above `limit`, or None if it does not exist."""

    def copy_if_unchanged(self, source: StoredObject, bucket: str, key: str) -> StoredObject | CopyFailure:
        """Copy exactly this version if its ETag is unchanged and the destination does not exist."""

    def get_latest(self, bucket: str, key: str) -> StoredObject | None:
        """Return the newest version of a key, or None."""

    def delete(self, image: Image) -> None:
        """Delete exactly this version. Deleting a version that does not exist is no error."""

    def list_versions(self, bucket: str, prefix: str = "", after: str = "") -> Iterator[StoredObject]:
        """Yield every version of every object whose key starts with the prefix, in the order of the keys.

        With `after`, yield only those whose key comes after this text.
        """


def inspection_id(image: Image) -> InspectionId:
    """Return the id of a version's inspection: SHA-256 of bucket, key, version, joined by NUL, as hex."""
    text = "\0".join((image.bucket, image.key, image.version_id))
    return InspectionId(hashlib.sha256(text.encode()).hexdigest())


def copy_once(
    objects: ObjectStore, source: StoredObject, bucket: str, key: str, sha256: str = ""
) -> StoredObject:
    """Copy a version to its destination, or adopt the copy that an earlier attempt made.

    If `sha256` (hex) is given, an adopted copy must have it. Raise NotFound if neither source nor destination
    exists, and Conflict if the destination is another object or the source changed. The caller deletes the
    source only after the row points at the destination.
    """
    result = objects.copy_if_unchanged(source, bucket, key)
    if isinstance(result, StoredObject):
        return result
    if result is CopyFailure.SOURCE_CHANGED:
        raise Conflict(f"{source.image.key}: the bytes changed since they were validated")
    existing = objects.get_latest(bucket, key)
    if existing is None:
        raise NotFound(f"{source.image.key}: neither the photo nor a copy at {key} exists")
    if not _same_bytes(objects, existing, source.size, sha256):
        raise Conflict(f"{key}: another object exists where {source.image.key} should be filed")
    return existing


def _same_bytes(objects: ObjectStore, existing: StoredObject, size: int, sha256: str) -> bool:
    if existing.size != size:
        return False
    if not sha256:
        return True
    fetched = objects.fetch(existing.image, size)
    return fetched is not None and fetched[1] is not None and hashlib.sha256(fetched[1]).hexdigest() == sha256
