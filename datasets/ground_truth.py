"""Write Ground Truth image-classification manifests."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from datasets.labelled_photos import LabelledPhoto

ATTRIBUTE = "verdict"


def format_manifest(photos: Sequence[LabelledPhoto], labels: list[str], created: str = "") -> str:
    """Return the manifest of photos in S3.

    `labels` are all labels of the data set, `created` is the creation date (default: now). Equal arguments
    give an equal text.
    """
    created = created or f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    return "".join(f"{format_line(photo.source, photo.label, labels, created)}\n" for photo in photos)


def format_line(source: str, label: str, labels: list[str], created: str) -> str:
    """Return the manifest line of one photo with the label of the whole image."""
    metadata = {
        "confidence": 1,
        "class-name": label,
        "human-annotated": "yes",
        "creation-date": created,
        "type": "groundtruth/image-classification",
        "job-name": "labeling-job/partcheck",
    }
    line = {"source-ref": source, ATTRIBUTE: labels.index(label), f"{ATTRIBUTE}-metadata": metadata}
    return json.dumps(line, ensure_ascii=False)
