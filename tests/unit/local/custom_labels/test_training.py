"""A training from manifest to model, run here in one process."""

import copy
import json
import re
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from local.custom_labels import reading
from local.custom_labels.classifier import load_classifier
from local.custom_labels.faults import Fault
from local.custom_labels.jobs import MODEL, DataSource, Job, Outcome
from local.custom_labels.manifest_rules import ManifestRefused
from local.custom_labels.objects import Place
from local.custom_labels.photos import read_photo
from local.custom_labels.reports import Reports
from local.custom_labels.training import train
from local.sample_parts import sample_parts
from tests.copies import mirrored, opened, saved_again, turned
from tests.unit.local.custom_labels.workbench import FakeObjects, encoded, line, part


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> FakeObjects:
    objects = FakeObjects()
    monkeypatch.setattr(reading, "_objects", objects)
    return objects


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def job(test: str | None = None, bucket: str = "parts") -> Job:
    source = DataSource(manifest={"Bucket": "parts", "Name": test}) if test else None
    train_source = DataSource(manifest={"Bucket": "parts", "Name": "train"})
    return Job("arn", "pump", "v1", "eu-central-1", None, train_source, source, bucket, "out/")


def photos(objects: FakeObjects, name: str, count: int, seed: int = 0, colour: bool = False) -> list[str]:
    lines = []
    for number in range(count):
        label, key = ("ok", "defect")[number % 2], f"{name}/{number}.jpg"
        image = part(seed + number, label == "defect", colour=colour)
        objects.kept[Place("parts", key)] = encoded(image)
        lines.append(line(f"s3://parts/{key}", label))
    objects.kept[Place("parts", name)] = "\n".join(lines).encode()
    return lines


def run(objects: FakeObjects, folder: Path, pool: Executor, told: Job) -> Outcome:
    return train(told, folder, Reports(objects, told), pool)


@pytest.mark.parametrize("colour", [False, True])
def test_a_training_leaves_a_model_and_its_reports(
    objects: FakeObjects, tmp_path: Path, pool: Executor, colour: bool
) -> None:
    photos(objects, "train", 32, colour=colour)
    photos(objects, "test", 12, seed=500, colour=colour)

    outcome = run(objects, tmp_path, pool, job("test"))

    assert outcome.completed
    model = load_classifier(tmp_path / MODEL)
    assert model.colour is colour
    photo = read_photo(encoded(part(901, True, colour=colour)))
    assert model.labels[int(model.look(photo).argmax())] == "defect"
    report = _report(objects, outcome.about["EvaluationResult"]["Summary"])
    assert report["EvaluationDetails"]["NumberOfTestingImages"] == 12
    assert outcome.about["EvaluationResult"]["F1Score"] > 0.8
    snapshot = outcome.about["TestingDataResult"]["Output"]["Assets"][0]["GroundTruthManifest"]
    assert len(_text(objects, snapshot).splitlines()) == 12
    assert (
        _report(objects, outcome.about["ManifestSummary"])["statistics"]["training"]["valid_json_lines"] == 32
    )


def _text(objects: FakeObjects, written: dict[str, Any]) -> str:
    return objects.kept[Place.of(written["S3Object"])].decode()


def _report(objects: FakeObjects, written: dict[str, Any]) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(_text(objects, written))
    return report


def test_without_a_test_set_a_fifth_is_set_aside(
    objects: FakeObjects, tmp_path: Path, pool: Executor
) -> None:
    photos(objects, "train", 30)
    outcome = run(objects, tmp_path, pool, job())
    details = _report(objects, outcome.about["EvaluationResult"]["Summary"])["EvaluationDetails"]
    assert details["NumberOfTestingImages"] + details["NumberOfTrainingImages"] == 30
    assert 4 <= details["NumberOfTestingImages"] <= 8


