from typing import Any

import pytest

from tests.model_world import arn_of
from tests.unit.workflow.aws.stubbed_client import stubbed
from workflow.aws.model_control_plane import RekognitionModelControlPlane
from workflow.aws.rate_limiter import RateLimiter

ARN = arn_of("autumn")
PROJECT = ARN.split("/version/")[0] + "/1"


def assets(name: str) -> dict[str, Any]:
    return {"Assets": [{"GroundTruthManifest": {"S3Object": {"Bucket": "training", "Name": name}}}]}


@pytest.mark.parametrize(
    ("result", "uri"),
    [
        ({}, ""),
        ({"Input": assets("in")}, "s3://training/in"),
        ({"Input": assets("in"), "Validation": assets("checked")}, "s3://training/checked"),
        ({"Validation": assets("checked"), "Output": assets("used")}, "s3://training/used"),
        ({"Validation": assets("checked"), "Output": {"Assets": []}}, "s3://training/checked"),
    ],
)
def test_the_list_of_the_photos_that_were_used_comes_before_those_that_were_given(
    result: dict[str, Any], uri: str
) -> None:
    with stubbed("rekognition") as (rekognition, stubber):
        stubber.add_response(
            "describe_projects",
            {"ProjectDescriptions": [{"ProjectArn": PROJECT}]},
            {"ProjectNames": ["parts"]},
        )
        stubber.add_response(
            "describe_project_versions",
            {
                "ProjectVersionDescriptions": [
                    {"ProjectVersionArn": ARN, "Status": "RUNNING", "TrainingDataResult": result}
                ]
            },
            {"ProjectArn": PROJECT, "VersionNames": ["autumn"]},
        )

        version = RekognitionModelControlPlane(rekognition, RateLimiter(1000)).describe(ARN)

    assert version is not None
    assert version.training_uri == uri
