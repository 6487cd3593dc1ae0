"""AWS's rules for whole manifests, with AWS's names for what breaks them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.custom_labels.manifest import Entry

MOST_ROWS = 250_000
MOST_LABELS = 250
FEWEST_LABELS = 2
MOST_INVALID = 0.2
LEAST_OVERLAP = 0.5

UNREADABLE = "ERROR_MANIFEST_INACCESSIBLE_OR_UNSUPPORTED_FORMAT"

MESSAGES = {
    "ERROR_EMPTY_MANIFEST": "The manifest file is empty.",
    UNREADABLE: "The manifest file extension or contents are invalid.",
    "ERROR_MANIFEST_SIZE_TOO_LARGE": "The manifest file size exceeds the maximum supported size.",
    "ERROR_CANNOT_WRITE_OUTPUT_S3_BUCKET": "Unable to write to output S3 bucket.",
    "ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM": "The manifest file has too many rows.",
    "ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST": "The manifest file contains too many invalid rows.",
    "ERROR_TOO_MANY_RECORDS_IN_ERROR": "The manifest file has too many terminal errors.",
    "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS": "The manifest file contains images from multiple S3 buckets.",
    "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_AUTOSPLIT": (
        "The manifest file contains insufficient labeled images per label to perform auto-split."
    ),
    "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_DISTRIBUTE": (
        "The manifest file doesn't have enough labeled images to distribute the dataset."
    ),
    "ERROR_MANIFEST_TOO_FEW_LABELS": "The manifest file has too few labels.",
    "ERROR_MANIFEST_TOO_MANY_LABELS": "The manifest file has too many labels.",
    "ERROR_INSUFFICIENT_LABEL_OVERLAP": (
        "Less than 50% label overlap between the training and testing manifest files."
    ),
    "ERROR_MANIFEST_TOO_FEW_USABLE_LABELS": "The manifest file has too few usable labels.",
    "ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP": (
        "Less than 50% usable label overlap between the training and testing manifest files."
    ),
}


class ManifestRefused(Exception):
    """Training cannot go on; code is AWS's name of the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(f"{code}: {MESSAGES[code]}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Manifest:
    """All lines of the training or of the test set, before or after their images were read."""

    entries: list[Entry]

    @property
    def usable(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.usable]

    @property
    def invalid(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.errors]

    def label_counts(self) -> Counter[str]:
        return Counter(label for entry in self.usable for label in entry.labels)

    def problems(self, images_read: bool) -> list[str]:
        """What is wrong with the file as a whole, the worst first."""
        return list(self._problems(images_read))

    def _problems(self, images_read: bool) -> Iterator[str]:
        if not self.entries:
            yield "ERROR_EMPTY_MANIFEST"
            return
        if len(self.entries) > MOST_ROWS:
            yield "ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM"
        if len(self.invalid) > MOST_INVALID * len(self.entries):
            yield "ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST"
        if len({entry.place.bucket for entry in self.entries if entry.source}) > 1:
            yield "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS"
        labels = len(self.label_counts())
        if labels < FEWEST_LABELS:
            yield "ERROR_MANIFEST_TOO_FEW_USABLE_LABELS" if images_read else "ERROR_MANIFEST_TOO_FEW_LABELS"
        if labels > MOST_LABELS:
            yield "ERROR_MANIFEST_TOO_MANY_LABELS"

    def statistics(self, problems: list[str]) -> dict[str, Any]:
        """The manifest's part of AWS's manifest summary."""
        ignored = [entry for entry in self.entries if not entry.errors and not entry.labels]
        return {
            "use_case": "IMAGE_LEVEL_LABELS" if self.usable else "NOT_DETERMINED",
            "total_json_lines": len(self.entries),
            "valid_json_lines": len(self.usable),
            "invalid_json_lines": len(self.invalid),
            "ignored_json_lines": len(ignored),
            "error_json_line_indices": [entry.number for entry in self.invalid],
            "errors": described(problems),
        }


def overlap_problems(training: Manifest, testing: Manifest, images_read: bool) -> list[str]:
    known, asked = set(training.label_counts()), set(testing.label_counts())
    if len(known & asked) >= LEAST_OVERLAP * max(len(known), len(asked), 1):
        return []
    return ["ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP" if images_read else "ERROR_INSUFFICIENT_LABEL_OVERLAP"]


def described(codes: list[str]) -> list[dict[str, str]]:
    return [{"code": code, "message": MESSAGES[code]} for code in codes]
