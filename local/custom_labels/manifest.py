"""Lines of a Ground Truth image-classification manifest, with AWS's names for what is wrong with them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from local.custom_labels.objects import Place

LONGEST_LINE = 100_000
LONGEST_LABEL = 255
CLASSIFICATION = "groundtruth/image-classification"
OWN_KEYS = ("source-ref", "errors")

MESSAGES = {
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


@dataclass(frozen=True, slots=True)
class Entry:
    """One line; with errors it is not used, without labels it is passed over."""

    number: int
    text: str
    source: str = ""
    labels: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def place(self) -> Place:
        bucket, _, key = self.source.removeprefix("s3://").partition("/")
        return Place(bucket, key)

    @property
    def usable(self) -> bool:
        return bool(self.labels) and not self.errors

    def with_error(self, code: str) -> "Entry":
        return replace(self, errors=(*self.errors, code))

    def annotated(self) -> str:
        """The line as the validation manifest and ListDatasetEntries show it: errors inside."""
        if not self.errors:
            return self.text
        problems = [{"code": code, "message": MESSAGES[code]} for code in self.errors]
        if self.errors == ("ERROR_INVALID_JSON_LINE",):
            return json.dumps({"errors": problems})
        return json.dumps({**json.loads(self.text), "errors": problems})


def read_entries(lines: Iterable[str]) -> list[Entry]:
    return [_entry(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]


def named_by_folder(entries: list[Entry]) -> list[Entry]:
    """A manifest in which no image carries a label is labelled by the folders in which the images lie."""
    if any(entry.labels or entry.errors for entry in entries):
        return entries
    return [replace(entry, labels=tuple(entry.place.key.split("/")[-2:-1])) for entry in entries]


def _entry(number: int, line: str) -> Entry:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict) or len(line) > LONGEST_LINE:
        return Entry(number, line, errors=("ERROR_INVALID_JSON_LINE",))
    if "source-ref" not in record:
        return Entry(number, line, errors=("ERROR_MISSING_SOURCE_REF",))
    source = record["source-ref"]
    if not _is_object_url(source):
        return Entry(number, line, errors=("ERROR_INVALID_SOURCE_REF_FORMAT",))
    attributes = [name for name in record if f"{name}-metadata" in record and name not in OWN_KEYS]
    if not attributes:
        others = set(record) - set(OWN_KEYS)
        return Entry(number, line, source, errors=("ERROR_NO_LABEL_ATTRIBUTES",) if others else ())
    return _labelled(Entry(number, line, source), record, attributes)


def _labelled(entry: Entry, record: dict[str, Any], attributes: list[str]) -> Entry:
    """One sound label is enough: AWS trains on the line and passes over its broken attributes."""
    labels: list[str] = []
    errors: list[str] = []
    for name in attributes:
        wrong = list(_faults(record[name], record[f"{name}-metadata"]))
        errors.extend(wrong)
        if not wrong:
            labels.append(record[f"{name}-metadata"]["class-name"])
    if labels:
        return replace(entry, labels=tuple(dict.fromkeys(labels)))
    return replace(entry, errors=(*dict.fromkeys(errors), "ERROR_NO_VALID_LABEL_ATTRIBUTES"))


def _faults(value: Any, metadata: Any) -> Iterator[str]:
    if not isinstance(metadata, dict):
        yield "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT"
        return
    if metadata.get("type") != CLASSIFICATION:
        yield "ERROR_UNSUPPORTED_USE_CASE_TYPE"
        return
    if isinstance(value, bool) or not isinstance(value, int):
        yield "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT"
    name, confidence = metadata.get("class-name"), metadata.get("confidence")
    if not isinstance(name, str) or not _sound(confidence, metadata):
        yield "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT"
    elif not 1 <= len(name) <= LONGEST_LABEL:
        yield "ERROR_INVALID_LABEL_NAME_LENGTH"


def _sound(confidence: Any, metadata: dict[str, Any]) -> bool:
    return (
        isinstance(confidence, int | float)
        and 0 <= confidence <= 1
        and metadata.get("human-annotated") in ("yes", "no")
        and isinstance(metadata.get("creation-date"), str)
    )


def _is_object_url(source: Any) -> bool:
    if not isinstance(source, str) or not source.startswith("s3://"):
        return False
    bucket, _, key = source.removeprefix("s3://").partition("/")
    return bool(bucket) and bool(key)
