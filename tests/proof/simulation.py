"""A deterministic simulation in one thread: production code on in-memory services and a simulated clock."""

import heapq
import inspect
import itertools
import json
import os
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from botocore.exceptions import BotoCoreError, ClientError
from greenlet import getcurrent, greenlet

from lambdas import catalog, deliver_decision, observability, start_inspection
from tests.crafted import noisy_png
from tests.model_world import InMemoryEventLog, InMemoryModelSettings
from tests.proof.dynamodb import InMemoryDynamoDB, InMemoryTable
from tests.proof.fault_injection import FaultInjector, FaultyClient, ProcessKilled
from tests.proof.rekognition import InMemoryRekognition
from tests.proof.s3 import InMemoryS3
from tests.proof.step_functions import InMemoryStepFunctions
from tests.references import learned_reference
from tests.unit.pipeline import FILED, INBOUND
from workflow import state_machine_definition, timestamps
from workflow.aws.cameras import DynamoCameraRepository
from workflow.aws.capacity_store import DynamoCapacityStore
from workflow.aws.check_progress import DynamoCheckProgressStore
from workflow.aws.detector import RekognitionDetector
from workflow.aws.executions import StepFunctionsExecutions
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.aws.model_references import S3ReferenceRepository, object_key
from workflow.aws.object_store import S3ObjectStore
from workflow.aws.queues import SqsMessageQueue
from workflow.aws.task_tokens import DynamoTaskTokenStore
from workflow.errors import PartcheckError
from workflow.inspections.model_reference import to_json
from workflow.inspections.routing_policy import LabelRule, RoutingPolicy
from workflow.inspections.verdict import Verdict
from workflow.models.capacity_manager import CapacityPorts
from workflow.models.model import ModelStatus, ModelVersion
from workflow.recovery.reconcile import Reconciler
from workflow.tables import AUDIT, CAMERAS, INSPECTIONS, TABLES, TASK_TOKENS, WAKE_TOKENS

TRAINING = "training"
START = datetime(2026, 1, 1, tzinfo=UTC)
MODEL_ARN = "arn:aws:rekognition:eu-central-1:123456789012:project/parts/version/1/1"
STATE_MACHINE_ARN = "arn:aws:states:eu-central-1:123456789012:stateMachine:parts"
POLICY = RoutingPolicy(
    version="1",
    labels={"ok": LabelRule(Verdict.OK, 0.8), "defect": LabelRule(Verdict.DEFECT, 0.8)},
    review_seconds=900,
    model_wait_seconds=7200,
)
MAX_RECEIVES = 20
HANDLER_MODULES = {function.placeholder: function.module for function in catalog.FUNCTIONS}
ADAPTER_NAMES = (
    *("inspections", "objects", "task_tokens", "executions", "detector", "references", "cameras", "policy"),
    *("decisions", "escalations", "check_progress", "wake_tokens", "capacity_ports", "capacity_store"),
    *("settings", "tasks"),
)
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 0)
UNHURRIED = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
ENVIRONMENT_VARIABLES = {
    "FILED_BUCKET": FILED,
    "INBOUND_BUCKET": INBOUND,
    "HISTORY_BUCKET": "history",
    "MAX_IN_FLIGHT": "8",
}
EXPECTED_ERRORS = (PartcheckError, ClientError, BotoCoreError)


class InvariantViolation(AssertionError):
    """A violated invariant."""


@cache
def _unwrapped_handler(module: str) -> tuple[Callable[..., Any], tuple[str, ...]]:
    """Return a handler without its Powertools decorators, and the names of its adapter parameters."""
    handler = inspect.unwrap(import_module(f"lambdas.{module}").handler)
    return handler, tuple(name for name in inspect.signature(handler).parameters if name in ADAPTER_NAMES)


def _process_records(event: Any, handle: Callable[[Any], None], *_: Any) -> dict[str, list[Any]]:
    """Process records without Powertools, whose batch processor keeps its state once per process."""
    for record in event["Records"]:
        handle(SimpleNamespace(body=record["body"]))
    return {"batchItemFailures": []}


class _ControlPlane:
    """The list of versions of a control plane, which tells whether the model runs."""

    def __init__(self, rekognition: InMemoryRekognition) -> None:
        self._rekognition = rekognition

    def list_versions(self, _project: str) -> list[ModelVersion]:
        status = ModelStatus.RUNNING if self._rekognition.running else ModelStatus.STOPPED
        return [ModelVersion(arn=MODEL_ARN, status=status)]


