"""The location of an object in S3."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class S3Location:
    """An object in S3, or one version of it."""

    bucket: str
    key: str
    version: str | None = None
