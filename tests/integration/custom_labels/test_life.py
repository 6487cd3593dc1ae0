"""The whole life of a model, driven by boto3 and the AWS CLI with no code of ours in the client."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.custom_labels.running import ENVIRONMENT, Service, described, source, until
from tests.unit.local.custom_labels.workbench import encoded, part

pytestmark = pytest.mark.xdist_group("custom_labels_life")
PHOTO = {"S3Object": {"Bucket": "parts", "Name": "test/1.jpg"}}
OUTPUT = {"S3Bucket": "parts", "S3KeyPrefix": "out"}


def train(client: Any, project: str, name: str = "v1", **data: Any) -> str:
    request = {"ProjectArn": project, "VersionName": name, "OutputConfig": OUTPUT} | data
    return str(client.create_project_version(**request)["ProjectVersionArn"])


def test_boto3_takes_a_model_from_a_manifest_to_its_end(service: Service, s3: Any) -> None:
    client = service.client()
    project = client.create_project(ProjectName="pump")["ProjectArn"]
    for kind, name in (("TRAIN", "train"), ("TEST", "test")):
        client.create_dataset(ProjectArn=project, DatasetType=kind, DatasetSource=source("parts", name))
    model = train(client, project)
    assert described(client, model)["Status"] == "TRAINING_IN_PROGRESS"
    about = until(client, model, "TRAINING_COMPLETED", "TRAINING_FAILED")
    assert about["EvaluationResult"]["F1Score"] > 0.8, about["StatusMessage"]
    place = about["EvaluationResult"]["Summary"]["S3Object"]
    summary = json.loads(s3.get_object(Bucket=place["Bucket"], Key=place["Name"])["Body"].read())
    assert summary["EvaluationDetails"]["NumberOfTestingImages"] == 10

    with pytest.raises(client.exceptions.ResourceNotReadyException):
        client.detect_custom_labels(ProjectVersionArn=model, Image=PHOTO)
    client.start_project_version(ProjectVersionArn=model, MinInferenceUnits=1)
    until(client, model, "RUNNING")
    _ask_in_every_way(client, model, s3)
    _survives_a_restart(service, model)
    client.stop_project_version(ProjectVersionArn=model)
    until(client, model, "STOPPED")
    _use_the_command_line(service, project, model)


def _ask_in_every_way(client: Any, model: str, s3: Any) -> None:
    wanted = {"ProjectVersionArn": model, "MinConfidence": 0}
    by_object = client.detect_custom_labels(Image=PHOTO, **wanted)["CustomLabels"]
    assert by_object[0]["Name"] == "defect"
    data = s3.get_object(Bucket="parts", Key="test/1.jpg")["Body"].read()
    assert client.detect_custom_labels(Image={"Bytes": data}, **wanted)["CustomLabels"] == by_object

    old = s3.put_object(Bucket="parts", Key="again.jpg", Body=encoded(part(700, False)))["VersionId"]
    s3.put_object(Bucket="parts", Key="again.jpg", Body=encoded(part(701, True)))
    place = {"Bucket": "parts", "Name": "again.jpg"}
    latest = client.detect_custom_labels(Image={"S3Object": place}, **wanted)["CustomLabels"]
    first = client.detect_custom_labels(Image={"S3Object": place | {"Version": old}}, **wanted)[
        "CustomLabels"
    ]
    assert (latest[0]["Name"], first[0]["Name"]) == ("defect", "ok")

    for name in ("absent.jpg", "none/absent.jpg"):
        with pytest.raises(client.exceptions.InvalidS3ObjectException):
            client.detect_custom_labels(Image={"S3Object": {"Bucket": "parts", "Name": name}}, **wanted)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.detect_custom_labels(Image=PHOTO, **wanted), range(24)))
    assert all(answer["CustomLabels"] == by_object for answer in answers)


def _survives_a_restart(service: Service, model: str) -> None:
    wanted = {"ProjectVersionArn": model, "MinConfidence": 0, "Image": PHOTO}
    before = service.client().detect_custom_labels(**wanted)["CustomLabels"]
    assert service.stop() == 0
    service.start()
    assert service.client().detect_custom_labels(**wanted)["CustomLabels"] == before


def _use_the_command_line(service: Service, project: str, model: str) -> None:
    def aws(*words: str) -> dict[str, Any]:
        command = [
            str(Path(sys.executable).with_name("aws")),
            "rekognition",
            *words,
            "--endpoint-url",
            service.url,
        ]
        done = subprocess.run(
            command, env=os.environ | ENVIRONMENT, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout or "{}")
        return answer

    which = ("--project-version-arn", model)
    assert aws("start-project-version", *which, "--min-inference-units", "1")["Status"] == "STARTING"
    until(service.client(), model, "RUNNING")
    image = ("--image", json.dumps(PHOTO), "--min-confidence", "0")
    assert aws("detect-custom-labels", *which, *image)["CustomLabels"][0]["Name"] == "defect"
    shown = aws("describe-project-versions", "--project-arn", project)["ProjectVersionDescriptions"]
    assert [row["Status"] for row in shown] == ["RUNNING"]
    assert aws("stop-project-version", *which)["Status"] == "STOPPING"
    until(service.client(), model, "STOPPED")
    assert aws("delete-project-version", *which)["Status"] == "DELETING"


def test_a_training_that_cannot_go_on_says_why(service: Service, s3: Any) -> None:
    client = service.client()
    project = client.create_project(ProjectName="pump")["ProjectArn"]
    absent = {"Assets": [source("parts", "absent")]}
    model = train(client, project, TrainingData=absent, TestingData={"AutoCreate": True})
    about = until(client, model, "TRAINING_FAILED")
    assert about["StatusMessage"].startswith("ERROR_MANIFEST_INACCESSIBLE_OR_UNSUPPORTED_FORMAT")


def test_a_training_that_is_killed_fails_with_its_signal_and_leaves_no_process(
    service: Service, s3: Any
) -> None:
    client = service.client()
    project = client.create_project(ProjectName="pump")["ProjectArn"]
    data = {"TrainingData": {"Assets": [source("parts", "train")]}, "TestingData": {"AutoCreate": True}}
    model = train(client, project, **data)
    assert service.process is not None
    [trainer] = _others(service)
    os.kill(trainer, 9)
    about = until(client, model, "TRAINING_FAILED")
    assert "signal 9" in about["StatusMessage"]
    assert _gone(service, keep=1)


def _others(service: Service) -> list[int]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        assert service.process is not None
        if found := [number for number in service.family() if number != service.process.pid]:
            return found[:1]
        time.sleep(0.01)
    return []


def _gone(service: Service, keep: int) -> bool:
    deadline = time.monotonic() + 10
    while len(service.family()) > keep and time.monotonic() < deadline:
        time.sleep(0.05)
    return len(service.family()) <= keep


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_no_process_outlives_the_service_and_its_training_is_told_as_interrupted(
    service: Service, s3: Any, how: str
) -> None:
    client = service.client()
    project = client.create_project(ProjectName="pump")["ProjectArn"]
    data = {"TrainingData": {"Assets": [source("parts", "train")]}, "TestingData": {"AutoCreate": True}}
    model = train(client, project, **data)
    assert _others(service)
    getattr(service, how)()
    assert _gone(service, keep=0)

    service.start()
    about = described(client, model)
    assert about["Status"] == "TRAINING_FAILED"
    assert "interrupted" in about["StatusMessage"]


def test_a_scripted_failure_reaches_the_client_as_its_own_class(service: Service) -> None:
    client = service.client()
    trouble = {"operation": "DescribeProjects", "error": "ProvisionedThroughputExceededException", "times": 1}
    service.script(troubles=[trouble])
    with pytest.raises(client.exceptions.ProvisionedThroughputExceededException):
        client.describe_projects()
    client.describe_projects()
    assert service.get("/admin/rehearsal")["calls"] == {"DescribeProjects": 2}
    service.script(troubles=[trouble | {"error": "InternalServerError"}])
    with pytest.raises(ClientError) as caught:
        client.describe_projects()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
