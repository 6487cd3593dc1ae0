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

from tests.integration.custom_labels.running import (
    ENVIRONMENT,
    STATUS_TIMEOUT_SECONDS,
    ServiceProcess,
    describe_version,
    manifest_source,
    wait_for_status,
)
from tests.unit.custom_labels.in_memory_service import encode, plate_photo

pytestmark = pytest.mark.xdist_group("custom_labels_life")
PHOTO = {"S3Object": {"Bucket": "parts", "Name": "test/1.jpg"}}
OUTPUT = {"S3Bucket": "parts", "S3KeyPrefix": "out"}


def train(client: Any, project: str, name: str = "v1", **data: Any) -> str:
    request = {"ProjectArn": project, "VersionName": name, "OutputConfig": OUTPUT} | data
    return str(client.create_project_version(**request)["ProjectVersionArn"])


def test_boto3_takes_a_model_from_a_manifest_to_its_end(service: ServiceProcess, s3: Any) -> None:
    client = service.client()
    project = client.create_project(ProjectName="pump")["ProjectArn"]
    for kind, name in (("TRAIN", "train"), ("TEST", "test")):
        client.create_dataset(
            ProjectArn=project, DatasetType=kind, DatasetSource=manifest_source("parts", name)
        )
    model = train(client, project)
    assert describe_version(client, model)["Status"] == "TRAINING_IN_PROGRESS"
    description = wait_for_status(client, model, "TRAINING_COMPLETED", "TRAINING_FAILED")
    assert description["EvaluationResult"]["F1Score"] > 0.8, description["StatusMessage"]
    location = description["EvaluationResult"]["Summary"]["S3Object"]
    summary = json.loads(s3.get_object(Bucket=location["Bucket"], Key=location["Name"])["Body"].read())
    assert summary["EvaluationDetails"]["NumberOfTestingImages"] == 10

    with pytest.raises(client.exceptions.ResourceNotReadyException):
        client.detect_custom_labels(ProjectVersionArn=model, Image=PHOTO)
    client.start_project_version(ProjectVersionArn=model, MinInferenceUnits=1)
    wait_for_status(client, model, "RUNNING")
    _detect_in_every_way(client, model, s3)
    _check_restart(service, model)
    client.stop_project_version(ProjectVersionArn=model)
    wait_for_status(client, model, "STOPPED")
    _use_the_aws_cli(service, project, model)


def _detect_in_every_way(client: Any, model: str, s3: Any) -> None:
    request = {"ProjectVersionArn": model, "MinConfidence": 0}
    by_object = client.detect_custom_labels(Image=PHOTO, **request)["CustomLabels"]
    assert by_object[0]["Name"] == "defect"
    data = s3.get_object(Bucket="parts", Key="test/1.jpg")["Body"].read()
    assert client.detect_custom_labels(Image={"Bytes": data}, **request)["CustomLabels"] == by_object

    old = s3.put_object(Bucket="parts", Key="again.jpg", Body=encode(plate_photo(700, False)))["VersionId"]
    s3.put_object(Bucket="parts", Key="again.jpg", Body=encode(plate_photo(701, True)))
    location = {"Bucket": "parts", "Name": "again.jpg"}
    latest = client.detect_custom_labels(Image={"S3Object": location}, **request)["CustomLabels"]
    first = client.detect_custom_labels(Image={"S3Object": location | {"Version": old}}, **request)[
        "CustomLabels"
    ]
    assert (latest[0]["Name"], first[0]["Name"]) == ("defect", "ok")

    for name in ("absent.jpg", "none/absent.jpg"):
        with pytest.raises(client.exceptions.InvalidS3ObjectException):
            client.detect_custom_labels(Image={"S3Object": {"Bucket": "parts", "Name": name}}, **request)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.detect_custom_labels(Image=PHOTO, **request), range(24)))
    assert all(answer["CustomLabels"] == by_object for answer in answers)


def _check_restart(service: ServiceProcess, model: str) -> None:
    request = {"ProjectVersionArn": model, "MinConfidence": 0, "Image": PHOTO}
    before = service.client().detect_custom_labels(**request)["CustomLabels"]
    assert service.stop() == 0
    service.start()
    assert service.client().detect_custom_labels(**request)["CustomLabels"] == before


