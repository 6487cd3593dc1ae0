"""Worker processes killed at any moment: nothing acknowledged is lost, nothing happens twice."""

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
from review_app.settings import LINE
from tests.unit.line import UPLOADED_AT
from tests.web.serving import SECRET, visitor
from workflow.aws.clients import client
from workflow.aws.ledger import DynamoLedger
from workflow.inspections.inspection import Inspection, Review, State
from workflow.inspections.objects import Image
from workflow.inspections.routing_policy import FIRST_POLICY
from workflow.inspections.verdict import Verdict
from workflow.pipeline.intake import new_row
from workflow.tables import AUDIT, LEDGER, Table

KILLS = int(os.environ.get("PARTCHECK_TEST_KILLS", "3"))
LOT = 10
AT = "2026-01-01T10:00:00.000Z"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A DynamoDB and an SQS that outlive every worker; yields what the app is told."""
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
    queue = client("sqs").create_queue(QueueName="decisions")["QueueUrl"]
    client("ssm").put_parameter(Name="/policy", Value=json.dumps(FIRST_POLICY), Type="String")
    yield (
        dict.fromkeys(LINE, "unused")
        | settings
        | {
            "LEDGER_TABLE": resources.table_name(LEDGER),
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
    image = Image("inbound", f"part_{number:04}.jpg", "v1")
    row = new_row(image, f"execution-{number}", 1, UPLOADED_AT)
    return replace(row, state=State.WAITING, verdict=Verdict.UNCLEAR, review=Review(AT, 1, ""))


@contextmanager
def workers(told: dict[str, str], count: int) -> Iterator[tuple[str, int]]:
    """The app as it is deployed, with several workers; yields its address and its first process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "review_app", "--port", str(port), "--workers", str(count)]
    environment = {**os.environ, **told, "PUBLIC_URL": address}
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
        return httpx2.get(f"{address}/health", timeout=5).status_code == 200
    except httpx2.HTTPError:
        return False


def killed_at_random(first: int, shots: threading.Semaphore, rng: random.Random) -> None:
    """Kill a worker some moment after each shot is called for; its supervisor starts another one."""
    for _ in range(KILLS):
        shots.acquire()
        time.sleep(rng.uniform(0.0, 0.5))
        while not (alive := serving(first)):
            time.sleep(0.01)
        os.kill(rng.choice(alive), signal.SIGKILL)


def serving(first: int) -> list[int]:
    """The worker processes that are there."""
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.mark.timeout(120 + 20 * KILLS)
def test_no_acknowledged_decision_is_lost_and_none_happens_twice(aws: dict[str, str]) -> None:
    ledger = DynamoLedger(aws["LEDGER_TABLE"], aws["AUDIT_TABLE"])
    shots, rng = threading.Semaphore(0), random.Random(7)  # noqa: S311
    with workers(aws, 2) as (address, first), visitor(address, "ann") as ann:
        killer = threading.Thread(target=killed_at_random, args=(first, shots, rng), daemon=True)
        killer.start()
        for number in range(KILLS):
            lot_is_decided_once(ledger, ann, range(number * LOT, number * LOT + LOT), shots)
        killer.join()


def lot_is_decided_once(
    ledger: DynamoLedger, ann: httpx2.Client, numbers: range, shots: threading.Semaphore
) -> None:
    """A few photos and one shot at a time: the emulated DynamoDB copies whole tables for each transaction."""
    rows = [waiting_row(number) for number in numbers]
    for row in rows:
        ledger.claim(row)
        ledger.record_review(row.id, row.owner, row.review or Review(AT, 1, ""), "1")
    verdicts = {row.id: Verdict.OK if number % 2 else Verdict.DEFECT for number, row in enumerate(rows)}
    shots.release()
    acknowledged = {one: stubborn(ann, one, verdict) for one, verdict in verdicts.items()}

    for one, verdict in verdicts.items():
        found = ledger.get(one)
        assert found is not None
        assert found.decision is not None
        assert (found.decision.id, found.decision.verdict) == (acknowledged[one], verdict)
        trail = [entry for entry in ledger.audit_trail(one) if entry.action == "decide"]
        assert [entry.decision_id for entry in trail] == [acknowledged[one]]
    for table in (LEDGER, AUDIT):
        empty(table)


def empty(table: Table) -> None:
    """Remove every item."""
    dynamodb, name = client("dynamodb"), resources.table_name(table)
    for item in dynamodb.scan(TableName=name)["Items"]:
        key = {attribute: item[attribute] for attribute in table.key}
        dynamodb.delete_item(TableName=name, Key=key)


def stubborn(ann: httpx2.Client, one: str, verdict: Verdict) -> str:
    """Post as the browser's outbox does: the same answer under the same id, until it is acknowledged."""
    decision_id = str(uuid.uuid4())
    form = {"verdict": verdict.value, "decision_id": decision_id}
    while True:
        try:
            answer = ann.post(f"/review/{one}/decide", data=form, headers={"Accept": "application/json"})
        except httpx2.HTTPError:
            time.sleep(0.05)
            continue
        if answer.status_code == 200:
            return decision_id
        assert answer.status_code >= 500, answer.text
