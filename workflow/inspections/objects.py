"""Image versions: how they are named, and the one safe way to move them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from workflow.errors import Conflict, NotFound
from workflow.inspections.verdict import Verdict

MAX_NAME_BYTES = 200


@dataclass(frozen=True, slots=True)
class Image:
    """One version of one S3 object; the key is raw text, never URL-encoded."""

    bucket: str
    key: str
    version_id: str

    @property
    def name(self) -> str:
        """The last part of the key: what people call the photo."""
        return self.key.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Stored:
    """What S3 says of an image version; `etag` identifies the bytes for conditional copies."""

    image: Image
    size: int
    etag: str
    modified_at: str = ""


class CopyResult(Enum):
    """How a guarded copy ended, when it did not simply succeed."""

    DESTINATION_EXISTS = "destination exists"
    SOURCE_CHANGED = "source changed"
    SOURCE_MISSING = "source missing"


class Shelf(Protocol):
    """Where image versions lie. Every operation names an exact version."""

    def fetch(self, image: Image, limit: int) -> tuple[Stored, bytes | None] | None:
        """This version with its bytes, without them when it is larger than `limit` bytes; None when gone."""

    def copy(self, source: Stored, bucket: str, key: str) -> Stored | CopyResult:
        """Copy if the source is still what was judged and nothing lies at the destination."""

    def newest(self, bucket: str, key: str) -> Stored | None:
        """The newest version under a key, or None."""

    def delete(self, image: Image) -> None:
        """Delete exactly this version; deleting what is gone already is no error."""

    def everything(self, bucket: str, prefix: str = "") -> Iterator[Stored]:
        """Every version of every object whose key starts with the prefix."""


def inspection_id(image: Image) -> str:
    """The id of the inspection of this version: sha256 of bucket, key and version, joined by NUL, as hex."""
    return hashlib.sha256("\0".join((image.bucket, image.key, image.version_id)).encode()).hexdigest()


def filed_key(verdict: Verdict, inspection: str, key: str, revision: int = 1) -> str:
    """`<verdict>/<id, 16 hex>/<base name>`: two versions of one name never meet, and long keys still fit.

    A later revision has its number behind the id, so that it never takes an abandoned copy for its own.
    """
    name = key.rstrip("/").rsplit("/", 1)[-1]
    folder = inspection[:16] if revision == 1 else f"{inspection[:16]}-{revision}"
    return f"{verdict}/{folder}/{_shortened(name)}"


def _shortened(name: str) -> str:
    """The name in at most 200 bytes of UTF-8, keeping its extension and whole characters."""
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension.encode()) > 16:
        stem, dot, extension = name, "", ""
    room = MAX_NAME_BYTES - len((dot + extension).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + extension


def copy_once(shelf: Shelf, source: Stored, bucket: str, key: str, sha256: str = "") -> Stored:
    """Copy a version to its destination, or adopt the copy that an earlier attempt made.

    `sha256` (hex) is what the bytes must be, where it is known. Raises NotFound when neither source nor
    destination exists, and Conflict when something else lies at the destination or the source changed.
    The caller deletes the source only after the ledger points at the destination.
    """
    answer = shelf.copy(source, bucket, key)
    if isinstance(answer, Stored):
        return answer
    if answer is CopyResult.SOURCE_CHANGED:
        raise Conflict(f"{source.image.key}: the bytes are not those that were judged")
    existing = shelf.newest(bucket, key)
    if existing is None:
        raise NotFound(f"{source.image.key}: neither the photo nor a copy at {key} exists")
    if not _same_bytes(shelf, existing, source.size, sha256):
        raise Conflict(f"{key}: another object lies where {source.image.key} should be filed")
    return existing


def _same_bytes(shelf: Shelf, existing: Stored, size: int, sha256: str) -> bool:
    if existing.size != size:
        return False
    if not sha256:
        return True
    found = shelf.fetch(existing.image, size)
    return found is not None and found[1] is not None and hashlib.sha256(found[1]).hexdigest() == sha256
