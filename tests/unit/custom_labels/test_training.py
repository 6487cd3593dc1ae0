"""A training from manifest to model, in one process."""

import copy
import json
import re
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from custom_labels import feature_extraction
from custom_labels.errors import ServiceError
from custom_labels.manifest_rules import ManifestRejected
from custom_labels.s3_location import S3Location
from custom_labels.s3_storage import parse_s3_object
from custom_labels.training import train_model
from custom_labels.training_job import MODEL_FILE, DatasetSource, TrainingInput, TrainingOutcome
from custom_labels.training_reports import TrainingReports
from local.sample_parts import generate_parts
from tests.copies import decode_grey, mirrored, recompressed, rotated
from tests.unit.custom_labels.in_memory_service import InMemoryS3Storage, encode, manifest_line, plate_photo
from vision.classifier import load_classifier


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> InMemoryS3Storage:
    storage = InMemoryS3Storage()
    monkeypatch.setattr(feature_extraction, "_storage", storage)
    return storage


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def training_job(test: str | None = None, bucket: str = "parts") -> TrainingInput:
    source = DatasetSource(manifest={"Bucket": "parts", "Name": test}) if test else None
    train_source = DatasetSource(manifest={"Bucket": "parts", "Name": "train"})
    return TrainingInput(
        version_arn="arn",
        project_name="pump",
        version_name="v1",
        region="eu-central-1",
        endpoint=None,
        train=train_source,
        test=source,
        bucket=bucket,
        prefix="out/",
    )


def store_photos(
    storage: InMemoryS3Storage, name: str, count: int, seed: int = 0, colour: bool = False
) -> list[str]:
    lines = []
    for number in range(count):
        label, key = ("ok", "defect")[number % 2], f"{name}/{number}.jpg"
        image = plate_photo(seed + number, label == "defect", colour=colour)
        storage.objects[S3Location("parts", key)] = encode(image)
        lines.append(manifest_line(f"s3://parts/{key}", label))
    storage.objects[S3Location("parts", name)] = "\n".join(lines).encode()
    return lines


def run(storage: InMemoryS3Storage, folder: Path, pool: Executor, inputs: TrainingInput) -> TrainingOutcome:
    return train_model(inputs, folder, TrainingReports(storage, inputs), pool)


@pytest.mark.parametrize("colour", [False, True])
def test_a_training_leaves_a_model_and_its_reports(
    storage: InMemoryS3Storage, tmp_path: Path, pool: Executor, colour: bool
) -> None:
    store_photos(storage, "train", 32, colour=colour)
    store_photos(storage, "test", 12, seed=500, colour=colour)

    outcome = run(storage, tmp_path, pool, training_job("test"))

    assert outcome.completed
    model = load_classifier(tmp_path / MODEL_FILE)
    assert model.colour is colour
    photo = encode(plate_photo(901, True, colour=colour))
    assert model.labels[int(model.score_photo(photo).argmax())] == "defect"
    report = _report(storage, outcome.details["EvaluationResult"]["Summary"])
    assert report["EvaluationDetails"]["NumberOfTestingImages"] == 12
    assert outcome.details["EvaluationResult"]["F1Score"] > 0.8
    evaluation_manifest = outcome.details["TestingDataResult"]["Output"]["Assets"][0]["GroundTruthManifest"]
    assert len(_text(storage, evaluation_manifest).splitlines()) == 12
    assert (
        _report(storage, outcome.details["ManifestSummary"])["statistics"]["training"]["valid_json_lines"]
        == 32
    )


def _text(storage: InMemoryS3Storage, asset: dict[str, Any]) -> str:
    return storage.objects[parse_s3_object(asset["S3Object"])].decode()


def _report(storage: InMemoryS3Storage, asset: dict[str, Any]) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(_text(storage, asset))
    return report


def test_without_a_test_set_a_fifth_is_set_aside(
    storage: InMemoryS3Storage, tmp_path: Path, pool: Executor
) -> None:
    store_photos(storage, "train", 30)
    outcome = run(storage, tmp_path, pool, training_job())
    details = _report(storage, outcome.details["EvaluationResult"]["Summary"])["EvaluationDetails"]
    assert details["NumberOfTestingImages"] + details["NumberOfTrainingImages"] == 30
    assert 4 <= details["NumberOfTestingImages"] <= 8