def test_a_part_does_not_stand_on_both_sides_of_the_test_that_was_set_aside(
    objects: FakeObjects, tmp_path: Path, pool: Executor
) -> None:
    random, lines = np.random.default_rng(1), []
    for number, photographed in enumerate(sample_parts(24, seed=9)):
        image = opened(photographed.content)
        copies = [copy(image, random) for copy in (mirrored, saved_again, turned)]
        for place, content in enumerate([photographed.content, *copies]):
            objects.kept[Place("parts", f"{number}-{place}.jpg")] = content
            lines.append(line(f"s3://parts/{number}-{place}.jpg", photographed.label))
    objects.kept[Place("parts", "train")] = "\n".join(lines).encode()

    outcome = run(objects, tmp_path, pool, job())

    written = [outcome.about[f"{role}DataResult"]["Output"] for role in ("Training", "Testing")]
    sides = [
        set(re.findall(r"s3://parts/(\d+)-", _text(objects, one["Assets"][0]["GroundTruthManifest"])))
        for one in written
    ]
    assert len(sides[0] | sides[1]) == 24
    assert not sides[0] & sides[1]


def test_a_few_unreadable_photos_are_reported_and_left_out(
    objects: FakeObjects, tmp_path: Path, pool: Executor
) -> None:
    photos(objects, "train", 20)
    objects.kept[Place("parts", "train/3.jpg")] = b"no photo"
    del objects.kept[Place("parts", "train/4.jpg")]
    outcome = run(objects, tmp_path, pool, job())
    assert outcome.completed
    statistics = _report(objects, outcome.about["ManifestSummary"])["statistics"]["training"]
    assert statistics["error_json_line_indices"] == [4, 5]
    validated = outcome.about["TrainingDataResult"]["Validation"]["Assets"][0]["GroundTruthManifest"]
    assert _text(objects, validated).count("ERROR_INVALID_IMAGE") == 2


def test_too_many_unreadable_photos_fail_the_training_with_a_summary(
    objects: FakeObjects, tmp_path: Path, pool: Executor
) -> None:
    photos(objects, "train", 20)
    for number in range(5):
        objects.kept[Place("parts", f"train/{number}.jpg")] = b"no photo"
    outcome = run(objects, tmp_path, pool, job())
    assert not outcome.completed
    assert outcome.message.startswith("ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST")
    assert "ManifestSummary" in outcome.about


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], "ERROR_EMPTY_MANIFEST"),
        ([line("s3://parts/a.jpg", "ok")] * 4, "ERROR_MANIFEST_TOO_FEW_LABELS"),
        (
            [line(f"s3://parts/{n}.jpg", label) for n, label in enumerate(["ok", "ok", "crack"])],
            "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_AUTOSPLIT",
        ),
        (["no json"] * 4, "ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST"),
    ],
)
def test_a_manifest_that_aws_would_refuse_is_refused_by_the_same_name(
    objects: FakeObjects, tmp_path: Path, pool: Executor, lines: list[str], code: str
) -> None:
    objects.kept[Place("parts", "train")] = "\n".join(lines).encode()
    with pytest.raises(ManifestRefused, match=code):
        run(objects, tmp_path, pool, job())


def test_trouble_with_s3_itself_stops_the_training_and_is_no_photo_s_fault(
    objects: FakeObjects, tmp_path: Path, pool: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos(objects, "train", 12)
    monkeypatch.setattr(reading, "_objects", Overloaded())
    with pytest.raises(Fault, match="slow down"):
        run(objects, tmp_path, pool, job())


class Overloaded(FakeObjects):
    """An S3 that has enough."""

    def read(self, place: Place, most: int) -> bytes:
        raise Fault("InternalServerError", "slow down")


def test_a_fault_crosses_processes_as_it_is() -> None:
    fault = copy.copy(Fault("InternalServerError", "slow down"))
    assert (fault.code, fault.message, fault.status) == ("InternalServerError", "slow down", 500)


def test_a_missing_manifest_and_a_locked_output_are_named(
    objects: FakeObjects, tmp_path: Path, pool: Executor
) -> None:
    with pytest.raises(ManifestRefused, match="ERROR_MANIFEST_INACCESSIBLE"):
        run(objects, tmp_path, pool, job())
    photos(objects, "train", 12)
    with pytest.raises(ManifestRefused, match="ERROR_CANNOT_WRITE_OUTPUT_S3_BUCKET"):
        run(objects, tmp_path, pool, job(bucket="locked"))
