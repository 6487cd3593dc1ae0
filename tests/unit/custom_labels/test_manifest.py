"""Invalid manifest lines and manifests get AWS's error names."""

import json
from typing import Any

import pytest

from custom_labels import manifest, manifest_rules
from custom_labels.manifest import ManifestEntry, label_by_folder_if_none_labelled, parse_entries
from custom_labels.manifest_rules import Manifest, find_overlap_problems
from tests.unit.custom_labels.in_memory_service import manifest_line

METADATA = json.loads(manifest_line("s3://parts/a.jpg", "ok"))["part0-metadata"]


def manifest_record(**changes: Any) -> str:
    record = {"source-ref": "s3://parts/a.jpg", "x": 0, "x-metadata": METADATA} | changes
    return json.dumps({name: value for name, value in record.items() if value is not ...})


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", "ERROR_INVALID_JSON_LINE"),
        ("[]", "ERROR_INVALID_JSON_LINE"),
        (json.dumps({"x": "y" * 100_000}), "ERROR_INVALID_JSON_LINE"),
        (manifest_record(**{"source-ref": ...}), "ERROR_MISSING_SOURCE_REF"),
        (manifest_record(**{"source-ref": "https://parts/a.jpg"}), "ERROR_INVALID_SOURCE_REF_FORMAT"),
        (manifest_record(**{"source-ref": "s3://parts"}), "ERROR_INVALID_SOURCE_REF_FORMAT"),
        (manifest_record(**{"source-ref": 3}), "ERROR_INVALID_SOURCE_REF_FORMAT"),
        (manifest_record(**{"x-metadata": ...}), "ERROR_NO_LABEL_ATTRIBUTES"),
        (manifest_record(x="1"), "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT"),
        (manifest_record(x=True), "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT"),
        (manifest_record(**{"x-metadata": "text"}), "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT"),
        (
            manifest_record(**{"x-metadata": METADATA | {"class-name": 3}}),
            "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT",
        ),
        (
            manifest_record(**{"x-metadata": METADATA | {"confidence": 2}}),
            "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT",
        ),
        (manifest_record(**{"x-metadata": METADATA | {"class-name": ""}}), "ERROR_INVALID_LABEL_NAME_LENGTH"),
        (
            manifest_record(**{"x-metadata": METADATA | {"type": "groundtruth/object-detection"}}),
            "ERROR_UNSUPPORTED_USE_CASE_TYPE",
        ),
    ],
)
def test_an_invalid_line_gets_its_error_name_and_is_not_used(text: str, error: str) -> None:
    [entry] = parse_entries([text])
    assert error in entry.errors
    assert not entry.is_usable
    assert error in entry.to_validated_line()


def test_a_line_may_carry_several_labels_and_one_valid_label_is_enough() -> None:
    record = json.loads(manifest_line("s3://parts/a.jpg", "crack", "pore"))
    record["part0"] = "broken"
    [both] = parse_entries([manifest_line("s3://parts/a.jpg", "crack", "pore")])
    [partly_valid] = parse_entries([json.dumps(record)])
    assert (both.labels, partly_valid.labels, partly_valid.is_usable) == (("crack", "pore"), ("pore",), True)


def test_empty_lines_are_skipped_and_numbers_stay_those_of_the_file() -> None:
    assert [
        entry.number
        for entry in parse_entries(["", manifest_line("s3://p/a", "x"), " ", manifest_line("s3://p/b", "x")])
    ] == [2, 4]


def test_folders_name_the_labels_only_where_no_line_has_any() -> None:
    plain = [
        json.dumps({"source-ref": f"s3://parts/{label}/{n}.jpg"})
        for label in ("ok", "crack")
        for n in range(2)
    ]
    assert [entry.labels for entry in label_by_folder_if_none_labelled(parse_entries(plain))] == [
        ("ok",)
    ] * 2 + [("crack",)] * 2
    mixed = parse_entries([*plain, manifest_line("s3://parts/ok/x.jpg", "fine")])
    assert [entry.labels for entry in label_by_folder_if_none_labelled(mixed)] == [()] * 4 + [("fine",)]


def entries(*labels: str, bucket: str = "parts") -> list[ManifestEntry]:
    return [
        ManifestEntry(number=n, text="{}", source=f"s3://{bucket}/{n}.jpg", labels=(label,))
        for n, label in enumerate(labels)
    ]


@pytest.mark.parametrize(
    ("manifest_entries", "images_read", "code"),
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
def test_a_manifest_that_breaks_a_rule_gets_its_error_name(
    manifest_entries: list[ManifestEntry], images_read: bool, code: str
) -> None:
    assert code in Manifest(manifest_entries).find_problems(images_read)


def test_a_fifth_of_bad_lines_is_still_allowed() -> None:
    manifest_entries = [entry.with_error("ERROR_INVALID_IMAGE") for entry in entries("a", "b")] + entries(
        *"abababab"
    )
    assert Manifest(manifest_entries).find_problems(images_read=True) == []


def test_train_and_test_must_share_half_of_their_labels() -> None:
    train, test = Manifest(entries("a", "b", "c")), Manifest(entries("a", "x", "y"))
    assert find_overlap_problems(train, test, images_read=False) == ["ERROR_INSUFFICIENT_LABEL_OVERLAP"]
    assert find_overlap_problems(train, test, images_read=True) == ["ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP"]
    assert find_overlap_problems(train, Manifest(entries("a", "b", "x")), images_read=False) == []


def test_the_summary_counts_as_aws_does() -> None:
    lines = [manifest_line("s3://parts/a.jpg", "ok"), "{", json.dumps({"source-ref": "s3://parts/b.jpg"})]
    counted = Manifest(parse_entries(lines)).summarize(["ERROR_EMPTY_MANIFEST"])
    assert counted["total_json_lines"] == 3
    assert (counted["valid_json_lines"], counted["invalid_json_lines"], counted["ignored_json_lines"]) == (
        1,
        1,
        1,
    )
    assert counted["error_json_line_indices"] == [2]
    assert counted["errors"][0]["code"] == "ERROR_EMPTY_MANIFEST"


def test_every_code_has_its_message() -> None:
    assert all(
        code.startswith("ERROR_") for code in (*manifest.LINE_MESSAGES, *manifest_rules.MANIFEST_MESSAGES)
    )
