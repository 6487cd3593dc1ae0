"""S3 in memory: versioned buckets, delete markers, and AWS's answers to conditional copies."""

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
class Version:
    """One version of one object; without content it is a delete marker."""

    bucket: str
    key: str
    id: str
    content: bytes | None
    etag: str
    at: datetime


def refusal(code: str, operation: str, status: int, **facts: str) -> ClientError:
    """What botocore raises when S3 refuses."""
    answer: Any = {
        "Error": {"Code": code, "Message": code, **facts},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, operation)


class MemoryS3:
    """The client's operations that the product uses; `watch` is called after every change."""

    def __init__(self, now: Callable[[], datetime], watch: Callable[[], None] = lambda: None) -> None:
        self._now, self._watch = now, watch
        self._numbers = itertools.count(1)
        self.versions: dict[tuple[str, str], list[Version]] = {}

    def contents(self) -> Iterator[Version]:
        """Every version that holds bytes."""
        for stack in self.versions.values():
            yield from (version for version in stack if version.content is not None)

    def find(self, bucket: str, key: str, version: str | None) -> Version | None:
        """A version, or the newest one; None when it is gone or deleted."""
        stack = self.versions.get((bucket, key), [])
        if version is None:
            return stack[-1] if stack and stack[-1].content is not None else None
        return next((one for one in stack if one.id == version and one.content is not None), None)

    def put_object(self, Bucket: str, Key: str, Body: bytes, in_parts: bool = False) -> Any:
        """`in_parts`: the ETag of a multipart upload is not that of its copy."""
        etag = hashlib.md5(Body, usedforsecurity=False).hexdigest()
        if in_parts:
            etag = hashlib.md5(etag.encode(), usedforsecurity=False).hexdigest() + "-1"
        version = self._push(Bucket, Key, Body, f'"{etag}"')
        return {"VersionId": version.id, "ETag": version.etag}

    def get_object(self, Bucket: str, Key: str, VersionId: str | None = None) -> Any:
        version = self.find(Bucket, Key, VersionId)
        if version is None or version.content is None:
            raise refusal("NoSuchVersion" if VersionId else "NoSuchKey", "GetObject", 404)
        return {**_head(version), "Body": io.BytesIO(version.content)}

    def head_object(self, Bucket: str, Key: str, VersionId: str | None = None) -> Any:
        version = self.find(Bucket, Key, VersionId)
        if version is None:
            raise refusal("404", "HeadObject", 404)
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
            raise refusal(code, "CopyObject", 404)
        if CopySourceIfMatch is not None and source.etag != CopySourceIfMatch:
            condition = "x-amz-copy-source-If-Match"
            raise refusal("PreconditionFailed", "CopyObject", 412, Condition=condition)
        if IfNoneMatch == "*" and self.find(Bucket, Key, None) is not None:
            raise refusal("PreconditionFailed", "CopyObject", 412, Condition="If-None-Match")
        etag = hashlib.md5(source.content, usedforsecurity=False).hexdigest()
        copy = self._push(Bucket, Key, source.content, f'"{etag}"')
        return {"VersionId": copy.id, "CopyObjectResult": {"ETag": copy.etag}}

    def delete_object(self, Bucket: str, Key: str, VersionId: str | None = None) -> Any:
        stack = self.versions.setdefault((Bucket, Key), [])
        if VersionId is None:
            stack.append(Version(Bucket, Key, f"v{next(self._numbers)}", None, "", self._now()))
        else:
            stack[:] = [version for version in stack if version.id != VersionId]
        self._watch()
        return {}

    def get_paginator(self, operation: str) -> Any:
        if operation != "list_object_versions":
            raise NotImplementedError(operation)
        return SimpleNamespace(paginate=self._list)

    def _list(self, Bucket: str, Prefix: str = "") -> Iterator[Any]:
        found = [
            {"Key": one.key, "VersionId": one.id, "Size": len(one.content or b""), "ETag": one.etag,
             "LastModified": one.at}
            for one in self.contents()
            if one.bucket == Bucket and one.key.startswith(Prefix)
        ]  # fmt: skip
        return iter([{"Versions": found}] if found else [{}])

    def _push(self, bucket: str, key: str, content: bytes, etag: str) -> Version:
        version = Version(bucket, key, f"v{next(self._numbers)}", content, etag, self._now())
        self.versions.setdefault((bucket, key), []).append(version)
        self._watch()
        return version


def _head(version: Version) -> dict[str, Any]:
    return {
        "ContentLength": len(version.content or b""),
        "ETag": version.etag,
        "LastModified": version.at,
        "VersionId": version.id,
    }
