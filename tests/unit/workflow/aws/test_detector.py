"""Every error that Rekognition names has a meaning; an error it starts to name is noticed."""

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
from workflow.pipeline.detection import NotReady, Refused, Scores, Unreadable

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


def test_the_whole_score_vector_of_exactly_this_version_is_asked_for(
    client: Any, rekognition: Stubber
) -> None:
    answer = {"CustomLabels": [label("ok_front", 87.5), label("def_front", 0.0)]}
    rekognition.add_response("detect_custom_labels", answer, ASKED)

    found = RekognitionDetector(ARN, client).custom_labels(IMAGE)

    assert found == Scores((Score("ok_front", 0.875), Score("def_front", 0.0)), ARN)


def test_no_label_is_an_answer(client: Any, rekognition: Stubber) -> None:
    rekognition.add_response("detect_custom_labels", {"CustomLabels": []}, ASKED)

    assert RekognitionDetector(ARN, client).custom_labels(IMAGE) == Scores((), ARN)


def test_a_label_of_a_place_in_the_image_says_nothing_of_the_whole(client: Any, rekognition: Stubber) -> None:
    box = {"Geometry": {"BoundingBox": {"Width": 0.1, "Height": 0.1, "Left": 0.1, "Top": 0.1}}}
    answer = {"CustomLabels": [label("logo", 99.0, **box), label("ok_front", 100.0)]}
    rekognition.add_response("detect_custom_labels", answer, ASKED)

    assert RekognitionDetector(ARN, client).custom_labels(IMAGE) == Scores((Score("ok_front", 1.0),), ARN)


@pytest.mark.parametrize("arn", ["none", "-", "project/parts"])
def test_without_a_chosen_model_photos_wait(client: Any, rekognition: Stubber, arn: str) -> None:
    answer = RekognitionDetector(arn, client).custom_labels(IMAGE)

    assert isinstance(answer, NotReady)
    assert answer.why == "no model is chosen"


def outcome(client: Any, rekognition: Stubber, code: str) -> Any:
    rekognition.add_client_error("detect_custom_labels", code, "so it is", expected_params=ASKED)
    return RekognitionDetector(ARN, client).custom_labels(IMAGE)


@pytest.mark.parametrize("code", sorted(ASLEEP | BUSY))
def test_a_model_that_sleeps_or_is_busy_is_asked_again_at_a_scattered_time(
    client: Any, rekognition: Stubber, code: str
) -> None:
    waits = set()
    for _ in range(40):
        answer = outcome(client, rekognition, code)
        assert isinstance(answer, NotReady)
        waits.add(answer.wait_seconds)

    seconds = detector.STOPPED_SECONDS if code in ASLEEP else detector.BUSY_SECONDS
    assert seconds * 0.5 <= min(waits) < max(waits) <= seconds * 1.5


@pytest.mark.parametrize("code", sorted(REFUSED))
def test_what_the_model_will_never_take_is_refused_with_its_reason(
    client: Any, rekognition: Stubber, code: str
) -> None:
    answer = outcome(client, rekognition, code)

    assert isinstance(answer, Refused)
    assert answer.code.startswith("model_")
    assert answer.detail == "The model refused the photo: so it is"


def test_an_object_that_the_service_cannot_read_is_told_apart(client: Any, rekognition: Stubber) -> None:
    assert outcome(client, rekognition, "InvalidS3ObjectException") == Unreadable("so it is")


def test_a_question_that_the_service_does_not_understand_is_no_fault_of_the_photo(
    client: Any, rekognition: Stubber
) -> None:
    answer = outcome(client, rekognition, "InvalidParameterException")

    assert isinstance(answer, NotReady)
    assert answer.broken


@pytest.mark.parametrize("code", [*sorted(ALARM), "UnrecognizedClientException", "SomethingNewException"])
def test_a_wrong_set_up_is_a_fault_and_never_a_verdict(client: Any, rekognition: Stubber, code: str) -> None:
    with pytest.raises(ClientError, match=code):
        outcome(client, rekognition, code)


def test_every_error_that_the_service_names_has_a_meaning_and_no_other(client: Any) -> None:
    operation = client.meta.service_model.operation_model("DetectCustomLabels")
    named = {shape.name for shape in operation.error_shapes}

    assert named == ASLEEP | BUSY | REFUSED | UNREADABLE | MISUNDERSTOOD | ALARM
    assert named - ALARM - UNREADABLE - MISUNDERSTOOD == ASLEEP | detector._BUSY | detector._REFUSED.keys()
