"""The guarantees of the pipeline, tested in the local environment from an upload to its verdict message."""

import json
import os
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from local.environment import LocalEnvironment
from workflow.aws.clients import client
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import Image, inspection_id

TIMEOUT_SECONDS = 240
T = TypeVar("T")
KEYS = [
    "line 1/a part.jpg",
    "a+b=c&d.jpg",
    "100%2Fsure %.jpg",
    'it\'s "quoted" <script>.jpg',
    "Schweißnaht 😀.jpg",
    unicodedata.normalize("NFC", "é.jpg"),
    unicodedata.normalize("NFD", "é.jpg"),
    "ok/0123456789abcdef/looks-filed.jpg",
    f"line 1/{'x' * 1000}.jpg",
]


def upload_photo(environment: LocalEnvironment, key: str, content: bytes) -> Image:
    response = client("s3").put_object(Bucket=environment.outputs.inbound_bucket, Key=key, Body=content)
    return Image(environment.outputs.inbound_bucket, key, response["VersionId"])


def wait_for(get: Callable[[], T | None]) -> T:
    """Return the first result that is not None."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while (result := get()) is None:
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.2)
    return result


def wait_until_closed(environment: LocalEnvironment, image: Image) -> Inspection:
    inspections = DynamoInspectionRepository(
        environment.outputs.inspections_table, environment.outputs.audit_table
    )

    def get_closed() -> Inspection | None:
        row = inspections.get(inspection_id(image))
        return row if row is not None and row.state is InspectionState.CLOSED else None

    return wait_for(get_closed)


class Announcements:
    """All messages of the verdict queue so far, by inspection."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.bodies: dict[str, list[str]] = {}

    def receive_for(self, image: Image) -> list[str]:
        sqs = client("sqs")
        while messages := sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                inspection = json.loads(message["Body"])["inspection_id"]
                self.bodies.setdefault(inspection, []).append(message["Body"])
                sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self.bodies.get(inspection_id(image), [])


@pytest.fixture(scope="module")
def announcements(environment: LocalEnvironment) -> Announcements:
    return Announcements(environment.outputs.verdict_queue_url)


@pytest.mark.parametrize("key", KEYS)
def test_any_key_stays_unchanged(
    environment: LocalEnvironment, announcements: Announcements, key: str
) -> None:
    image = upload_photo(environment, key, b"not a photo; only the key matters: " + key.encode())

    row = wait_until_closed(environment, image)
    (body,) = wait_for(lambda: announcements.receive_for(image) or None)

    assert row.image == image
    assert json.loads(body)["image"]["key"] == key
    stored = client("s3").get_object(Bucket=row.location.bucket, Key=row.location.key)
    assert stored["Body"].read().endswith(key.encode())


@pytest.mark.parametrize(("content", "code"), [(b"", "empty"), (b"just text", "not_an_image")])
def test_a_file_that_is_not_a_photo_is_rejected_with_a_reason(
    environment: LocalEnvironment, announcements: Announcements, content: bytes, code: str
) -> None:
    image = upload_photo(environment, f"{code}.jpg", content)

    assert wait_until_closed(environment, image).rejection["code"] == code
    (body,) = wait_for(lambda: announcements.receive_for(image) or None)
    assert json.loads(body)["rejection"]["code"] == code


def test_the_same_event_six_times_is_one_inspection(
    environment: LocalEnvironment, announcements: Announcements
) -> None:
    image = upload_photo(environment, "again and again.jpg", b"text")
    event: dict[str, Any] = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": "2026-01-01T00:00:00Z",
        "detail": {
            "bucket": {"name": image.bucket},
            "object": {"key": image.key, "version-id": image.version_id, "size": 4},
        },
    }
    for _ in range(5):
        client("sqs").send_message(
            QueueUrl=environment.outputs.intake_queue_url, MessageBody=json.dumps(event)
        )

    wait_until_closed(environment, image)
    wait_for(lambda: announcements.receive_for(image) or None)
    wait_for(lambda: _is_intake_empty(environment) or None)

    executions = client("stepfunctions").list_executions(
        stateMachineArn=environment.outputs.state_machine_arn
    )
    names = [execution["name"] for execution in executions["executions"]]
    assert [name for name in names if name.startswith(inspection_id(image))] == [f"{inspection_id(image)}-1"]
    assert len(set(announcements.receive_for(image))) == 1


def _is_intake_empty(environment: LocalEnvironment) -> bool:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = client("sqs").get_queue_attributes(
        QueueUrl=environment.outputs.intake_queue_url, AttributeNames=names
    )
    return all(int(answer["Attributes"][name]) == 0 for name in names)


def test_two_uploads_of_the_same_name_are_two_inspections(environment: LocalEnvironment) -> None:
    first, second = (
        upload_photo(environment, "same name.jpg", b"one"),
        upload_photo(environment, "same name.jpg", b"two"),
    )

    rows = [wait_until_closed(environment, first), wait_until_closed(environment, second)]

    bodies = [
        client("s3").get_object(Bucket=row.location.bucket, Key=row.location.key)["Body"].read()
        for row in rows
    ]
    assert bodies == [b"one", b"two"]


def test_a_photo_can_be_tracked_with_the_aws_cli_alone(environment: LocalEnvironment, tmp_path: Path) -> None:
    photo = tmp_path / "by hand.jpg"
    photo.write_bytes(b"text, once more")
    aws("s3", "cp", str(photo), f"s3://{environment.outputs.inbound_bucket}/by hand.jpg")

    def find_execution() -> str | None:
        listed = aws(
            "stepfunctions", "list-executions", "--state-machine-arn", environment.outputs.state_machine_arn
        )
        for item in listed["executions"]:
            described = aws("stepfunctions", "describe-execution", "--execution-arn", item["executionArn"])
            if json.loads(described["input"])["image"]["key"] == "by hand.jpg":
                return str(item["executionArn"]) if described["status"] == "SUCCEEDED" else None
        return None

    arn = wait_for(find_execution)
    events = aws("stepfunctions", "get-execution-history", "--execution-arn", arn)["events"]
    assert events[-1]["type"] == "ExecutionSucceeded"


def aws(*arguments: str) -> Any:
    """Run the AWS CLI with the environment's variables, and return its output as JSON."""
    process = subprocess.run(
        [Path(sys.prefix) / "bin" / "aws", *arguments, "--output", "json"],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
        timeout=TIMEOUT_SECONDS,
    )
    return json.loads(process.stdout) if arguments[0] != "s3" else None
