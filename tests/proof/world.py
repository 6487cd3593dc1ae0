"""A whole line in one thread: the product's code and adapters on services in memory, with its own clock."""

import heapq
import inspect
import itertools
import json
import os
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from botocore.exceptions import BotoCoreError, ClientError
from greenlet import getcurrent, greenlet

from lambdas import catalog, deliver_decision, start_inspection, wiring
from tests.proof.dynamodb import MemoryDynamoDB, Stored
from tests.proof.fate import Client, Fate, Killed
from tests.proof.rekognition import MemoryRekognition
from tests.proof.s3 import MemoryS3
from tests.proof.step_functions import MemoryStepFunctions
from tests.unit.line import FILED, INBOUND
from workflow import definition, timestamps
from workflow.aws.detector import RekognitionDetector
from workflow.aws.executions import StepFunctionsExecutions
from workflow.aws.ledger import DynamoLedger
from workflow.aws.queues import SqsQueue
from workflow.aws.shelf import S3Shelf
from workflow.aws.tokens import DynamoTokens
from workflow.errors import PartcheckError
from workflow.inspections.routing_policy import LabelRule, RoutingPolicy
from workflow.inspections.verdict import Verdict
from workflow.recovery.reconcile import Mender
from workflow.tables import AUDIT, LEDGER, TABLES, TOKENS

START = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = "arn:aws:rekognition:eu-central-1:123456789012:project/parts/version/1/1"
MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:parts"
POLICY = RoutingPolicy(
    version="1",
    labels={"ok": LabelRule(Verdict.OK, 0.8), "defect": LabelRule(Verdict.DEFECT, 0.8)},
    review_seconds=900,
    model_wait_seconds=7200,
)
MAX_RECEIVES = 20
MODULES = {function.placeholder: function.module for function in catalog.FUNCTIONS}
PORTS = (
    *("ledger", "shelf", "tokens", "executions", "detector", "policy"),
    *("decisions", "escalations"),
)
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 0)
SETTINGS = {"FILED_BUCKET": FILED, "INBOUND_BUCKET": INBOUND, "MAX_IN_FLIGHT": "8"}
EXPECTED = (PartcheckError, ClientError, BotoCoreError)


class Violation(AssertionError):
    """A promise was broken."""


@cache
def _unwrapped(module: str) -> tuple[Callable[..., Any], tuple[str, ...]]:
    """A handler without what Powertools does around it, and the ports that it asks for."""
    handler = inspect.unwrap(import_module(f"lambdas.{module}").handler)
    return handler, tuple(name for name in inspect.signature(handler).parameters if name in PORTS)


def _one_by_one(event: Any, handle: Callable[[Any], None], *_: Any) -> dict[str, list[Any]]:
    """Messages without Powertools around them, which keeps what it does in one place for a whole process."""
    for record in event["Records"]:
        handle(SimpleNamespace(body=record["body"]))
    return {"batchItemFailures": []}