def test_a_part_does_not_stand_on_both_sides_of_the_test_that_was_set_aside(
    storage: InMemoryS3Storage, tmp_path: Path, pool: Executor
) -> None:
    random, lines = np.random.default_rng(1), []
    for number, part in enumerate(generate_parts(24, seed=9)):
        image = decode_grey(part.content)
        copies = [copy(image, random) for copy in (mirrored, recompressed, rotated)]
        for copy_number, content in enumerate([part.content, *copies]):
            storage.objects[S3Location("parts", f"{number}-{copy_number}.jpg")] = content
            lines.append(manifest_line(f"s3://parts/{number}-{copy_number}.jpg", part.label))
    storage.objects[S3Location("parts", "train")] = "\n".join(lines).encode()

    outcome = run(storage, tmp_path, pool, training_job())

    outputs = [outcome.details[f"{role}DataResult"]["Output"] for role in ("Training", "Testing")]
    sides = [
        set(re.findall(r"s3://parts/(\d+)-", _text(storage, output["Assets"][0]["GroundTruthManifest"])))
        for output in outputs
    ]
    assert len(sides[0] | sides[1]) == 24
    assert not sides[0] & sides[1]


def test_a_few_unreadable_photos_are_reported_and_left_out(
    storage: InMemoryS3Storage, tmp_path: Path, pool: Executor
) -> None:
    store_photos(storage, "train", 20)
    storage.objects[S3Location("parts", "train/3.jpg")] = b"no photo"
    del storage.objects[S3Location("parts", "train/4.jpg")]
    outcome = run(storage, tmp_path, pool, training_job())
    assert outcome.completed
    statistics = _report(storage, outcome.details["ManifestSummary"])["statistics"]["training"]
    assert statistics["error_json_line_indices"] == [4, 5]
    validated = outcome.details["TrainingDataResult"]["Validation"]["Assets"][0]["GroundTruthManifest"]
    assert _text(storage, validated).count("ERROR_INVALID_IMAGE") == 2


def test_too_many_unreadable_photos_fail_the_training_with_a_summary(
    storage: InMemoryS3Storage, tmp_path: Path, pool: Executor
) -> None:
    store_photos(storage, "train", 20)
    for number in range(5):
        storage.objects[S3Location("parts", f"train/{number}.jpg")] = b"no photo"
    outcome = run(storage, tmp_path, pool, training_job())
    assert not outcome.completed
    assert outcome.message.startswith("ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST")
    assert "ManifestSummary" in outcome.details


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], "ERROR_EMPTY_MANIFEST"),
        ([manifest_line("s3://parts/a.jpg", "ok")] * 4, "ERROR_MANIFEST_TOO_FEW_LABELS"),
        (
            [manifest_line(f"s3://parts/{n}.jpg", label) for n, label in enumerate(["ok", "ok", "crack"])],
            "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_AUTOSPLIT",
        ),
        (["no json"] * 4, "ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST"),
    ],
)
def test_a_manifest_that_aws_would_refuse_is_refused_by_the_same_name(
    storage: InMemoryS3Storage, tmp_path: Path, pool: Executor, lines: list[str], code: str
) -> None:
    storage.objects[S3Location("parts", "train")] = "\n".join(lines).encode()
    with pytest.raises(ManifestRejected, match=code):
        run(storage, tmp_path, pool, training_job())


def test_an_internal_error_of_s3_stops_the_training_instead_of_rejecting_the_photo(
    storage: InMemoryS3Storage, tmp_path: Path, pool: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_photos(storage, "train", 12)
    monkeypatch.setattr(feature_extraction, "_storage", OverloadedS3Storage())
    with pytest.raises(ServiceError, match="slow down"):
        run(storage, tmp_path, pool, training_job())


class OverloadedS3Storage(InMemoryS3Storage):
    """An S3 that answers every request with an internal error."""

    def read(self, location: S3Location, max_bytes: int) -> bytes:
        raise ServiceError("InternalServerError", "slow down")


def test_an_error_keeps_code_and_message_across_processes() -> None:
    error = copy.copy(ServiceError("InternalServerError", "slow down"))
    assert (error.code, error.message, error.status) == ("InternalServerError", "slow down", 500)


def test_a_missing_manifest_and_a_locked_output_are_named(
    storage: InMemoryS3Storage, tmp_path: Path, pool: Executor
) -> None:
    with pytest.raises(ManifestRejected, match="ERROR_MANIFEST_INACCESSIBLE"):
        run(storage, tmp_path, pool, training_job())
    store_photos(storage, "train", 12)
    with pytest.raises(ManifestRejected, match="ERROR_CANNOT_WRITE_OUTPUT_S3_BUCKET"):
        run(storage, tmp_path, pool, training_job(bucket="locked"))
