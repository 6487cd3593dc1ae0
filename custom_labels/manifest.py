"""Lines of a Ground Truth image-classification manifest, with AWS's error names."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from custom_labels.s3_location import S3Location

MAX_LINE_LENGTH = 100_000
MAX_LABEL_LENGTH = 255
CLASSIFICATION_TYPE = "groundtruth/image-classification"
RESERVED_KEYS = ("source-ref", "errors")

LINE_MESSAGES = {
    "ERROR_INVALID_JSON_LINE": "The JSON Line has an invalid format.",
    "ERROR_MISSING_SOURCE_REF": "The source-ref key is missing.",
    "ERROR_INVALID_SOURCE_REF_FORMAT": "The format of the source-ref value is invalid.",
    "ERROR_NO_LABEL_ATTRIBUTES": "No label attributes found.",
    "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT": "The format of the label attribute is invalid.",
    "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT": "The format of the label attribute metadata is invalid.",
    "ERROR_INVALID_LABEL_NAME_LENGTH": "The length of the label name is invalid.",
    "ERROR_NO_VALID_LABEL_ATTRIBUTES": "No valid label attributes found.",
    "ERROR_UNSUPPORTED_USE_CASE_TYPE": "The value of the type field isn't groundtruth/image-classification.",
    "ERROR_INVALID_IMAGE": "The image is invalid. Check S3 path and/or image properties.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestEntry:
    """One line of a manifest; lines with errors are not used, lines without labels are ignored.

    `number` counts from 1. `source` is the image's S3 URI.
    """

    number: int
    text: str
    source: str = ""
    labels: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def location(self) -> S3Location:
        bucket, _, key = self.source.removeprefix("s3://").partition("/")
        return S3Location(bucket, key)

    @property
    def is_usable(self) -> bool:
        return bool(self.labels) and not self.errors

    def with_error(self, code: str) -> "ManifestEntry":
        """Return a copy with one more error."""
        return replace(self, errors=(*self.errors, code))

    def to_validated_line(self) -> str:
        """Return the line with its errors, as in the validation manifest and in ListDatasetEntries."""
        if not self.errors:
            return self.text
        problems = [{"code": code, "message": LINE_MESSAGES[code]} for code in self.errors]
        if self.errors == ("ERROR_INVALID_JSON_LINE",):
            return json.dumps({"errors": problems})
        return json.dumps({**json.loads(self.text), "errors": problems})


def parse_entries(lines: Iterable[str]) -> list[ManifestEntry]:
    """Parse the lines of a manifest; empty lines are skipped."""
    return [_parse_entry(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]


def label_by_folder_if_none_labelled(entries: list[ManifestEntry]) -> list[ManifestEntry]:
    """Label every image by its folder if no line of the manifest has a label or an error."""
    if any(entry.labels or entry.errors for entry in entries):
        return entries
    return [replace(entry, labels=tuple(entry.location.key.split("/")[-2:-1])) for entry in entries]


def _parse_entry(number: int, line: str) -> ManifestEntry:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict) or len(line) > MAX_LINE_LENGTH:
        return ManifestEntry(number=number, text=line, errors=("ERROR_INVALID_JSON_LINE",))
    if "source-ref" not in record:
        return ManifestEntry(number=number, text=line, errors=("ERROR_MISSING_SOURCE_REF",))
    source = record["source-ref"]
    if not _is_object_uri(source):
        return ManifestEntry(number=number, text=line, errors=("ERROR_INVALID_SOURCE_REF_FORMAT",))
    entry = ManifestEntry(number=number, text=line, source=source)
    attributes = [name for name in record if f"{name}-metadata" in record and name not in RESERVED_KEYS]
    if not attributes:
        others = set(record) - set(RESERVED_KEYS)
        return replace(entry, errors=("ERROR_NO_LABEL_ATTRIBUTES",) if others else ())
    return _with_labels(entry, record, attributes)


def _with_labels(entry: ManifestEntry, record: dict[str, Any], attributes: list[str]) -> ManifestEntry:
    """Add the valid labels: AWS trains on a line with one valid label and ignores its invalid attributes."""
    labels: list[str] = []
    errors: list[str] = []
    for name in attributes:
        attribute_errors = list(_attribute_errors(record[name], record[f"{name}-metadata"]))
        errors.extend(attribute_errors)
        if not attribute_errors:
            labels.append(record[f"{name}-metadata"]["class-name"])
    if labels:
        return replace(entry, labels=tuple(dict.fromkeys(labels)))
    return replace(entry, errors=(*dict.fromkeys(errors), "ERROR_NO_VALID_LABEL_ATTRIBUTES"))


def _attribute_errors(value: Any, metadata: Any) -> Iterator[str]:
    if not isinstance(metadata, dict):
        yield "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT"
        return
    if metadata.get("type") != CLASSIFICATION_TYPE:
        yield "ERROR_UNSUPPORTED_USE_CASE_TYPE"
        return
    if isinstance(value, bool) or not isinstance(value, int):
        yield "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT"
    name, confidence = metadata.get("class-name"), metadata.get("confidence")
    if not isinstance(name, str) or not _is_valid_metadata(confidence, metadata):
        yield "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT"
    elif not 1 <= len(name) <= MAX_LABEL_LENGTH:
        yield "ERROR_INVALID_LABEL_NAME_LENGTH"


def _is_valid_metadata(confidence: Any, metadata: dict[str, Any]) -> bool:
    return (
        isinstance(confidence, int | float)
        and 0 <= confidence <= 1
        and metadata.get("human-annotated") in ("yes", "no")
        and isinstance(metadata.get("creation-date"), str)
    )


def _is_object_uri(source: Any) -> bool:
    if not isinstance(source, str) or not source.startswith("s3://"):
        return False
    bucket, _, key = source.removeprefix("s3://").partition("/")
    return bool(bucket) and bool(key)
