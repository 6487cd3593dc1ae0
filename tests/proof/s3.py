"""In-memory S3: versioned buckets, delete markers, and AWS's responses to conditional copies."""

import hashlib
import io
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of one object. A version without content is a delete marker."""

    bucket: str
    key: str
    id: str
    content: bytes | None
    etag: str
    last_modified: datetime


def client_error(code: str, operation: str, status: int, **details: str) -> ClientError:
    """Return the error that botocore raises for a failed call."""
    response: Any = {
        "Error": {"Code": code, "Message": code, **details},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, operation)


class InMemoryS3:
    """The operations of an S3 client that the product uses. `on_write` is called after every write."""

    def __init__(self, now: Callable[[], datetime], on_write: Callable[[], None] = lambda: None) -> None:
        self._now, self._on_write = now, on_write
        self._numbers = itertools.count(1)
        self.versions: dict[tuple[str, str], list[ObjectVersion]] = {}

    def contents(self) -> Iterator[ObjectVersion]:
        """Yield every version that has content."""
        for stack in self.versions.values():
            yield from (version for version in stack if version.content is not None)

    def find(self, bucket: str, key: str, version: str | None) -> ObjectVersion | None:
        """Return a version, or the latest one. Return None if it is missing or deleted."""
        stack = self.versions.get((bucket, key), [])
        if version is None:
            return stack[-1] if stack and stack[-1].content is not None else None
        return next((stored for stored in stack if stored.id == version and stored.content is not None), None)

    def put_object(self, Bucket: str, Key: str, Body: bytes, in_parts: bool = False) -> Any:
        """Store a version. With `in_parts` its ETag is a multipart upload's, which its copy does not keep."""
        etag = hashlib.md5(Body, usedforsecurity=False).hexdigest()
        if in_parts:
            etag = hashlib.md5(etag.encode(), usedforsecurity=False).hexdigest() + "-1"
        version = self._push(Bucket, Key, Body, f'"{etag}"')
        return {"VersionId": version.id, "ETag": version.etag}

    def get_object(self, Bucket: str, Key: str, VersionId: str | None = None) -> Any:
        version = self.find(Bucket, Key, VersionId)
        if version is None or version.content is None:
            raise client_error("NoSuchVersion" if VersionId else "NoSuchKey", "GetObject", 404)
        return {**_head(version), "Body": io.BytesIO(version.content)}

    def head_object(self, Bucket: str, Key: str, VersionId: str | None = None) -> Any:
        version = self.find(Bucket, Key, VersionId)
        if version is None:
            raise client_error("404", "HeadObject", 404)
        return _head(version)

    def copy_object(
        self,
        Bucket: str,
        Key: str,
        CopySource: dict[str, str],
        CopySourceIfMatch: str | None = None,
        IfNoneMatch: str | None = None,
    ) -> Any:
        source = self.find(CopySource["Bucket"], CopySource["Key"], CopySource.get("VersionId"))
        if source is None or source.content is None:
            code = "NoSuchVersion" if "VersionId" in CopySource else "NoSuchKey"
            raise client_error(code, "CopyObject", 404)
        if CopySourceIfMatch is not None and source.etag != CopySourceIfMatch:
            condition = "x-amz-copy-source-If-Match"
            raise client_error("PreconditionFailed", "CopyObject", 412, Condition=condition)
        if IfNoneMatch == "*" and self.find(Bucket, Key, None) is not None:
            raise client_error("PreconditionFailed", "CopyObject", 412, Condition="If-None-Match")
        etag = hashlib.md5(source.content, usedforsecurity=False).hexdigest()
        copy = self._push(Bucket, Key, source.content, f'"{etag}"')
        return {"VersionId": copy.id, "CopyObjectResult": {"ETag": copy.etag}}

    def delete_object(self, Bucket: str, Key: str, VersionId: str | None = None) -> Any:
        stack = self.versions.setdefault((Bucket, Key), [])
        if VersionId is None:
            stack.append(ObjectVersion(Bucket, Key, f"v{next(self._numbers)}", None, "", self._now()))
        else:
            stack[:] = [version for version in stack if version.id != VersionId]
        self._on_write()
        return {}

    def get_paginator(self, operation: str) -> Any:
        if operation != "list_object_versions":
            raise NotImplementedError(operation)
        return SimpleNamespace(paginate=self._list)

    def _list(self, Bucket: str, Prefix: str = "", KeyMarker: str = "") -> Iterator[Any]:
        versions = [
            {"Key": version.key, "VersionId": version.id, "Size": len(version.content or b""),
             "ETag": version.etag, "LastModified": version.last_modified}
            for version in sorted(self.contents(), key=lambda version: version.key)
            if version.bucket == Bucket and version.key.startswith(Prefix) and version.key > KeyMarker
        ]  # fmt: skip
        return iter([{"Versions": versions}] if versions else [{}])

    def _push(self, bucket: str, key: str, content: bytes, etag: str) -> ObjectVersion:
        version = ObjectVersion(bucket, key, f"v{next(self._numbers)}", content, etag, self._now())
        self.versions.setdefault((bucket, key), []).append(version)
        self._on_write()
        return version


def _head(version: ObjectVersion) -> dict[str, Any]:
    return {
        "ContentLength": len(version.content or b""),
        "ETag": version.etag,
        "LastModified": version.last_modified,
        "VersionId": version.id,
    }
