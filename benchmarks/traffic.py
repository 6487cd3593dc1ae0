"""Photos sent through a line, and the count at the end: what was lost, doubled, or told in other words."""

import hashlib
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.line import Line
from local.ports import Ports
from local.sample_parts import sample_parts
from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.executions import StepFunctionsExecutions
from workflow.aws.ledger import DynamoLedger
from workflow.aws.queues import SqsQueue
from workflow.aws.shelf import S3Shelf
from workflow.aws.site import Site
from workflow.inspections.inspection import State
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.recovery import consistency
from workflow.recovery.consistency import Report
from workflow.recovery.reconcile import Mender, findings, reconcile
from workflow.review import decisions

DISTINCT = 40


@contextmanager
def trained_line(port: int) -> Iterator[Line]:
    """A line of its own with a model, on ports from `port` on, or on free ones if it is 0."""
    ports = Ports.at(port) if port else Ports.free()
    with tempfile.TemporaryDirectory() as home, Line(Path(home), ports, report=print) as line:
        line.train(sample_parts(120, seed=1000))
        yield line


@dataclass(frozen=True, slots=True)
class Sent:
    """One uploaded version: when, and what its bytes are."""

    image: Image
    sha256: str
    at: float


@dataclass
class Traffic:
    """Everything that was sent to one line, and everything that was announced."""

    site: Site
    sent: dict[str, Sent] = field(default_factory=dict)
    bodies: dict[str, set[str]] = field(default_factory=dict)
    copies: int = 0
    told_at: dict[str, float] = field(default_factory=dict)
    decided: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._parts = [part.content for part in sample_parts(DISTINCT, seed=77)]
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.ledger = DynamoLedger(self.site.ledger_table, self.site.audit_table)
        self.mender = Mender(
            self.ledger,
            S3Shelf(),
            StepFunctionsExecutions(self.site.state_machine_arn),
            SqsQueue(self.site.decision_queue_url),
        )

    def photo(self, number: int) -> bytes:
        """A photo that no other one equals: bytes after a JPEG's end are nobody's business."""
        return self._parts[number % DISTINCT] + f"photo {number}".encode()

    def upload(self, key: str, content: bytes) -> Sent:
        answer = client("s3").put_object(Bucket=self.site.inbound_bucket, Key=key, Body=content)
        image = Image(self.site.inbound_bucket, key, answer["VersionId"])
        sent = Sent(image, hashlib.sha256(content).hexdigest(), time.monotonic())
        with self._lock:
            self.sent[inspection_id(image)] = sent
        return sent

    def event_again(self, sent: Sent, late: int = 0) -> None:
        """The event of an upload once more, so many seconds late."""
        facts = {"bucket": {"name": sent.image.bucket}, "object": {"key": sent.image.key}}
        facts["object"]["version-id"] = sent.image.version_id
        body = json.dumps({"time": timestamps.now(), "detail": facts})
        client("sqs").send_message(QueueUrl=self.site.intake_queue_url, MessageBody=body, DelaySeconds=late)

    def decide_what_waits(self, verdict: Callable[[str], Verdict]) -> int:
        """A person decides every photo that waits; returns how many."""
        count = 0
        for row in list(self.ledger.in_state(State.WAITING)):
            if row.decision is None and row.review is not None:
                answer = verdict(row.id)
                decisions.decide(self.ledger, self.mender.decisions, row.id, answer, "reviewer 1")
                self.decided[row.id] = answer.value
                count += 1
        return count

    def audit(self) -> Report:
        mender, site = self.mender, self.site
        return consistency.audit(
            self.ledger, mender.shelf, mender.executions, site.inbound_bucket, site.filed_bucket
        )

    def mend_what_is_open(self) -> dict[str, int]:
        """What the line's own clock does every minute, now."""
        return reconcile(self.mender, findings(self.mender, self.site.inbound_bucket))

    def open(self) -> int:
        """How many photos are not closed yet."""
        return sum(1 for state in (State.INSPECTING, State.WAITING) for _ in self.ledger.in_state(state))

    def complaints(self) -> list[str]:
        """What is wrong when all has come to rest; the same checks as the histories' in tests/proof."""
        wrong = []
        for inspection, sent in self.sent.items():
            told = {json.loads(body)["announcement_id"]: body for body in self.bodies.get(inspection, ())}
            if len(told) != len(self.bodies.get(inspection, ())):
                wrong.append(f"{sent.image.key}: announced in different words")
            row = self.ledger.get(inspection)
            if row is None or row.state is not State.CLOSED or not row.settled:
                wrong.append(f"{sent.image.key}: lost, its row is {row}")
                continue
            if row.sha256 != sent.sha256:
                wrong.append(f"{sent.image.key}: other bytes than were uploaded")
            if row.announcement not in told.values():
                wrong.append(f"{sent.image.key}: its verdict was never announced")
            if inspection in self.decided and row.verdict != self.decided[inspection]:
                wrong.append(f"{sent.image.key}: decided {self.decided[inspection]}, filed as {row.verdict}")
        return wrong

    def stop(self) -> None:
        self._stopped.set()
        self._listener.join()

    def _listen(self) -> None:
        sqs = client("sqs")
        while not self._stopped.is_set():
            with suppress(BotoCoreError, ClientError):  # What was not deleted comes again.
                self._take(sqs)

    def _take(self, sqs: Any) -> None:
        url = self.site.verdict_queue_url
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", ()):
            inspection = json.loads(message["Body"])["inspection_id"]
            self.bodies.setdefault(inspection, set()).add(message["Body"])
            self.told_at.setdefault(inspection, time.monotonic())
            self.copies += 1
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
