"""Own models: the files of models that our functions load, in the training bucket."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.model_control_plane import RekognitionModelControlPlane
from workflow.aws.object_store import read_object
from workflow.models.model import ModelKind, ModelStatus, ModelVersion, RequestResult, kind_of

FILE_SUFFIX = ".npz"
ABOUT_SUFFIX = ".json"


class S3OwnModels:
    """The own models of all projects: each is a file `PROJECT/version/NAME/TIME.npz`, and its ARN names it.

    Beside it, `TIME.json` describes its training. A model exists once both are stored; neither changes.
    """

    def __init__(self, bucket: str, s3: Any = None) -> None:
        self._bucket = bucket
        self._s3 = s3 or client("s3")

    def put(self, project: str, name: str, content: bytes, about: Mapping[str, Any]) -> str:
        """Store a model with the description of its training; return its ARN."""
        stem = f"{project}/version/{name}/{round(time.time() * 1000)}"
        self._s3.put_object(Bucket=self._bucket, Key=stem + FILE_SUFFIX, Body=content)
        self._s3.put_object(Bucket=self._bucket, Key=stem + ABOUT_SUFFIX, Body=json.dumps(about).encode())
        return f"arn:aws:s3:::{self._bucket}/{stem}{FILE_SUFFIX}"

    def read(self, arn: str) -> bytes | None:
        """Return the content of a model's file, or None if it does not exist."""
        return read_object(self._s3, *_location(arn))

    def describe(self, arn: str) -> ModelVersion | None:
        """Return one model, or None if it does not exist."""
        bucket, key = _location(arn)
        text = read_object(self._s3, bucket, key.removesuffix(FILE_SUFFIX) + ABOUT_SUFFIX)
        return ModelVersion(arn=arn, status=ModelStatus.RUNNING, **json.loads(text)) if text else None

    def list_versions(self, project: str) -> list[ModelVersion]:
        """List the own models of a project, newest first."""
        keys = [key for key in self._keys(f"{project}/version/") if key.endswith(ABOUT_SUFFIX)]
        arns = [f"arn:aws:s3:::{self._bucket}/{key.removesuffix(ABOUT_SUFFIX)}{FILE_SUFFIX}" for key in keys]
        versions = [version for arn in arns if (version := self.describe(arn))]
        return sorted(versions, key=lambda version: version.created_at, reverse=True)

    def delete(self, arn: str) -> RequestResult:
        """Delete a model: first its description, so that no half model stays listed."""
        bucket, key = _location(arn)
        for name in (key.removesuffix(FILE_SUFFIX) + ABOUT_SUFFIX, key):
            self._s3.delete_object(Bucket=bucket, Key=name)
        return RequestResult.ACCEPTED

    def _keys(self, prefix: str) -> Iterator[str]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            yield from (entry["Key"] for entry in page.get("Contents", ()))


class ModelControlPlaneOfAllKinds(RekognitionModelControlPlane):
    """The control plane for people: it also knows own models, which need no start and no stop."""

    def __init__(self, own: S3OwnModels, rekognition: Any = None) -> None:
        super().__init__(rekognition)
        self.own = own

    def describe(self, arn: str) -> ModelVersion | None:
        return self.own.describe(arn) if kind_of(arn) is ModelKind.OWN else super().describe(arn)

    def list_versions(self, project: str) -> list[ModelVersion]:
        versions = [*super().list_versions(project), *self.own.list_versions(project)]
        return sorted(versions, key=lambda version: version.created_at, reverse=True)

    def delete(self, arn: str) -> RequestResult:
        return self.own.delete(arn) if kind_of(arn) is ModelKind.OWN else super().delete(arn)


def describe_training(summary_uri: str, training_uri: str, seconds: int) -> dict[str, Any]:
    """Return the description that is stored beside a model: its creation, reports, and training time."""
    return {
        "created_at": timestamps.now(),
        "summary_uri": summary_uri,
        "training_uri": training_uri,
        "training_seconds": seconds,
    }


def _location(arn: str) -> tuple[str, str]:
    bucket, _, key = arn.split(":", 5)[5].partition("/")
    return bucket, key
