"""What AWS would refuse, found before anything is uploaded, under the names that AWS gives it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local.custom_labels import manifest, manifest_rules
from local.custom_labels.faults import Fault
from local.custom_labels.manifest import Entry, named_by_folder, read_entries
from local.custom_labels.manifest_rules import UNREADABLE, Manifest, overlap_problems
from local.custom_labels.photos import MOST_BYTES_IN_S3, read_photo
from local.data_sets.photos import LabelledPhoto

LARGEST_MANIFEST = 1024**3
FEWEST_TO_SPLIT = 2


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong: AWS's code, its sentence, and where (`line 3`, a photo's name, or a set)."""

    code: str
    message: str
    where: str
    fatal: bool = False


def read_manifest(file: Path) -> tuple[Manifest, list[Complaint]]:
    """A manifest file's lines; a file that is none is a complaint and has no lines."""
    if file.stat().st_size > LARGEST_MANIFEST:
        return Manifest([]), [whole("ERROR_MANIFEST_SIZE_TOO_LARGE", file.name)]
    try:
        return Manifest(named_by_folder(read_entries(file.read_text("utf-8-sig").split("\n")))), []
    except UnicodeDecodeError:
        return Manifest([]), [whole(UNREADABLE, file.name)]


def manifest_of(photos: Sequence[LabelledPhoto]) -> Manifest:
    """What a folder's photos would be as a manifest, each looked at as the service looks at it."""
    return Manifest([_entry(number, photo) for number, photo in enumerate(photos, 1)])


def complaints(
    training: Manifest, testing: Manifest | None, read: bool, names: tuple[str, str]
) -> list[Complaint]:
    """Everything AWS would say of the two sets; `read` says whether the photos themselves were looked at.

    Errors of single lines are fatal only where there are too many of them.
    """
    found = [*_of_set(training, read, names[0])]
    if testing is None:
        few = [label for label, count in sorted(training.label_counts().items()) if count < FEWEST_TO_SPLIT]
        code = "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_AUTOSPLIT"
        return found + ([whole(code, f"{names[0]}, labels {', '.join(few)}")] if few else [])
    found += _of_set(testing, read, names[1])
    across = [whole(code, f"{names[0]} and {names[1]}") for code in overlap_problems(training, testing, read)]
    buckets = {entry.place.bucket for one in (training, testing) for entry in one.entries if entry.source}
    several = [whole("ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS", f"{names[0]} and {names[1]}")]
    told = {complaint.code for complaint in found}
    return found + across + (several if len(buckets) > 1 and several[0].code not in told else [])


def whole(code: str, where: str) -> Complaint:
    """A complaint about a set as a whole."""
    return Complaint(code, manifest_rules.MESSAGES[code], where, fatal=True)


def _of_set(one: Manifest, read: bool, name: str) -> list[Complaint]:
    lines = [
        Complaint(code, manifest.MESSAGES[code], f"{name}, {entry.text if read else f'line {entry.number}'}")
        for entry in one.invalid
        for code in entry.errors
    ]
    return lines + [whole(code, name) for code in one.problems(read)]


def _entry(number: int, photo: LabelledPhoto) -> Entry:
    entry = Entry(number, photo.name, photo.source or f"s3://folder/{photo.name}", (photo.label,))
    try:
        content = photo.read()
        if len(content) <= MOST_BYTES_IN_S3:
            read_photo(content)
            return entry
    except (Fault, OSError):
        pass
    return entry.with_error("ERROR_INVALID_IMAGE")
