"""Models are started, stopped and called; every error of AWS for that occurs."""

import base64
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from custom_labels.errors import ServiceError
from custom_labels.operations.catalog import OPERATIONS
from custom_labels.rate_limits import RateLimits
from custom_labels.request_validation import load_service_model
from custom_labels.s3_location import S3Location
from tests.unit.custom_labels.in_memory_service import UNITS, InMemoryService, encode, plate_photo

ABSENT = "arn:aws:rekognition:eu-central-1:000000000000:project/none/version/v1/1700000000000"
PHOTO = {"S3Object": {"Bucket": "parts", "Name": "plate.jpg"}}


@pytest.fixture
def model(service: InMemoryService) -> str:
    service.storage.objects[S3Location("parts", "plate.jpg")] = encode(plate_photo(1, False))
    return service.create_running_model(service.create_project())


def inline(data: bytes) -> dict[str, str]:
    return {"Bytes": base64.b64encode(data).decode()}


def test_a_running_model_answers_with_all_labels_when_asked_for_all(
    service: InMemoryService, model: str
) -> None:
    answer = service.call("DetectCustomLabels", ProjectVersionArn=model, Image=PHOTO, MinConfidence=0)

    labels = answer["CustomLabels"]
    assert {label["Name"] for label in labels} == {"ok", "defect"}
    assert sum(label["Confidence"] for label in labels) == pytest.approx(100, abs=0.01)
    assert labels[0]["Confidence"] >= labels[1]["Confidence"]


def test_bytes_and_object_get_the_same_answer(service: InMemoryService, model: str) -> None:
    data = service.storage.objects[S3Location("parts", "plate.jpg")]
    answers = [
        service.call("DetectCustomLabels", ProjectVersionArn=model, Image=image, MinConfidence=0)
        for image in (PHOTO, inline(data))
    ]
    assert answers[0] == answers[1]


def test_without_a_minimum_the_assumed_threshold_hides_weak_labels(
    service: InMemoryService, model: str
) -> None:
    shown = service.call("DetectCustomLabels", ProjectVersionArn=model, Image=PHOTO)["CustomLabels"]
    assert all(label["Confidence"] >= 60 for label in shown)
    assert len(shown) < 2


def test_a_minimum_and_a_most_are_kept(service: InMemoryService, model: str) -> None:
    request: dict[str, Any] = {"ProjectVersionArn": model, "Image": PHOTO}
    assert service.call("DetectCustomLabels", **request, MinConfidence=100)["CustomLabels"] == []
    assert (
        len(service.call("DetectCustomLabels", **request, MinConfidence=0, MaxResults=1)["CustomLabels"]) == 1
    )
    assert service.call("DetectCustomLabels", **request, MinConfidence=0, MaxResults=0)["CustomLabels"] == []


def test_a_version_of_an_object_is_read(service: InMemoryService, model: str) -> None:
    service.storage.objects[S3Location("parts", "plate.jpg", "v7")] = encode(plate_photo(2, True))
    image = {"S3Object": {"Bucket": "parts", "Name": "plate.jpg", "Version": "v7"}}
    assert service.call("DetectCustomLabels", ProjectVersionArn=model, Image=image, MinConfidence=0)


@pytest.mark.parametrize(
    ("image", "error"),
    [
        ({"S3Object": {"Bucket": "parts", "Name": "absent.jpg"}}, "InvalidS3ObjectException"),
        ({"S3Object": {"Bucket": "parts"}}, "InvalidParameterException"),
        ({}, "InvalidParameterException"),
        ({**PHOTO, **inline(b"x")}, "InvalidParameterException"),
        (inline(b"not an image"), "InvalidImageFormatException"),
        (inline(b"GIF89a" + bytes(100)), "InvalidImageFormatException"),
        (inline(encode(Image.new("L", (63, 200)), "PNG")), "InvalidImageFormatException"),
        (inline(encode(Image.new("L", (64, 4097)), "PNG")), "ImageTooLargeException"),
        (inline(bytes(4 * 1024 * 1024 + 1)), "ImageTooLargeException"),
    ],
)
def test_an_image_that_cannot_be_looked_at_is_refused(
    service: InMemoryService, model: str, image: dict[str, Any], error: str
) -> None:
    assert service.expect_error("DetectCustomLabels", ProjectVersionArn=model, Image=image) == error


def test_an_object_over_fifteen_megabytes_is_not_decoded(service: InMemoryService, model: str) -> None:
    service.storage.objects[S3Location("parts", "plate.jpg")] = bytes(15 * 1024 * 1024 + 1)
    refusal = service.expect_error("DetectCustomLabels", ProjectVersionArn=model, Image=PHOTO)
    assert refusal == "ImageTooLargeException"


@pytest.mark.parametrize("operation", ["StartProjectVersion", "StopProjectVersion", "DetectCustomLabels"])
def test_an_unknown_model_is_not_found(service: InMemoryService, operation: str) -> None:
    request: dict[str, Any] = {"ProjectVersionArn": ABSENT}
    request |= UNITS if operation == "StartProjectVersion" else {}
    request |= {"Image": PHOTO} if operation == "DetectCustomLabels" else {}
    assert service.expect_error(operation, **request) == "ResourceNotFoundException"


