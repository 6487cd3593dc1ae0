"""Import labelled photos as the training and test data sets of a project; an import can be repeated."""

import hashlib
import json
from collections.abc import Iterable, Sequence

from datasets.folder_labels import check_labels, find_similar
from datasets.ground_truth import format_manifest
from datasets.labelled_photos import LabelledPhoto
from datasets.project_datasets import ProjectDatasets
from datasets.s3_objects import s3_uri, write_text
from datasets.upload import UploadProgress, upload_photos
from workflow.errors import ConfigurationError, Conflict

TrainAndTest = tuple[Sequence[LabelledPhoto], Sequence[LabelledPhoto]]


def import_datasets(
    project: ProjectDatasets, sides: TrainAndTest, bucket: str, replace: bool, progress: UploadProgress
) -> dict[str, str | int]:
    """Upload missing photos, write both manifests, create the project and its data sets.

    Data sets with exactly these photos stay. Return the project's name and ARN, counts and manifests. Raise
    Conflict if there are other data sets and `replace` is false, ConfigurationError if the photos cannot be
    a data set.
    """
    training, test = sides
    check_labels({photo.label for photo in training})
    if similar := find_similar(photo.label for photo in (*training, *test)):
        raise ConfigurationError(f"label names look alike: {similar[0]}; rename the folders to one name")
    if not test:
        raise ConfigurationError("no photo can be set aside for the test: add photos, or name a --test set")
    arn = project.get_or_create_project_arn()
    stored = upload_photos([*training, *test], bucket, f"{project.name}/photos/", progress)
    _check_single_bucket(stored)
    labels = sorted({photo.label for photo in stored})
    by_kind = {"TRAIN": stored[: len(training)], "TEST": stored[len(training) :]}
    existing = project.dataset_arns()
    if replace and existing:
        project.delete_datasets()
        existing = {}
    summary: dict[str, str | int] = {"project": project.name, "project_arn": arn}
    for kind, photos in by_kind.items():
        summary[f"{kind.lower()}_photos"] = len(photos)
        created = ""
        if kind in existing:
            created = _check_same_photos(project, existing[kind], kind, photos)
        key = _write_manifest(project.name, kind, format_manifest(photos, labels, created), bucket)
        summary[f"{kind.lower()}_manifest"] = s3_uri(bucket, key)
        if kind not in existing:
            project.create_dataset(arn, kind, bucket, key)
    return summary


def _write_manifest(project: str, kind: str, text: str, bucket: str) -> str:
    """Write a manifest and return its key, which is the same for the same text."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    key = f"{project}/manifests/{digest}-{kind.lower()}.manifest"
    write_text(bucket, key, text)
    return key


def _check_same_photos(project: ProjectDatasets, arn: str, kind: str, photos: Sequence[LabelledPhoto]) -> str:
    """Return the creation date of a data set. Raise Conflict if it has other photos."""
    labels = list(_sources_labels_and_dates(project.read_lines(arn)))
    if {(source, label) for source, label, _ in labels} != {(photo.source, photo.label) for photo in photos}:
        raise Conflict(f"Project {project.name} has a {kind} data set of other photos: use --replace")
    return min(created for _, _, created in labels)


def _sources_labels_and_dates(lines: Iterable[str]) -> Iterable[tuple[str, str, str]]:
    for line in lines:
        record = json.loads(line)
        for name, value in record.items():
            if name.endswith("-metadata") and "class-name" in value:
                yield record["source-ref"], value["class-name"], value.get("creation-date", "")


def _check_single_bucket(photos: Sequence[LabelledPhoto]) -> None:
    buckets = {photo.source.removeprefix("s3://").partition("/")[0] for photo in photos}
    if len(buckets) > 1:
        raise ConfigurationError(
            f"ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS: all photos must lie in one bucket, not {sorted(buckets)}"
        )
