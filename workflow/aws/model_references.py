"""The references of models: one JSON object for each model's ARN in the training bucket."""

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from workflow.aws.clients import client
from workflow.aws.object_store import is_missing_object
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
        body = to_json(reference).encode()
        self._s3.put_object(
            Bucket=self._bucket, Key=object_key(reference.model), Body=body, ContentType="application/json"
        )
        self._cache.clear()

    def _fetch(self, model: str) -> ModelReference | None:
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=object_key(model))
        except ClientError as error:
            if is_missing_object(error):
                return None
            raise
        with answer["Body"] as body:
            return parse_reference(body.read().decode("utf-8", "replace"))


def object_key(model: str) -> str:
    """Return the key of a model's reference."""
    return f"{KEY_PREFIX}{model}.json"
