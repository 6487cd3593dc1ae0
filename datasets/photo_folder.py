"""Photos in local folders that are named after their labels."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from workflow.errors import ConfigurationError
from workflow.inspections.label_rules import is_ok_label

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """A photo file in a folder that is named after its label."""

    path: Path
    label: str


def list_labelled_files(folder: Path) -> list[LabelledFile]:
    """List the photos in the sub-folders of a folder; their names are the labels.

    Raises ConfigurationError if there are no photos or the labels cannot be trained on.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is not a folder")
    labels = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    files = [LabelledFile(photo, label.name) for label in labels for photo in _list_photos(label)]
    if not files:
        raise ConfigurationError(
            f"{folder} holds no photos: put .jpg, .jpeg or .png files into sub-folders named after labels"
        )
    check_labels({file.label for file in files})
    return files


def _list_photos(folder: Path) -> Iterable[Path]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return (file for file in files if file.suffix.lower() in PHOTO_SUFFIXES and not file.name.startswith("."))


def check_labels(labels: Iterable[str]) -> None:
    """Raise ConfigurationError if there are fewer than two labels, or all mean ok, or all mean a defect."""
    names = sorted(labels)
    if len(names) < 2:
        only = f"only {names[0]!r}" if names else "none"
        raise ConfigurationError(f"training needs photos of at least two labels, and there is {only}")
    ok_labels = [name for name in names if is_ok_label(name)]
    if not ok_labels or len(ok_labels) == len(names):
        raise ConfigurationError(
            f"labels of sound parts begin with ok or good, those of defects do not; {names} has one kind only"
        )
