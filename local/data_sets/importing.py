"""A project with a training and a test data set, made of labelled photos; an import may be repeated."""

import hashlib
import json
from collections.abc import Iterable, Sequence

from local.data_sets import uploading
from local.data_sets.photos import LabelledPhoto
from local.data_sets.project import Project
from local.labelled_parts import check_labels
from workflow.errors import ConfigurationError, Conflict

Sides = tuple[Sequence[LabelledPhoto], Sequence[LabelledPhoto]]


def import_sets(
    project: Project, sides: Sides, bucket: str, replace: bool, progress: uploading.Progress
) -> dict[str, str | int]:
    """Upload what is missing, write both manifests, create the project and its data sets.

    Data sets that hold exactly these photos stay. Raises Conflict when others are there and may not be
    replaced, ConfigurationError when the photos cannot be a data set.
    """
    training, test = sides
    check_labels({photo.label for photo in training})
    if not test:
        raise ConfigurationError("no photo can be set aside for the test: add photos, or name a --test set")
    arn = project.create()
    placed = uploading.upload([*training, *test], bucket, f"{project.name}/photos/", progress)
    _one_bucket(placed)
    labels = sorted({photo.label for photo in placed})
    named = {"TRAIN": placed[: len(training)], "TEST": placed[len(training) :]}
    there = project.sets()
    if replace and there:
        project.drop_sets()
        there = {}
    answer: dict[str, str | int] = {"project": project.name, "project_arn": arn}
    for kind, photos in named.items():
        answer[f"{kind.lower()}_photos"] = len(photos)
        if kind in there:
            _insist_on_same(project, there[kind], kind, photos)
            continue
        key = _manifest(project.name, kind, photos, labels, bucket)
        answer[f"{kind.lower()}_manifest"] = f"s3://{bucket}/{key}"
        project.create_set(arn, kind, bucket, key)
    return answer


def _manifest(name: str, kind: str, photos: Sequence[LabelledPhoto], labels: list[str], bucket: str) -> str:
    text = uploading.manifest_text(photos, labels)
    key = f"{name}/manifests/{hashlib.sha256(text.encode()).hexdigest()[:16]}-{kind.lower()}.manifest"
    uploading.put_text(bucket, key, text)
    return key


def _insist_on_same(project: Project, arn: str, kind: str, photos: Sequence[LabelledPhoto]) -> None:
    there = set(_labelled(project.entries(arn)))
    if there != {(photo.source, photo.label) for photo in photos}:
        raise Conflict(f"Project {project.name} has a {kind} data set of other photos: use --replace")


def _labelled(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        record = json.loads(line)
        for name, value in record.items():
            if name.endswith("-metadata") and "class-name" in value:
                yield record["source-ref"], value["class-name"]


def _one_bucket(photos: Sequence[LabelledPhoto]) -> None:
    buckets = {photo.source.removeprefix("s3://").partition("/")[0] for photo in photos}
    if len(buckets) > 1:
        raise ConfigurationError(
            f"ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS: all photos must lie in one bucket, not {sorted(buckets)}"
        )
