"""Every error of Rekognition's API is handled. A new error of the API fails a test."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from workflow.aws import detector
from workflow.aws.detector import RekognitionDetector
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Score
from workflow.pipeline.detection import ImageRefused, ImageUnreadable, ModelAnswer, ModelNotReady

ARN = "arn:aws:rekognition:eu-central-1:123456789012:project/parts/version/1/1"
IMAGE = Image("inbound", "line 1/ä b.png", "v1")
ASKED = {
    "ProjectVersionArn": ARN,
    "Image": {"S3Object": {"Bucket": "inbound", "Name": "line 1/ä b.png", "Version": "v1"}},
    "MinConfidence": 0,
}
ASLEEP = {"ResourceNotReadyException"}
BUSY = {
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "InternalServerError",
    "LimitExceededException",
}
REFUSED = {"ImageTooLargeException", "InvalidImageFormatException"}
UNREADABLE = {"InvalidS3ObjectException"}
MISUNDERSTOOD = {"InvalidParameterException"}
ALARM = {"AccessDeniedException", "ResourceNotFoundException"}


@pytest.fixture(scope="module")
def client() -> Any:
    return boto3.client(
        "rekognition", region_name="eu-central-1", aws_access_key_id="none", aws_secret_access_key="none"
    )


@pytest.fixture
def rekognition(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def label(name: str, confidence: float, **more: Any) -> dict[str, Any]:
    return {"Name": name, "Confidence": confidence, **more}


def test_the_whole_score_vector_of_exactly_this_version_is_requested(
    client: Any, rekognition: Stubber
) -> None:
    answer = {"CustomLabels": [label("ok_front", 87.5), label("def_front", 0.0)]}
    rekognition.add_response("detect_custom_labels", answer, ASKED)

    found = RekognitionDetector(ARN, client).detect_labels(IMAGE)

    assert found == ModelAnswer((Score("ok_front", 0.875), Score("def_front", 0.0)), ARN)


def test_a_photo_that_is_not_in_s3_is_sent_with_the_request(client: Any, rekognition: Stubber) -> None:
    answer = {"CustomLabels": [label("ok_front", 87.5)]}
    rekognition.add_response("detect_custom_labels", answer, {**ASKED, "Image": {"Bytes": b"\xff\xd8 photo"}})

    answered = RekognitionDetector(ARN, client).detect_labels_in_bytes(b"\xff\xd8 photo")

    assert answered == ModelAnswer((Score("ok_front", 0.875),), ARN)


def test_no_label_is_an_answer(client: Any, rekognition: Stubber) -> None:
    rekognition.add_response("detect_custom_labels", {"CustomLabels": []}, ASKED)

    assert RekognitionDetector(ARN, client).detect_labels(IMAGE) == ModelAnswer((), ARN)


def test_a_label_of_an_image_region_is_ignored(client: Any, rekognition: Stubber) -> None:
    box = {"Geometry": {"BoundingBox": {"Width": 0.1, "Height": 0.1, "Left": 0.1, "Top": 0.1}}}
    answer = {"CustomLabels": [label("logo", 99.0, **box), label("ok_front", 100.0)]}
    rekognition.add_response("detect_custom_labels", answer, ASKED)

    assert RekognitionDetector(ARN, client).detect_labels(IMAGE) == ModelAnswer(
        (Score("ok_front", 1.0),), ARN
    )


@pytest.mark.parametrize("arn", ["none", "-", "project/parts"])
def test_without_a_model_photos_wait(client: Any, rekognition: Stubber, arn: str) -> None:
    answer = RekognitionDetector(arn, client).detect_labels(IMAGE)

    assert isinstance(answer, ModelNotReady)
    assert answer.reason == "no model is chosen"


def outcome(client: Any, rekognition: Stubber, code: str) -> Any:
    rekognition.add_client_error("detect_custom_labels", code, "so it is", expected_params=ASKED)
    return RekognitionDetector(ARN, client).detect_labels(IMAGE)


@pytest.mark.parametrize("code", sorted(ASLEEP | BUSY))
def test_a_stopped_or_busy_model_is_retried_after_a_random_delay(
    client: Any, rekognition: Stubber, code: str
) -> None:
    waits = set()
    for _ in range(40):
        answer = outcome(client, rekognition, code)
        assert isinstance(answer, ModelNotReady)
        waits.add(answer.wait_seconds)

    seconds = detector.STOPPED_RETRY_SECONDS if code in ASLEEP else detector.BUSY_RETRY_SECONDS
    assert seconds * 0.5 <= min(waits) < max(waits) <= seconds * 1.5


@pytest.mark.parametrize("code", sorted(REFUSED))
def test_a_photo_that_the_model_never_accepts_is_refused_with_the_reason(
    client: Any, rekognition: Stubber, code: str
) -> None:
    answer = outcome(client, rekognition, code)

    assert isinstance(answer, ImageRefused)
    assert answer.code.startswith("model_")
    assert answer.detail == "The model refused the photo: so it is"


def test_an_object_that_the_service_cannot_read_is_unreadable(client: Any, rekognition: Stubber) -> None:
    assert outcome(client, rekognition, "InvalidS3ObjectException") == ImageUnreadable("so it is")


def test_an_invalid_request_is_not_the_photos_fault(client: Any, rekognition: Stubber) -> None:
    answer = outcome(client, rekognition, "InvalidParameterException")

    assert isinstance(answer, ModelNotReady)
    assert answer.broken


@pytest.mark.parametrize("code", [*sorted(ALARM), "UnrecognizedClientException", "SomethingNewException"])
def test_a_wrong_set_up_raises_an_error(client: Any, rekognition: Stubber, code: str) -> None:
    with pytest.raises(ClientError, match=code):
        outcome(client, rekognition, code)


def test_exactly_the_errors_of_the_service_are_handled(client: Any) -> None:
    operation = client.meta.service_model.operation_model("DetectCustomLabels")
    named = {shape.name for shape in operation.error_shapes}

    assert named == ASLEEP | BUSY | REFUSED | UNREADABLE | MISUNDERSTOOD | ALARM
    assert (
        named - ALARM - UNREADABLE - MISUNDERSTOOD
        == ASLEEP | detector._BUSY_CODES | detector._REFUSAL_CODES.keys()
    )
