"""Labelled photos wherever they lie: in a folder, in a bucket, or named by a manifest."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local.custom_labels.manifest import Entry
from local.labelled_parts import PHOTO_SUFFIXES, parts_from_folder
from workflow.aws.clients import client
from workflow.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """One photo: `name` tells people which, `source` is its S3 URI if it lies in a bucket."""

    name: str
    label: str
    read: Callable[[], bytes]
    source: str = ""

    def sha256(self) -> str:
        """The hash of its bytes, as hex."""
        return hashlib.sha256(self.read()).hexdigest()


def from_folder(folder: Path) -> list[LabelledPhoto]:
    """The photos in a folder's sub-folders, whose names are the labels; names are relative to the folder."""
    return [
        LabelledPhoto(part.path.relative_to(folder).as_posix(), part.label, part.path.read_bytes)
        for part in parts_from_folder(folder)
    ]


def from_bucket(uri: str) -> list[LabelledPhoto]:
    """The photos below an S3 prefix, labelled by the folder that each lies in."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
    wanted = [key for key in sorted(keys) if key.lower().endswith(PHOTO_SUFFIXES)]
    photos = [
        LabelledPhoto(key.removeprefix(prefix), key.split("/")[-2], reader(bucket, key), place(bucket, key))
        for key in wanted
        if "/" in key.removeprefix(prefix)
    ]
    if len({photo.label for photo in photos}) < 2:
        raise ConfigurationError(f"{uri} needs photos in at least two folders named after labels")
    return photos


def from_manifest(entries: Iterable[Entry], folder: Path | None) -> list[LabelledPhoto]:
    """The photos that a manifest names: copies in a local folder if there is one, else those in S3."""
    return [
        LabelledPhoto(
            entry.source,
            entry.labels[0],
            _copy_of(entry, folder).read_bytes if folder else reader(entry.place.bucket, entry.place.key),
            entry.source,
        )
        for entry in entries
        if entry.usable
    ]


def place(bucket: str, key: str) -> str:
    """The S3 URI of an object."""
    return f"s3://{bucket}/{key}"


def _copy_of(entry: Entry, folder: Path) -> Path:
    """A photo's local copy: below the folder under its key, under its label, or directly."""
    key = Path(entry.place.key)
    for tried in (folder / key, folder / entry.labels[0] / key.name, folder / key.name):
        if tried.is_file():
            return tried
    raise ConfigurationError(f"{folder} holds no copy of {entry.source}")


def reader(bucket: str, key: str) -> Callable[[], bytes]:
    """What reads an object when it is needed."""
    return partial(_fetch, bucket, key)


def _fetch(bucket: str, key: str) -> bytes:
    content: bytes = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return content
