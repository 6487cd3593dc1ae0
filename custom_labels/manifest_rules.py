"""AWS's rules for whole manifests, with AWS's error names."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from custom_labels.manifest import ManifestEntry

MAX_ROWS = 250_000
MAX_LABELS = 250
MIN_LABELS = 2
MAX_INVALID_SHARE = 0.2
MIN_LABEL_OVERLAP = 0.5
MAX_MANIFEST_BYTES = 1024**3
MIN_IMAGES_PER_LABEL_TO_SPLIT = 2

UNREADABLE_MANIFEST = "ERROR_MANIFEST_INACCESSIBLE_OR_UNSUPPORTED_FORMAT"

MANIFEST_MESSAGES = {
    "ERROR_EMPTY_MANIFEST": "The manifest file is empty.",
    UNREADABLE_MANIFEST: "The manifest file extension or contents are invalid.",
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


class ManifestRejected(Exception):
    """A manifest that cannot be trained on; `code` is AWS's error name."""

    def __init__(self, code: str) -> None:
        super().__init__(f"{code}: {MANIFEST_MESSAGES[code]}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Manifest:
    """All lines of the training set or of the test set."""

    entries: list[ManifestEntry]

    @property
    def usable_entries(self) -> list[ManifestEntry]:
        return [entry for entry in self.entries if entry.is_usable]

    @property
    def invalid_entries(self) -> list[ManifestEntry]:
        return [entry for entry in self.entries if entry.errors]

    def count_labels(self) -> Counter[str]:
        """Count the usable images of each label."""
        return Counter(label for entry in self.usable_entries for label in entry.labels)

    def find_problems(self, images_read: bool) -> list[str]:
        """Return the error names of the manifest as a whole, the most severe first.

        `images_read` selects the names that AWS uses after it read the images.
        """
        return list(self._problems(images_read))

    def _problems(self, images_read: bool) -> Iterator[str]:
        if not self.entries:
            yield "ERROR_EMPTY_MANIFEST"
            return
        if len(self.entries) > MAX_ROWS:
            yield "ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM"
        if len(self.invalid_entries) > MAX_INVALID_SHARE * len(self.entries):
            yield "ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST"
        if len({entry.location.bucket for entry in self.entries if entry.source}) > 1:
            yield "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS"
        labels = len(self.count_labels())
        if labels < MIN_LABELS:
            yield "ERROR_MANIFEST_TOO_FEW_USABLE_LABELS" if images_read else "ERROR_MANIFEST_TOO_FEW_LABELS"
        if labels > MAX_LABELS:
            yield "ERROR_MANIFEST_TOO_MANY_LABELS"

    def summarize(self, problems: list[str]) -> dict[str, Any]:
        """Build this manifest's part of AWS's manifest summary."""
        ignored = [entry for entry in self.entries if not entry.errors and not entry.labels]
        return {
            "use_case": "IMAGE_LEVEL_LABELS" if self.usable_entries else "NOT_DETERMINED",
            "total_json_lines": len(self.entries),
            "valid_json_lines": len(self.usable_entries),
            "invalid_json_lines": len(self.invalid_entries),
            "ignored_json_lines": len(ignored),
            "error_json_line_indices": [entry.number for entry in self.invalid_entries],
            "errors": describe_problems(problems),
        }


def find_overlap_problems(training: Manifest, testing: Manifest, images_read: bool) -> list[str]:
    """Return the error name if training and test share less than half of their labels."""
    training_labels, test_labels = set(training.count_labels()), set(testing.count_labels())
    most = max(len(training_labels), len(test_labels), 1)
    if len(training_labels & test_labels) >= MIN_LABEL_OVERLAP * most:
        return []
    return ["ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP" if images_read else "ERROR_INSUFFICIENT_LABEL_OVERLAP"]


def describe_problems(codes: list[str]) -> list[dict[str, str]]:
    """Return code and message of each problem."""
    return [{"code": code, "message": MANIFEST_MESSAGES[code]} for code in codes]
