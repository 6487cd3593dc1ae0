"""The local AWS loses nothing that it acknowledged: after SIGKILL, and after a power cut."""

import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from local import queues, resources
from local.ports import Ports
from local.processes import ServiceProcess
from local.services import backing_services
from local.settings import Endpoints, temporary_sdk_environment
from tests.integration.recorded_aws import MISTAKES, record, restore_after_power_cut
from workflow.tables import AUDIT, INSPECTIONS

pytestmark = pytest.mark.xdist_group("durable-aws")

WRITES = 24
ROWS, ENTRIES = resources.table_name(INSPECTIONS), resources.table_name(AUDIT)


@contextmanager
def local_aws(directory: Path, **variables: str) -> Iterator[ServiceProcess]:
    """Run the local AWS alone. At the end of the block it is killed."""
    ports = Ports.find_free()
    (directory / "tmp").mkdir(parents=True, exist_ok=True)
    queues.update_saved_queue_urls(directory, ports)
    spec = backing_services(directory, ports)[0]
    spec = replace(
        spec, module="tests.integration.recorded_aws", environment={**spec.environment, **variables}
    )
    with (directory / "lock").open("a") as lock, temporary_sdk_environment(Endpoints.from_ports(ports)):
        service = ServiceProcess(spec, directory, lock.fileno())
        try:
            service.wait_until_ready()
            yield service
        finally:
            if not service.has_exited:
                os.kill(service.pid, signal.SIGKILL)
            service.stop()


def create_resources() -> None:
    resources.create_buckets()
    resources.create_tables()
    resources.create_parameters()
    queues.create_queues()


def put(table: str, **attributes: str) -> None:
    item = {name: {"S": value} for name, value in attributes.items()}
    boto3.client("dynamodb").put_item(TableName=table, Item=item)


@pytest.fixture(scope="module")
def stopped_cleanly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the state directory of a local AWS that was stopped cleanly and left files of its state."""
    directory = tmp_path_factory.mktemp("clean").resolve()
    with local_aws(directory) as service:
        create_resources()
        for number in range(WRITES):
            put(ROWS, id=str(number), value="old")
        service.stop()
    assert (directory / "aws" / "dynamodb.json").exists()
    return directory


def write_all() -> dict[str, Any]:
    """Make changes of each kind at once, and return those that were acknowledged."""
    s3, dynamodb, sqs = boto3.client("s3"), boto3.client("dynamodb"), boto3.client("sqs")
    verdicts = sqs.get_queue_url(QueueName="partcheck-verdicts")["QueueUrl"]
    objects: dict[tuple[str, str], bytes] = {}

    def write(number: int) -> None:
        put(ROWS, id=str(number), value="new")
        put(ENTRIES, inspection_id="one", at=str(number))
        for key in (f"folder/{number}.jpg", f"again/{number % 5}.jpg", f"odd//{number}/"):
            body = f"{key} {number}".encode()
            version = s3.put_object(Bucket="partcheck-inbound", Key=key, Body=body)["VersionId"]
            objects[key, version] = body
        sqs.send_message(QueueUrl=verdicts, MessageBody=str(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(WRITES)))
    parameter = resources.MODEL_PARAMETER
    boto3.client("ssm").put_parameter(Name=parameter, Value="arn:new", Overwrite=True)
    message = sqs.receive_message(QueueUrl=verdicts)["Messages"][0]
    sqs.delete_message(QueueUrl=verdicts, ReceiptHandle=message["ReceiptHandle"])
    (key, version), _ = objects.popitem()
    s3.delete_object(Bucket="partcheck-inbound", Key=key, VersionId=version)
    put_and_delete = [
        {"Put": {"TableName": ROWS, "Item": {"id": {"S": "both"}, "value": {"S": "new"}}}},
        {"Delete": {"TableName": ROWS, "Key": {"id": {"S": "0"}}}},
    ]
    dynamodb.transact_write_items(TransactItems=put_and_delete)
    return {
        "rows": {**{str(number): "new" for number in range(1, WRITES)}, "both": "new"},
        "entries": {str(number) for number in range(WRITES)},
        "objects": objects,
        "messages": {str(number) for number in range(WRITES)} - {message["Body"]},
        "model": "arn:new",
        "versioning": "Enabled",
    }


def read_all() -> dict[str, Any]:
    """Read what the local AWS still knows, without creating any resource again."""
    s3, dynamodb, sqs = boto3.client("s3"), boto3.client("dynamodb"), boto3.client("sqs")
    versions = s3.list_object_versions(Bucket="partcheck-inbound").get("Versions", [])
    verdicts = sqs.get_queue_url(QueueName="partcheck-verdicts")["QueueUrl"]
    messages: set[str] = set()
    while received := sqs.receive_message(QueueUrl=verdicts, MaxNumberOfMessages=10).get("Messages"):
        messages |= {message["Body"] for message in received}
    return {
        "rows": {
            item["id"]["S"]: item["value"]["S"] for item in dynamodb.scan(TableName=ROWS).get("Items", [])
        },
        "entries": {item["at"]["S"] for item in dynamodb.scan(TableName=ENTRIES).get("Items", [])},
        "objects": {
            (version["Key"], version["VersionId"]): s3.get_object(
                Bucket="partcheck-inbound", Key=version["Key"], VersionId=version["VersionId"]
            )["Body"].read()
            for version in versions
        },
        "messages": messages,
        "model": boto3.client("ssm").get_parameter(Name=resources.MODEL_PARAMETER)["Parameter"]["Value"],
        "versioning": s3.get_bucket_versioning(Bucket="partcheck-inbound").get("Status"),
    }


def kill_and_compare(stopped_cleanly: Path, folder: Path, mistake: str = "") -> list[str]:
    """Kill the local AWS after its last answer. Return what is lost after SIGKILL and after a power cut."""
    directory, kept = folder / "state", folder / "kept"
    shutil.copytree(stopped_cleanly, directory)
    kept.mkdir()
    variables = {"POWER_CUT_RECORD": str(kept), "MISTAKE": mistake}
    for path in (directory, *directory.rglob("*")):  # All that the clean stop wrote is safe by now.
        record(path, kept)
    with local_aws(directory, **variables):
        acknowledged = write_all()
    restore_after_power_cut(folder / "power-cut", directory.stat().st_ino, kept)
    lost = []
    for name in ("state", "power-cut"):
        with local_aws(folder / name, MISTAKE=mistake):
            try:
                found = read_all()
            except boto3.client("s3").exceptions.ClientError as error:
                lost.append(f"{name}: {error}")
                continue
        lost += [f"{name}: {kind}" for kind, value in acknowledged.items() if found[kind] != value]
    return lost


def test_nothing_acknowledged_is_lost_by_sigkill_or_a_power_cut(
    stopped_cleanly: Path, tmp_path: Path
) -> None:
    assert kill_and_compare(stopped_cleanly, tmp_path.resolve()) == []


FOUND_AS = {
    "answer_before_the_commit": "state: rows",
    "leave_files_unsynced": "power-cut: objects",
    "forget_the_sort_key": "state: entries",
    "let_the_stale_files_win": "state: rows",
    "weaken_the_commit": "power-cut: rows",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_planted_mistake_is_found(stopped_cleanly: Path, tmp_path: Path, mistake: str) -> None:
    lost = kill_and_compare(stopped_cleanly, tmp_path.resolve(), mistake)

    assert FOUND_AS[mistake] in lost
    assert ("state: objects" not in lost) or mistake == "let_the_stale_files_win"
