"""Labelled photos from a folder, from a bucket, or from a manifest."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from custom_labels.manifest import ManifestEntry
from datasets.photo_folder import PHOTO_SUFFIXES, list_labelled_files
from datasets.s3_objects import list_objects, read_object, s3_uri
from workflow.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPhoto:
    """A photo with its label.

    `name` identifies it for users, `read` returns the file's bytes, `source` is the S3 URI of a photo in S3.
    """

    name: str
    label: str
    read: Callable[[], bytes]
    source: str = ""

    def sha256(self) -> str:
        """Return the hash of the file's bytes, as hex."""
        return hashlib.sha256(self.read()).hexdigest()


def photos_from_folder(folder: Path) -> list[LabelledPhoto]:
    """Return the photos in the sub-folders, which are named after labels; names are relative to `folder`.

    Raises ConfigurationError if there are no photos or the labels cannot be trained on.
    """
    return [
        LabelledPhoto(
            name=file.path.relative_to(folder).as_posix(), label=file.label, read=file.path.read_bytes
        )
        for file in list_labelled_files(folder)
    ]


def photos_from_bucket(uri: str) -> list[LabelledPhoto]:
    """Return the photos below an S3 prefix, each labelled by its folder.

    Raises ConfigurationError if they have fewer than two labels.
    """
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
    keys = [key for key in sorted(list_objects(bucket, prefix)) if key.lower().endswith(PHOTO_SUFFIXES)]
    photos = [
        LabelledPhoto(
            name=key.removeprefix(prefix),
            label=key.split("/")[-2],
            read=partial(read_object, bucket, key),
            source=s3_uri(bucket, key),
        )
        for key in keys
        if "/" in key.removeprefix(prefix)
    ]
    if len({photo.label for photo in photos}) < 2:
        raise ConfigurationError(f"{uri} needs photos in at least two folders named after labels")
    return photos


def photos_from_manifest(entries: Iterable[ManifestEntry], folder: Path | None) -> list[LabelledPhoto]:
    """Return the usable photos of a manifest, read from local copies in `folder`, or from S3 without it.

    Raises ConfigurationError if a copy is missing.
    """
    return [
        LabelledPhoto(
            name=entry.source, label=entry.labels[0], read=_reader(entry, folder), source=entry.source
        )
        for entry in entries
        if entry.is_usable
    ]


def _reader(entry: ManifestEntry, folder: Path | None) -> Callable[[], bytes]:
    if folder:
        return _find_copy(entry, folder).read_bytes
    return partial(read_object, entry.location.bucket, entry.location.key)


def _find_copy(entry: ManifestEntry, folder: Path) -> Path:
    """Find a photo's local copy: below the folder by its key, by label and file name, or by file name."""
    key = Path(entry.location.key)
    for candidate in (folder / key, folder / entry.labels[0] / key.name, folder / key.name):
        if candidate.is_file():
            return candidate
    raise ConfigurationError(f"{folder} holds no copy of {entry.source}")
