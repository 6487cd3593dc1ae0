"""Photos uploaded to a local environment, and the final check for lost photos and changed announcements."""

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

from cli.context import open_environment
from cli.sample_model import train_and_promote_sample_model
from local.environment import LocalEnvironment
from local.ports import Ports
from local.sample_parts import generate_parts
from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.executions import StepFunctionsExecutions
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.aws.object_store import S3ObjectStore
from workflow.aws.queues import SqsMessageQueue
from workflow.aws.stack_outputs import StackOutputs
from workflow.inspections.inspection import UNJUDGED_STATES, InspectionState
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.recovery import consistency
from workflow.recovery.consistency import ConsistencyReport
from workflow.recovery.reconcile import Reconciler, find_issues, reconcile
from workflow.review import decisions

DISTINCT_PARTS = 40


@contextmanager
def start_trained_environment(port: int) -> Iterator[LocalEnvironment]:
    """Start a temporary environment with a model, on ports from `port` on, or on free ports if it is 0."""
    ports = Ports.from_base(port) if port else Ports.find_free()
    with (
        tempfile.TemporaryDirectory() as state_dir,
        LocalEnvironment(Path(state_dir), ports, report=print) as environment,
    ):
        train_and_promote_sample_model(
            open_environment(environment.outputs, environment.sdk_environment), generate_parts(120, seed=1000)
        )
        yield environment


@dataclass(frozen=True, slots=True)
class UploadedPhoto:
    """One uploaded version, its SHA-256 and its upload time (monotonic seconds)."""

    image: Image
    sha256: str
    uploaded_at: float


@dataclass(kw_only=True)
class Traffic:
    """All uploads to one environment, and all announcements from it."""

    outputs: StackOutputs
    uploads: dict[str, UploadedPhoto] = field(default_factory=dict)
    bodies: dict[str, set[str]] = field(default_factory=dict)
    announcement_count: int = 0
    announced_at: dict[str, float] = field(default_factory=dict)
    decided: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._parts = [part.content for part in generate_parts(DISTINCT_PARTS, seed=77)]
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.inspections = DynamoInspectionRepository(
            self.outputs.inspections_table, self.outputs.audit_table
        )
        self.reconciler = Reconciler(
            inspections=self.inspections,
            objects=S3ObjectStore(),
            executions=StepFunctionsExecutions(self.outputs.state_machine_arn),
            delivery_queue=SqsMessageQueue(self.outputs.decision_queue_url),
        )

    def photo(self, number: int) -> bytes:
        """Return a unique photo: decoders ignore bytes after the end of a JPEG."""
        return self._parts[number % DISTINCT_PARTS] + f"photo {number}".encode()

    def upload(self, key: str, content: bytes) -> UploadedPhoto:
        """Upload one version and record it."""
        response = client("s3").put_object(Bucket=self.outputs.inbound_bucket, Key=key, Body=content)
        image = Image(self.outputs.inbound_bucket, key, response["VersionId"])
        uploaded = UploadedPhoto(image, hashlib.sha256(content).hexdigest(), time.monotonic())
        with self._lock:
            self.uploads[inspection_id(image)] = uploaded
        return uploaded

    def send_event_again(self, uploaded: UploadedPhoto, delay_seconds: int = 0) -> None:
        """Send the event of an upload again, after a delay."""
        detail = {"bucket": {"name": uploaded.image.bucket}, "object": {"key": uploaded.image.key}}
        detail["object"]["version-id"] = uploaded.image.version_id
        body = json.dumps({"time": timestamps.now(), "detail": detail})
        client("sqs").send_message(
            QueueUrl=self.outputs.intake_queue_url, MessageBody=body, DelaySeconds=delay_seconds
        )

    def decide_waiting(self, choose_verdict: Callable[[str], Verdict]) -> int:
        """Decide every photo that waits for a reviewer, and return their number."""
        count = 0
        for row in list(self.inspections.list_by_state(InspectionState.WAITING)):
            if row.decision is None and row.review is not None:
                verdict = choose_verdict(row.id)
                decisions.decide(
                    self.inspections, self.reconciler.delivery_queue, row.id, verdict, "reviewer 1"
                )
                self.decided[row.id] = verdict.value
                count += 1
        return count

    def check_consistency(self) -> ConsistencyReport:
        """Run the consistency check of the environment."""
        return consistency.check(
            self.inspections,
            self.reconciler.objects,
            self.reconciler.executions,
            self.outputs.inbound_bucket,
            self.outputs.filed_bucket,
            history=self.outputs.history_bucket,
        )

    def repair_open(self) -> dict[str, int]:
        """Run the reconciliation that the scheduler runs every minute, and return the repairs by kind."""
        return reconcile(self.reconciler, find_issues(self.reconciler, self.outputs.inbound_bucket))

    def count_open(self) -> int:
        """Return the number of photos that are not closed."""
        return sum(
            1
            for state in (*UNJUDGED_STATES, InspectionState.WAITING)
            for _ in self.inspections.list_by_state(state)
        )

    def violations(self) -> list[str]:
        """Return the violated guarantees of the final state, with the checks of tests/proof/invariants.py."""
        violations = []
        for inspection, uploaded in self.uploads.items():
            key = uploaded.image.key
            bodies = self.bodies.get(inspection, ())
            announced = {json.loads(body)["announcement_id"]: body for body in bodies}
            if len(announced) != len(bodies):
                violations.append(f"{key}: announced with different bodies")
            row = self.inspections.get(inspection)
            if row is None or row.state is not InspectionState.CLOSED or not row.settled:
                violations.append(f"{key}: lost, its row is {row}")
                continue
            if row.sha256 != uploaded.sha256:
                violations.append(f"{key}: its bytes differ from the upload")
            if row.announcement not in announced.values():
                violations.append(f"{key}: its verdict was never announced")
            if inspection in self.decided and row.verdict != self.decided[inspection]:
                violations.append(f"{key}: decided {self.decided[inspection]}, filed as {row.verdict}")
        return violations

    def stop(self) -> None:
        """Stop listening for announcements."""
        self._stopped.set()
        self._listener.join()

    def _listen(self) -> None:
        sqs = client("sqs")
        while not self._stopped.is_set():
            with suppress(BotoCoreError, ClientError):  # A message that was not deleted is delivered again.
                self._receive(sqs)

    def _receive(self, sqs: Any) -> None:
        url = self.outputs.verdict_queue_url
        response = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in response.get("Messages", ()):
            inspection = json.loads(message["Body"])["inspection_id"]
            self.bodies.setdefault(inspection, set()).add(message["Body"])
            self.announced_at.setdefault(inspection, time.monotonic())
            self.announcement_count += 1
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
