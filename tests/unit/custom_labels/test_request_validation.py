"""Requests are validated against Rekognition's own service model."""

import base64
from typing import Any

import pytest

from custom_labels.errors import ServiceError
from custom_labels.request_validation import validate_request

MODEL = "arn:aws:rekognition:eu-central-1:000000000000:project/pump/version/v1/1700000000000"
IMAGE = {"Bytes": base64.b64encode(b"photo").decode()}


def test_a_valid_request_passes_with_its_bytes_decoded() -> None:
    request = {"ProjectVersionArn": MODEL, "Image": IMAGE, "MinConfidence": 0, "Unknown": "left out"}

    assert validate_request("DetectCustomLabels", request) == {
        "ProjectVersionArn": MODEL,
        "Image": {"Bytes": b"photo"},
        "MinConfidence": 0,
    }


@pytest.mark.parametrize(
    ("operation", "request_", "member"),
    [
        ("CreateProject", {}, "ProjectName"),
        ("CreateProject", {"ProjectName": None}, "ProjectName"),
        ("CreateProject", {"ProjectName": "with space"}, "ProjectName"),
        ("CreateProject", {"ProjectName": "x" * 256}, "ProjectName"),
        ("CreateProject", {"ProjectName": 7}, "ProjectName"),
        ("CreateProject", {"ProjectName": "x", "Feature": "OTHER"}, "Feature"),
        ("CreateProject", {"ProjectName": "x", "Tags": {"aws:mine": "1"}}, "Tags"),
        ("DescribeProjects", {"MaxResults": 0}, "MaxResults"),
        ("DescribeProjects", {"MaxResults": 101}, "MaxResults"),
        ("DescribeProjects", {"MaxResults": True}, "MaxResults"),
        ("DescribeProjects", {"ProjectNames": []}, "ProjectNames"),
        ("DescribeProjects", {"ProjectNames": ["fine", "not fine"]}, "ProjectNames.2"),
        ("StartProjectVersion", {"ProjectVersionArn": MODEL, "MinInferenceUnits": 0}, "MinInferenceUnits"),
        (
            "StartProjectVersion",
            {"ProjectVersionArn": "arn:aws:x", "MinInferenceUnits": 1},
            "ProjectVersionArn",
        ),
        ("DetectCustomLabels", {"ProjectVersionArn": MODEL, "Image": {"Bytes": "%%"}}, "Image.Bytes"),
        (
            "DetectCustomLabels",
            {"ProjectVersionArn": MODEL, "Image": IMAGE, "MinConfidence": 101},
            "MinConfidence",
        ),
        ("DetectCustomLabels", {"ProjectVersionArn": MODEL, "Image": "photo"}, "Image"),
    ],
)
def test_the_error_names_the_invalid_member(operation: str, request_: dict[str, Any], member: str) -> None:
    with pytest.raises(ServiceError) as caught:
        validate_request(operation, request_)

    assert caught.value.code == "InvalidParameterException"
    assert f"{operation}.{member}" in caught.value.message


def test_a_request_that_is_no_object_is_refused() -> None:
    with pytest.raises(ServiceError, match="not a JSON object"):
        validate_request("CreateProject", ["ProjectName"])


def test_letters_of_any_language_may_stand_in_a_tag() -> None:
    assert validate_request("CreateProject", {"ProjectName": "x", "Tags": {"Größe": "klein"}})["Tags"]
