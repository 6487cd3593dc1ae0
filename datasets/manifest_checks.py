"""Check a manifest before the upload, and report faults under AWS's error names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from custom_labels import manifest, manifest_rules
from custom_labels.manifest import ManifestEntry, label_by_folder_if_none_labelled, parse_entries
from custom_labels.manifest_rules import (
    MAX_MANIFEST_BYTES,
    MIN_IMAGES_PER_LABEL_TO_SPLIT,
    UNREADABLE_MANIFEST,
    Manifest,
    find_overlap_problems,
)
from datasets.folder_labels import find_similar
from datasets.labelled_photos import LabelledPhoto
from vision.photo_decoding import MAX_BYTES_IN_S3, PhotoError, decode_photo

SIMILAR_LABELS = "LABEL_NAMES_LOOK_ALIKE"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetProblem:
    """AWS's error name or our own, its message, and the place (`line 3`, a photo's name, or a set's name)."""

    code: str
    message: str
    where: str
    fatal: bool = False


def read_manifest(file: Path) -> tuple[Manifest, list[DatasetProblem]]:
    """Read a manifest file; a file that is no manifest gives a problem and no lines."""
    if not file.is_file():
        return Manifest([]), [manifest_problem(UNREADABLE_MANIFEST, file.name)]
    if file.stat().st_size > MAX_MANIFEST_BYTES:
        return Manifest([]), [manifest_problem("ERROR_MANIFEST_SIZE_TOO_LARGE", file.name)]
    try:
        return Manifest(
            label_by_folder_if_none_labelled(parse_entries(file.read_bytes().decode("utf-8-sig").split("\n")))
        ), []
    except UnicodeDecodeError:
        return Manifest([]), [manifest_problem(UNREADABLE_MANIFEST, file.name)]


def manifest_from_photos(photos: Sequence[LabelledPhoto]) -> Manifest:
    """Build the manifest of a folder's photos; each is decoded as the service decodes it."""
    return Manifest([_to_entry(number, photo) for number, photo in enumerate(photos, 1)])


def find_problems(
    training: Manifest, testing: Manifest | None, images_read: bool, names: tuple[str, str]
) -> list[DatasetProblem]:
    """Return everything that AWS would report about the two sets; `names` are their names.

    `images_read` is true if the photos themselves were read. Errors of single lines are fatal only if there
    are too many of them.
    """
    problems = _problems_of_set(training, images_read, names[0])
    labels = [label for side in (training, testing) if side for label in side.count_labels()]
    problems += [_similar_labels(group, " and ".join(filter(None, names))) for group in find_similar(labels)]
    if testing is None:
        few = [
            label
            for label, count in sorted(training.count_labels().items())
            if count < MIN_IMAGES_PER_LABEL_TO_SPLIT
        ]
        code = "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_AUTOSPLIT"
        return problems + ([manifest_problem(code, f"{names[0]}, labels {', '.join(few)}")] if few else [])
    problems += _problems_of_set(testing, images_read, names[1])
    where = f"{names[0]} and {names[1]}"
    across = [manifest_problem(code, where) for code in find_overlap_problems(training, testing, images_read)]
    return problems + across + _bucket_problems(training, testing, where, problems)


def _bucket_problems(
    training: Manifest, testing: Manifest, where: str, problems: list[DatasetProblem]
) -> list[DatasetProblem]:
    """Report several buckets across both sets, unless one set has several already."""
    code = "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS"
    buckets = {
        entry.location.bucket for side in (training, testing) for entry in side.entries if entry.source
    }
    if len(buckets) > 1 and code not in {problem.code for problem in problems}:
        return [manifest_problem(code, where)]
    return []


def manifest_problem(code: str, where: str) -> DatasetProblem:
    """Return a problem of a whole set."""
    message = manifest_rules.MANIFEST_MESSAGES[code]
    return DatasetProblem(code=code, message=message, where=where, fatal=True)


def _similar_labels(labels: Sequence[str], where: str) -> DatasetProblem:
    names = ", ".join(map(ascii, labels))
    return DatasetProblem(
        code=SIMILAR_LABELS,
        message=f"Label names differ in spaces, case or composition only: {names}.",
        where=where,
        fatal=True,
    )


def _problems_of_set(side: Manifest, images_read: bool, name: str) -> list[DatasetProblem]:
    lines = [
        DatasetProblem(
            code=code,
            message=manifest.LINE_MESSAGES[code],
            where=f"{name}, {entry.text if images_read else f'line {entry.number}'}",
        )
        for entry in side.invalid_entries
        for code in entry.errors
    ]
    return lines + [manifest_problem(code, name) for code in side.find_problems(images_read)]


def _to_entry(number: int, photo: LabelledPhoto) -> ManifestEntry:
    source = photo.source or f"s3://folder/{photo.name}"
    entry = ManifestEntry(number=number, text=photo.name, source=source, labels=(photo.label,))
    try:
        content = photo.read()
        if len(content) <= MAX_BYTES_IN_S3:
            decode_photo(content)
            return entry
    except (PhotoError, OSError):
        pass
    return entry.with_error("ERROR_INVALID_IMAGE")
