"""Manifest lines have Ground Truth's format."""

import json

from datasets.ground_truth import format_line


def test_a_manifest_line_has_the_format_of_ground_truth() -> None:
    line = format_line("s3://bucket/ok/tür.jpg", "ok", ["defect", "ok"], "2025-01-02T03:04:05")

    assert "tür" in line
    assert json.loads(line) == {
        "source-ref": "s3://bucket/ok/tür.jpg",
        "verdict": 1,
        "verdict-metadata": {
            "confidence": 1,
            "class-name": "ok",
            "human-annotated": "yes",
            "creation-date": "2025-01-02T03:04:05",
            "type": "groundtruth/image-classification",
            "job-name": "labeling-job/partcheck",
        },
    }