class Simulation:
    """One simulated environment. `fault_probability` is the chance of a fault at each service call."""

    def __init__(self, seed: int, fault_probability: float = 0.02) -> None:
        self.rng = random.Random(seed)
        random.seed(seed)
        self.seconds = 0.0
        self.sequence = itertools.count()
        self.scheduled: list[tuple[float, int, Callable[[], None]]] = []
        self.worker_names: dict[greenlet, str] = {}
        self.faults = FaultInjector(rng=self.rng, fault_probability=fault_probability, suspend=self._suspend)
        self.on_write: Callable[[], None] = lambda: None
        self.announcements: list[str] = []
        self.messages: list[tuple[str, str]] = []
        self.log: list[str] = []
        self.fault_counts: Counter[str] = Counter()
        self.policy = POLICY
        self._create_services()
        self._create_adapters()

    def _create_services(self) -> None:
        self.dynamodb = InMemoryDynamoDB(
            [InMemoryTable(table) for table in TABLES],
            now_seconds=lambda: self.seconds,
            is_index_stale=self._is_index_stale,
            on_write=lambda: self.on_write(),
        )
        self.s3 = InMemoryS3(self.now, lambda: self.on_write())
        reference = learned_reference(MODEL_ARN, noisy_png("learned"))
        self.s3.put_object(TRAINING, object_key(MODEL_ARN), to_json(reference).encode())
        self.rekognition = InMemoryRekognition(self.s3)
        values = {name: name for name in state_machine_definition.placeholders()}
        self.step_functions = InMemoryStepFunctions(json.loads(state_machine_definition.render(values)), self)

    def _create_adapters(self) -> None:
        backends = {
            "dynamodb": self.dynamodb,
            "s3": self.s3,
            "rekognition": self.rekognition,
            "stepfunctions": self.step_functions,
            "sqs": self,
        }
        clients = {
            name: FaultyClient(name, backend, self.faults, self.worker_names)
            for name, backend in backends.items()
        }
        self.inspections = DynamoInspectionRepository(INSPECTIONS.name, AUDIT.name, clients["dynamodb"])
        self.task_tokens = DynamoTaskTokenStore(TASK_TOKENS.name, clients["dynamodb"], lambda: self.seconds)
        self.wake_tokens = DynamoTaskTokenStore(WAKE_TOKENS.name, clients["dynamodb"], lambda: self.seconds)
        self.capacity_store = DynamoCapacityStore(INSPECTIONS.name, clients["dynamodb"])
        self.capacity_ports = CapacityPorts(
            cast(Any, _ControlPlane(self.rekognition)), self.capacity_store, InMemoryEventLog()
        )
        self.settings = InMemoryModelSettings(MODEL_ARN)
        self.objects = S3ObjectStore(clients["s3"])
        self.executions = StepFunctionsExecutions(STATE_MACHINE_ARN, clients["stepfunctions"])
        self.tasks = self.executions
        self.detector = RekognitionDetector(MODEL_ARN, clients["rekognition"])
        self.references = S3ReferenceRepository(TRAINING, clients["s3"], lambda: self.seconds)
        self.intake, self.decisions, self.escalations = (
            SqsMessageQueue(name, clients["sqs"]) for name in ("intake", "decisions", "escalations")
        )
        self.cameras = DynamoCameraRepository(CAMERAS.name, clients["dynamodb"])
        self.check_progress = DynamoCheckProgressStore(INSPECTIONS.name, clients["dynamodb"])
        self.reconciler = Reconciler(
            inspections=self.inspections,
            objects=self.objects,
            executions=self.executions,
            delivery_queue=self.decisions,
            wake_tokens=self.wake_tokens,
            capacity_store=self.capacity_store,
        )

    # Simulated time and workers.

    def now(self) -> datetime:
        """Return the simulated time."""
        return START + timedelta(seconds=self.seconds)

    def schedule(self, seconds: float, action: Callable[[], None]) -> None:
        """Schedule an action some seconds from now."""
        heapq.heappush(self.scheduled, (self.seconds + seconds, next(self.sequence), action))

    def run_until(self, seconds: float) -> None:
        """Run all actions that are due at `seconds` of simulated time."""
        while self.scheduled and self.scheduled[0][0] <= seconds:
            self.seconds, _, action = heapq.heappop(self.scheduled)
            action()
        self.seconds = max(self.seconds, seconds)

    @contextmanager
    def simulated_runtime(self) -> Iterator[None]:
        """Give production code this simulation's time and unique ids, and discard its log."""
        with (
            patch.object(start_inspection, "process_partial_response", _process_records),
            patch.object(deliver_decision, "process_partial_response", _process_records),
            patch.object(observability.logger, "info", lambda *_, **__: None, create=True),
            patch.object(timestamps, "now", lambda: timestamps.format_timestamp(self.now())),
            patch.dict(os.environ, ENVIRONMENT_VARIABLES),
            patch.object(observability.metrics, "add_metric", lambda *_, **__: None),
            patch.object(time, "sleep", lambda _seconds: None),
            patch.object(uuid, "uuid4", lambda: uuid.UUID(int=self.rng.getrandbits(128), version=4)),
        ):
            yield

    def run_worker(self, name: str, job: Callable[[], Any], done: Callable[[Any, str], None]) -> None:
        """Run a job in a worker. Call `done` with its result, or with the name of the error that ended it."""

        def run() -> None:
            try:
                result, error = job(), ""
            except ProcessKilled:
                result, error = None, "Killed"
            except EXPECTED_ERRORS as expected:
                result, error = None, type(expected).__name__
            finally:
                self.worker_names.pop(getcurrent(), None)
            if error:
                self.fault_counts[error] += 1
            self.log.append(f"{self.seconds:10.2f} {name}: {error or result}")
            # The caller learns of it in an action of its own, not within the worker.
            self.schedule(0, lambda: done(result, error))

        def start() -> None:
            worker = greenlet(run)
            self.worker_names[worker] = name
            worker.switch()

        self.schedule(0, start)

    def _suspend(self, seconds: float) -> None:
        worker = getcurrent()
        self.fault_counts["suspended"] += 1
        self.log.append(f"{self.seconds:10.2f} {self.worker_names[worker]} is suspended for {seconds} s")
        self.schedule(seconds, worker.switch)
        worker.parent.switch()

    def _is_index_stale(self, age: float) -> bool:
        return not self.faults.disabled and age < 3 and self.rng.random() < 0.3

    # Calls of Step Functions and the queues.

    def invoke(self, function: str, payload: Any, done: Callable[[Any, str], None]) -> None:
        """Invoke a function in a worker, with JSON in and out."""
        module = HANDLER_MODULES[function]
        self.run_worker(module, lambda: json.loads(json.dumps(self.invoke_handler(module, payload))), done)

    def invoke_handler(self, module: str, event: Any) -> Any:
        """Call a function's handler as Lambda does, without its logging."""
        handler, parameters = _unwrapped_handler(module)
        context = UNHURRIED if module == "manage_model_capacity" else CONTEXT
        return handler(event, context, **{name: getattr(self, name) for name in parameters})

    def publish(self, queue: str, body: str, done: Callable[[Any, str], None]) -> None:
        """Send a verdict message. The worker is Step Functions itself."""
        client = FaultyClient("sqs", self, self.faults, self.worker_names)
        self.run_worker("Announce", lambda: client.send_message(QueueUrl=queue, MessageBody=body), done)

    # SQS: at-least-once delivery, late and out of order.

    def send_message(self, QueueUrl: str, MessageBody: str, DelaySeconds: int = 0) -> Any:
        """Accept a message, and deliver those to the product's own queues."""
        self.messages.append((QueueUrl, MessageBody))
        if QueueUrl == "VerdictQueueUrl":
            self.announcements.append(MessageBody)
        elif QueueUrl in ("intake", "decisions"):
            copies = 1 if self.faults.disabled else self.rng.choice((1, 1, 1, 1, 2))
            for _ in range(copies):
                delay = 0.05 if self.faults.disabled else self.rng.expovariate(1 / self.rng.choice((0.5, 30)))
                self.schedule(DelaySeconds + delay, lambda: self._receive(QueueUrl, MessageBody, 1))
        return {"MessageId": "m"}

    def _receive(self, queue: str, body: str, receives: int) -> None:
        def done(_result: Any, error: str) -> None:
            if error and receives < MAX_RECEIVES:
                self.schedule(180, lambda: self._receive(queue, body, receives + 1))

        module = {"intake": "start_inspection", "decisions": "deliver_decision"}[queue]
        self.run_worker(queue, lambda: self.process_message(module, body), done)

    def process_message(self, module: str, body: str) -> None:
        """Pass one message to a function."""
        self.invoke_handler(module, {"Records": [{"body": body}]})

    # The schedule.

    def manage_capacity(self) -> None:
        """Run the scheduled capacity manager, as every minute."""
        self.run_worker(
            "manage_model_capacity",
            lambda: self.invoke_handler("manage_model_capacity", {}),
            lambda *_: None,
        )

    def reconcile(self) -> None:
        """Run the scheduled reconciliation, as every minute."""
        self.run_worker(
            "reconcile",
            lambda: self.invoke_handler("reconcile", {}),
            lambda *_: None,
        )