class World:
    """Everything of one line. `chance` is how likely a misfortune is at each call of a service."""

    def __init__(self, seed: int, chance: float = 0.02) -> None:
        self.rng = random.Random(seed)
        random.seed(seed)
        self.seconds = 0.0
        self.ticket = itertools.count()
        self.agenda: list[tuple[float, int, Callable[[], None]]] = []
        self.workers: dict[greenlet, str] = {}
        self.fate = Fate(self.rng, chance, self._rest)
        self.watch: Callable[[], None] = lambda: None
        self.announced: list[str] = []
        self.messages: list[tuple[str, str]] = []
        self.log: list[str] = []
        self.happened: Counter[str] = Counter()
        self.policy = POLICY
        self._make_services()
        self._make_ports()

    def _make_services(self) -> None:
        tables = [Stored(table) for table in TABLES]
        self.dynamodb = MemoryDynamoDB(tables, lambda: self.seconds, self._lags, lambda: self.watch())
        self.s3 = MemoryS3(self.now, lambda: self.watch())
        self.rekognition = MemoryRekognition(self.s3)
        places = {name: name for name in definition.placeholders()}
        machine = json.loads(definition.render(places))
        self.step_functions = MemoryStepFunctions(machine, self)

    def _make_ports(self) -> None:
        clients = {
            "dynamodb": self.dynamodb,
            "s3": self.s3,
            "rekognition": self.rekognition,
            "stepfunctions": self.step_functions,
            "sqs": self,
        }
        made = {name: Client(name, behind, self.fate, self.workers) for name, behind in clients.items()}
        self.ledger = DynamoLedger(LEDGER.name, AUDIT.name, made["dynamodb"])
        self.tokens = DynamoTokens(TOKENS.name, made["dynamodb"], lambda: self.seconds)
        self.shelf = S3Shelf(made["s3"])
        self.executions = StepFunctionsExecutions(MACHINE, made["stepfunctions"])
        self.detector = RekognitionDetector(MODEL, made["rekognition"])
        self.intake, self.decisions, self.escalations = (
            SqsQueue(name, made["sqs"]) for name in ("intake", "decisions", "escalations")
        )
        self.mender = Mender(self.ledger, self.shelf, self.executions, self.decisions)

    # Time, and workers that take their time.

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self.agenda, (self.seconds + seconds, next(self.ticket), act))

    def run(self, until: float) -> None:
        """Let happen what is due by then."""
        while self.agenda and self.agenda[0][0] <= until:
            self.seconds, _, act = heapq.heappop(self.agenda)
            act()
        self.seconds = max(self.seconds, until)

    @contextmanager
    def at_its_own_time(self) -> Iterator[None]:
        """Our code asks this world for the time and for ids that nobody had before; nobody reads the log."""
        with (
            patch.object(start_inspection, "process_partial_response", _one_by_one),
            patch.object(deliver_decision, "process_partial_response", _one_by_one),
            patch.object(wiring.logger, "info", lambda *_, **__: None, create=True),
            patch.object(timestamps, "now", lambda: timestamps.text(self.now())),
            patch.dict(os.environ, SETTINGS),
            patch.object(wiring.metrics, "add_metric", lambda *_, **__: None),
            patch.object(uuid, "uuid4", lambda: uuid.UUID(int=self.rng.getrandbits(128), version=4)),
        ):
            yield

    def work(self, what: str, job: Callable[[], Any], done: Callable[[Any, str], None]) -> None:
        """Run a worker; `done` gets its answer or the name of the error that ended it."""

        def live() -> None:
            try:
                answer, error = job(), ""
            except Killed:
                answer, error = None, "Killed"
            except EXPECTED as fault:
                answer, error = None, type(fault).__name__
            finally:
                self.workers.pop(getcurrent(), None)
            if error:
                self.happened[error] += 1
            self.log.append(f"{self.seconds:10.2f} {what}: {error or answer}")
            # Its caller hears of it in its own time, not within the worker.
            self.after(0, lambda: done(answer, error))

        def begin() -> None:
            worker = greenlet(live)
            self.workers[worker] = what
            worker.switch()

        self.after(0, begin)

    def _rest(self, seconds: float) -> None:
        worker = getcurrent()
        self.happened["rest"] += 1
        self.log.append(f"{self.seconds:10.2f} {self.workers[worker]} rests {seconds} s")
        self.after(seconds, worker.switch)
        worker.parent.switch()

    def _lags(self, age: float) -> bool:
        return not self.fate.calm and age < 3 and self.rng.random() < 0.3

    # What Step Functions and the queues call.

    def invoke(self, function: str, payload: Any, done: Callable[[Any, str], None]) -> None:
        module = MODULES[function]
        self.work(module, lambda: json.loads(json.dumps(self.handle(module, payload))), done)

    def handle(self, module: str, event: Any) -> Any:
        """A function as Lambda runs it, but for the log around it."""
        handler, wanted = _unwrapped(module)
        return handler(event, CONTEXT, **{name: getattr(self, name) for name in wanted})

    def publish(self, queue: str, body: str, done: Callable[[Any, str], None]) -> None:
        """The state that announces: its worker is Step Functions itself."""
        client = Client("sqs", self, self.fate, self.workers)
        self.work("Announce", lambda: client.send_message(QueueUrl=queue, MessageBody=body), done)

    # Queues: at least once, in any order, late.

    def send_message(self, QueueUrl: str, MessageBody: str, DelaySeconds: int = 0) -> Any:
        self.messages.append((QueueUrl, MessageBody))
        if QueueUrl == "VerdictQueueUrl":
            self.announced.append(MessageBody)
        elif QueueUrl in ("intake", "decisions"):
            copies = 1 if self.fate.calm else self.rng.choice((1, 1, 1, 1, 2))
            for _ in range(copies):
                late = 0.05 if self.fate.calm else self.rng.expovariate(1 / self.rng.choice((0.5, 30)))
                self.after(DelaySeconds + late, lambda: self._receive(QueueUrl, MessageBody, 1))
        return {"MessageId": "m"}

    def _receive(self, queue: str, body: str, times: int) -> None:
        def done(_answer: Any, error: str) -> None:
            if error and times < MAX_RECEIVES:
                self.after(180, lambda: self._receive(queue, body, times + 1))

        module = {"intake": "start_inspection", "decisions": "deliver_decision"}[queue]
        self.work(queue, lambda: self.consume(module, body), done)

    def consume(self, module: str, body: str) -> None:
        """One message to a function."""
        self.handle(module, {"Records": [{"body": body}]})

    # The clock.

    def reconcile(self) -> None:
        """What runs every minute."""
        self.work(
            "reconcile",
            lambda: self.handle("reconcile", {}),
            lambda *_: None,
        )
