"""Worker processes killed at random: no acknowledged decision is lost or applied twice."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from moto.server import ThreadedMotoServer

from local import resources
from review_app.settings import RESOURCE_VARIABLES
from tests.unit.pipeline import UPLOADED_AT
from tests.web.serving import SECRET, visitor
from tests.web.world import jpeg
from workflow.aws.clients import client
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.inspections.inspection import Inspection, InspectionState, Review
from workflow.inspections.objects import Image
from workflow.inspections.routing_policy import DEFAULT_POLICY
from workflow.inspections.verdict import Verdict
from workflow.pipeline.start import new_inspection
from workflow.tables import AUDIT, INSPECTIONS, Table

KILLS = int(os.environ.get("PARTCHECK_TEST_KILLS", "3"))
LOT = 10
AT = "2026-01-01T10:00:00.000Z"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Serve DynamoDB and SQS in this process; yield the app's environment variables."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    client.cache_clear()
    resources.create_tables()
    client("s3").create_bucket(
        Bucket="inbound", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    client("s3").put_bucket_versioning(Bucket="inbound", VersioningConfiguration={"Status": "Enabled"})
    queue = client("sqs").create_queue(QueueName="decisions")["QueueUrl"]
    client("ssm").put_parameter(Name="/policy", Value=json.dumps(DEFAULT_POLICY), Type="String")
    yield (
        dict.fromkeys(RESOURCE_VARIABLES, "unused")
        | settings
        | {
            "INSPECTIONS_TABLE": resources.table_name(INSPECTIONS),
            "AUDIT_TABLE": resources.table_name(AUDIT),
            "DECISION_QUEUE_URL": queue,
            "POLICY_PARAMETER": "/policy",
            "SESSION_SECRET": SECRET,
            "SIGN_IN": "development",
        }
    )
    client.cache_clear()
    server.stop()


def waiting_row(number: int) -> Inspection:
    key = f"part_{number:04}.jpg"
    version = client("s3").put_object(Bucket="inbound", Key=key, Body=jpeg())["VersionId"]
    image = Image("inbound", key, version)
    row = new_inspection(image, f"execution-{number}", 1, UPLOADED_AT)
    return replace(
        row,
        state=InspectionState.WAITING,
        verdict=Verdict.UNCLEAR,
        review=Review(opened_at=AT, round=1, deadline=""),
    )


@contextmanager
def workers(variables: dict[str, str], count: int) -> Iterator[tuple[str, int]]:
    """Run the app with several worker processes; yield its URL and the id of the supervising process."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))  # Without listening, it keeps other tests away from the port.
        port = reserved.getsockname()[1]
        address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "review_app", "--port", str(port), "--workers", str(count)]
        environment = {**os.environ, **variables, "PUBLIC_URL": address}
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as app:
            try:
                while not answers(address):
                    assert app.poll() is None
                    time.sleep(0.1)
                yield address, app.pid
            finally:
                app.terminate()


def answers(address: str) -> bool:
    try:
        return httpx2.get(f"{address}/health", timeout=60).status_code == 200
    except httpx2.HTTPError:
        return False


def kill_at_random(supervisor: int, shots: threading.Semaphore, rng: random.Random) -> None:
    """Kill a worker up to 0.5 s after each shot is released; the supervisor starts another one."""
    for _ in range(KILLS):
        shots.acquire()
        time.sleep(rng.uniform(0.0, 0.5))
        while not (running := worker_processes(supervisor)):
            time.sleep(0.01)
        os.kill(rng.choice(running), signal.SIGKILL)


def worker_processes(supervisor: int) -> list[int]:
    """Return the ids of the running worker processes."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.mark.timeout(120 + 20 * KILLS)
def test_no_acknowledged_decision_is_lost_and_none_happens_twice(aws: dict[str, str]) -> None:
    inspections = DynamoInspectionRepository(aws["INSPECTIONS_TABLE"], aws["AUDIT_TABLE"])
    shots, rng = threading.Semaphore(0), random.Random(7)  # noqa: S311
    with workers(aws, 2) as (address, supervisor), visitor(address, "ann") as ann:
        killer = threading.Thread(target=kill_at_random, args=(supervisor, shots, rng), daemon=True)
        killer.start()
        for number in range(KILLS):
            decide_lot_once(inspections, ann, range(number * LOT, number * LOT + LOT), shots)
        killer.join()


def decide_lot_once(
    inspections: DynamoInspectionRepository, ann: httpx2.Client, numbers: range, shots: threading.Semaphore
) -> None:
    """Decide a few photos during one shot; the emulated DynamoDB copies whole tables per transaction."""
    rows = [waiting_row(number) for number in numbers]
    for row in rows:
        inspections.claim(row)
        inspections.record_review(
            row.id, row.owner, row.review or Review(opened_at=AT, round=1, deadline=""), "1"
        )
    verdicts = {row.id: Verdict.OK if number % 2 else Verdict.DEFECT for number, row in enumerate(rows)}
    shots.release()
    acknowledged = {
        inspection: decide_until_acknowledged(ann, inspection, verdict)
        for inspection, verdict in verdicts.items()
    }

    for inspection, verdict in verdicts.items():
        stored = inspections.get(inspection)
        assert stored is not None
        assert stored.decision is not None
        assert (stored.decision.id, stored.decision.verdict) == (acknowledged[inspection], verdict)
        trail = [entry for entry in inspections.get_audit_trail(inspection) if entry.action == "decide"]
        assert [entry.decision_id for entry in trail] == [acknowledged[inspection]]
    for table in (INSPECTIONS, AUDIT):
        delete_items(table)


def delete_items(table: Table) -> None:
    """Delete all items of a table."""
    dynamodb, name = client("dynamodb"), resources.table_name(table)
    for item in dynamodb.scan(TableName=name)["Items"]:
        key = {attribute: item[attribute] for attribute in table.key}
        dynamodb.delete_item(TableName=name, Key=key)


def decide_until_acknowledged(ann: httpx2.Client, inspection: str, verdict: Verdict) -> str:
    """Repeat a decision with the same id until it is acknowledged, as the browser's outbox does."""
    decision_id, has_fetched = str(uuid.uuid4()), False
    form = {"verdict": verdict.value, "decision_id": decision_id}
    while True:
        try:
            has_fetched = has_fetched or ann.get(f"/photos/{inspection}/review").status_code == 200
            answer = ann.post(
                f"/review/{inspection}/decide", data=form, headers={"Accept": "application/json"}
            )
        except httpx2.HTTPError:
            time.sleep(0.05)
            continue
        if answer.status_code == 200:
            return decision_id
        assert answer.status_code >= 500, answer.text
