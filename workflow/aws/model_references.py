"""The references of models: one JSON object for each model's ARN in the training bucket."""

import time
from collections.abc import Callable
from typing import Any

from workflow.aws.clients import client
from workflow.aws.object_store import read_object
from workflow.inspections.model_reference import KEY_PREFIX, ModelReference, parse_reference, to_json

MAX_AGE_SECONDS = 60


class S3ReferenceRepository:
    """Implements workflow.inspections.model_reference.ReferenceRepository with a cache of a minute.

    A warm function reads the reference of the model in use once a minute, and finds a new one after that.
    """

    def __init__(self, bucket: str, s3: Any = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._bucket = bucket
        self._s3 = s3 or client("s3")
        self._clock = clock
        self._cache: dict[str, tuple[float, ModelReference | None]] = {}

    def get(self, model: str) -> ModelReference | None:
        read_at, reference = self._cache.get(model, (float("-inf"), None))
        if self._clock() - read_at < MAX_AGE_SECONDS:
            return reference
        reference = self._fetch(model)
        self._cache = {model: (self._clock(), reference)}
        return reference

    def put(self, reference: ModelReference) -> None:
        write_json(self._s3, self._bucket, object_key(reference.model), to_json(reference))
        self._cache.clear()

    def _fetch(self, model: str) -> ModelReference | None:
        text = read_json(self._s3, self._bucket, object_key(model))
        return None if text is None else parse_reference(text)


def read_json(s3: Any, bucket: str, key: str) -> str | None:
    """Return the text of a JSON object, or None if it does not exist. Bytes that are no text are replaced."""
    content = read_object(s3, bucket, key)
    return None if content is None else content.decode("utf-8", "replace")


def write_json(s3: Any, bucket: str, key: str, text: str) -> None:
    """Store the text of a JSON object."""
    s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), ContentType="application/json")


def object_key(model: str) -> str:
    """Return the key of a model's reference."""
    return f"{KEY_PREFIX}{model}.json"
