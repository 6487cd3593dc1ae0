"""What the product promises at its edges, watched on the real line from an upload to its message."""

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

from local.line import Line
from workflow.aws.clients import client
from workflow.aws.ledger import DynamoLedger
from workflow.inspections.inspection import Inspection, State
from workflow.inspections.objects import Image, inspection_id

PATIENCE = 90
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
]


def put(line: Line, key: str, content: bytes) -> Image:
    answer = client("s3").put_object(Bucket=line.site.inbound_bucket, Key=key, Body=content)
    return Image(line.site.inbound_bucket, key, answer["VersionId"])


def until(seen: Callable[[], T | None]) -> T:
    """What is seen, as soon as there is something to see."""
    deadline = time.monotonic() + PATIENCE
    while (found := seen()) is None:
        assert time.monotonic() < deadline, "nothing was seen in time"
        time.sleep(0.2)
    return found


def closed(line: Line, image: Image) -> Inspection:
    ledger = DynamoLedger(line.site.ledger_table, line.site.audit_table)

    def seen() -> Inspection | None:
        row = ledger.get(inspection_id(image))
        return row if row is not None and row.state is State.CLOSED else None

    return until(seen)


class Announcements:
    """Every message of the verdict queue so far, by inspection."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.bodies: dict[str, list[str]] = {}

    def of(self, image: Image) -> list[str]:
        sqs = client("sqs")
        while messages := sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                inspection = json.loads(message["Body"])["inspection_id"]
                self.bodies.setdefault(inspection, []).append(message["Body"])
                sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self.bodies.get(inspection_id(image), [])


@pytest.fixture(scope="module")
def announcements(line: Line) -> Announcements:
    return Announcements(line.site.verdict_queue_url)


@pytest.mark.parametrize("key", KEYS)
def test_any_key_arrives_as_it_was_sent(line: Line, announcements: Announcements, key: str) -> None:
    image = put(line, key, b"no photo, but the key is what counts: " + key.encode())

    row = closed(line, image)
    (body,) = until(lambda: announcements.of(image) or None)

    assert row.image == image
    assert json.loads(body)["image"]["key"] == key
    found = client("s3").get_object(Bucket=row.location.bucket, Key=row.location.key)
    assert found["Body"].read().endswith(key.encode())


@pytest.mark.parametrize(("content", "code"), [(b"", "empty"), (b"just text", "not_an_image")])
def test_what_is_no_photo_is_rejected_with_a_reason(
    line: Line, announcements: Announcements, content: bytes, code: str
) -> None:
    image = put(line, f"{code}.jpg", content)

    assert closed(line, image).rejection["code"] == code
    (body,) = until(lambda: announcements.of(image) or None)
    assert json.loads(body)["rejection"]["code"] == code


def test_the_same_event_six_times_is_one_inspection(line: Line, announcements: Announcements) -> None:
    image = put(line, "again and again.jpg", b"text")
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
        client("sqs").send_message(QueueUrl=line.site.intake_queue_url, MessageBody=json.dumps(event))

    closed(line, image)
    until(lambda: announcements.of(image) or None)
    until(lambda: _drained(line) or None)

    executions = client("stepfunctions").list_executions(stateMachineArn=line.site.state_machine_arn)
    names = [one["name"] for one in executions["executions"]]
    assert [name for name in names if name.startswith(inspection_id(image))] == [f"{inspection_id(image)}-1"]
    assert len(set(announcements.of(image))) == 1


def _drained(line: Line) -> bool:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = client("sqs").get_queue_attributes(QueueUrl=line.site.intake_queue_url, AttributeNames=names)
    return all(int(answer["Attributes"][name]) == 0 for name in names)


def test_the_same_name_twice_is_two_inspections(line: Line) -> None:
    first, second = put(line, "same name.jpg", b"one"), put(line, "same name.jpg", b"two")

    rows = [closed(line, first), closed(line, second)]

    bodies = [
        client("s3").get_object(Bucket=row.location.bucket, Key=row.location.key)["Body"].read()
        for row in rows
    ]
    assert bodies == [b"one", b"two"]


def test_a_photo_can_be_followed_with_the_aws_command_line_alone(line: Line, tmp_path: Path) -> None:
    photo = tmp_path / "by hand.jpg"
    photo.write_bytes(b"text, once more")
    aws("s3", "cp", str(photo), f"s3://{line.site.inbound_bucket}/by hand.jpg")

    def execution() -> str | None:
        listed = aws("stepfunctions", "list-executions", "--state-machine-arn", line.site.state_machine_arn)
        for one in listed["executions"]:
            described = aws("stepfunctions", "describe-execution", "--execution-arn", one["executionArn"])
            if json.loads(described["input"])["image"]["key"] == "by hand.jpg":
                return str(one["executionArn"]) if described["status"] == "SUCCEEDED" else None
        return None

    arn = until(execution)
    events = aws("stepfunctions", "get-execution-history", "--execution-arn", arn)["events"]
    assert events[-1]["type"] == "ExecutionSucceeded"


def aws(*arguments: str) -> Any:
    """What the AWS CLI prints, with nothing set but the environment of the line."""
    done = subprocess.run(
        [Path(sys.prefix) / "bin" / "aws", *arguments, "--output", "json"],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    return json.loads(done.stdout) if arguments[0] != "s3" else None
