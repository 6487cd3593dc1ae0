"""Photos of parts with their labels: read from folders, written down as a Ground Truth manifest line."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from workflow.errors import ConfigurationError

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")
ATTRIBUTE = "verdict"


class Part(Protocol):
    """One photo with the label that a person gave it."""

    @property
    def name(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def content(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo in a folder named after its label, read when it is needed."""

    path: Path
    label: str

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def content(self) -> bytes:
        return self.path.read_bytes()


def parts_from_folder(folder: Path) -> list[PhotoFile]:
    """The photos in a folder's sub-folders, whose names are the labels.

    Raises ConfigurationError when that makes no data set: no photos, or fewer than two labels.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is not a folder")
    labels = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    parts = [PhotoFile(photo, label.name) for label in labels for photo in _photos(label)]
    if not parts:
        raise ConfigurationError(
            f"{folder} holds no photos: put .jpg, .jpeg or .png files into sub-folders named after labels"
        )
    check_labels({part.label for part in parts})
    return parts


def _photos(folder: Path) -> Iterable[Path]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return (file for file in files if file.suffix.lower() in PHOTO_SUFFIXES and not file.name.startswith("."))


def check_labels(labels: Iterable[str]) -> None:
    """Refuse labels from which nothing can be learned, or by which every part would be judged alike."""
    names = sorted(labels)
    if len(names) < 2:
        only = f"only {names[0]!r}" if names else "none"
        raise ConfigurationError(f"training needs photos of at least two labels, and there is {only}")
    sound = [name for name in names if means_ok(name)]
    if not sound or len(sound) == len(names):
        raise ConfigurationError(
            f"labels of sound parts begin with ok or good, those of defects do not; {names} has one kind only"
        )


def means_ok(label: str) -> bool:
    """Whether a label names sound parts: ok, OK, okay, ok_front, good …"""
    return label.casefold().startswith(("ok", "good"))


def manifest_line(source: str, label: str, labels: list[str], at: str) -> str:
    """One photo as Ground Truth writes it down, with the label for the whole image."""
    metadata = {
        "confidence": 1,
        "class-name": label,
        "human-annotated": "yes",
        "creation-date": at,
        "type": "groundtruth/image-classification",
        "job-name": "labeling-job/partcheck",
    }
    line = {"source-ref": source, ATTRIBUTE: labels.index(label), f"{ATTRIBUTE}-metadata": metadata}
    return json.dumps(line, ensure_ascii=False)


def batches(parts: Iterable[Part], size: int) -> Iterator[list[Part]]:
    """The parts in groups, so that not all photos are in memory at once."""
    batch: list[Part] = []
    for part in parts:
        batch.append(part)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