def _use_the_aws_cli(service: ServiceProcess, project: str, model: str) -> None:
    def aws(*words: str) -> dict[str, Any]:
        command = [
            str(Path(sys.executable).with_name("aws")),
            "rekognition",
            *words,
            "--endpoint-url",
            service.url,
        ]
        done = subprocess.run(
            command, env=os.environ | ENVIRONMENT, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout or "{}")
        return answer

    which = ("--project-version-arn", model)
    assert aws("start-project-version", *which, "--min-inference-units", "1")["Status"] == "STARTING"
    wait_for_status(service.client(), model, "RUNNING")
    image = ("--image", json.dumps(PHOTO), "--min-confidence", "0")
    assert aws("detect-custom-labels", *which, *image)["CustomLabels"][0]["Name"] == "defect"
    shown = aws("describe-project-versions", "--project-arn", project)["ProjectVersionDescriptions"]
    assert [row["Status"] for row in shown] == ["RUNNING"]
    assert aws("stop-project-version", *which)["Status"] == "STOPPING"
    wait_for_status(service.client(), model, "STOPPED")
    assert aws("delete-project-version", *which)["Status"] == "DELETING"


def test_a_failed_training_gives_its_reason(service: ServiceProcess, s3: Any) -> None:
    client = service.client()
    project = client.create_project(ProjectName="pump")["ProjectArn"]
    absent = {"Assets": [manifest_source("parts", "absent")]}
    model = train(client, project, TrainingData=absent, TestingData={"AutoCreate": True})
    description = wait_for_status(client, model, "TRAINING_FAILED")
    assert description["StatusMessage"].startswith("ERROR_MANIFEST_INACCESSIBLE_OR_UNSUPPORTED_FORMAT")


def test_a_training_that_is_killed_fails_with_its_signal_and_leaves_no_process(
    service: ServiceProcess, s3: Any
) -> None:
    client = service.client()
    project = client.create_project(ProjectName="pump")["ProjectArn"]
    data = {
        "TrainingData": {"Assets": [manifest_source("parts", "train")]},
        "TestingData": {"AutoCreate": True},
    }
    model = train(client, project, **data)
    assert service.process is not None
    [trainer] = _child_processes(service)
    os.kill(trainer, 9)
    description = wait_for_status(client, model, "TRAINING_FAILED")
    assert "signal 9" in description["StatusMessage"]
    assert _wait_until_gone(service, keep=1)


def _child_processes(service: ServiceProcess) -> list[int]:
    deadline = time.monotonic() + STATUS_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        assert service.process is not None
        if pids := [number for number in service.process_ids() if number != service.process.pid]:
            return pids[:1]
        time.sleep(0.01)
    return []


def _wait_until_gone(service: ServiceProcess, keep: int) -> bool:
    deadline = time.monotonic() + STATUS_TIMEOUT_SECONDS
    while len(service.process_ids()) > keep and time.monotonic() < deadline:
        time.sleep(0.05)
    return len(service.process_ids()) <= keep


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_no_process_outlives_the_service_and_its_training_is_recorded_as_interrupted(
    service: ServiceProcess, s3: Any, how: str
) -> None:
    client = service.client()
    project = client.create_project(ProjectName="pump")["ProjectArn"]
    data = {
        "TrainingData": {"Assets": [manifest_source("parts", "train")]},
        "TestingData": {"AutoCreate": True},
    }
    model = train(client, project, **data)
    assert _child_processes(service)
    getattr(service, how)()
    assert _wait_until_gone(service, keep=0)

    service.start()
    description = describe_version(client, model)
    assert description["Status"] == "TRAINING_FAILED"
    assert "interrupted" in description["StatusMessage"]


def test_an_injected_error_reaches_the_client_as_its_own_class(service: ServiceProcess) -> None:
    client = service.client()
    injected = {
        "operation": "DescribeProjects",
        "error": "ProvisionedThroughputExceededException",
        "times": 1,
    }
    service.inject_faults(errors=[injected])
    with pytest.raises(client.exceptions.ProvisionedThroughputExceededException):
        client.describe_projects()
    client.describe_projects()
    assert service.get("/admin/fault-injection")["calls"] == {"DescribeProjects": 2}
    service.inject_faults(errors=[injected | {"error": "InternalServerError"}])
    with pytest.raises(ClientError) as caught:
        client.describe_projects()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
