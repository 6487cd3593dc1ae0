"""Manifest lines and whole manifests get AWS's names for what is wrong with them."""

import json
from typing import Any

import pytest

from local.custom_labels import manifest, manifest_rules
from local.custom_labels.manifest import Entry, named_by_folder, read_entries
from local.custom_labels.manifest_rules import Manifest, overlap_problems
from tests.unit.local.custom_labels.workbench import line

METADATA = json.loads(line("s3://parts/a.jpg", "ok"))["part0-metadata"]


def written(**changes: Any) -> str:
    record = {"source-ref": "s3://parts/a.jpg", "x": 0, "x-metadata": METADATA} | changes
    return json.dumps({name: value for name, value in record.items() if value is not ...})


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", "ERROR_INVALID_JSON_LINE"),
        ("[]", "ERROR_INVALID_JSON_LINE"),
        (json.dumps({"x": "y" * 100_000}), "ERROR_INVALID_JSON_LINE"),
        (written(**{"source-ref": ...}), "ERROR_MISSING_SOURCE_REF"),
        (written(**{"source-ref": "https://parts/a.jpg"}), "ERROR_INVALID_SOURCE_REF_FORMAT"),
        (written(**{"source-ref": "s3://parts"}), "ERROR_INVALID_SOURCE_REF_FORMAT"),
        (written(**{"source-ref": 3}), "ERROR_INVALID_SOURCE_REF_FORMAT"),
        (written(**{"x-metadata": ...}), "ERROR_NO_LABEL_ATTRIBUTES"),
        (written(x="1"), "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT"),
        (written(x=True), "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT"),
        (written(**{"x-metadata": "text"}), "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT"),
        (
            written(**{"x-metadata": METADATA | {"class-name": 3}}),
            "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT",
        ),
        (
            written(**{"x-metadata": METADATA | {"confidence": 2}}),
            "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT",
        ),
        (written(**{"x-metadata": METADATA | {"class-name": ""}}), "ERROR_INVALID_LABEL_NAME_LENGTH"),
        (
            written(**{"x-metadata": METADATA | {"type": "groundtruth/object-detection"}}),
            "ERROR_UNSUPPORTED_USE_CASE_TYPE",
        ),
    ],
)
def test_a_faulty_line_is_named_and_not_used(text: str, error: str) -> None:
    [entry] = read_entries([text])
    assert error in entry.errors
    assert not entry.usable
    assert error in entry.annotated()


def test_a_line_may_carry_several_labels_and_one_sound_label_is_enough() -> None:
    record = json.loads(line("s3://parts/a.jpg", "crack", "pore"))
    record["part0"] = "broken"
    [both] = read_entries([line("s3://parts/a.jpg", "crack", "pore")])
    [one] = read_entries([json.dumps(record)])
    assert (both.labels, one.labels, one.usable) == (("crack", "pore"), ("pore",), True)


def test_empty_lines_are_passed_over_and_numbers_stay_those_of_the_file() -> None:
    assert [
        entry.number for entry in read_entries(["", line("s3://p/a", "x"), " ", line("s3://p/b", "x")])
    ] == [2, 4]


def test_folders_name_the_labels_only_where_no_line_has_any() -> None:
    plain = [
        json.dumps({"source-ref": f"s3://parts/{label}/{n}.jpg"})
        for label in ("ok", "crack")
        for n in range(2)
    ]
    assert [entry.labels for entry in named_by_folder(read_entries(plain))] == [("ok",)] * 2 + [
        ("crack",)
    ] * 2
    mixed = read_entries([*plain, line("s3://parts/ok/x.jpg", "fine")])
    assert [entry.labels for entry in named_by_folder(mixed)] == [()] * 4 + [("fine",)]


def entries(*labels: str, bucket: str = "parts") -> list[Entry]:
    return [Entry(n, "{}", f"s3://{bucket}/{n}.jpg", (label,)) for n, label in enumerate(labels)]


@pytest.mark.parametrize(
    ("found", "images_read", "code"),
    [
        ([], False, "ERROR_EMPTY_MANIFEST"),
        (entries("ok", "ok"), False, "ERROR_MANIFEST_TOO_FEW_LABELS"),
        (entries("ok", "ok"), True, "ERROR_MANIFEST_TOO_FEW_USABLE_LABELS"),
        (entries(*(f"label {n}" for n in range(251))), False, "ERROR_MANIFEST_TOO_MANY_LABELS"),
        (entries("a", "b") + entries("a", bucket="other"), False, "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS"),
        (
            [entry.with_error("ERROR_INVALID_IMAGE") for entry in entries("a", "b")] + entries(*"abababa"),
            True,
            "ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST",
        ),
    ],
)
def test_a_manifest_beyond_the_rules_is_named(found: list[Entry], images_read: bool, code: str) -> None:
    assert code in Manifest(found).problems(images_read)


def test_a_fifth_of_bad_lines_is_still_allowed() -> None:
    found = [entry.with_error("ERROR_INVALID_IMAGE") for entry in entries("a", "b")] + entries(*"abababab")
    assert Manifest(found).problems(images_read=True) == []


def test_train_and_test_must_share_half_of_their_labels() -> None:
    train, test = Manifest(entries("a", "b", "c")), Manifest(entries("a", "x", "y"))
    assert overlap_problems(train, test, images_read=False) == ["ERROR_INSUFFICIENT_LABEL_OVERLAP"]
    assert overlap_problems(train, test, images_read=True) == ["ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP"]
    assert overlap_problems(train, Manifest(entries("a", "b", "x")), images_read=False) == []


def test_the_summary_counts_as_aws_does() -> None:
    lines = [line("s3://parts/a.jpg", "ok"), "{", json.dumps({"source-ref": "s3://parts/b.jpg"})]
    counted = Manifest(read_entries(lines)).statistics(["ERROR_EMPTY_MANIFEST"])
    assert counted["total_json_lines"] == 3
    assert (counted["valid_json_lines"], counted["invalid_json_lines"], counted["ignored_json_lines"]) == (
        1,
        1,
        1,
    )
    assert counted["error_json_line_indices"] == [2]
    assert counted["errors"][0]["code"] == "ERROR_EMPTY_MANIFEST"


def test_every_code_has_its_message() -> None:
    assert all(code.startswith("ERROR_") for code in (*manifest.MESSAGES, *manifest_rules.MESSAGES))