def test_a_stopped_model_is_not_asked_and_can_be_started_again(service: InMemoryService, model: str) -> None:
    assert service.call("StopProjectVersion", ProjectVersionArn=model) == {"Status": "STOPPING"}
    refusal = service.expect_error("DetectCustomLabels", ProjectVersionArn=model, Image=PHOTO)
    assert refusal == "ResourceNotReadyException"
    service.wait_until_idle()
    assert service.status_of(model) == "STOPPED"
    assert service.call("StartProjectVersion", ProjectVersionArn=model, **UNITS) == {"Status": "STARTING"}


def test_starting_twice_and_stopping_twice_is_refused(service: InMemoryService, model: str) -> None:
    assert (
        service.expect_error("StartProjectVersion", ProjectVersionArn=model, **UNITS)
        == "ResourceInUseException"
    )
    service.call("StopProjectVersion", ProjectVersionArn=model)
    assert service.expect_error("StopProjectVersion", ProjectVersionArn=model) == "ResourceInUseException"


def test_a_third_model_may_not_run_and_stays_as_it_was(service: InMemoryService, model: str) -> None:
    project = service.create_project("second")
    service.create_running_model(project, "v1")
    third = service.create_trained_model(project, "v2")

    assert (
        service.expect_error("StartProjectVersion", ProjectVersionArn=third, **UNITS)
        == "LimitExceededException"
    )
    assert service.status_of(third) == "TRAINING_COMPLETED"


def test_units_have_a_limit_and_an_order(service: InMemoryService) -> None:
    model = service.create_trained_model(service.create_project())
    six = {"MinInferenceUnits": 6}
    assert (
        service.expect_error("StartProjectVersion", ProjectVersionArn=model, **six)
        == "LimitExceededException"
    )
    crossed = {"MinInferenceUnits": 3, "MaxInferenceUnits": 2}
    assert (
        service.expect_error("StartProjectVersion", ProjectVersionArn=model, **crossed)
        == "InvalidParameterException"
    )


def test_a_model_whose_file_is_broken_fails_to_start(service: InMemoryService) -> None:
    model = service.create_trained_model(service.create_project())
    service.account.model_file(model).write_bytes(b"PK broken")

    service.call("StartProjectVersion", ProjectVersionArn=model, **UNITS)
    service.wait_until_idle()

    assert service.status_of(model) == "FAILED"


def test_an_injected_delay_slows_a_start_and_an_injected_failure_fails_it(
    service: InMemoryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = service.create_trained_model(service.create_project())
    service.account.fault_injector.configure({"delays": {"start": 30}})
    is_over = threading.Event()
    delays: list[float] = []
    monkeypatch.setattr(
        service.account.model_runner._closing, "wait", lambda delay: (delays.append(delay), is_over.wait())[0]
    )
    service.call("StartProjectVersion", ProjectVersionArn=model, **UNITS)
    assert service.status_of(model) == "STARTING"
    is_over.set()
    service.wait_until_idle()
    assert delays == [30]
    service.call("StopProjectVersion", ProjectVersionArn=model)
    service.wait_until_idle()

    service.account.fault_injector.configure({"failing_starts": 1})
    service.call("StartProjectVersion", ProjectVersionArn=model, **UNITS)
    service.wait_until_idle()
    assert service.status_of(model) == "FAILED"


def _every_error() -> list[tuple[str, str]]:
    return [
        (operation, shape.name)
        for operation in OPERATIONS
        for shape in load_service_model().operation_model(operation).error_shapes
    ]


@pytest.mark.parametrize(("operation", "error"), _every_error())
def test_every_modelled_error_of_every_operation_can_be_injected(
    service: InMemoryService, operation: str, error: str
) -> None:
    service.account.fault_injector.configure(
        {"errors": [{"operation": operation, "error": error, "after": 1, "times": 2}]}
    )

    results = [_before_call(service, operation) for _ in range(4)]

    status = 500 if error == "InternalServerError" else 400
    assert results == [None, (error, status), (error, status), None]
    assert service.account.fault_injector.to_dict()["calls"] == {operation: 4}


def _before_call(service: InMemoryService, operation: str) -> tuple[str, int] | None:
    try:
        service.account.fault_injector.before_call(operation)
    except ServiceError as error:
        return error.code, error.status
    return None


@pytest.fixture
def throttled(tmp_path: Path) -> Iterator[InMemoryService]:
    service = InMemoryService(tmp_path / "throttled")
    yield service
    service.account.close()


def test_a_throttled_model_takes_five_photos_a_second_and_unit(throttled: InMemoryService) -> None:
    throttled.storage.objects[S3Location("parts", "plate.jpg")] = encode(plate_photo(1, False))
    model = throttled.create_running_model(throttled.create_project())
    now = [0.0]
    throttled.account.rate_limits = RateLimits(True, lambda: now[0])

    def count_accepted() -> int:
        codes = [
            throttled.try_call("DetectCustomLabels", ProjectVersionArn=model, Image=PHOTO) for _ in range(8)
        ]
        assert set(codes) == {"", "ProvisionedThroughputExceededException"}
        return codes.count("")

    assert count_accepted() == 5
    now[0] = 0.4
    assert count_accepted() == 2


def test_control_calls_are_throttled_at_five_a_second(throttled: InMemoryService) -> None:
    throttled.account.rate_limits = RateLimits(True, lambda: 0.0)
    assert [throttled.try_call("DescribeProjects") for _ in range(6)] == [*[""] * 5, "ThrottlingException"]
