"""Labelled photos from a folder, from a bucket, or from a manifest."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from custom_labels.manifest import ManifestEntry, label_by_folder_if_none_labelled, parse_entries
from datasets.folder_labels import describe_labels, is_utf8, label_of, select_labelled
from datasets.photo_listing import LeftOut, PhotoListing, list_folder, list_keys
from datasets.s3_objects import list_objects, read_object, s3_uri
from vision.masks import is_mask
from workflow.errors import ConfigurationError

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPhoto:
    """A photo with its label.

    `name` identifies it for users, `read` returns the file's bytes, `source` is the S3 URI of a photo in S3.
    `part` is equal for photos that show one part, and empty before photos are compared.
    """

    name: str
    label: str
    read: Callable[[], bytes]
    source: str = ""
    part: str = ""

    def sha256(self) -> str:
        """Return the hash of the file's bytes, as hex."""
        return hashlib.sha256(self.read()).hexdigest()


def photos_from_folder(folder: Path, report: Report) -> list[LabelledPhoto]:
    """Return the photos in the sub-folders, which are named after labels; names are relative to `folder`.

    `report` receives what was found and left out. Raise ConfigurationError if there are no photos, or their
    names or labels cannot be used.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is not a folder")
    listing = list_folder(folder)
    if missing := [name for name in listing.names if label_of(name) and not (folder / name).is_file()]:
        raise ConfigurationError(f"{folder / missing[0]} is a link that leads to nothing")
    return _select(
        listing,
        str(folder),
        report,
        lambda name: LabelledPhoto(name=name, label=label_of(name), read=(folder / name).read_bytes),
    )


def photos_from_bucket(uri: str, report: Report) -> list[LabelledPhoto]:
    """Return the photos below an S3 prefix, by the same rule as the photos of a folder.

    `report` and errors are those of photos_from_folder.
    """
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
    listing = list_keys(key.removeprefix(prefix) for key in list_objects(bucket, prefix))
    return _select(
        listing,
        uri.rstrip("/"),
        report,
        lambda name: LabelledPhoto(
            name=name,
            label=label_of(name),
            read=partial(read_object, bucket, f"{prefix}{name}"),
            source=s3_uri(bucket, f"{prefix}{name}"),
        ),
    )


def _select(
    listing: PhotoListing, root: str, report: Report, build: Callable[[str], LabelledPhoto]
) -> list[LabelledPhoto]:
    """Return the labelled photos. Of the PNG files each is read, because masks are left out."""
    photos = [build(name) for name in listing.names if not label_of(name) or is_utf8(name)]
    masks = {photo.name for photo in photos if photo.name.lower().endswith(".png") and is_mask(photo.read())}
    listing.left_out += Counter({LeftOut.MASK: len(masks)})
    listing.names = [name for name in listing.names if name not in masks]
    try:
        names = select_labelled(listing, root)
    finally:
        if left_out := listing.describe_left_out():
            report(left_out)
    report(describe_labels(map(label_of, names), root))
    kept = set(names)
    return [photo for photo in photos if photo.name in kept]


def photos_from_manifest(entries: Iterable[ManifestEntry], folder: Path | None) -> list[LabelledPhoto]:
    """Return the usable photos of a manifest, read from local copies in `folder`, or from S3 without it.

    Raise ConfigurationError if a copy is missing.
    """
    return [
        LabelledPhoto(
            name=entry.source, label=entry.labels[0], read=_reader(entry, folder), source=entry.source
        )
        for entry in entries
        if entry.is_usable
    ]


def photos_from_manifest_file(file: Path) -> list[LabelledPhoto]:
    """Return the photos of a local manifest, which lie in S3. Raise ConfigurationError for another file."""
    try:
        entries = label_by_folder_if_none_labelled(parse_entries(file.read_text("utf-8-sig").split("\n")))
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is no manifest: it is not UTF-8 text") from error
    if unusable := [entry for entry in entries if not entry.is_usable]:
        raise ConfigurationError(
            f"{file}, line {unusable[0].number}: {', '.join(unusable[0].errors) or 'no label'}; "
            "`dataset validate` lists all errors"
        )
    return photos_from_manifest(entries, None)


def select_by_list(photos: Sequence[LabelledPhoto], file: Path) -> list[LabelledPhoto]:
    """Return the photos that a list names, one name a line.

    Raise ConfigurationError if the list cannot be read or names a photo that is not among these.
    """
    by_name = {photo.name: photo for photo in photos}
    try:
        names = file.read_text("utf-8").split("\n")
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{file} does not exist: write it with `dataset validate FOLDER --split-by-part`"
        ) from error
    wanted = [name for name in names if name]
    if missing := [name for name in wanted if name not in by_name]:
        raise ConfigurationError(f"{file} names {missing[0]}, which is not in the folder")
    return [by_name[name] for name in wanted]


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
