"""S3's client for one bucket in memory."""

import hashlib
import io
from typing import Any

from botocore.exceptions import ClientError


class BucketClient:
    """The part of S3's client that the upload needs, for one bucket; `encrypted` ETags are no MD5."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.puts: list[str] = []
        self.encrypted = False

    def put_object(self, Bucket: str, Key: str, Body: bytes, Metadata: dict[str, str] | None = None) -> None:  # noqa: N803
        self.puts.append(Key)
        self.objects[Key] = (Body, Metadata or {})

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key][0])}

    def delete_object(self, Bucket: str, Key: str) -> None:  # noqa: N803
        del self.objects[Key]

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "404"}}, "HeadObject")
        return {"Metadata": self.objects[Key][1]}

    def get_paginator(self, _operation: str) -> "BucketClient":
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        contents = [
            {"Key": key, "Size": len(body), "ETag": f'"{self._etag(body)}"'}
            for key, (body, _) in self.objects.items()
            if key.startswith(Prefix)
        ]
        return [{"Contents": contents}] if contents else [{}]

    def _etag(self, body: bytes) -> str:
        return "0" * 32 if self.encrypted else hashlib.md5(body, usedforsecurity=False).hexdigest()
