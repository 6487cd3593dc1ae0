"""Starting, stopping and asking a model, with every error that AWS has for them."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.custom_labels.contract import service_model
from local.custom_labels.faults import Fault
from local.custom_labels.objects import Place
from local.custom_labels.operations.catalog import OPERATIONS
from local.custom_labels.rates import Rates
from tests.unit.local.custom_labels.workbench import UNITS, Workbench, encoded, part

ABSENT = "arn:aws:rekognition:eu-central-1:000000000000:project/none/version/v1/1700000000000"
PHOTO = {"S3Object": {"Bucket": "parts", "Name": "plate.jpg"}}


@pytest.fixture
def model(bench: Workbench) -> str:
    bench.objects.kept[Place("parts", "plate.jpg")] = encoded(part(1, False))
    return bench.running(bench.project())


def inline(data: bytes) -> dict[str, str]:
    return {"Bytes": base64.b64encode(data).decode()}


def test_a_running_model_answers_with_all_labels_when_asked_for_all(bench: Workbench, model: str) -> None:
    answer = bench.ask("DetectCustomLabels", ProjectVersionArn=model, Image=PHOTO, MinConfidence=0)

    labels = answer["CustomLabels"]
    assert {label["Name"] for label in labels} == {"ok", "defect"}
    assert sum(label["Confidence"] for label in labels) == pytest.approx(100, abs=0.01)
    assert labels[0]["Confidence"] >= labels[1]["Confidence"]


def test_bytes_and_object_get_the_same_answer(bench: Workbench, model: str) -> None:
    data = bench.objects.kept[Place("parts", "plate.jpg")]
    answers = [
        bench.ask("DetectCustomLabels", ProjectVersionArn=model, Image=image, MinConfidence=0)
        for image in (PHOTO, inline(data))
    ]
    assert answers[0] == answers[1]


def test_without_a_minimum_the_assumed_threshold_hides_weak_labels(bench: Workbench, model: str) -> None:
    shown = bench.ask("DetectCustomLabels", ProjectVersionArn=model, Image=PHOTO)["CustomLabels"]
    assert all(label["Confidence"] >= 60 for label in shown)
    assert len(shown) < 2


def test_a_minimum_and_a_most_are_kept(bench: Workbench, model: str) -> None:
    asked: dict[str, Any] = {"ProjectVersionArn": model, "Image": PHOTO}
    assert bench.ask("DetectCustomLabels", **asked, MinConfidence=100)["CustomLabels"] == []
    assert len(bench.ask("DetectCustomLabels", **asked, MinConfidence=0, MaxResults=1)["CustomLabels"]) == 1
    assert bench.ask("DetectCustomLabels", **asked, MinConfidence=0, MaxResults=0)["CustomLabels"] == []


def test_a_version_of_an_object_is_read(bench: Workbench, model: str) -> None:
    bench.objects.kept[Place("parts", "plate.jpg", "v7")] = encoded(part(2, True))
    image = {"S3Object": {"Bucket": "parts", "Name": "plate.jpg", "Version": "v7"}}
    assert bench.ask("DetectCustomLabels", ProjectVersionArn=model, Image=image, MinConfidence=0)


@pytest.mark.parametrize(
    ("image", "error"),
    [
        ({"S3Object": {"Bucket": "parts", "Name": "absent.jpg"}}, "InvalidS3ObjectException"),
        ({"S3Object": {"Bucket": "parts"}}, "InvalidParameterException"),
        ({}, "InvalidParameterException"),
        ({**PHOTO, **inline(b"x")}, "InvalidParameterException"),
        (inline(b"not an image"), "InvalidImageFormatException"),
        (inline(b"GIF89a" + bytes(100)), "InvalidImageFormatException"),
        (inline(bytes(4 * 1024 * 1024 + 1)), "ImageTooLargeException"),
    ],
)
def test_an_image_that_cannot_be_looked_at_is_refused(
    bench: Workbench, model: str, image: dict[str, Any], error: str
) -> None:
    assert bench.refusal("DetectCustomLabels", ProjectVersionArn=model, Image=image) == error


def test_an_object_over_fifteen_megabytes_is_not_decoded(bench: Workbench, model: str) -> None:
    bench.objects.kept[Place("parts", "plate.jpg")] = bytes(15 * 1024 * 1024 + 1)
    refusal = bench.refusal("DetectCustomLabels", ProjectVersionArn=model, Image=PHOTO)
    assert refusal == "ImageTooLargeException"


@pytest.mark.parametrize("operation", ["StartProjectVersion", "StopProjectVersion", "DetectCustomLabels"])
def test_an_unknown_model_is_not_found(bench: Workbench, operation: str) -> None:
    request: dict[str, Any] = {"ProjectVersionArn": ABSENT}
    request |= UNITS if operation == "StartProjectVersion" else {}
    request |= {"Image": PHOTO} if operation == "DetectCustomLabels" else {}
    assert bench.refusal(operation, **request) == "ResourceNotFoundException"


def test_a_stopped_model_is_not_asked_and_can_be_started_again(bench: Workbench, model: str) -> None:
    assert bench.ask("StopProjectVersion", ProjectVersionArn=model) == {"Status": "STOPPING"}
    refusal = bench.refusal("DetectCustomLabels", ProjectVersionArn=model, Image=PHOTO)
    assert refusal == "ResourceNotReadyException"
    bench.settle()
    assert bench.status(model) == "STOPPED"
    assert bench.ask("StartProjectVersion", ProjectVersionArn=model, **UNITS) == {"Status": "STARTING"}


def test_starting_twice_and_stopping_twice_is_refused(bench: Workbench, model: str) -> None:
    assert bench.refusal("StartProjectVersion", ProjectVersionArn=model, **UNITS) == "ResourceInUseException"
    bench.ask("StopProjectVersion", ProjectVersionArn=model)
    assert bench.refusal("StopProjectVersion", ProjectVersionArn=model) == "ResourceInUseException"


def test_a_third_model_may_not_run_and_stays_as_it_was(bench: Workbench, model: str) -> None:
    project = bench.project("second")
    bench.running(project, "v1")
    third = bench.trained(project, "v2")

    assert bench.refusal("StartProjectVersion", ProjectVersionArn=third, **UNITS) == "LimitExceededException"
    assert bench.status(third) == "TRAINING_COMPLETED"


def test_units_have_a_limit_and_an_order(bench: Workbench) -> None:
    model = bench.trained(bench.project())
    six = {"MinInferenceUnits": 6}
    assert bench.refusal("StartProjectVersion", ProjectVersionArn=model, **six) == "LimitExceededException"
    crossed = {"MinInferenceUnits": 3, "MaxInferenceUnits": 2}
    assert (
        bench.refusal("StartProjectVersion", ProjectVersionArn=model, **crossed)
        == "InvalidParameterException"
    )


def test_a_model_whose_file_is_broken_fails_to_start(bench: Workbench) -> None:
    model = bench.trained(bench.project())
    bench.account.model_file(model).write_bytes(b"PK broken")

    bench.ask("StartProjectVersion", ProjectVersionArn=model, **UNITS)
    bench.settle()

    assert bench.status(model) == "FAILED"


def test_a_scripted_start_takes_its_time_and_another_fails(bench: Workbench) -> None:
    model = bench.trained(bench.project())
    bench.account.rehearsal.script({"delays": {"start": 0.2}})
    begun = time.monotonic()
    bench.ask("StartProjectVersion", ProjectVersionArn=model, **UNITS)
    assert bench.status(model) == "STARTING"
    bench.settle()
    assert time.monotonic() - begun >= 0.2
    bench.ask("StopProjectVersion", ProjectVersionArn=model)
    bench.settle()

    bench.account.rehearsal.script({"failing_starts": 1})
    bench.ask("StartProjectVersion", ProjectVersionArn=model, **UNITS)
    bench.settle()
    assert bench.status(model) == "FAILED"


def _every_error() -> list[tuple[str, str]]:
    return [
        (operation, shape.name)
        for operation in OPERATIONS
        for shape in service_model().operation_model(operation).error_shapes
    ]


@pytest.mark.parametrize(("operation", "error"), _every_error())
def test_every_modelled_error_of_every_operation_can_be_scripted(
    bench: Workbench, operation: str, error: str
) -> None:
    bench.account.rehearsal.script(
        {"troubles": [{"operation": operation, "error": error, "after": 1, "times": 2}]}
    )

    met = [_met(bench, operation) for _ in range(4)]

    status = 500 if error == "InternalServerError" else 400
    assert met == [None, (error, status), (error, status), None]
    assert bench.account.rehearsal.shown()["calls"] == {operation: 4}


def _met(bench: Workbench, operation: str) -> tuple[str, int] | None:
    try:
        bench.account.rehearsal.meet(operation)
    except Fault as fault:
        return fault.code, fault.status
    return None


@pytest.fixture
def throttled(tmp_path: Path) -> Iterator[Workbench]:
    bench = Workbench(tmp_path / "throttled")
    yield bench
    bench.account.close()


def test_a_throttled_model_takes_five_photos_a_second_and_unit(throttled: Workbench) -> None:
    throttled.objects.kept[Place("parts", "plate.jpg")] = encoded(part(1, False))
    model = throttled.running(throttled.project())
    now = [0.0]
    throttled.account.rates = Rates(True, lambda: now[0])

    def answered() -> int:
        codes = [
            throttled.attempt("DetectCustomLabels", ProjectVersionArn=model, Image=PHOTO) for _ in range(8)
        ]
        assert set(codes) == {"", "ProvisionedThroughputExceededException"}
        return codes.count("")

    assert answered() == 5
    now[0] = 0.4
    assert answered() == 2


def test_control_calls_are_throttled_at_five_a_second(throttled: Workbench) -> None:
    throttled.account.rates = Rates(True, lambda: 0.0)
    assert [throttled.attempt("DescribeProjects") for _ in range(6)] == [*[""] * 5, "ThrottlingException"]
